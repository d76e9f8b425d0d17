"""A target, compiled once for a run: templates, classifiers and extractors instead of text."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from surgekit import clock
from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target import template
from surgekit.target.extract import Extractor
from surgekit.target.holes import check_holes, told
from surgekit.target.reading import MISSING, Classifier, Document, Reply, compile_path, look
from surgekit.target.reads_check import asked, check_paths
from surgekit.target.schema import Act, Captcha, Extract, Poll, ReplyRule, Step, Steps, Target
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
TELLING = frozenset({ReplyClass.OK, ReplyClass.QUEUED, ReplyClass.PAID_UNDELIVERED})
"""Replies of which something is kept. Where a reply is not ok, a value may be missing from it."""


def stamps() -> dict[str, Any]:
    """The values of ``STAMPS``, now."""
    milliseconds = int(clock.utc().timestamp() * 1000)
    return {"time.s": milliseconds // 1000, "time.ms": milliseconds, "nonce": secrets.token_hex(32)}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to send. ``url`` is a path on the platform, or absolute. ``follow``: go after redirects. ``once``: it may
    have an effect, so that nobody sends it a second time to find out."""

    method: str
    url: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    follow: bool = False
    once: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A reply that was understood: its class, why not ok, and what was extracted."""

    kind: ReplyClass
    reason: str | None
    values: Mapping[str, Any] = field(default_factory=dict)


class StepPlan:
    """One step of a target, compiled. ``carries``: what it extracts and a later step sends; ``stamped``: whether it needs the
    names of ``STAMPS``; ``once``: whether it orders or pays, by whatever method."""

    __slots__ = (
        "_body", "_classifier", "_data", "_extract", "_follow", "_headers", "_optional", "_query", "_signer", "_url",
        "carries", "method", "name", "needs", "once", "stamped",
    )  # fmt: skip

    def __init__(self, name: str, step: Step, where: str, *, headers: Mapping[str, str] | None = None, signer: Signer | None = None) -> None:
        self.name = step.name or name
        self.method = step.method
        self.once = step.method != "GET"
        self._follow = step.follow
        self._signer = signer
        self._url = template.url_template(step.place, f"{where}.request")
        said = {key.lower() for key in step.headers}
        all_headers = {**{key: value for key, value in (headers or {}).items() if key.lower() not in said}, **step.headers}
        kind = _content_type(step, where)
        if kind is not None and not any(key.lower() == "content-type" for key in all_headers):
            all_headers["Content-Type"] = kind
        self._headers = [(key.encode(), template.header_template(value, f"{where}.headers.{key}")) for key, value in all_headers.items()]
        # What is signed has to be there as values before it becomes bytes; everything else is bytes with holes from the start.
        self._data: dict[str, template.Data] = {}
        self._query: template.Template | None = None
        self._body: template.Template | None = None
        if signer is not None:
            given = {"query": step.query or None, "form": step.form, "json": step.json_}
            self._data = {part: template.Data(data, f"{where}.{part}") for part, data in given.items() if data is not None}
        else:
            self._query = template.form_template(step.query, f"{where}.query") if step.query else None
            self._body = _body(step, where)
        self._classifier = Classifier(step.replies, where)
        self._extract = {key: Extractor(each, f"{where}.extract.{key}") for key, each in step.extract.items()}
        self._optional = frozenset(key for key, each in step.extract.items() if each.optional)
        self.carries: frozenset[str] = frozenset()
        used = [self._url, self._query, self._body, *self._data.values(), *(value for _, value in self._headers)]
        needs = {word for each in used if each is not None for word in each.names} | (signer.needs if signer is not None else set())
        self.stamped = signer is not None or bool(needs & STAMPS)
        self.needs = frozenset(needs - STAMPS)

    def request(self, values: template.Values) -> Request:
        """The bytes to send, with ``values`` in the holes."""
        url = self._url.render(values)
        headers = tuple((key, value.render(values)) for key, value in self._headers)
        if self._signer is not None:
            return self._signed(self._signer, url, headers, values)
        if self._query is not None:
            url += (b"&" if b"?" in url else b"?") + self._query.render(values)
        return Request(self.method, url, headers, self._body.render(values) if self._body is not None else b"", self._follow, self.once)

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
        return Request(self.method, url, (*kept, *added), body, self._follow, self.once)

    def read(self, reply: Reply) -> Read:
        """What the reply means. An ok reply without a value that the step extracts is not ok but unknown."""
        return self.meant(Document(reply))

    def meant(self, document: Document) -> Read:
        """``read`` of a reply that others look at too."""
        kind, reason = self._classifier.classify(document)
        if kind not in TELLING:
            return Read(kind, reason)
        found = {key: each.value(document) for key, each in self._extract.items()}
        if kind is not ReplyClass.OK:
            return Read(kind, reason, {key: value for key, value in found.items() if value is not MISSING})
        for key, value in found.items():
            if value is MISSING or (key in self.carries and key not in self._optional and value in (None, "")):
                return Read(ReplyClass.UNKNOWN, f"no_{key}")
        return Read(kind, None, found)

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

    def read(self, reply: Reply) -> Read:
        """The picture as ``captcha_picture``: bytes."""
        read = super().read(reply)
        return Read(read.kind, read.reason, {PICTURE: reply.body}) if read.kind is ReplyClass.OK else read


class SolveStep(StepPlan):
    """Asks the solver on this machine what the picture says."""

    def __init__(self, captcha: Captcha, where: str) -> None:
        rules = [ReplyRule.model_validate({"class": "ok", "status": 200, "matches": r"\S"})]
        answer = Extract.model_validate({"regex": r"^\s*(\S+)\s*$"})
        super().__init__("solve", Step(request="POST {solver}", replies=rules, extract={SOLVED: answer}), where)
        self._solver = (captcha.solver or "").encode()
        self.needs = frozenset({PICTURE})

    __slots__ = ("_solver",)

    def request(self, values: template.Values) -> Request:
        """The picture, as it came."""
        return Request("POST", self._solver, ((b"Content-Type", b"application/octet-stream"),), values[PICTURE])


class ActStep(StepPlan):
    """The buyer pays at the gateway that SurgeKit plays."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({TRADE_NO})

    def __init__(self, act: Act, where: str) -> None:
        rules = [ReplyRule.model_validate({"class": "ok", "path": "code", "equals": 1})]
        super().__init__("gateway", Step(request=f"POST {{{ACT}}}", json=dict(act.act), replies=rules), where)

    def read(self, reply: Reply) -> Read:
        """What our own gateway refuses is a fault of the target file or of what the platform gave: no money was taken, and nobody
        turned the buyer down."""
        read = super().read(reply)
        data = Document(reply).data
        if read.kind is ReplyClass.OK:
            return Read(ReplyClass.OK, None, {TRADE_NO: look(data, _TRADE_NO)})
        said = look(data, _MSG)
        if read.kind is ReplyClass.UNKNOWN and reply.error is None and isinstance(said, str):
            return Read(ReplyClass.NOT_SENT, f"act: {said[:MOST_REASON]}")
        return read


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of a target, compiled. ``captcha``: the steps that end in ``{captcha}``; ``fixed_captcha`` in their place.
    ``reads``: those by HTTP of ``stock``, ``order`` and ``ledger``, and ``echo``. ``composed``: values that an order has besides the
    ``KNOWN`` ones, made of those."""

    setup: tuple[StepPlan, ...]
    quote: StepPlan | None
    prepare: tuple[StepPlan, ...]
    captcha: tuple[StepPlan, ...]
    fixed_captcha: str | None
    submit: StepPlan
    pay: Mapping[str, tuple[StepPlan, ...]]
    poll: StepPlan | None
    looking: Poll | None
    admin_setup: tuple[StepPlan, ...]
    deliver: StepPlan | None
    reads_setup: tuple[StepPlan, ...]
    reads: Mapping[str, StepPlan]
    composed: Mapping[str, template.Data]


class _Compiler:
    """Compiles the steps of one target, and knows which names there are at each."""

    def __init__(self, target: Target, where: str, columns: frozenset[str] | None) -> None:
        self._target = target
        self._where = where
        self._columns = columns
        self.signers = {name: Signer(name, dialect, f"{where}: signing.{name}") for name, dialect in target.signing.items()}
        plain = [name for name, value in target.vars.items() if not template.has_holes(value)]
        self.fixed = frozenset({*(f"vars.{name}" for name in plain), *(f"secret.{name}" for name in target.secrets)})
        self.product = _common("product", [product.vars for product in target.catalogue])
        every = list(target.steps.pay) if target.steps is not None and target.steps.pay else ["balance", "gateway"]
        self._ways = {way: target.ways.get(way, {}) for way in every}  # type: ignore[call-overload]  # a way as a text
        self.way = _common("way", list(self._ways.values()))

    def of_way(self, way: str) -> frozenset[str]:
        """The names of one way to pay."""
        return _common("way", [self._ways[way]])

    def composed(self, have: frozenset[str]) -> dict[str, template.Data]:
        """The vars that differ from order to order, by their names in templates."""
        made = {}
        for name, value in self._target.vars.items():
            if template.has_holes(value):
                where = f"{self._where}: vars.{name}"
                made[f"vars.{name}"] = each = template.Data(value, where)
                self.check_names(each.names, have, where, frozenset())
        return made

    def step(self, name: str, step: Step | Act, have: frozenset[str], at: str) -> StepPlan:
        where = f"{self._where}: {at}"
        if isinstance(step, Act):
            plan: StepPlan = ActStep(step, where)
            have |= {ACT}
        else:
            signer = self._signer(step, where)
            plan = StepPlan(
                name, step if signer is None else _query_apart(step, where), where, headers=self._common_headers(have, at), signer=signer
            )
        self.check_names(plan.needs, have, where)
        return plan

    def _common_headers(self, have: frozenset[str], at: str) -> dict[str, str]:
        """The headers of all requests. One that says something of a buyer has no place where there is none."""
        if at.startswith(("admin.", "reads.", "safety.")):
            return {
                name: value for name, value in self._target.headers.items()
                if template.header_template(value, f"{self._where}: headers.{name}").names <= have | self.fixed | STAMPS
            }  # fmt: skip
        return self._target.headers

    def _signer(self, step: Step, where: str) -> Signer | None:
        if step.sign is None:
            return None
        if step.sign not in self.signers:
            raise ConfigError(f"{where}.sign: no dialect {step.sign!r} in signing; there are {', '.join(sorted(self.signers)) or 'none'}")
        signer = self.signers[step.sign]
        if signer.body is not None and (step.form if signer.body == "form" else step.json_) is None:
            raise ConfigError(f"{where}.sign: dialect {step.sign} writes into a {signer.body} body, and this step has none")
        return signer

    def check_names(self, names: frozenset[str], have: frozenset[str], where: str, stamps: frozenset[str] = STAMPS) -> None:
        """Raises ``ConfigError`` for a name that nothing gives."""
        known = have | self.fixed
        if self._target.accounts.csv is not None and "buyer.account" in have:
            # As long as nobody has read the file, it may have any column.
            any_ = {word for word in names if word.startswith("account.")}
            known |= any_ if self._columns is None else {f"account.{column}" for column in self._columns}
        for word in sorted(names - known - stamps):
            kind, _, name = word.partition(".")
            lacking = [way for way, given in self._ways.items() if name not in given]
            if kind == "way" and len(lacking) < len(self._ways):
                raise ConfigError(f"{where}: ways.{lacking[0]} does not give {{{word}}}, and buyers may pay so")
        told(names, known, where, stamps=stamps)

    def row(self, name: str, steps: Iterable[Step | Act], have: frozenset[str], at: str) -> tuple[tuple[StepPlan, ...], frozenset[str]]:
        """Steps in turn, each of which has what those before it extracted; (the steps, what there is after them)."""
        done: list[StepPlan] = []
        for number, step in enumerate(steps):
            plan = self.step(name if number == 0 else f"{name}{number + 1}", step, have, f"{at}[{number}]")
            have |= plan.gives
            done.append(plan)
        return tuple(done), have


def _query_apart(step: Step, where: str) -> Step:
    """``step`` with what stands behind the ? of its request as fields, which can be signed. Raises ``ConfigError``."""
    place, mark, query = step.request.partition("?")
    if not mark:
        return step
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise ConfigError(f"{where}.request: what is signed must be told one by one; put what stands behind the ? into query") from None
    twice = {name for name, _ in pairs} & step.query.keys()
    if twice or len(dict(pairs)) < len(pairs):
        raise ConfigError(f"{where}.request: a parameter behind the ? stands there, or in query, a second time; a signed one stands once")
    return step.model_copy(update={"request": place, "query": {**dict(pairs), **step.query}})


def _common(kind: str, each: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """The names that every one of ``each`` gives."""
    return frozenset(f"{kind}.{name}" for name in set.intersection(*map(set, each))) if each else frozenset()


LOCUSTS_OWN = Steps.model_validate({"submit": {"request": "GET /", "replies": [{"class": "ok", "matches": "."}]}})
"""Stands in for the steps that a Locust user does itself. Compiled with the rest of its target, and never sent."""


def compile_plan(target: Target, *, where: str = "target", columns: frozenset[str] | None = None) -> Plan:
    """Compile ``target``. ``columns``: those of its accounts file, once that was read. Raises ``ConfigError`` where anything in the
    file uses a name that nothing gives."""
    steps = target.steps or LOCUSTS_OWN
    compiler = _Compiler(target, where, columns)
    account = VISITOR | {name for name in KNOWN if name.startswith("buyer.")}
    setup, have = compiler.row("setup", target.setup.steps if target.setup else (), account, "setup.steps")
    have |= KNOWN | compiler.product | compiler.way
    composed = compiler.composed(have)
    have |= frozenset(composed)
    quote = compiler.step("quote", steps.quote, have, "steps.quote") if steps.quote else None
    prepare, have = compiler.row("prepare", steps.prepare, have, "steps.prepare")
    captcha: tuple[StepPlan, ...] = ()
    if steps.captcha is not None:
        at = f"{where}: steps.captcha"
        if steps.captcha.request is not None:
            picture = PictureStep(steps.captcha, at, target.headers)
            compiler.check_names(picture.needs, have, at)
            captcha = (picture, SolveStep(steps.captcha, at)) if steps.captcha.solver is not None else ()
        have |= {SOLVED}
    submit = compiler.step("submit", steps.submit, have, "steps.submit")
    have |= submit.gives
    pay: dict[str, tuple[StepPlan, ...]] = {}
    paid_by = []
    for way, each in steps.pay.items():
        pay[way], after = compiler.row("pay", each, have | compiler.of_way(way), f"steps.pay.{way}")
        paid_by.append(after)
    for step in (submit, *(step for ways in pay.values() for step in ways)):
        step.once = True
    for_all = frozenset.intersection(*paid_by) if paid_by else have
    poll = compiler.step("poll", steps.poll, for_all, "steps.poll") if steps.poll else None
    if poll is not None and "status" not in poll.gives:
        raise ConfigError(f"{where}: steps.poll.extract: status is missing; the order's state is read from it")
    admin_setup, behind = compiler.row("admin", target.admin.setup if target.admin else (), VISITOR, "admin.setup")
    deliver = compiler.step("deliver", target.admin.deliver, for_all | behind, "admin.deliver") if target.admin else None
    reads_setup, reading = compiler.row("reads", target.reads.setup, VISITOR, "reads.setup")
    for in_turn in ([*setup, *prepare, *captcha, submit, *ways, poll, deliver] for ways in (pay.values() or [()])):
        _carry([step for step in in_turn if step is not None], composed)
    _carry([*admin_setup, *([deliver] if deliver else [])])
    reads: dict[str, StepPlan] = {}
    for name, at, read, own in asked(target):
        given = reading | own | (compiler.product if "order.sku" in own else frozenset())
        reads[name] = compiler.step(name, read, VISITOR if name == "echo" else given, at)  # the echo comes before any set-up
        reads[name].once = False
        _carry([*reads_setup, reads[name]])
    check_paths(target, where)
    check_holes(target, where, compiler.fixed, frozenset(composed), compiler.signers, STAMPS)
    fixed = steps.captcha.fixed if steps.captcha is not None else None
    return Plan(setup, quote, prepare, captcha, fixed, submit, pay, poll, steps.poll, admin_setup, deliver, reads_setup, reads, composed)


def _carry(steps: list[StepPlan], composed: Mapping[str, template.Data] | None = None) -> None:
    """Tell each step which of its values a later one of ``steps`` sends, by itself or in a composed value: without them the order
    cannot go on."""
    for number, step in enumerate(steps):
        later = frozenset(word for each in steps[number + 1 :] for word in each.needs)
        inside = frozenset(name for word in later if word in (composed or {}) for name in (composed or {})[word].names)
        step.carries |= step.gives & (later | inside)
