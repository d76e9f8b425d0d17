"""A target, compiled once for a run: all its steps, and which names there are at each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from surgekit.errors import ConfigError
from surgekit.target import template
from surgekit.target.holes import check_holes, told
from surgekit.target.reads_check import asked, check_paths
from surgekit.target.schema import Act, Poll, Step, Steps, Target
from surgekit.target.signing import Signer
from surgekit.target.step import ACT, KNOWN, SOLVED, STAMPS, VISITOR, ActStep, PictureStep, SolveStep, StepPlan


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

    @property
    def steps(self) -> list[StepPlan]:
        """Every step of an order, and of the accounts' set-up."""
        ways = [step for steps in self.pay.values() for step in steps]
        steps = [*self.setup, self.quote, *self.prepare, *self.captcha, self.submit, *ways, self.poll, *self.admin_setup, self.deliver]
        return [step for step in steps if step is not None]

    @property
    def names(self) -> frozenset[str]:
        """Every name that one of ``steps`` may ask for, by itself or in a composed value."""
        asked = [step.needs for step in self.steps] + [composed.names for composed in self.composed.values()]
        return frozenset({"target.base_url"}).union(*asked)


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
