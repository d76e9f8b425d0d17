"""One buyer's way through the shop, step by step. No network and no clock in here: both come through ``Session``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from surgekit.digest import card_digests
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.profile.schema import Buyers
from surgekit.target.plan import Plan, Read, StepPlan
from surgekit.target.reading import Reply
from surgekit.target.schema import Statuses

Values = dict[str, Any]
BROKEN = frozenset({ReplyClass.UNKNOWN, ReplyClass.NOT_SENT, ReplyClass.HIDDEN_ERROR})
"""What a buyer sees as an error page."""


class Session(Protocol):
    """What a journey needs of the world."""

    def now(self) -> float:
        """Seconds since the run's start."""

    def sleep_until(self, at_s: float) -> None: ...

    def send(self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int) -> tuple[Reply, Read]: ...

    def beside(self, work: Callable[[], None]) -> Callable[[], None]:
        """Start ``work`` at the same time; the result waits for its end."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What all journeys of a run share."""

    plan: Plan
    statuses: Statuses
    buyers: Buyers
    salt: str


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


DOUBLE_CLICK_S = 0.12
"""From the first click to the second, when a finger trembles."""


class Journey:
    """The buyer of ``order``. ``run`` returns what the buyer saw, and never later than patience allows by much."""

    def __init__(self, shop: Shop, session: Session, order: Order, values: Values) -> None:
        self._shop = shop
        self._io = session
        self._order = order
        self._values = values
        # Patience is with the platform; a buyer's own pauses do not use it up.
        own = order.think_pay_s + (order.think_quote_s if order.browses else 0.0)
        self._deadline = order.intended_s + own + shop.buyers.patience
        self.told = Told()

    def run(self) -> Told:
        told, order = self.told, self._order
        told.started_s = self._io.now()
        due = order.intended_s
        if order.browses and self._shop.plan.quote is not None:
            reply, read = self._send(self._shop.plan.quote, self._values, due, 1)
            told.sent_s = reply.sent_s
            if read.kind in (ReplyClass.SOLD_OUT, ReplyClass.REFUSED):
                return self._end(Outcome.REJECTED, read.reason)
            due = reply.done_s
            self._pause(due, order.think_quote_s)
            due += order.think_quote_s
            told.browsed_s = told.paused_s
        wait = self._io.beside(lambda: self._second_click(due + DOUBLE_CLICK_S)) if order.double_click else None
        self._buy(due)
        if wait is not None:
            wait()
        return told

    def _buy(self, due: float) -> None:
        """Submit and pay, again while the buyer has patience; then look until the card is there."""
        told = self.told
        doubt: str | None = None  # why an earlier attempt may have had an effect
        while True:
            told.attempts += 1
            values = dict(self._values)
            reply, read = self._send(self._shop.plan.submit, values, due, told.attempts)
            if told.sent_s is None:
                told.sent_s = reply.sent_s
            if read.kind is ReplyClass.OK:
                values.update(read.values)
                self._accepted(values, reply.done_s)
                self._pause(reply.done_s, self._order.think_pay_s)
                paid, reply = self._pay(values, reply.done_s + self._order.think_pay_s, told.attempts)
                if paid.kind is ReplyClass.OK:
                    self._look(values, reply.done_s)
                    return
                if paid.kind in (ReplyClass.REFUSED, ReplyClass.SOLD_OUT, ReplyClass.THROTTLED) and doubt is None:
                    self._ended(Outcome.REJECTED, f"pay_{paid.reason}")
                    return
                if paid.kind in (ReplyClass.REFUSED, ReplyClass.SOLD_OUT) or not self._again(reply.done_s):
                    # Perhaps an earlier payment went through after all; only the platform knows.
                    self._look(values, reply.done_s)
                    return
                doubt = paid.reason
            elif read.kind in (ReplyClass.SOLD_OUT, ReplyClass.REFUSED):
                self._ended(Outcome.UNKNOWN if doubt else Outcome.REJECTED, doubt or read.reason)
                return
            else:
                if read.kind in (ReplyClass.UNKNOWN, ReplyClass.HIDDEN_ERROR):
                    doubt = read.reason
                if not self._again(reply.done_s):
                    shed = Outcome.REJECTED if read.kind is ReplyClass.THROTTLED else Outcome.FAILED
                    self._ended(shed if doubt is None else Outcome.UNKNOWN, doubt or read.reason)
                    return
            due = reply.done_s + self._shop.buyers.retry.after
            self._io.sleep_until(due)

    def _pause(self, from_s: float, think_s: float) -> None:
        """The buyer's own time: waited out, and kept apart, since nobody blames the platform for it."""
        if think_s > 0:
            self._io.sleep_until(from_s + think_s)
            self.told.paused_s += think_s

    def _again(self, now_s: float) -> bool:
        retry = self._shop.buyers.retry
        return self.told.attempts <= retry.most and now_s + retry.after < self._deadline

    def _accepted(self, values: Values, at_s: float) -> None:
        told = self.told
        if told.accepted_s is None:
            told.accepted_s = at_s
        told.order_no = str(values["order_no"]) if "order_no" in values else None
        amount = values.get("amount_fen")
        told.amount_fen = amount if isinstance(amount, int) else None

    def _pay(self, values: Values, due: float, attempt: int) -> tuple[Read, Reply]:
        read, reply = Read(ReplyClass.OK, None), Reply(0, b"", None, due)
        for step in self._shop.plan.pay.get(self._order.pay_by, ()):
            self._io.sleep_until(due)
            reply, read = self._send(step, values, due, attempt)
            if read.kind is not ReplyClass.OK:
                return read, reply
            values.update(read.values)
            due = reply.done_s
        if self._shop.plan.pay and self.told.paid_s is None:
            self.told.paid_s = reply.done_s
        return read, reply

    def _look(self, values: Values, due: float) -> None:
        """Ask for the order until it is delivered, ended, or the buyer gives up."""
        told, statuses = self.told, self._shop.statuses
        if self._shop.plan.poll is None:
            told.confirmed_s = told.paid_s if told.paid_s is not None else told.accepted_s
            self._ended(Outcome.CONFIRMED, None)
            return
        while due <= self._deadline:
            self._io.sleep_until(due)
            reply, read = self._send(self._shop.plan.poll, values, due, told.attempts)
            if read.kind is ReplyClass.OK:
                told.status = str(read.values["status"])
                if told.paid_s is None and told.status in (*statuses.paid, *statuses.delivered, *statuses.refunded):
                    told.paid_s = reply.done_s
                if told.status in statuses.delivered and self._has_cards(read.values):
                    told.confirmed_s = reply.done_s
                    self._ended(Outcome.CONFIRMED, None)
                    return
                if told.status in (*statuses.refunded, *statuses.failed):
                    self._ended(Outcome.FAILED, "refunded" if told.status in statuses.refunded else told.status)
                    return
            # The next look counts from when this one was due, so that slow replies do not thin the looking out
            # more than they must; looks that fell due meanwhile are one look.
            every = self._shop.buyers.poll_every
            due = max(due + every, reply.done_s)
        told.ended_s = max(self._deadline, self._io.now())
        told.outcome, told.reason = Outcome.UNKNOWN, "deadline"

    def _has_cards(self, values: Mapping[str, Any]) -> bool:
        if "cards" not in values:
            return True
        cards = values["cards"]
        if isinstance(cards, list) and cards:
            self.told.card_digests = card_digests((str(card) for card in cards), self._shop.salt)
            return True
        return False

    def _second_click(self, due: float) -> None:
        """The same order again, a moment later: a buy button that was pressed twice buys (and pays) twice."""
        self._io.sleep_until(due)
        values = dict(self._values)
        reply, read = self._send(self._shop.plan.submit, values, due, 0)
        if read.kind is ReplyClass.OK and self._order.pay_by == "balance":
            values.update(read.values)
            for step in self._shop.plan.pay.get("balance", ()):
                reply, read = self._send(step, values, reply.done_s, 0)

    def _send(self, step: StepPlan, values: Values, due: float, attempt: int) -> tuple[Reply, Read]:
        reply, read = self._io.send(self._order, step, values, due, attempt)
        if read.kind in BROKEN:
            self.told.errors += 1
        return reply, read

    def _end(self, outcome: Outcome, reason: str | None) -> Told:
        self._ended(outcome, reason)
        return self.told

    def _ended(self, outcome: Outcome, reason: str | None) -> None:
        told = self.told
        told.outcome, told.reason, told.ended_s = outcome, reason, self._io.now()
