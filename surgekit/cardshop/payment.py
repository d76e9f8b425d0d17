"""Paying: from the balance, or through the gateway and its notice (the "epay" dialect)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from sqlalchemy.exc import IntegrityError

from surgekit.cardshop import orders
from surgekit.cardshop.bodies import PayBody
from surgekit.cardshop.reply import Code, Refusal
from surgekit.cardshop.shop import Shop
from surgekit.signing import form_sign_ok, form_signed

PID = "1001"
_YUAN = re.compile(r"(\d{1,12})(?:\.(\d{1,2}))?")


def pay(shop: Shop, body: PayBody) -> dict[str, str]:
    """Take the balance and deliver, or say where the buyer is to pay."""
    if body.method == "balance":
        with shop.store.write() as conn:
            order = orders.charge_balance(conn, body.order_no, body.account)
        return {"order_no": order.order_no, "status": shop.fulfilment.after_payment(order)}
    if shop.settings.gateway_url is None:
        raise Refusal(Code.BAD_REQUEST, "this shop has no payment gateway")
    with shop.store.read() as conn:
        order = orders.payable(conn, body.order_no, body.account)
    return {"order_no": order.order_no, "status": "pending_payment", "pay_url": pay_url(shop, order)}


def pay_url(shop: Shop, order: orders.Order) -> str:
    """The signed address at the gateway for this order."""
    params = {
        "pid": PID,
        "out_trade_no": order.order_no,
        "notify_url": f"{shop.url}/callback/gateway",
        "money": yuan(order.amount_fen),
        "name": order.sku,
        "type": "alipay",
    }
    return f"{shop.settings.gateway_url}/pay?{urlencode(form_signed(params, shop.settings.gateway_key))}"


def gateway_notice(shop: Shop, params: Mapping[str, str]) -> bool:
    """Whether the notice is acknowledged. A repeated one is, and changes nothing.

    Money that comes too late, or a second time, goes to the account's balance.
    """
    key = shop.settings.gateway_key
    if not key or not form_sign_ok(params, key) or params.get("trade_status") != "TRADE_SUCCESS":
        return False
    paid = fen(params.get("money", ""))
    trade_no, order_no = params.get("trade_no", ""), params.get("out_trade_no", "")
    if paid is None or not trade_no.isprintable() or not 0 < len(trade_no) <= 128:
        return False
    try:
        with shop.store.write() as conn:
            if orders.find(conn, order_no)[0].amount_fen != paid:
                return False
            order = orders.charge_gateway(conn, order_no, trade_no, paid)
    except (IntegrityError, Refusal) as problem:
        return isinstance(problem, IntegrityError)  # this payment is known | this order is not
    if order is not None:
        shop.fulfilment.after_payment(order)
    return True


def supplier_notice(shop: Shop, params: Mapping[str, str]) -> bool:
    """Whether the supplier's callback is acknowledged. Cards are shown once, whoever brings them first."""
    if shop.supplier is None or not shop.settings.supplier_key or not shop.supplier.signed(params):
        return False
    order_no = params.get("out_order_no", "").removesuffix("-2")  # the naive second purchase
    codes = [code for code in params.get("cards", "").split(",") if code]
    if not all(code.isprintable() for code in codes):
        return False
    status = params.get("status")
    try:
        with shop.store.write() as conn:
            order, _ = orders.find(conn, order_no)
            if status == "success":
                orders.deliver(conn, order, codes)
            elif status == "failed":
                orders.refund(conn, order)
    except Refusal:
        return False
    return True


def yuan(amount_fen: int) -> str:
    """``1234`` fen as ``12.34``."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def fen(money: str) -> int | None:
    """``12.34`` as ``1234`` fen; ``None`` for anything that is not an amount."""
    match = _YUAN.fullmatch(money)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else None
