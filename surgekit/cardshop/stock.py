"""Three ways to sell a card. The whole lesson of the shop is in the difference between them.

                  at submit                     at delivery, after the buyer has paid
    naive         take every order              look for a free card, then mark it, whatever it has become since
    conditional   look whether there is stock   mark it only if it is still free, else take another
    reserve       take the card                 hand over the card that was taken

``naive`` sells the same card twice. ``naive`` and ``conditional`` take money for cards that do not exist, and have to
refund it. ``reserve`` says "sold out" before anybody has paid.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, text

from surgekit.cardshop.orders import Order, deliver, refund
from surgekit.cardshop.store import Store


class Strategy(Protocol):
    """What the shop does with its own cards. Goods of the supplier never come here."""

    def hold(self, conn: Connection, order: Order) -> bool:
        """At submit, inside the transaction that stores the order: whether the shop accepts it."""

    def hand_over(self, store: Store, order: Order) -> str:
        """At delivery, once, after payment: the order's new status, ``delivered`` or ``refunded``."""


_COUNT = text("SELECT count(*) FROM cardshop_cards WHERE sku = :sku AND status = 'unsold'")
_LOOK = text("SELECT id, code FROM cardshop_cards WHERE sku = :sku AND status = 'unsold' ORDER BY id LIMIT :qty")
_LOCK = text(f"{_LOOK.text} FOR UPDATE SKIP LOCKED")  # PostgreSQL: buyers pass by each other's cards
_MARK = text("UPDATE cardshop_cards SET status = 'sold', order_no = :order_no WHERE id = :id")
_MARK_IF_FREE = text(f"{_MARK.text} AND status = 'unsold'")
_RESERVE = text("UPDATE cardshop_cards SET status = 'reserved', order_no = :order_no WHERE id = :id")
_HAND_OVER = text(
    "UPDATE cardshop_cards SET status = 'sold' WHERE order_no = :order_no AND status = 'reserved' RETURNING id, code"
)


class Naive:
    """Accept first, filter later: what cannot be filled is found out when the card is looked for, after payment."""

    def hold(self, conn: Connection, order: Order) -> bool:  # noqa: ARG002 - it looks at neither
        return True

    def hand_over(self, store: Store, order: Order) -> str:
        with store.read() as conn:
            found = conn.execute(_LOOK, {"sku": order.sku, "qty": order.qty}).all()
        # Between these two blocks another buyer finds the same card.
        with store.write() as conn:
            if len(found) < order.qty:
                return refund(conn, order)
            for card in found:
                conn.execute(_MARK, {"id": card.id, "order_no": order.order_no})
            return deliver(conn, order, [card.code for card in found])


class ShortageError(Exception):
    """There are fewer free cards than were paid for."""


class Conditional:
    """Look at submit, and sell each card once."""

    def hold(self, conn: Connection, order: Order) -> bool:
        # Orders under way are not counted: a hundred buyers may all see the last card.
        return bool(conn.execute(_COUNT, {"sku": order.sku}).scalar_one() >= order.qty)

    def hand_over(self, store: Store, order: Order) -> str:
        try:
            with store.write() as conn:
                return deliver(conn, order, self._take(conn, order))
        except ShortageError:  # the transaction is rolled back: cards of an order that cannot be filled stay free
            with store.write() as conn:
                return refund(conn, order)

    def _take(self, conn: Connection, order: Order) -> list[str]:
        codes: list[str] = []
        while len(codes) < order.qty:
            free = conn.execute(_LOOK, {"sku": order.sku, "qty": order.qty - len(codes)}).all()
            if not free:
                raise ShortageError
            mine = (conn.execute(_MARK_IF_FREE, {"id": card.id, "order_no": order.order_no}).rowcount for card in free)
            codes += [card.code for card, rows in zip(free, mine, strict=True) if rows == 1]
        return codes


class Reserve:
    """The card is the buyer's from the moment of the order, until it expires unpaid."""

    def hold(self, conn: Connection, order: Order) -> bool:
        # SQLite has one writer at a time: nobody can take these cards between the two statements.
        pick = _LOCK if conn.dialect.name == "postgresql" else _LOOK
        cards = conn.execute(pick, {"sku": order.sku, "qty": order.qty}).all()
        if len(cards) < order.qty:
            return False
        for card in cards:
            conn.execute(_RESERVE, {"id": card.id, "order_no": order.order_no})
        return True

    def hand_over(self, store: Store, order: Order) -> str:
        with store.write() as conn:
            cards = sorted(conn.execute(_HAND_OVER, {"order_no": order.order_no}).all())
            return deliver(conn, order, [card.code for card in cards])


STRATEGIES: dict[str, type[Strategy]] = {"naive": Naive, "conditional": Conditional, "reserve": Reserve}
