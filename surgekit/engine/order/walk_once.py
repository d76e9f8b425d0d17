"""An order that somebody else's code places, out of sight: it counts as one submission, of all that it is for."""

from __future__ import annotations

from collections.abc import Callable

from surgekit.engine.order.budget import BUDGET
from surgekit.engine.surge import Surge, Walk
from surgekit.model import Order, Outcome


class OnceWalk:
    """``inner``, where the budget has it."""

    def __init__(self, surge: Surge, order: Order, inner: Walk) -> None:
        self._surge = surge
        self._order = order
        self._inner = inner
        self.told = inner.told

    async def run(self) -> None:
        """Reserve, place the order, and settle by what became of it."""
        told = self.told
        if not self._surge.reserve(self._order):
            told.outcome, told.reason, told.ended_s = Outcome.FAILED, BUDGET, self._surge.now()
            return
        await self._inner.run()
        harmless = told.outcome in (Outcome.REJECTED, Outcome.FAILED)
        self._surge.settle(self._order, left=told.sent_s is not None, harmless=harmless)


def once(inner: Callable[[Surge, Order, str], Walk]) -> Callable[[Surge, Order, str], OnceWalk]:
    """What a surge needs to walk each of its orders by ``inner``, within the budget."""
    return lambda surge, order, key: OnceWalk(surge, order, inner(surge, order, key))
