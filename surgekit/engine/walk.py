"""An order's way through a target file: the login of its account, then the journey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from surgekit.engine.buyer import Shop, Told
from surgekit.engine.journey import Journey
from surgekit.engine.members import Members
from surgekit.engine.surge import Surge
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Read, StepPlan


class ShopWalk:
    """One order at a shop that a target file describes."""

    def __init__(self, surge: Surge, shop: Shop, members: Members, order: Order, key: str) -> None:
        self._surge = surge
        self._shop = shop
        self._members = members
        self._order = order
        self._key = key
        self.told = Told(started_s=surge.now())

    def run(self) -> None:
        """Log in where the account has to, then buy."""
        if self._shop.plan.setup:
            failed = self._members.login(self._order)
            if failed is not None:
                told = self.told
                told.outcome, told.reason, told.errors, told.ended_s = Outcome.FAILED, f"setup_{failed}", 1, self._surge.now()
                return
        values = self._members.values(self._order, self._key)
        journey = Journey(self._shop, _Floor(self._surge, self._shop, self._members), self._order, values, lambda: self._members.jar(self._order))
        self.told = journey.told
        journey.run()


class _Floor:
    """The journey's session: the surge, and the person who delivers."""

    def __init__(self, surge: Surge, shop: Shop, members: Members) -> None:
        self._surge = surge
        self._submit = shop.plan.submit
        self._members = members
        self.now = surge.now
        self.sleep_until = surge.sleep_until
        self.beside = surge.beside

    def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> tuple[Reply, Read]:
        """A submission needs budget, be it the first, a retry or a second click; no other step does."""
        send = self._surge.submit if step is self._submit else self._surge.send
        return send(order, step, values, due_s, attempt, jar)

    def deliver(self, order: Order, values: Mapping[str, Any], paid_s: float) -> None:
        """Deliver ``order`` by hand, a while after it was paid."""
        plan, after = self._members.delivery

        def work() -> None:
            due = paid_s + after
            self._surge.sleep_until(due)
            own, jar, failed = self._members.admin()
            if failed is not None:
                self._surge.trouble(f"admin.setup: {failed}; an order could not be delivered by hand")
                return
            _, read = self._surge.send(order, plan, {**values, **own}, due, 1, jar)
            if read.kind is not ReplyClass.OK:
                self._surge.trouble(f"admin.deliver: {read.reason}; an order could not be delivered by hand")

        self._surge.later(work)


def walker(shop: Shop, members: Members) -> Callable[[Surge, Order, str], ShopWalk]:
    """What a surge needs to walk each of its orders."""
    return lambda surge, order, key: ShopWalk(surge, shop, members, order, key)
