"""What a locustfile may import from SurgeKit: the order that is due just now.

    from surgekit.adapter import order

    @task
    def buy(self):
        reply = self.client.post("/orders", json={"key": order.key, "sku": order.sku or "card-50"}).json()
        order.accepted(reply["no"], amount_fen=reply["amount"])
        ...
        order.confirmed(cards=reply["cards"])

Under plain ``locust`` there is no such order: ``order`` is false, its words are empty, and what it is told goes nowhere. So one
file serves both. Where the locustfile tells nothing, an order whose task ended well counts as confirmed. Once it has said
``accepted`` or ``paid``, only ``confirmed`` confirms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol


class Desk(Protocol):
    """Where the words of one order are taken in. ``values``: its names, as target files have them (``order.sku``)."""

    values: Mapping[str, Any]

    def accepted(self, order_no: str | None, amount_fen: int | None) -> None: ...

    def paid(self) -> None: ...

    def confirmed(self, cards: list[str]) -> None: ...

    def rejected(self, reason: str) -> None: ...

    def unknown(self, reason: str) -> None: ...


desk: ContextVar[Desk | None] = ContextVar("desk", default=None)
"""The desk of the running greenlet's order. SurgeKit sets it; greenlets that a task spawns have it too."""


class Handle:
    """The order of the running greenlet. False outside of one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return desk.get() is not None

    def value(self, name: str, default: Any = None) -> Any:
        """What a target file calls ``name``, such as ``account.password``, ``product.path`` or ``vars.pay_code``."""
        here = desk.get()
        return default if here is None else here.values.get(name, default)

    @property
    def key(self) -> str:
        """Of this order and no other. Send it where the platform keeps it, and the audit finds the order in the ledger."""
        return str(self.value("order.key", ""))

    @property
    def seq(self) -> int:
        return int(self.value("order.seq", 0))

    @property
    def sku(self) -> str:
        return str(self.value("order.sku", ""))

    @property
    def qty(self) -> int:
        return int(self.value("order.qty", 1))

    @property
    def price_fen(self) -> int:
        """Of one unit, as the target file has it."""
        return int(self.value("order.price_fen", 0))

    @property
    def total_fen(self) -> int:
        return int(self.value("order.total_fen", 0))

    @property
    def pay_by(self) -> str:
        """``balance`` or ``gateway``."""
        return str(self.value("order.pay_by", ""))

    @property
    def buyer_class(self) -> str:
        return str(self.value("order.buyer_class", ""))

    @property
    def buyer_account(self) -> str:
        return str(self.value("buyer.account", ""))

    @property
    def buyer_name(self) -> str:
        return str(self.value("buyer.name", ""))

    @property
    def buyer_phone(self) -> str:
        return str(self.value("buyer.phone", ""))

    @property
    def buyer_email(self) -> str:
        return str(self.value("buyer.email", ""))

    def accepted(self, order_no: object = None, amount_fen: int | None = None) -> None:
        """The platform took the order: its number there, and what it asks for it."""
        if (here := desk.get()) is not None:
            here.accepted(None if order_no is None else str(order_no), amount_fen)

    def paid(self) -> None:
        """The platform knows of the payment."""
        if (here := desk.get()) is not None:
            here.paid()

    def confirmed(self, cards: Iterable[object] | str = ()) -> None:
        """The buyer has the goods, now. ``cards``: the codes that were shown; only keyed digests of them are kept."""
        if (here := desk.get()) is not None:
            here.confirmed([cards] if isinstance(cards, str) else [str(card) for card in cards])

    def rejected(self, reason: str = "sold_out") -> None:
        """The platform turned the order away, without effect and by design: ``sold_out``, ``throttled``, ``refused``."""
        if (here := desk.get()) is not None:
            here.rejected(str(reason))

    def unknown(self, reason: str) -> None:
        """Nobody knows what became of the order."""
        if (here := desk.get()) is not None:
            here.unknown(str(reason))


order = Handle()
