"""One buyer's way through the shop, step by step. No network and no clock in here: both come through ``Session``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from surgekit.engine.order.budget import NO_BUDGET
from surgekit.engine.order.buyer import BROKEN, HARMLESS, Session, Shop, Values, retry_after
from surgekit.engine.order.looking import Purchase
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

    _half_paid = False

    def __init__(self, shop: Shop, session: Session, order: Order, values: Values, jar: Jar | None = None, new_jar: Callable[[Order], Jar | None] | None = None) -> None:
        """``jar``: the buyer's cookies; ``new_jar`` gives those of a later attempt."""
        self._shop = shop
        self._io = session
        self._order = order
        self._values = values
        self._new_jar = new_jar
        self._prepared: Values | None = None if shop.prepares else values
        """What a second click sends."""
        self._pay_steps = shop.plan.pay.get(order.pay_by, ())
        self._purchase = Purchase(shop, session, order, jar)
        self.told = self._purchase.told

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
            reply, read = await self._purchase.send(self._shop.plan.quote, self._values, due, 1)
            told.sent_s = reply.sent_s
            if read.kind in (SOLD_OUT, REFUSED):
                self._purchase.ended(Outcome.REJECTED, read.reason)
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
        told, shop, order, purchase = self.told, self._shop, self._order, self._purchase
        while True:
            told.attempts = attempt = told.attempts + 1
            values, answered, step = self._values.copy(), due, "submit"
            read: Read | None = None
            if attempt > 1 or shop.prepares or order.double_click:
                read, answered, step = await self._prepare(values, due)
            if read is None:
                reply, read = await purchase.send(shop.plan.submit, values, answered, attempt)
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
                purchase.accepted(values, answered)
                if shop.plan.pay:
                    due = await self._pause(answered, order.think_pay_s) if self._pay_steps else answered
                    read, answered = await self._pay(values, due, attempt)
                    kind = read.kind
                if kind is OK and shop.tells_at_once and purchase.delivered_at_once(values, answered):
                    return
                if kind in (OK, PAID_UNDELIVERED):
                    await purchase.look(values, answered, paid=True)
                    return
                if kind is QUEUED or told.paid_s is not None or self._half_paid:
                    # The payment is being worked on, the gateway has the money, or an earlier request of the payment went through
                    # and may have moved some: nobody begins a new order then.
                    purchase.perhaps_paid = values
                    await purchase.look(values, answered, paid=False)
                    return
                final = kind in (SOLD_OUT, REFUSED, THROTTLED)
                reason = f"pay_{read.reason}"
                if kind not in HARMLESS:
                    if purchase.perhaps_paid is not None:  # two orders that may be paid, and one that can be looked for
                        purchase.doubt = purchase.doubt or reason
                    purchase.perhaps_paid = values
            elif kind is PAID_UNDELIVERED or (kind is QUEUED and purchase.can_look(values, read)):
                values.update(read.values)
                await self._waits(values, answered, kind)
                return
            elif kind not in HARMLESS:
                purchase.doubt = reason
            if final or not self._again(answered):
                await self._gave_up(kind, reason, answered)
                return
            due = answered + shop.buyers.retry.after
            await self._io.sleep_until(due)

    async def _prepare(self, values: Values, due: float) -> tuple[Read | None, float, str]:
        """What comes before the submission, captcha included; (None or the reply that ends it, when, of which step). ``values`` takes in what was told."""
        plan, attempt = self._shop.plan, self.told.attempts
        if attempt > 1 and self._new_jar is not None:
            self._purchase.jar = self._new_jar(self._order)  # a new visitor: a basket of the attempt before would be bought with this one
        if plan.fixed_captcha is not None:
            values[SOLVED] = plan.fixed_captcha
        for step in (*plan.prepare, *plan.captcha):
            reply, read = await self._purchase.send(step, values, due, attempt)
            due = reply.done_s
            if self.told.sent_s is None:
                self.told.sent_s = reply.sent_s
            if read.kind is not OK:
                return read, due, step.name
            values.update(read.values)
        if self._order.double_click:
            self._prepared = dict(values)
        return None, due, "submit"

    async def _pay(self, values: Values, due: float, attempt: int) -> tuple[Read, float]:
        """What the payment came to, and when."""
        self._half_paid = False
        for done, step in enumerate(self._pay_steps):
            reply, read = await self._send_in_turn(step, values, due, attempt)
            due = reply.done_s
            self._half_paid = any(each.method != "GET" for each in self._pay_steps[:done])
            if ACT in step.needs and read.kind is OK:
                self._purchase.paid(values, due)
            if read.kind is PAID_UNDELIVERED:
                self._purchase.paid_undelivered(values, due)
            if read.kind is not OK:
                return read, due
            values.update(read.values)
        if self._shop.plan.pay:
            self._purchase.paid(values, due)
        return Read(OK, None), due

    async def _send_in_turn(self, step: StepPlan, values: Values, due: float, attempt: int) -> tuple[Reply, Read]:
        """Send, and again a little later what the platform throttled: that had no effect, and the order stays the same."""
        retry, purchase = self._shop.buyers.retry, self._purchase
        for _ in range(retry.most):
            reply, read = await purchase.send(step, values, due, attempt)
            due = reply.done_s + max(retry.after, retry_after(reply))
            if read.kind is not THROTTLED or due >= purchase.deadline:
                return reply, read
            await self._io.sleep_until(due)
        return await purchase.send(step, values, due, attempt)

    async def _waits(self, values: Values, at_s: float, kind: ReplyClass) -> None:
        """The order is there and not yet at its end: in a queue, or paid and without a card."""
        if kind is PAID_UNDELIVERED:
            self._purchase.accepted(values, at_s)
            self._purchase.paid_undelivered(values, at_s)
        await self._purchase.look(values, at_s, paid=kind is PAID_UNDELIVERED)

    def _again(self, now_s: float) -> bool:
        retry = self._shop.buyers.retry
        return self.told.attempts <= retry.most and now_s + retry.after < self._purchase.deadline

    async def _gave_up(self, kind: ReplyClass, reason: str | None, at_s: float) -> None:
        """No attempt got through. What became of an earlier one is read where its number is known, never tried out."""
        purchase = self._purchase
        if purchase.perhaps_paid is not None:
            await purchase.look(purchase.perhaps_paid, at_s, paid=False)
        elif purchase.doubt is not None:
            purchase.ended(Outcome.UNKNOWN, purchase.doubt)
        else:
            # An error on the way to the order is no answer: nobody turned this buyer down.
            purchase.ended(Outcome.FAILED if kind in BROKEN else Outcome.REJECTED, reason)

    async def _pause(self, from_s: float, think_s: float) -> float:
        """The buyer's own time: waited out, and kept apart, since nobody blames the platform for it. Until when."""
        await self._io.sleep_until(from_s + think_s)
        self.told.paused_s += think_s
        return from_s + think_s

    async def _second_click(self, due: float) -> bool:
        """The same order again, a moment later: a buy button that was pressed twice buys (and pays) twice.

        Whether that may have bought something. A gateway's page opens once, so there it is never paid.
        """
        await self._io.sleep_until(due)
        if self._prepared is None:
            return False  # the form is not there yet, so there is no button to press
        values, purchase = dict(self._prepared), self._purchase
        reply, read = await purchase.send(self._shop.plan.submit, values, due, 0)
        if read.kind is not OK:
            return read.kind not in HARMLESS
        if self._order.pay_by == "gateway":
            return not self._pay_steps
        for step in self._pay_steps:
            values.update(read.values)
            reply, read = await purchase.send(step, values, reply.done_s, 0)
            if read.kind is not OK:
                return read.kind not in HARMLESS
        return True
