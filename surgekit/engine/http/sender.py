"""A step's request as bytes with holes, compiled once a run: what is known for the whole run is in them already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from surgekit.safety import Origin
from surgekit.target.step import StepPlan
from surgekit.target.template import Template

LOCAL = re.compile(rb"/(?!/)[!-\"$-~]*")
"""A path that can be sent as it is: visible ASCII, no fragment, no second slash in front (that would be a host)."""
CLIENTS_OWN = frozenset({b"content-length", b"transfer-encoding", b"x-surge-run"})
"""Said by the client alone: a second opinion on where a request ends lets a request hide in another's body, and no request
goes without the mark of its run."""
_PROBES = ("#", " ", "/", "\r\n", "é")


def common(place: Origin, run_id: bytes) -> list[tuple[bytes, bytes]]:
    """Headers of every request, unless the step has its own."""
    return [(b"Host", place.netloc.encode()), (b"User-Agent", b"surgekit"), (b"Accept", b"*/*"), (b"X-Surge-Run", run_id)]


class Sender:
    """``short``: ``render`` gives the whole request, for ``place``; else it has to be made the long way, of what is only known when it is sent.

    ``head`` and ``body`` are what ``render`` fills: the length of the body goes between them; without a body that has holes, ``head`` is everything.
    ``again``: it may be sent a second time. ``has_cookies``: its own, which no jar adds to. ``known``: values that no order changes.
    """

    __slots__ = ("again", "body", "has_cookies", "head", "method", "render", "short")

    def __init__(self, step: StepPlan, place: Origin, run_id: bytes, known: Mapping[str, Any]) -> None:
        self.method = step.method
        self.again = step.method == "GET" and not step.once
        self.head = Template([])
        self.body: Template | None = None
        self.render: Callable[[Mapping[str, Any]], bytes] = _nothing
        """The request's bytes, of these values. A missing name raises ``KeyError``."""
        own = {name.lower() for name, _ in step.headers} - CLIENTS_OWN
        self.has_cookies = b"cookie" in own
        own_way = type(step).request is not StepPlan.request
        maybe_bodiless = step.method == "GET" and step.body is not None and bool(step.body.names)
        self.short = not (own_way or maybe_bodiless or step.signed or step.follow or step.asks_url or b"expect" in own) and _is_local(step.url)
        if not self.short:
            return
        line: list[Any] = [step.method.encode(), b" ", *step.url.pieces]
        if step.query is not None:
            asked = any(isinstance(piece, bytes) and b"?" in piece for piece in step.url.pieces)
            line += [b"&" if asked else b"?", *step.query.pieces]
        line.append(b" HTTP/1.1\r\n")
        for name, value in common(place, run_id):
            if name.lower() not in own:
                line.append(b"%s: %s\r\n" % (name, value))
        for name, each in step.headers:
            if name.lower() not in CLIENTS_OWN:
                line += [name, b": ", *each.pieces, b"\r\n"]
        body = (step.body or Template([])).fixed(known)
        if not body.names:
            text = body.render({})
            if text or step.method != "GET":
                line.append(b"Content-Length: %d\r\n" % len(text))
            self.head = Template([*line, b"\r\n", text]).fixed(known)
            self.render = self.head.render
        else:
            self.head, self.body = Template([*line, b"Content-Length: "]).fixed(known), body
            self.render = _with_body(self.head, body)


def _nothing(_values: Mapping[str, Any]) -> bytes:
    return b""


def _with_body(head: Template, body: Template) -> Callable[[Mapping[str, Any]], bytes]:
    """The two together, with the length of the second between them."""
    fill, begin = body.render, head.render

    def rendered(values: Mapping[str, Any]) -> bytes:
        text = fill(values)
        return b"%b%d\r\n\r\n%b" % (begin(values), len(text), text)

    return rendered


def _is_local(url: Template) -> bool:
    """Whether ``url`` is a path on the platform whatever is put into its holes."""
    first = url.pieces[0] if url.pieces else b""
    if not isinstance(first, bytes) or not first.startswith(b"/") or (len(first) == 1 and len(url.pieces) > 1):
        return False
    for number, piece in enumerate(url.pieces):
        if isinstance(piece, bytes):
            fits = LOCAL.fullmatch(piece if number == 0 else b"/-" + piece) is not None
        else:
            fits = all(LOCAL.fullmatch(b"/-" + piece[1](probe)) and b"/" not in piece[1](probe) for probe in _PROBES)
        if not fits:
            return False
    return True
