"""What can be read: catalogue, quotes, orders, stock, and the ledger that an audit compares with what buyers saw."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row, text

from surgekit.cardshop.bodies import LedgerQuery, QuoteBody
from surgekit.cardshop.reply import Code, Refusal
from surgekit.cardshop.seed import Sku
from surgekit.cardshop.shop import Shop

SUPPLIER_STOCK = 999_999

_BY_STATUS = text("SELECT sku, status, count(*) FROM cardshop_cards GROUP BY sku, status")
_FREE = text("SELECT count(*) FROM cardshop_cards WHERE sku = :sku AND status = 'unsold'")
_FIELDS = "order_no, order_key, sku, qty, status, amount_fen, charged_fen, refunded_fen, cards"
_ORDER = text(f"SELECT {_FIELDS} FROM cardshop_orders WHERE order_no = :order_no")  # noqa: S608 - constants only
_ORDERS = text(f"SELECT {_FIELDS} FROM cardshop_orders WHERE order_key = :order_key ORDER BY id")  # noqa: S608
_LEDGER = text(
    f"SELECT id, {_FIELDS}, account, charges, created_s, paid_s, delivered_s"  # noqa: S608
    " FROM cardshop_orders WHERE id > :after ORDER BY id LIMIT :limit"
)


def known_sku(shop: Shop, sku: str) -> Sku:
    """The sku of this name. Raises ``Refusal`` (not found)."""
    found = shop.skus.get(sku)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no sku {sku}")
    return found


def stock(shop: Shop) -> dict[str, dict[str, int]]:
    """``{sku: {total, unsold, reserved, sold}}`` of the shop's own cards."""
    figures = {
        sku.sku: {"total": 0, "unsold": 0, "reserved": 0, "sold": 0}
        for sku in shop.skus.values()
        if sku.supply == "stock"
    }
    with shop.store.read() as conn:
        for sku, status, count in conn.execute(_BY_STATUS):
            figures[sku][status] = count
            figures[sku]["total"] += count
    return figures


def catalogue(shop: Shop) -> list[dict[str, Any]]:
    """Everything for sale."""
    figures = stock(shop)
    return [
        {
            "sku": sku.sku,
            "name": sku.name,
            "price_fen": sku.price_fen,
            "supply": sku.supply,
            "available": figures[sku.sku]["unsold"] if sku.supply == "stock" else _from_supplier(shop),
        }
        for sku in shop.skus.values()
    ]


def quote(shop: Shop, body: QuoteBody) -> dict[str, Any]:
    """The price of ``qty`` pieces, and how many there are."""
    sku = known_sku(shop, body.sku)
    available = _from_supplier(shop)
    if sku.supply == "stock":
        with shop.store.read() as conn:
            available = conn.execute(_FREE, {"sku": sku.sku}).scalar_one()
    return {"sku": sku.sku, "qty": body.qty, "amount_fen": sku.price_fen * body.qty, "available": available}


def order(shop: Shop, order_no: str) -> dict[str, Any]:
    """One order as its buyer sees it."""
    row = None
    if order_no.isalnum():
        with shop.store.read() as conn:
            row = conn.execute(_ORDER, {"order_no": order_no}).one_or_none()
    if row is None:
        raise Refusal(Code.NOT_FOUND, "there is no such order")
    return _shown(row)


def orders_of_key(shop: Shop, order_key: str) -> list[dict[str, Any]]:
    """Every order with this key; without dedupe there may be several."""
    with shop.store.read() as conn:
        return [_shown(row) for row in conn.execute(_ORDERS, {"order_key": order_key})]


def ledger(shop: Shop, query: LedgerQuery) -> dict[str, Any]:
    """``{"rows": […], "next": id | null}``: orders by ascending id after ``query.after``."""
    with shop.store.read() as conn:
        rows = [_shown(row) for row in conn.execute(_LEDGER, {"after": query.after, "limit": query.limit})]
    return {"rows": rows, "next": rows[-1]["id"] if len(rows) == query.limit else None}


def _from_supplier(shop: Shop) -> int:
    return SUPPLIER_STOCK if shop.supplier is not None else 0


def _shown(row: Row[Any]) -> dict[str, Any]:
    shown = row._asdict()
    shown["cards"] = orjson.Fragment(shown["cards"])  # it is JSON already
    return shown
