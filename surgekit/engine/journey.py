"""One buyer's way through the shop, step by step. No network and no clock in here: both come through ``Session``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from surgekit.digest import card_digests
from surgekit.engine.budget import NO_BUDGET
from surgekit.engine.buyer import BROKEN, HARMLESS, Session, Shop, Told, Values, about, cards_in, number, retry_after
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import ACT, SOLVED, Read, StepPlan

OK, SOLD_OUT, REFUSED, THROTTLED = ReplyClass.OK, ReplyClass.SOLD_OUT, ReplyClass.REFUSED, ReplyClass.THROTTLED
QUEUED, PAID_UNDELIVERED = ReplyClass.QUEUED, ReplyClass.PAID_UNDELIVERED
DOUBLE_CLICK_S = 0.12
"""From the first click to the second, when a finger trembles."""


class Journey:
    """The buyer of ``order``. ``told`` is what the buyer saw; ``run`` is never over later than patience allows by much."""

    _doubt: str | None = None
    """Why an earlier submission may have had an effect that nobody saw."""
    _perhaps_paid: Values | None = None
    """The order whose payment may have gone through unseen."""
    _about: Values | None = None
    _undelivered = False
    _half_paid = False
    _being_delivered = False

    def __init__(self, shop: Shop, session: Session, order: Order, values: Values, jar: Jar | None = None, new_jar: Callable[[Order], Jar | None] | None = None) -> None:
        """``jar``: the buyer's cookies; ``new_jar`` gives those of a later attempt."""
        self._shop = shop
        self._io = session
        self._order = order
        self._values = values
        self._jar = jar
        self._new_jar = new_jar
        self._prepared: Values | None = None if shop.prepares else values
        """What a second click sends."""
        self._pay_steps = shop.plan.pay.get(order.pay_by, ())
        self.told = Told(session.now())

    @property
    def _deadline(self) -> float:
        """Patience is with the platform; a buyer's own pauses do not use it up."""
        return self._order.intended_s + self._shop.patience + self.told.paused_s

    def run(self) -> Coroutine[Any, Any, None]:
        """The whole way. What came of it is in ``told``."""
        order = self._order
        if order.browses or order.double_click:
            return self._browse_and_buy()
        return self._buy(order.intended_s)

    async def _browse_and_buy(self) -> None:
        told, order = self.told, self._order
        due = order.intended_s
        if order.browses and self._shop.plan.quote is not None:
            reply, read = await self._send(self._shop.plan.quote, self._values, due, 1)
            told.sent_s = reply.sent_s
            if read.kind in (SOLD_OUT, REFUSED):
                self._ended(Outcome.REJECTED, read.reason)
                return
            due = await self._pause(reply.done_s, order.think_quote_s)
            told.browsed_s = told.paused_s
        if not order.double_click:
            await self._buy(due)
            return
        second = self._io.beside(self._second_click(due + DOUBLE_CLICK_S))
        await self._buy(due)
        if await second.wait() and told.outcome in (Outcome.REJECTED, Outcome.FAILED):
            # Not without effect: the other click may have bought. Only the platform knows.
            told.outcome, told.reason = Outcome.UNKNOWN, f"{told.reason}, second click"

    async def _buy(self, due: float) -> None:
        """Submit and pay, again while the buyer has patience; then look until the card is there."""
        told, shop, order = self.told, self._shop, self._order
        while True:
            told.attempts = attempt = told.attempts + 1
            values, answered, step = self._values.copy(), due, "submit"
            read: Read | None = None
            if attempt > 1 or shop.prepares or order.double_click:
                read, answered, step = await self._prepare(values, due)
            if read is None:
                reply, read = await self._send(shop.plan.submit, values, answered, attempt)
                answered = reply.done_s
                if told.sent_s is None:
                    told.sent_s = reply.sent_s
            kind = read.kind
            reason = read.reason if step == "submit" else f"{step}_{read.reason}"
            final = kind in (SOLD_OUT, REFUSED) or read is NO_BUDGET
            if step != "submit":
                pass  # nothing was ordered yet, so there is nothing to be in doubt about
            elif kind is OK:
                values.update(read.values)
                self._accepted(values, answered)
                if shop.plan.pay:
                    due = await self._pause(answered, order.think_pay_s) if self._pay_steps else answered
                    read, answered = await self._pay(values, due, attempt)
                    kind = read.kind
                if kind is OK and shop.tells_at_once and self._delivered_at_once(values, answered):
                    return
                if kind in (OK, PAID_UNDELIVERED):
                    await self._look(values, answered, paid=True)
                    return
                if kind is QUEUED or told.paid_s is not None or self._half_paid:
                    # The payment is being worked on, the gateway has the money, or an earlier request of the payment went through
                    # and may have moved some: nobody begins a new order then.
                    self._perhaps_paid = values
                    await self._look(values, answered, paid=False)
                    return
                final = kind in (SOLD_OUT, REFUSED, THROTTLED)
                reason = f"pay_{read.reason}"
                if kind not in HARMLESS:
                    if self._perhaps_paid is not None:  # two orders that may be paid, and one that can be looked for
                        self._doubt = self._doubt or reason
                    self._perhaps_paid = values
            elif kind is PAID_UNDELIVERED or (kind is QUEUED and self._can_look(values, read)):
                values.update(read.values)
                await self._waits(values, answered, kind)
                return
            elif kind not in HARMLESS:
                self._doubt = reason
            if final or not self._again(answered):
                await self._gave_up(kind, reason, answered)
                return
            due = answered + shop.buyers.retry.after
            await self._io.sleep_until(due)

    async def _prepare(self, values: Values, due: float) -> tuple[Read | None, float, str]:
        """What comes before the submission, captcha included; (None or the reply that ends it, when, of which step). ``values`` takes in what was told."""
        plan, attempt = self._shop.plan, self.told.attempts
        if attempt > 1 and self._new_jar is not None:
            self._jar = self._new_jar(self._order)  # a new visitor: a basket of the attempt before would be bought with this one
        if plan.fixed_captcha is not None:
            values[SOLVED] = plan.fixed_captcha
        for step in (*plan.prepare, *plan.captcha):
            reply, read = await self._send(step, values, due, attempt)
            due = reply.done_s
            if self.told.sent_s is None:
                self.told.sent_s = reply.sent_s
            if read.kind is not OK:
                return read, due, step.name
            values.update(read.values)
        if self._order.double_click:
            self._prepared = dict(values)
        return None, due, "submit"

    def _can_look(self, values: Values, read: Read) -> bool:
        """Whether there is something to wait for: the order's number, or a poll that does without."""
        poll = self._shop.plan.poll
        return number(read.values) is not None or (poll is not None and self._lacks(poll, {**values, **read.values}) is None)

    async def _waits(self, values: Values, at_s: float, kind: ReplyClass) -> None:
        """The order is there and not yet at its end: in a queue, or paid and without a card."""
        if kind is PAID_UNDELIVERED:
            self._accepted(values, at_s)
            self._paid(values, at_s)
            self._undelivered = True
        await self._look(values, at_s, paid=kind is PAID_UNDELIVERED)

    async def _gave_up(self, kind: ReplyClass, reason: str | None, at_s: float) -> None:
        """No attempt got through. What became of an earlier one is read where its number is known, never tried out."""
        if self._perhaps_paid is not None:
            await self._look(self._perhaps_paid, at_s, paid=False)
        elif self._doubt is not None:
            self._ended(Outcome.UNKNOWN, self._doubt)
        else:
            # An error on the way to the order is no answer: nobody turned this buyer down.
            self._ended(Outcome.FAILED if kind in BROKEN else Outcome.REJECTED, reason)

    async def _pause(self, from_s: float, think_s: float) -> float:
        """The buyer's own time: waited out, and kept apart, since nobody blames the platform for it. Until when."""
        await self._io.sleep_until(from_s + think_s)
        self.told.paused_s += think_s
        return from_s + think_s

    def _again(self, now_s: float) -> bool:
        retry = self._shop.buyers.retry
        return self.told.attempts <= retry.most and now_s + retry.after < self._deadline

    def _accepted(self, values: Values, at_s: float) -> None:
        told = self.told
        if told.accepted_s is None:
            told.accepted_s = at_s
        self._is_about(values)

    def _is_about(self, values: Values) -> None:
        """Number and amount of the order that is told of, out of what the platform said."""
        self._about = values
        self.told.order_no, self.told.amount_fen = about(values)

    async def _pay(self, values: Values, due: float, attempt: int) -> tuple[Read, float]:
        """What the payment came to, and when."""
        self._half_paid = False
        for done, step in enumerate(self._pay_steps):
            reply, read = await self._send_in_turn(step, values, due, attempt)
            due = reply.done_s
            self._half_paid = any(each.method != "GET" for each in self._pay_steps[:done])
            if ACT in step.needs and read.kind is OK:
                self._paid(values, due)
            if read.kind is PAID_UNDELIVERED:
                self._paid(values, due)
                self._undelivered = True
            if read.kind is not OK:
                return read, due
            values.update(read.values)
        if self._shop.plan.pay:
            self._paid(values, due)
        return Read(OK, None), due

    def _paid(self, values: Values, at_s: float) -> None:
        """From the first time on somebody may have to deliver, and does once all is known that they need."""
        if self.told.paid_s is None:
            self.told.paid_s = at_s
        deliver = self._shop.plan.deliver
        if deliver is not None and not self._being_delivered and self._lacks(deliver, values) is None:
            self._being_delivered = True
            self._io.deliver(self._order, values, at_s)

    def _lacks(self, step: StepPlan, values: Values) -> str | None:
        """A name that ``step`` sends, and that the step of this order which should give it has not: its reply was another one."""
        wanted = self._shop.wanted(step, self._order.pay_by)
        return None if wanted <= values.keys() else min(wanted - values.keys())

    async def _look(self, values: Values, due: float, *, paid: bool) -> None:
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
            self._ended(Outcome.CONFIRMED if sure else Outcome.UNKNOWN, None if sure else why)
            return
        lacks = self._lacks(poll, values)
        if lacks is not None:
            self._ended(Outcome.UNKNOWN, "paid_undelivered" if self._undelivered else f"no_{lacks}")
            return
        every, looks = max(self._shop.buyers.poll_every, looking.every or 0.0), 0
        answered = due
        while max(due, answered) <= self._deadline and (looking.most is None or looks < looking.most):
            if due > answered:
                await self._io.sleep_until(due)
            reply, read = await self._send(poll, values, due, told.attempts)
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
        await self._io.sleep_until(self._deadline)
        self._ended(Outcome.UNKNOWN, "paid_undelivered" if self._undelivered else "deadline")

    def _has_told(self, read: Read, values: Values, at_s: float) -> bool:
        """Take in one look; whether it was the last."""
        if read.kind is OK:
            if self.told.accepted_s is None:
                self._accepted({**values, **read.values}, at_s)
            return self._has_ended(values, read.values, at_s)
        if read.kind is PAID_UNDELIVERED:
            self._paid({**values, **{name: value for name, value in read.values.items() if value is not None}}, at_s)
            self._undelivered = True
            if read.values.get("status") is not None:
                self.told.status = str(read.values["status"])
        if read.kind in (REFUSED, SOLD_OUT):
            # The platform has turned the order away. What it has taken for it, nobody sees.
            doubtful = self.told.paid_s is not None or self._perhaps_paid is not None or self._doubt is not None
            self._ended(Outcome.UNKNOWN if doubtful else Outcome.REJECTED, f"poll_{read.reason}")
            return True
        return False

    def _has_ended(self, order: Values, values: Mapping[str, Any], at_s: float) -> bool:
        """Take in what the platform says of the order; whether that was the last word."""
        told, shop = self.told, self._shop
        told.status = status = str(values["status"])
        if status in shop.has_money:
            self._paid(order, at_s)
        if status in shop.delivered and self._has_cards(values):
            told.confirmed_s = at_s
            self._ended(Outcome.CONFIRMED, None)
            return True
        if status in shop.ended:
            # That is the end of this order. One of another number, from another attempt, may live on.
            other = self._perhaps_paid is not None and number(self._perhaps_paid) != told.order_no
            elsewhere = other or self._doubt is not None
            reason = "refunded" if status in shop.statuses.refunded else status
            self._ended(Outcome.UNKNOWN if elsewhere else Outcome.FAILED, reason)
            return True
        return False

    def _delivered_at_once(self, values: Values, at_s: float) -> bool:
        """Whether the order is at its end with the payment: by the status that came with it, or, where nobody can look, by its cards."""
        if "status" in values:
            delivered = str(values["status"]) in self._shop.delivered
            return delivered and self._has_ended(values, values, at_s)
        if self._shop.plan.poll is None and "cards" in values and not self._has_cards(values):
            self._undelivered = True  # paid, and the reply that should have had the card has none
        return False

    def _has_cards(self, values: Mapping[str, Any]) -> bool:
        if "cards" not in values:
            return True
        cards = cards_in(values["cards"])
        if cards:
            self.told.card_digests = card_digests((str(card) for card in cards), self._shop.salt)
        return bool(cards)

    async def _second_click(self, due: float) -> bool:
        """The same order again, a moment later: a buy button that was pressed twice buys (and pays) twice.

        Whether that may have bought something. A gateway's page opens once, so there it is never paid.
        """
        await self._io.sleep_until(due)
        if self._prepared is None:
            return False  # the form is not there yet, so there is no button to press
        values = dict(self._prepared)
        reply, read = await self._send(self._shop.plan.submit, values, due, 0)
        if read.kind is not OK:
            return read.kind not in HARMLESS
        if self._order.pay_by == "gateway":
            return not self._pay_steps
        for step in self._pay_steps:
            values.update(read.values)
            reply, read = await self._send(step, values, reply.done_s, 0)
            if read.kind is not OK:
                return read.kind not in HARMLESS
        return True

    async def _send_in_turn(self, step: StepPlan, values: Values, due: float, attempt: int) -> tuple[Reply, Read]:
        """Send, and again a little later what the platform throttled: that had no effect, and the order stays the same."""
        retry = self._shop.buyers.retry
        for _ in range(retry.most):
            reply, read = await self._send(step, values, due, attempt)
            due = reply.done_s + max(retry.after, retry_after(reply))
            if read.kind is not THROTTLED or due >= self._deadline:
                return reply, read
            await self._io.sleep_until(due)
        return await self._send(step, values, due, attempt)

    async def _send(self, step: StepPlan, values: Values, due: float, attempt: int) -> tuple[Reply, Read]:
        """What came back, and what it means. An error page is counted: the buyer saw it."""
        reply, read = await self._io.send(self._order, step, values, due, attempt, self._jar)
        if read.kind in BROKEN and read is not NO_BUDGET:
            self.told.errors += 1
        return reply, read

    def _ended(self, outcome: Outcome, reason: str | None) -> None:
        told = self.told
        told.outcome, told.reason, told.ended_s = outcome, reason, self._io.now()
