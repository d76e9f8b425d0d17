"""One step of a target, compiled: what is sent, and what a reply means. And the names that there are for its holes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from surgekit import clock
from surgekit.model import ReplyClass
from surgekit.target import glance, template
from surgekit.target.extract import Extractor
from surgekit.target.reading import MISSING, Document, Reply, compile_path, look
from surgekit.target.rules import Classifier
from surgekit.target.schema import Act, Captcha, Extract, ReplyRule, Step
from surgekit.target.signing import Parts, Signer

KNOWN = frozenset(
    {
        "run.id", "target.base_url", "order.key", "order.seq", "order.sku", "order.qty", "order.pay_by", "order.buyer_class",
        "order.price_fen", "order.total_fen", "buyer.account", "buyer.name", "buyer.phone", "buyer.email", "buyer.ip", "buyer.index",
    }
)  # fmt: skip
"""Names that every order has; a step may use these, and what earlier steps extracted."""
STAMPS = frozenset({"time.s", "time.ms", "nonce"})
"""Names that are new for every request: seconds and milliseconds since 1970, and 64 random hex digits."""

VISITOR = frozenset({"run.id", "target.base_url"})
"""Names that there are without an order: for logins, reads and notices."""
ACT = "gateway_act"
"""Where a payment is acted; a step that sends there captures the money."""
OK: Final = ReplyClass.OK
"""Kept here, since looking a member up in its enumeration takes longer than all that is then done with it."""
TELLING = frozenset({ReplyClass.OK, ReplyClass.QUEUED, ReplyClass.PAID_UNDELIVERED})
"""Replies of which something is kept. Where a reply is not ok, a value may be missing from it."""


def stamps() -> dict[str, Any]:
    """The values of ``STAMPS``, now."""
    milliseconds = int(clock.utc().timestamp() * 1000)
    return {"time.s": milliseconds // 1000, "time.ms": milliseconds, "nonce": secrets.token_hex(32)}


# Neither is frozen: both are made for every request, and freezing would double what that takes. Nobody changes one.
@dataclass(slots=True)
class Request:
    """One request, ready to send. ``url`` is a path on the platform, or absolute. ``follow``: go after redirects. ``once``: it may
    have an effect, so that nobody sends it a second time to find out."""

    method: str
    url: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    follow: bool = False
    once: bool = False


@dataclass(slots=True)
class Read:
    """A reply that was understood: its class, why not ok, and what was extracted."""

    kind: ReplyClass
    reason: str | None
    values: Mapping[str, Any] = field(default_factory=dict)


class StepPlan:
    """One step of a target, compiled. ``stamped``: whether it needs the names of ``STAMPS``; ``once``: whether it orders or pays, by
    whatever method.

    What is sent, for those that put the bytes together themselves: ``url``, ``headers`` with the names as they are written,
    ``query`` (it goes behind a ? or, where ``url`` has one, an &) and ``body``. Of a ``signed`` step they are not all; it is
    ``request`` that puts it together.
    """

    __slots__ = (
        "_carries", "_classify", "_constant_headers", "_data", "_extract", "_header_holes", "_names", "_optional", "_signer", "_taken", "asks_url", "at_once", "body", "firsts", "follow", "headers",
        "kept", "method", "name", "needs", "once", "query", "signed", "stamped", "url",
    )  # fmt: skip

    def __init__(self, name: str, step: Step, where: str, *, headers: Mapping[str, str] | None = None, signer: Signer | None = None) -> None:
        self.name = step.name or name
        self.method = step.method
        self.once = step.method != "GET"
        self.follow = step.follow
        self._signer = signer
        self.signed = signer is not None
        self.asks_url = any(each.url for each in step.extract.values())
        self.url = template.url_template(step.place, f"{where}.request")
        said = {key.lower() for key in step.headers}
        all_headers = {**{key: value for key, value in (headers or {}).items() if key.lower() not in said}, **step.headers}
        kind = _content_type(step, where)
        if kind is not None and not any(key.lower() == "content-type" for key in all_headers):
            all_headers["Content-Type"] = kind
        self._say([(key, template.header_template(value, f"{where}.headers.{key}")) for key, value in all_headers.items()])
        # What is signed has to be there as values before it becomes bytes; everything else is bytes with holes from the start.
        self._data: dict[str, template.Data] = {}
        self.query: template.Template | None = None
        self.body: template.Template | None = None
        if signer is not None:
            given = {"query": step.query or None, "form": step.form, "json": step.json_}
            self._data = {part: template.Data(data, f"{where}.{part}") for part, data in given.items() if data is not None}
        else:
            self.query = template.form_template(step.query, f"{where}.query") if step.query else None
            self.body = _body(step, where)
        classifier = Classifier(step.replies, where)
        self._classify = classifier.classify
        extractors = {key: Extractor(each, f"{where}.extract.{key}") for key, each in step.extract.items()}
        self._extract = {key: each.value for key, each in extractors.items()}
        self._names = {key: each.plain for key, each in extractors.items() if each.plain is not None}
        plain = len(self._names) == len(extractors) and type(self).meant is StepPlan.meant
        self.firsts: glance.Firsts = classifier.firsts() if plain else {}
        """What is seen of a reply at a glance (``glance.lines``), and ``kept`` beside it; nothing where that is not enough."""
        self._optional = frozenset(key for key, each in step.extract.items() if each.optional)
        self.carries = frozenset()
        used = [self.url, self.query, self.body, *self._data.values(), *(value for _, value in self.headers)]
        needs = {word for each in used if each is not None for word in each.names} | (signer.needs if signer is not None else set())
        self.stamped = signer is not None or bool(needs & STAMPS)
        self.needs = frozenset(needs - STAMPS)

    def _say(self, headers: Sequence[tuple[str, template.Template]]) -> None:
        self.headers = tuple((key.encode(), value) for key, value in headers)
        self._constant_headers = tuple((key, value.constant or b"") for key, value in self.headers)
        self._header_holes = tuple((at, key, value.render) for at, (key, value) in enumerate(self.headers) if value.names)

    @property
    def carries(self) -> frozenset[str]:
        """What it extracts and a later step sends."""
        return self._carries

    @carries.setter
    def carries(self, names: frozenset[str]) -> None:
        self._carries = names
        # (name, how it is found, whether nothing can go on where it is null or empty)
        self._taken = tuple((key, find, key in names and key not in self._optional) for key, find in self._extract.items())
        self.kept: list[glance.Kept] = [(key, *self._names[key], must) for key, _, must in self._taken if key in self._names]
        self.at_once = glance.reader(self.firsts, self.kept)
        """What is kept of a reply that is ok, by its status and body, where that is seen at a glance; None where it takes more than that."""

    def request(self, values: template.Values) -> Request:
        """The bytes to send, with ``values`` in the holes."""
        url = self.url.render(values)
        headers = self._constant_headers
        if self._header_holes:
            filled = [*headers]
            for at, key, render in self._header_holes:
                filled[at] = key, render(values)
            headers = tuple(filled)
        if self._signer is not None:
            return self._signed(self._signer, url, headers, values)
        if self.query is not None:
            url += (b"&" if b"?" in url else b"?") + self.query.render(values)
        return Request(self.method, url, headers, b"" if self.body is None else self.body.render(values), self.follow, self.once)

    def _signed(self, signer: Signer, url: bytes, headers: tuple[tuple[bytes, bytes], ...], values: template.Values) -> Request:
        made = {part: data.render(values) for part, data in self._data.items()}
        host = str(values["target.base_url"]).partition("://")[2]
        path = urlsplit(url.decode()).path or "/"
        parts = Parts(self.method, path, host, made.get("query") or {}, made.get("form"), made.get("json"))
        signed = signer.sign(parts, values, stamp_s=values["time.ms"] / 1000, nonce=values["nonce"])
        query, body = signed.parts.query_text(), signed.parts.body_bytes()
        if query:
            url += (b"&" if b"?" in url else b"?") + query.encode()
        own = {name.lower() for name in signed.headers}
        kept = [pair for pair in headers if pair[0].decode().lower() not in own]
        added = [(name.encode(), value.encode()) for name, value in signed.headers.items()]
        return Request(self.method, url, (*kept, *added), body, self.follow, self.once)

    def read(self, reply: Reply) -> Read:
        """What the reply means. An ok reply without a value that the step extracts is not ok but unknown."""
        values = None if reply.error is not None else self.at_once(reply.status, reply.body)
        return self.meant(Document(reply)) if values is None else Read(OK, None, values)

    def meant(self, document: Document) -> Read:
        """``read`` of a reply that others look at too."""
        kind, reason = self._classify(document)
        if kind is OK:
            values: dict[str, Any] = {}
            for key, find, must in self._taken:
                values[key] = value = find(document)
                if value is MISSING or (must and (value is None or value == "")):
                    return Read(ReplyClass.UNKNOWN, f"no_{key}")
            return Read(kind, None, values)
        if kind not in TELLING:
            return Read(kind, reason)
        found = {key: find(document) for key, find in self._extract.items()}
        return Read(kind, reason, {key: value for key, value in found.items() if value is not MISSING})

    @property
    def gives(self) -> frozenset[str]:
        return frozenset(self._extract)


def _content_type(step: Step, where: str) -> str | None:
    if step.json_ is not None:
        return "application/json"
    if step.form is not None:
        return "application/x-www-form-urlencoded"
    if step.multipart is not None:
        return f"multipart/form-data; boundary={_boundary(where)}"
    return "text/plain; charset=utf-8" if step.body is not None else None


def _body(step: Step, where: str) -> template.Template | None:
    if step.json_ is not None:
        return template.json_template(step.json_, f"{where}.json")
    if step.form is not None:
        return template.form_template(step.form, f"{where}.form")
    if step.multipart is not None:
        return template.multipart_template(step.multipart, _boundary(where), f"{where}.multipart")
    return template.text_template(step.body, f"{where}.body") if step.body is not None else None


def _boundary(where: str) -> str:
    return f"surgekit-{hashlib.sha256(where.encode()).hexdigest()[:24]}"


PICTURE = "captcha_picture"
MOST_REASON = 160
_MSG, _TRADE_NO = compile_path("msg", "act"), compile_path("trade_no", "act")
TRADE_NO = "pay.trade_no"
"""The gateway's own number of an acted payment, as its notice has it: for the page that the buyer returns by."""
SOLVED = "captcha"


