"""What all reads share: the session that ``reads.setup`` opens, the holes that can be filled, and what counts as an answer."""

from __future__ import annotations

import secrets as lots
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from surgekit import clock
from surgekit.errors import ConfigError, TargetError
from surgekit.model import ReplyClass
from surgekit.platform.client import MOST_REPLY, TOTAL_S, Client
from surgekit.safety import Origin
from surgekit.target import private, template
from surgekit.target.plan import STAMPS, VISITOR, Request, StepPlan, compile_plan
from surgekit.target.plan import Read as Told
from surgekit.target.reading import Reply
from surgekit.target.schema import Target

LOGGED_OUT: Final = frozenset({301, 302, 303, 307, 308, 401, 403, 419})
"""What a platform says to a session that has run out; then the set-up is done once more."""


class Read:
    """A GET of the target file, compiled. ``names``: the holes of its address."""

    __slots__ = ("_headers", "_url", "names", "what")

    def __init__(self, request: str, headers: Mapping[str, str], common: Mapping[str, str], have: frozenset[str], where: str) -> None:
        self.what = f"{where}: {request}"
        self._url = template.url_template(request.split(" ", 1)[1], f"{where}.request")
        said = {name.lower() for name in headers}
        own = {name: template.header_template(value, f"{where}.headers.{name}") for name, value in headers.items()}
        self.names = self._url.names
        for word in sorted({name for each in (self._url, *own.values()) for name in each.names} - have):
            raise ConfigError(f"{where}: nothing gives {{{word}}}; known here: {', '.join(sorted(have))}")
        others = {name: template.header_template(value, f"headers.{name}") for name, value in common.items() if name.lower() not in said}
        # A header that says something of a buyer has no place in a read.
        self._headers = {**{name: each for name, each in others.items() if each.names <= have}, **own}

    def request(self, values: template.Values) -> Request:
        return Request("GET", self._url.render(values), tuple((name.encode(), each.render(values)) for name, each in self._headers.items()), b"")


class Session:
    """One visitor (an administrator, say) for all reads. ``secrets``: name → value."""

    def __init__(self, target: Target, place: Origin, run_id: str, secrets: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self.run_id = run_id
        self.secrets = secrets
        times = target.timeouts
        self.client = Client(place, run_id, connect_s=times.connect, keep_alive_s=times.keep_alive, tls=tls)
        self.known: dict[str, object] = private.names(target, secrets)
        self._fixed: dict[str, object] = {**self.known, "run.id": run_id, "target.base_url": f"{place.scheme}://{place.netloc}"}
        plan = compile_plan(target)
        self._setup = plan.reads_setup
        self.order = plan.reads_order
        self._found: dict[str, Any] | None = None if self._setup else {}
        self._have = frozenset(self._fixed) | VISITOR | STAMPS

    def read(self, request: str, headers: Mapping[str, str], where: str, own: Iterable[str] = (), *, bare: bool = False) -> Read:
        """Compile a read whose holes may name ``own`` too. ``bare``: without what the set-up extracts. Raises ``ConfigError``."""
        given = frozenset[str]() if bare else frozenset(word for step in self._setup for word in step.gives)
        return Read(request, headers, self.target.headers, self._have | given | frozenset(own), where)

    def get(
        self, read: Read, own: Mapping[str, Any] | None = None, *, bare: bool = False, most: int = MOST_REPLY, total_s: float = TOTAL_S
    ) -> Reply:
        """The reply to ``read``, after the set-up. Raises ``TargetError``, also for a redirect or an HTTP error."""
        reply = self._get(read, own or {}, bare, most, total_s)
        if reply.status in LOGGED_OUT and self._setup and not bare:
            self._found = None
            reply = self._get(read, own or {}, bare, most, total_s)
        if not 200 <= reply.status < 300:
            away = "location" in (reply.headers or {}) and 300 <= reply.status < 400
            raise TargetError(f"{read.what}: HTTP {reply.status}" + (f"{_where_to(reply)}; is reads.setup needed?" if away else ""))
        return reply

    def ask(self, step: StepPlan, own: Mapping[str, Any], what: str) -> tuple[Reply, Told]:
        """The reply to ``step``, after the set-up, and what it means. Raises ``TargetError``."""
        reply = self.client.send(step.request(self._values(own)), what)
        told = step.read(reply)
        if told.kind is ReplyClass.UNKNOWN and reply.status in LOGGED_OUT and self._setup:
            self._found = None
            reply = self.client.send(step.request(self._values(own)), what)
            told = step.read(reply)
        return reply, told

    def _get(self, read: Read, own: Mapping[str, Any], bare: bool, most: int, total_s: float) -> Reply:
        return self.client.send(read.request(self._values(own, bare=bare)), read.what, most=most, total_s=total_s)

    def _values(self, own: Mapping[str, Any], *, bare: bool = False) -> dict[str, Any]:
        if self._found is None and not bare:
            self._found = self._set_up()
        return {**self._fixed, **stamps(), **(self._found or {}), **own}

    def _set_up(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for step in self._setup:
            what = f"reads.setup, step {step.name}"
            reply = self.client.send(step.request({**self._fixed, **stamps(), **found}), what)
            told = step.read(reply)
            if told.kind is not ReplyClass.OK:
                why = f" ({told.reason})" if told.reason and told.reason != told.kind.value else ""
                raise TargetError(f"{what}: the reply (HTTP {reply.status}) means {told.kind.value}{why}, and only ok goes on")
            found |= told.values
        return found


def _where_to(reply: Reply) -> str:
    """The path of a redirect, as the middle of a sentence. Not its query: there may be a token in it."""
    try:
        path = urlsplit((reply.headers or {}).get("location", "")).path[:100]
    except ValueError:
        path = ""
    return f", a redirect to {path}" if path else ", a redirect"


def stamps() -> dict[str, Any]:
    """The names that are new for every request."""
    at = clock.utc().timestamp()
    return {"time.s": int(at), "time.ms": int(at * 1000), "nonce": lots.token_hex(8)}


class Pace:
    """At most ``rate`` turns a second."""

    def __init__(self, rate: float) -> None:
        self._every = 1.0 / rate
        self._next = 0.0

    def turn(self) -> None:
        """Wait for the next turn."""
        now = clock.now()
        if self._next > now:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._every
