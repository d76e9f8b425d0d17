"""The life of an order: every change of its status is one statement here, and says what it may follow.

    pending_payment ──▶ paid ──▶ fulfilling ──▶ delivered
          │               └──────────┴───┬────▶ refunded      (to the account's balance)
          └──▶ expired ──────────────────┘└───▶ abnormal      (paid, and nobody knows where the card is)

Each function works inside the caller's transaction and raises ``Refusal`` for what the buyer did wrong.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from surgekit import clock
from surgekit.cardshop.reply import Code, Refusal
from surgekit.cardshop.store import Store


class Order(NamedTuple):
    """What payment and delivery need to know about an order."""

    order_no: str
    sku: str
    qty: int
    account: str
    amount_fen: int


Hold = Callable[[Connection, Order], bool]

_INSERT = text(
    "INSERT INTO cardshop_orders (order_no, order_key, sku, qty, account, status, amount_fen, created_s, expires_s)"
    " VALUES (:order_no, :order_key, :sku, :qty, :account, 'pending_payment', :amount_fen, :now, :expires_s)"
)
_BY_KEY = text(
    "SELECT order_no, sku, qty, account, amount_fen, status FROM cardshop_orders WHERE order_key = :order_key"
)
_BY_NO = text("SELECT order_no, sku, qty, account, amount_fen, status FROM cardshop_orders WHERE order_no = :order_no")
_PAYABLE = text(
    "SELECT order_no, sku, qty, account, amount_fen FROM cardshop_orders WHERE order_no = :order_no"
    " AND status = 'pending_payment' AND account = :account AND (expires_s IS NULL OR expires_s > :now)"
)
_CHARGE = text(
    "UPDATE cardshop_orders SET status = 'paid', charged_fen = charged_fen + amount_fen, charges = charges + 1,"
    " paid_s = :now WHERE order_no = :order_no AND status = 'pending_payment'"
)
_CHARGE_BALANCE = text(
    f"{_CHARGE.text} AND account = :account AND (expires_s IS NULL OR expires_s > :now)"
    " RETURNING order_no, sku, qty, account, amount_fen"
)
_CHARGE_GATEWAY = text(f"{_CHARGE.text} RETURNING order_no, sku, qty, account, amount_fen")
_DEBIT = text(
    "UPDATE cardshop_accounts SET balance_fen = balance_fen - :fen WHERE account = :account AND balance_fen >= :fen"
)
_CREDIT = text("UPDATE cardshop_accounts SET balance_fen = balance_fen + :fen WHERE account = :account")
_PAYMENT = text(
    "INSERT INTO cardshop_payments (trade_no, order_no, money_fen, at_s) VALUES (:trade_no, :order_no, :fen, :now)"
)
_RETURN_PAYMENT = text(
    "UPDATE cardshop_orders SET charged_fen = charged_fen + :fen, charges = charges + 1,"
    " refunded_fen = refunded_fen + :fen, paid_s = coalesce(paid_s, :now),"
    " status = CASE WHEN status = 'expired' THEN 'refunded' ELSE status END WHERE order_no = :order_no"
)
_START = text("UPDATE cardshop_orders SET status = 'fulfilling' WHERE order_no = :order_no AND status = 'paid'")
_DELIVER = text(
    "UPDATE cardshop_orders SET status = 'delivered', cards = :cards, delivered_s = :now"
    " WHERE order_no = :order_no AND status IN ('paid', 'fulfilling', 'abnormal')"
)
_REFUND = text(
    "UPDATE cardshop_orders SET status = 'refunded', refunded_fen = refunded_fen + :fen"
    " WHERE order_no = :order_no AND status IN ('paid', 'fulfilling', 'abnormal')"
)
_PARK = text(
    "UPDATE cardshop_orders SET status = 'abnormal' WHERE order_no = :order_no AND status IN ('paid', 'fulfilling')"
)
_OVERDUE = text(
    "SELECT order_no FROM cardshop_orders WHERE status = 'pending_payment' AND expires_s IS NOT NULL"
    " AND expires_s <= :now LIMIT 100"
)
_EXPIRE = text(
    "UPDATE cardshop_orders SET status = 'expired' WHERE order_no = :order_no AND status = 'pending_payment'"
)
_FREE = text(
    "UPDATE cardshop_cards SET status = 'unsold', order_no = NULL WHERE order_no = :order_no AND status = 'reserved'"
)


def new_order_no() -> str:
    """``C`` and 16 capital letters or digits, never given twice."""
    return "C" + base64.b32encode(secrets.token_bytes(10)).decode()


def submit(store: Store, order: Order, order_key: str, hold: Hold | None, reserve_s: float | None) -> tuple[Order, str]:
    """Store ``order`` if ``hold`` (of the stock strategy) accepts it, and when it expires unless it is paid.

    Returns the order and its status; with dedupe, that may be the earlier order with the same key.
    """
    now = clock.now()
    row = {
        **order._asdict(),
        "order_key": order_key,
        "now": now,
        "expires_s": None if reserve_s is None else now + reserve_s,
    }
    try:
        with store.write() as conn:
            conn.execute(_INSERT, row)
            if hold is not None and not hold(conn, order):
                raise Refusal(Code.SOLD_OUT, f"{order.sku} is sold out")
    except IntegrityError:
        return _earlier(store, order, order_key)
    return order, "pending_payment"


def _earlier(store: Store, order: Order, order_key: str) -> tuple[Order, str]:
    with store.read() as conn:
        *fields, status = conn.execute(_BY_KEY, {"order_key": order_key}).one()
    earlier = Order(*fields)
    if earlier._replace(order_no=order.order_no) != order:
        raise Refusal(Code.BAD_REQUEST, "order_key was used for another order")
    return earlier, status


def find(conn: Connection, order_no: str) -> tuple[Order, str]:
    """The order and its status. Raises ``Refusal`` (not found)."""
    # What cannot be an order number is not asked for: PostgreSQL would choke on a NUL.
    row = conn.execute(_BY_NO, {"order_no": order_no}).one_or_none() if order_no.isalnum() else None
    if row is None:
        raise Refusal(Code.NOT_FOUND, "there is no such order")
    *fields, status = row
    return Order(*fields), status


def payable(conn: Connection, order_no: str, account: str) -> Order:
    """The order, if this account may still pay it. Raises ``Refusal``."""
    row = conn.execute(_PAYABLE, {"order_no": order_no, "account": account, "now": clock.now()}).one_or_none()
    if row is None:
        raise not_payable(conn, order_no, account)
    return Order(*row)


def not_payable(conn: Connection, order_no: str, account: str) -> Refusal:
    """Why a payment found no order that it could pay."""
    order, status = find(conn, order_no)
    if order.account != account:
        return Refusal(Code.WRONG_ACCOUNT, "the order belongs to another account")
    return Refusal(Code.NOT_PAYABLE, f"the order is {'expired' if status == 'pending_payment' else status}")


def charge_balance(conn: Connection, order_no: str, account: str) -> Order:
    """Take the order's amount from the account's balance, once."""
    row = conn.execute(_CHARGE_BALANCE, {"order_no": order_no, "account": account, "now": clock.now()}).one_or_none()
    if row is None:
        raise not_payable(conn, order_no, account)
    order = Order(*row)
    if conn.execute(_DEBIT, {"fen": order.amount_fen, "account": account}).rowcount != 1:
        raise Refusal(Code.BALANCE_TOO_LOW, "the balance is too low")
    return order


def charge_gateway(conn: Connection, order_no: str, trade_no: str, fen: int) -> Order | None:
    """Record a payment that the gateway captured. ``None``: the order no longer waits for it, so the money goes back.

    An overdue order whose cards are still reserved is paid all the same: the money is there, and so are the cards.
    Raises ``IntegrityError`` if ``trade_no`` was recorded before.
    """
    now = clock.now()
    conn.execute(_PAYMENT, {"trade_no": trade_no, "order_no": order_no, "fen": fen, "now": now})
    row = conn.execute(_CHARGE_GATEWAY, {"order_no": order_no, "now": now}).one_or_none()
    if row is not None:
        return Order(*row)
    order, _ = find(conn, order_no)
    conn.execute(_RETURN_PAYMENT, {"order_no": order_no, "fen": fen, "now": now})
    conn.execute(_CREDIT, {"fen": fen, "account": order.account})
    return None


def start(conn: Connection, order: Order) -> None:
    """The supplier is about to be asked."""
    conn.execute(_START, {"order_no": order.order_no})


def deliver(conn: Connection, order: Order, codes: Sequence[str]) -> str:
    """Show the cards to the buyer, once. A number of cards that was not ordered goes to a human (``abnormal``)."""
    if len(codes) != order.qty:
        return park(conn, order)
    row = {"order_no": order.order_no, "cards": orjson.dumps(codes).decode(), "now": clock.now()}
    return _after(conn, order, conn.execute(_DELIVER, row).rowcount, "delivered")


def refund(conn: Connection, order: Order) -> str:
    """Give what the order cost back to the account's balance, once."""
    done = conn.execute(_REFUND, {"order_no": order.order_no, "fen": order.amount_fen}).rowcount
    if done:
        conn.execute(_CREDIT, {"fen": order.amount_fen, "account": order.account})
    return _after(conn, order, done, "refunded")


def park(conn: Connection, order: Order) -> str:
    """Leave the order to a human: it is paid, and what became of its card is not known."""
    return _after(conn, order, conn.execute(_PARK, {"order_no": order.order_no}).rowcount, "abnormal")


def _after(conn: Connection, order: Order, rows: int, wanted: str) -> str:
    return wanted if rows else find(conn, order.order_no)[1]


def expire_overdue(store: Store) -> int:
    """Free the cards of up to 100 orders that nobody paid in time. Returns how many there were."""
    with store.read() as conn:
        overdue = conn.execute(_OVERDUE, {"now": clock.now()}).scalars().all()
    if overdue:
        with store.write() as conn:
            for order_no in overdue:
                if conn.execute(_EXPIRE, {"order_no": order_no}).rowcount:
                    conn.execute(_FREE, {"order_no": order_no})
    return len(overdue)
