"""An order's way through a target file: the login of its account, then the journey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from surgekit.engine.http.client import Pool
from surgekit.engine.order.buyer import Shop, Told
from surgekit.engine.order.journey import Journey
from surgekit.engine.order.members import Members
from surgekit.engine.surge import Surge, Walk
from surgekit.model import Order, Outcome, ReplyClass


class MemberWalk:
    """One order, of an account that may have to log in first."""

    def __init__(self, floor: Floor, shop: Shop, members: Members, order: Order, key: str) -> None:
        self._floor = floor
        self._shop = shop
        self._members = members
        self._order = order
        self._key = key
        self.told = Told(floor.now())

    async def run(self) -> None:
        """Log in where that is wanted, then buy."""
        members, order = self._members, self._order
        failed = await members.login(order) if self._shop.plan.setup else None
        if failed is not None:
            told = self.told
            told.outcome, told.reason, told.errors, told.ended_s = Outcome.FAILED, f"setup_{failed}", 1, self._floor.now()
            return
        journey = Journey(self._shop, self._floor, order, *members.visit(order, self._key))
        self.told = journey.told
        await journey.run()


class ColdWalk(MemberWalk):
    """One order of a buyer with connections of their own. Logins go by everybody's all the same: they belong to the account."""

    def __init__(self, floor: Floor, shop: Shop, members: Members, order: Order, key: str, pool: Pool) -> None:
        super().__init__(floor, shop, members, order, key)
        self._pool = pool

    async def run(self) -> None:
        """As the others; then the connections are closed."""
        try:
            await super().run()
        finally:
            self._pool.close()


class Floor:
    """The journeys' session: the surge, and the person who delivers. ``pool``: whose connections; None: everybody's."""

    def __init__(self, surge: Surge, members: Members, pool: Pool | None = None) -> None:
        self._surge = surge
        self._members = members
        self.send = surge.send if pool is None else partial(surge.send, pool=pool)
        self.now = surge.now
        self.sleep_until = surge.sleep_until
        self.beside = surge.beside

    def deliver(self, order: Order, values: Mapping[str, Any], paid_s: float) -> None:
        """Deliver ``order`` by hand, a while after it was paid."""
        self._surge.beside(self._delivered(order, values, paid_s))

    async def _delivered(self, order: Order, values: Mapping[str, Any], paid_s: float) -> None:
        plan, after = self._members.delivery
        due = paid_s + after
        await self._surge.sleep_until(due)
        own, jar, failed = await self._members.admin()
        if failed is not None:
            self._surge.trouble(f"admin.setup: {failed}; an order could not be delivered by hand")
            return
        _, read = await self._surge.send(order, plan, {**values, **own}, due, 1, jar)
        if read.kind is not ReplyClass.OK:
            self._surge.trouble(f"admin.deliver: {read.reason}; an order could not be delivered by hand")


def walker(shop: Shop, members: Members) -> Callable[[Surge, Order, str], Walk]:
    """What a surge needs to walk each of its orders."""
    floors: dict[Surge, Floor] = {}

    def walk(surge: Surge, order: Order, key: str) -> Walk:
        floor = floors.get(surge)
        if floor is None:
            floor = floors[surge] = Floor(surge, members)
        if order.cold:
            return ColdWalk(Floor(surge, members, pool := Pool()), shop, members, order, key, pool)
        if shop.plan.setup:
            return MemberWalk(floor, shop, members, order, key)
        return Journey(shop, floor, order, *members.visit(order, key))

    return walk
