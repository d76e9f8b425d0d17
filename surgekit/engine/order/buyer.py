"""What a buyer needs of the world, and what one of them has seen."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from surgekit.model import Order, Outcome, ReplyClass
from surgekit.profile.schema import Buyers
from surgekit.target.cookies import Jar
from surgekit.target.plan import Plan
from surgekit.target.reading import Reply
from surgekit.target.schema import Statuses
from surgekit.target.step import Read, StepPlan

Values = dict[str, Any]
BROKEN = frozenset({ReplyClass.UNKNOWN, ReplyClass.NOT_SENT, ReplyClass.HIDDEN_ERROR})
"""What a buyer sees as an error page."""
HARMLESS = frozenset({ReplyClass.SOLD_OUT, ReplyClass.REFUSED, ReplyClass.THROTTLED, ReplyClass.NOT_SENT})
"""Replies after which the request provably had no effect. Every other one but ok leaves a doubt."""
MOST_FEN = 2**63


class Session(Protocol):
    """What a journey needs of the world."""

    def now(self) -> float:
        """Seconds since the run's start."""

    async def sleep_until(self, at_s: float) -> None: ...

    def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> Awaitable[tuple[Reply, Read]]: ...

    def deliver(self, order: Order, values: Mapping[str, Any], paid_s: float) -> None:
        """The order was paid, and a person delivers it by and by. Returns at once."""

    def beside(self, work: Coroutine[Any, Any, Any]) -> Beside:
        """Start ``work`` at the same time; ``wait`` of the result gives its own, and raises what it raised."""


class Beside(Protocol):
    """Something that is done at the same time."""

    async def wait(self) -> Any: ...


@dataclass(slots=True)
class Shop:
    """What all journeys of a run share."""

    plan: Plan
    statuses: Statuses
    buyers: Buyers
    salt: str
    patience: float = field(init=False)
    """A buyer's, or the platform's own where that is shorter."""
    prepares: bool = field(init=False)
    """Whether something comes before the submission."""
    tells_at_once: bool = field(init=False)
    """Whether submission or payment give what otherwise only a look at the order does."""
    delivered: frozenset[str] = field(init=False)
    ended: frozenset[str] = field(init=False)
    """Statuses of an order that comes to nothing."""
    has_money: frozenset[str] = field(init=False)
    _wanted: dict[tuple[StepPlan, str], frozenset[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        words, looking = self.statuses, self.plan.looking
        most = float("inf") if looking is None or looking.deadline is None else looking.deadline
        early = (self.plan.submit, *(step for steps in self.plan.pay.values() for step in steps))
        self.tells_at_once = any(step.gives & {"status", "cards"} for step in early)
        self.prepares = bool(self.plan.prepare or self.plan.captcha or self.plan.fixed_captcha is not None)
        self.patience = min(self.buyers.patience, most)
        self.delivered, self.ended = frozenset(words.delivered), frozenset((*words.refunded, *words.failed))
        self.has_money = frozenset((*words.paid, *words.delivered, *words.refunded))

    def wanted(self, step: StepPlan, pay_by: str) -> frozenset[str]:
        """What ``step`` sends of what earlier steps of an order should have told."""
        found = self._wanted.get((step, pay_by))
        if found is None:
            plan = self.plan
            given = frozenset[str]().union(*(each.gives for each in (*plan.prepare, plan.submit, *plan.pay.get(pay_by, ()))))
            found = self._wanted[step, pay_by] = step.needs & given
        return found


@dataclass(slots=True)
class Told:
    """What the buyer of one order has seen so far; becomes the row of ``orders``. Times in seconds from the start."""

    started_s: float | None = None
    sent_s: float | None = None
    accepted_s: float | None = None
    paid_s: float | None = None
    confirmed_s: float | None = None
    ended_s: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    reason: str | None = None
    order_no: str | None = None
    amount_fen: int | None = None
    paused_s: float = 0.0
    browsed_s: float = 0.0
    attempts: int = 0
    errors: int = 0
    status: str | None = None
    card_digests: list[str] | None = None


def written_down(given: Any, amount: Any) -> tuple[str | None, int | None]:
    """(number, amount in fen) of an order as the platform told them; None for what it did not say, or not in that form."""
    return (
        given if given is None or type(given) is str else str(given),
        amount if type(amount) is int and -MOST_FEN < amount < MOST_FEN else None,
    )


def cards_in(cards: Any) -> list[Any]:
    """The cards that are shown; a shop that shows one card shows it without a list."""
    if isinstance(cards, str) and cards.strip():
        return [cards]
    return cards if isinstance(cards, list) else []


def number(values: Mapping[str, Any]) -> str | None:
    given = values.get("order_no")
    return None if given is None else str(given)


MOST_WAIT_S = 3600


def retry_after(reply: Reply) -> float:
    """The seconds of ``Retry-After``; 0 where it is not there or a date."""
    told = (reply.headers or {}).get("retry-after", "").strip()
    return float(min(int(told), MOST_WAIT_S)) if told.isascii() and told.isdigit() and len(told) < 10 else 0.0
