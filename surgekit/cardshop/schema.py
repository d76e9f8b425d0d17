"""The tables. All money is integer fen, all times are seconds on ``surgekit.clock``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text, text

_KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite only numbers INTEGER keys by itself


def tables(*, dedupe: bool) -> MetaData:
    """Every table of the shop. With ``dedupe`` the database itself refuses a second order with the same key."""
    meta = MetaData()
    Table(
        "cardshop_skus",
        meta,
        Column("sku", String(64), primary_key=True),
        Column("name", Text, nullable=False),
        Column("price_fen", BigInteger, nullable=False),
        Column("supply", String(16), nullable=False),  # stock | supplier
    )
    Table(
        "cardshop_accounts",
        meta,
        Column("account", String(128), primary_key=True),
        Column("balance_fen", BigInteger, nullable=False),
    )
    cards = Table(
        "cardshop_cards",
        meta,
        Column("id", _KEY, primary_key=True),
        Column("sku", String(64), nullable=False),
        Column("code", Text, nullable=False),
        Column("status", String(16), nullable=False),  # unsold | reserved | sold
        Column("order_no", String(40)),
    )
    Index("cardshop_cards_free", cards.c.sku, cards.c.status, cards.c.id)
    Index("cardshop_cards_order", cards.c.order_no)
    orders = Table(
        "cardshop_orders",
        meta,
        Column("id", _KEY, primary_key=True),
        Column("order_no", String(40), nullable=False, unique=True),
        Column("order_key", String(128), nullable=False),
        Column("sku", String(64), nullable=False),
        Column("qty", Integer, nullable=False),
        Column("account", String(128), nullable=False),
        Column("status", String(20), nullable=False),
        Column("amount_fen", BigInteger, nullable=False),
        Column("charged_fen", BigInteger, nullable=False, server_default=text("0")),
        Column("charges", Integer, nullable=False, server_default=text("0")),
        Column("refunded_fen", BigInteger, nullable=False, server_default=text("0")),
        # What the buyer is shown, as a JSON list of codes.
        Column("cards", Text, nullable=False, server_default=text("'[]'")),
        Column("created_s", Double, nullable=False),
        Column("expires_s", Double),  # null: never
        Column("paid_s", Double),
        Column("delivered_s", Double),
    )
    Index("cardshop_orders_key", orders.c.order_key, unique=dedupe)
    # Only the orders that the expiry job looks for are in this index, so it stays small and cheap to keep.
    unpaid = text("status = 'pending_payment' AND expires_s IS NOT NULL")
    Index("cardshop_orders_unpaid", orders.c.expires_s, sqlite_where=unpaid, postgresql_where=unpaid)
    Table(
        "cardshop_payments",  # one row a payment that the gateway captured: a repeated notice finds its row taken
        meta,
        Column("trade_no", String(128), primary_key=True),
        Column("order_no", String(40), nullable=False),
        Column("money_fen", BigInteger, nullable=False),
        Column("at_s", Double, nullable=False),
    )
    return meta
