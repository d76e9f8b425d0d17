"""A target, compiled once for a run: templates, classifiers and paths instead of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target import template
from surgekit.target.reading import MISSING, Classifier, Path, Reply, compile_path, look, parsed
from surgekit.target.schema import Step, Target

KNOWN = frozenset(
    {
        "run.id", "order.key", "order.seq", "order.sku", "order.qty", "order.pay_by", "order.buyer_class", "order.price_fen",
        "buyer.account", "buyer.name", "buyer.phone", "buyer.email",
    }
)  # fmt: skip
"""Names that every order has; a step may use these, and what earlier steps extracted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to send. ``url`` is a path on the platform, or absolute."""

    method: str
    url: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """A reply that was understood: its class, why not ok, and what was extracted."""

    kind: ReplyClass
    reason: str | None
    values: Mapping[str, Any] = field(default_factory=dict)


class StepPlan:
    """One step of a target, compiled. ``carries``: what it extracts and a later step sends."""

    __slots__ = ("_body", "_classifier", "_extract", "_headers", "_query", "_url", "carries", "method", "name", "needs")

    def __init__(self, name: str, step: Step, where: str) -> None:
        self.name = name
        self.method = step.method
        self._url = template.url_template(step.place, f"{where}.request")
        self._query = template.form_template(step.query, f"{where}.query") if step.query else None
        headers = dict(step.headers)
        self._body: template.Template | None = None
        if step.json_ is not None:
            self._body = template.json_template(step.json_, f"{where}.json")
            headers.setdefault("Content-Type", "application/json")
        elif step.form is not None:
            self._body = template.form_template(step.form, f"{where}.form")
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        self._headers = [
            (key.encode(), template.header_template(value, f"{where}.headers.{key}")) for key, value in headers.items()
        ]
        self._classifier = Classifier(step.replies, where)
        self._extract: dict[str, Path] = {
            key: compile_path(path, f"{where}.extract.{key}") for key, path in step.extract.items()
        }
        self.carries: frozenset[str] = frozenset()
        used = [self._url, self._query, self._body, *(value for _, value in self._headers)]
        self.needs = frozenset(word for each in used if each is not None for word in each.names)

    def request(self, values: template.Values) -> Request:
        """The bytes to send, with ``values`` in the holes."""
        url = self._url.render(values)
        if self._query is not None:
            url += (b"&" if b"?" in url else b"?") + self._query.render(values)
        headers = tuple((key, value.render(values)) for key, value in self._headers)
        return Request(self.method, url, headers, self._body.render(values) if self._body is not None else b"")

    def read(self, reply: Reply) -> Read:
        """What the reply means. An ok reply without a value that the step extracts is not ok but unknown."""
        data = parsed(reply.body) if reply.error is None and reply.body else MISSING
        kind, reason = self._classifier.classify(reply, data)
        if kind is not ReplyClass.OK:
            return Read(kind, reason)
        found = {key: look(data, path) for key, path in self._extract.items()}
        for key, value in found.items():
            if value is MISSING or (key in self.carries and value in (None, "")):
                return Read(ReplyClass.UNKNOWN, f"no_{key}")
        return Read(kind, None, found)

    @property
    def gives(self) -> frozenset[str]:
        return frozenset(self._extract)


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of a target, compiled."""

    quote: StepPlan | None
    submit: StepPlan
    pay: Mapping[str, tuple[StepPlan, ...]]
    poll: StepPlan | None


def compile_plan(target: Target, *, where: str = "target") -> Plan:
    """Compile ``target``. Raises ``ConfigError`` where a step uses a name that nothing gives."""
    steps = target.steps

    def made(name: str, step: Step, have: frozenset[str], at: str) -> StepPlan:
        plan = StepPlan(name, step, f"{where}: steps.{at}")
        for word in sorted(plan.needs - have):
            raise ConfigError(
                f"{where}: steps.{at}: nothing gives {{{word}}}; known here: {', '.join(sorted(have))}"
            )
        return plan

    quote = made("quote", steps.quote, KNOWN, "quote") if steps.quote else None
    submit = made("submit", steps.submit, KNOWN, "submit")
    after_submit = KNOWN | submit.gives
    pay: dict[str, tuple[StepPlan, ...]] = {}
    for way, each in steps.pay.items():
        have, done = after_submit, []
        for number, step in enumerate(each):
            plan = made("pay" if number == 0 else f"pay{number + 1}", step, have, f"pay.{way}[{number}]")
            have |= plan.gives
            done.append(plan)
        pay[way] = tuple(done)
    poll = made("poll", steps.poll, after_submit, "poll") if steps.poll else None
    if poll is not None and "status" not in poll.gives:
        raise ConfigError(f"{where}: steps.poll.extract: status is missing; the order's state is read from it")
    for steps_in_turn in ([submit, *ways, poll] for ways in (pay.values() or [()])):
        _carry([step for step in steps_in_turn if step is not None])
    _check_reads(target, where)
    return Plan(quote, submit, pay, poll)


def _carry(steps: list[StepPlan]) -> None:
    """Tell each step which of its values a later one of ``steps`` sends: without them the order cannot go on."""
    for number, step in enumerate(steps):
        later = frozenset(word for each in steps[number + 1 :] for word in each.needs)
        step.carries |= step.gives & later


def _check_reads(target: Target, where: str) -> None:
    """The paths of the reads, now rather than after the surge."""
    stock, order, ledger = target.reads.stock, target.reads.order, target.reads.ledger
    if stock is not None:
        compile_path(stock.items, f"{where}: reads.stock.items")
    if order is not None:
        compile_path(order.rows, f"{where}: reads.order.rows")
    if ledger is not None:
        compile_path(ledger.rows, f"{where}: reads.ledger.rows")
        compile_path(ledger.next, f"{where}: reads.ledger.next")
