"""What a run may cost the platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from surgekit.model import Order
from surgekit.target.schema import Budget


class Purse:
    """Counts accepted orders against a target's budget. ``share``: this process has one part in so many of it."""

    def __init__(self, budget: Budget, prices: Mapping[str, int], share: int = 1) -> None:
        self._money_fen = None if budget.money_fen is None else budget.money_fen // share
        self._units = None if budget.units is None else max(1, budget.units // share)
        self._prices = prices
        self._spent_fen = 0
        self._sold: Counter[str] = Counter()

    def spend(self, order: Order) -> str | None:
        """Take in an order that the platform accepted. The reason to stop once the budget is used up, else None."""
        self._spent_fen += self._prices[order.sku] * order.qty
        self._sold[order.sku] += order.qty
        if self._money_fen is not None and self._spent_fen >= self._money_fen:
            return f"safety.budget.money_fen is used up: orders for {self._spent_fen:,} fen were accepted"
        if self._units is not None and self._sold[order.sku] >= self._units:
            return f"safety.budget.units is used up: {self._sold[order.sku]:,} of {order.sku} were sold"
        return None