class PictureStep(StepPlan):
    """Fetches the captcha's picture."""

    def __init__(self, captcha: Captcha, where: str, headers: Mapping[str, str]) -> None:
        rules = [ReplyRule.model_validate({"class": "ok", "status": 200, "matches": "(?s)."})]
        super().__init__("captcha", Step(request=captcha.request or "", replies=rules), where, headers=headers)

    def meant(self, document: Document) -> Read:
        """The picture as ``captcha_picture``: bytes."""
        read = super().meant(document)
        return Read(read.kind, read.reason, {PICTURE: document.reply.body}) if read.kind is ReplyClass.OK else read


class SolveStep(StepPlan):
    """Asks the solver on this machine what the picture says."""

    def __init__(self, captcha: Captcha, where: str) -> None:
        rules = [ReplyRule.model_validate({"class": "ok", "status": 200, "matches": r"\S"})]
        answer = Extract.model_validate({"regex": r"^\s*(\S+)\s*$"})
        super().__init__("solve", Step(request="POST {solver}", replies=rules, extract={SOLVED: answer}), where)
        # The picture, as it came.
        self.url = template.Template([(captcha.solver or "").encode()])
        self._say([("Content-Type", template.Template([b"application/octet-stream"]))])
        self.body = template.Template([(PICTURE, bytes)])
        self.needs = frozenset({PICTURE})


class ActStep(StepPlan):
    """The buyer pays at the gateway that SurgeKit plays."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({TRADE_NO})

    def __init__(self, act: Act, where: str) -> None:
        rules = [ReplyRule.model_validate({"class": "ok", "path": "code", "equals": 1})]
        super().__init__("gateway", Step(request=f"POST {{{ACT}}}", json=dict(act.act), replies=rules), where)

    def meant(self, document: Document) -> Read:
        """What our own gateway refuses is a fault of the target file or of what the platform gave: no money was taken, and nobody
        turned the buyer down."""
        read = super().meant(document)
        if read.kind is ReplyClass.OK:
            return Read(ReplyClass.OK, None, {TRADE_NO: look(document.data, _TRADE_NO)})
        said = look(document.data, _MSG)
        if read.kind is ReplyClass.UNKNOWN and document.reply.error is None and isinstance(said, str):
            return Read(ReplyClass.NOT_SENT, f"act: {said[:MOST_REASON]}")
        return read
