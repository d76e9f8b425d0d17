"""What a buyer knows of the order that is being placed, and the looking for it: until it is delivered, has ended, or patience is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surgekit.digest import card_digests
from surgekit.engine.order.budget import NO_BUDGET
from surgekit.engine.order.buyer import BROKEN, Session, Shop, Told, Values, cards_in, number, retry_after, written_down
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Read, StepPlan

OK, SOLD_OUT, REFUSED, THROTTLED = ReplyClass.OK, ReplyClass.SOLD_OUT, ReplyClass.REFUSED, ReplyClass.THROTTLED
PAID_UNDELIVERED = ReplyClass.PAID_UNDELIVERED


class Purchase:
    """What ``order`` has come to, as its buyer knows it. ``told`` is what becomes its row; ``jar`` has the buyer's cookies of now."""

    doubt: str | None = None
    """Why an earlier submission may have had an effect that nobody saw."""
    perhaps_paid: Values | None = None
    """The order whose payment may have gone through unseen."""
    _about: Values | None = None
    _undelivered = False
    _being_delivered = False

    def __init__(self, shop: Shop, session: Session, order: Order, jar: Jar | None) -> None:
        self._shop = shop
        self._io = session
        self._order = order
        self.jar = jar
        self.told = Told(session.now())

    @property
    def deadline(self) -> float:
        """Patience is with the platform; a buyer's own pauses do not use it up."""
        return self._order.intended_s + self._shop.patience + self.told.paused_s

    async def send(self, step: StepPlan, values: Values, due: float, attempt: int) -> tuple[Reply, Read]:
        """What came back, and what it means. An error page is counted: the buyer saw it."""
        reply, read = await self._io.send(self._order, step, values, due, attempt, self.jar)
        if read.kind in BROKEN and read is not NO_BUDGET:
            self.told.errors += 1
        return reply, read

    # What is taken down on the way. ``values``: all that the platform has said of the order; ``at_s``: when it said the last of it.

    def accepted(self, values: Values, at_s: float) -> None:
        """The platform has taken an order."""
        if self.told.accepted_s is None:
            self.told.accepted_s = at_s
        self._is_about(values)

    def _is_about(self, values: Values) -> None:
        """Number and amount of the order that is told of, out of what the platform said."""
        self._about = values
        self.told.order_no, self.told.amount_fen = written_down(values.get("order_no"), values.get("amount_fen"))

    def paid(self, values: Values, at_s: float) -> None:
        """From the first time on somebody may have to deliver, and does once all is known that they need."""
        if self.told.paid_s is None:
            self.told.paid_s = at_s
        deliver = self._shop.plan.deliver
        if deliver is not None and not self._being_delivered and self._lacks(deliver, values) is None:
            self._being_delivered = True
            self._io.deliver(self._order, values, at_s)

    def paid_undelivered(self, values: Values, at_s: float) -> None:
        """The platform says itself that it has the money, and that the card is still to come."""
        self.paid(values, at_s)
        self._undelivered = True

    def ended(self, outcome: Outcome, reason: str | None) -> None:
        """The buyer stops here."""
        told = self.told
        told.outcome, told.reason, told.ended_s = outcome, reason, self._io.now()

    # Whether there is anything to look for.

    def delivered_at_once(self, values: Values, at_s: float) -> bool:
        """Whether the order is at its end with the payment: by the status that came with it, or, where nobody can look, by its cards."""
        if "status" in values:
            delivered = str(values["status"]) in self._shop.delivered
            return delivered and self._has_ended(values, values, at_s)
        if self._shop.plan.poll is None and "cards" in values and not self._has_cards(values):
            self._undelivered = True  # paid, and the reply that should have had the card has none
        return False

    def can_look(self, values: Values, read: Read) -> bool:
        """Whether there is something to wait for: the order's number, or a poll that does without."""
        poll = self._shop.plan.poll
        return number(read.values) is not None or (poll is not None and self._lacks(poll, {**values, **read.values}) is None)

    def _lacks(self, step: StepPlan, values: Values) -> str | None:
        """A name that ``step`` sends, and that the step of this order which should give it has not: its reply was another one."""
        wanted = self._shop.wanted(step, self._order.pay_by)
        return None if wanted <= values.keys() else min(wanted - values.keys())

    # The looking.

    async def look(self, values: Values, due: float, *, paid: bool) -> None:
        """Ask for the order until it is delivered, ended, or the buyer gives up. ``paid``: for certain, not perhaps."""
        told, plan = self.told, self._shop.plan
        poll, looking = plan.poll, plan.looking
        if plan.pay or values is not self._about:
            self._is_about(values)
        if poll is None or looking is None:
            sure = paid and not self._undelivered
            if sure:
                told.confirmed_s = told.paid_s if told.paid_s is not None else told.accepted_s
            why = "paid_undelivered" if self._undelivered else "pay_unknown"
            self.ended(Outcome.CONFIRMED if sure else Outcome.UNKNOWN, None if sure else why)
            return
        lacks = self._lacks(poll, values)
        if lacks is not None:
            self.ended(Outcome.UNKNOWN, "paid_undelivered" if self._undelivered else f"no_{lacks}")
            return
        every, looks = max(self._shop.buyers.poll_every, looking.every or 0.0), 0
        answered = due
        while max(due, answered) <= self.deadline and (looking.most is None or looks < looking.most):
            if due > answered:
                await self._io.sleep_until(due)
            reply, read = await self.send(poll, values, due, told.attempts)
            answered, looks = reply.done_s, looks + 1
            if self._has_told(read, values, answered):
                return
            if read.kind is THROTTLED or "retry-after" in (reply.headers or {}):
                # A platform that asks for patience gets it: looking on at the same pace is what an overload is made of.
                every = max(every * looking.backoff, retry_after(reply))
                due = answered + every
                continue
            # The next look is due by the grid that began with the first, so that slow replies do not thin the looking
            # out more than they must; looks that fell due meanwhile are one look, the latest of them.
            due += every
            if due < answered:
                due += (answered - due) // every * every
        await self._io.sleep_until(self.deadline)
        self.ended(Outcome.UNKNOWN, "paid_undelivered" if self._undelivered else "deadline")

    def _has_told(self, read: Read, values: Values, at_s: float) -> bool:
        """Take in one look; whether it was the last."""
        if read.kind is OK:
            if self.told.accepted_s is None:
                self.accepted({**values, **read.values}, at_s)
            return self._has_ended(values, read.values, at_s)
        if read.kind is PAID_UNDELIVERED:
            self.paid_undelivered({**values, **{name: value for name, value in read.values.items() if value is not None}}, at_s)
            if read.values.get("status") is not None:
                self.told.status = str(read.values["status"])
        if read.kind in (REFUSED, SOLD_OUT):
            # The platform has turned the order away. What it has taken for it, nobody sees.
            doubtful = self.told.paid_s is not None or self.perhaps_paid is not None or self.doubt is not None
            self.ended(Outcome.UNKNOWN if doubtful else Outcome.REJECTED, f"poll_{read.reason}")
            return True
        return False

    def _has_ended(self, order: Values, values: Mapping[str, Any], at_s: float) -> bool:
        """Take in what the platform says of the order; whether that was the last word."""
        told, shop = self.told, self._shop
        told.status = status = str(values["status"])
        if status in shop.has_money:
            self.paid(order, at_s)
        if status in shop.delivered and self._has_cards(values):
            told.confirmed_s = at_s
            self.ended(Outcome.CONFIRMED, None)
            return True
        if status in shop.ended:
            # That is the end of this order. One of another number, from another attempt, may live on.
            other = self.perhaps_paid is not None and number(self.perhaps_paid) != told.order_no
            elsewhere = other or self.doubt is not None
            reason = "refunded" if status in shop.statuses.refunded else status
            self.ended(Outcome.UNKNOWN if elsewhere else Outcome.FAILED, reason)
            return True
        return False

    def _has_cards(self, values: Mapping[str, Any]) -> bool:
        """Take the cards down. An order of which none are told has all it needs."""
        if "cards" not in values:
            return True
        cards = cards_in(values["cards"])
        if cards:
            self.told.card_digests = card_digests((str(card) for card in cards), self._shop.salt)
        return bool(cards)
