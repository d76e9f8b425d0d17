"""What a run may cost the platform, taken before it is spent.

    submission about to leave ─▶ reserve: it fits, or it stays here
    its reply                 ─▶ settle: spent for good, or given back where it provably had no effect

Between the two it counts as spent, so that the budget holds whatever the replies are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from surgekit.model import Order, ReplyClass
from surgekit.safety.allowance import share
from surgekit.target.schema import Budget
from surgekit.target.step import Read

BUDGET: Final = "budget"
"""The reason of an order for which there was no budget."""
NO_BUDGET: Final = Read(ReplyClass.NOT_SENT, BUDGET)
"""In place of a reply to a submission that stayed here."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a submission stays here. ``for_good``: it would not fit either if all that is under way had had no effect."""

    why: str
    for_good: bool


@dataclass(slots=True)
class _Pot:
    """One limit. Spent for good, and under way."""

    most: int
    spent: Counter[str] = field(default_factory=Counter)
    pending: Counter[str] = field(default_factory=Counter)

    def has(self, what: str, amount: int) -> bool:
        return self.spent[what] + self.pending[what] + amount <= self.most

    def never_has(self, what: str, amount: int) -> bool:
        return self.spent[what] + amount > self.most


class Purse:
    """One engine's part of a budget; ``shard`` of ``shards``. Together they never have more than all of it.

    ``orders``: how many submissions this engine may send; None: its share of the budget's, where there is one. ``by_consent``: it is
    the owner's consent that allows no more.
    """

    def __init__(
        self, budget: Budget, prices: Mapping[str, int], shard: int = 0, shards: int = 1, *, orders: int | None = None, by_consent: bool = False
    ) -> None:  # fmt: skip
        self._prices = prices
        self._pots: dict[str, _Pot] = {}
        for name, most in (("orders", budget.orders), ("money_fen", budget.money_fen), ("units", budget.units)):
            if name == "orders" and orders is not None:
                self._pots[name] = _Pot(orders)
            elif most is not None:
                self._pots[name] = _Pot(share(most, shard, shards))
        self._by_consent = by_consent
        self._whose = f" for engine {shard + 1} of {shards}" if shards > 1 else ""

    @property
    def limited(self) -> bool:
        return bool(self._pots)

    def _costs(self, order: Order) -> dict[str, tuple[str, int]]:
        """Pot → (what in it, how much of that)."""
        return {"orders": ("", 1), "money_fen": ("", self._prices[order.sku] * order.qty), "units": (order.sku, order.qty)}

    def reserve(self, order: Order) -> Refusal | None:
        """Take in a submission of ``order`` that is about to leave. None where there is budget for it."""
        costs = self._costs(order)
        for name, pot in self._pots.items():
            what, amount = costs[name]
            if not pot.has(what, amount):
                return Refusal(self._words(name, pot, what, amount), pot.never_has(what, amount))
        for name, pot in self._pots.items():
            what, amount = costs[name]
            pot.pending[what] += amount
        return None

    def settle(self, order: Order, *, left: bool, harmless: bool) -> None:
        """What became of a submission that was reserved. ``left``: a byte of it did. ``harmless``: it provably had no effect."""
        for name, pot in self._pots.items():
            what, amount = self._costs(order)[name]
            pot.pending[what] -= amount
            if left if name == "orders" else not harmless:
                pot.spent[what] += amount

    def _words(self, name: str, pot: _Pot, what: str, amount: int) -> str:
        taken = pot.spent[what] + pot.pending[what]
        told = {
            "orders": f"{taken:,} submissions were sent",
            "money_fen": f"orders for {taken:,} fen were sent, and the next would have cost {amount:,}",
            "units": f"{taken:,} of {what} were ordered, and the next order was for {amount:,}",
        }
        limit = "the owner's consent" if name == "orders" and self._by_consent else f"safety.budget.{name}"
        return f"{limit} is used up: {told[name]}; there are {pot.most:,}{self._whose}"
