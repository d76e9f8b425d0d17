"""dujiao-next's files against its API: ``{"status_code": …}`` behind HTTP 200 for guests, HMAC and HTTP errors for other sites."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from shipped_shop import KEY, STAMP_MS, Buyer, epay_sign, header, said

from surgekit.model import ReplyClass as C
from surgekit.target.reading import Reply

NUMBER, GATEWAY_NUMBER = "DJ20261125123456123456", "DJP20261125123456654321"
PAY_URL = (
    f"http://127.0.0.1:1/submit.php?money=99.00&name=card&notify_url=http%3A%2F%2F127.0.0.1%2Fapi%2Fv1%2Fpayments%2Fcallback"
    f"&out_trade_no={GATEWAY_NUMBER}&pid=1000&sign=0123&sign_type=MD5&type=alipay"
)


def fine(data: Any) -> Reply:
    return said({"status_code": 0, "msg": "success", "data": data})


def wrong(code: int, msg: str) -> Reply:
    return said({"status_code": code, "msg": msg, "data": {"request_id": "01HR"}})


def order(status: str, payload: str | None = None) -> Reply:
    child: dict[str, Any] = {"order_no": f"{NUMBER}-01", "status": status}
    if payload is not None:
        child["fulfillment"] = {"type": "auto", "status": "delivered", "payload": payload}
    return fine({"order_no": NUMBER, "status": status, "total_amount": "99.00", "children": [child]})


@pytest.fixture
def guest() -> Buyer:
    return Buyer("dujiao-next")


def test_a_guests_order_has_the_key_in_its_address_and_numbers_as_numbers(guest: Buyer) -> None:
    sent = guest.sends(guest.plan.submit)
    assert (sent.method, sent.url) == ("POST", b"/api/v1/guest/orders")
    assert json.loads(sent.body) == {
        "email": f"{KEY}@example.invalid", "order_password": "surgekit-guest-pass", "items": [{"product_id": 1, "sku_id": 1, "quantity": 1}],
    }  # fmt: skip
    assert len(str(guest.values["vars.order_password"])) >= 12
    assert (header(sent, "accept-language"), header(sent, "x-forwarded-for")) == ("zh-CN", "10.0.0.7")
    assert guest.hears(guest.plan.submit, order("pending_payment")).kind is C.OK
    assert (guest.values["order_no"], guest.values["amount_fen"]) == (NUMBER, 9900)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (wrong(400, "卡密库存不足"), C.SOLD_OUT),
        (wrong(400, "人工库存不足"), C.SOLD_OUT),
        (wrong(429, "请求过于频繁，请在 300 秒后重试"), C.THROTTLED),
        (wrong(429, "待支付订单过多，请先完成或取消已有订单后再下单"), C.THROTTLED),
        (wrong(400, "商品不可用或已下架"), C.REFUSED),
        (wrong(500, "创建订单失败"), C.HIDDEN_ERROR),
        (fine(None), C.UNKNOWN),
    ],
)
def test_what_an_answer_to_an_order_means(guest: Buyer, reply: Reply, kind: C) -> None:
    assert guest.plan.submit.read(reply).kind is kind


def test_a_product_page_tells_whether_it_is_sold_out(guest: Buyer) -> None:
    quote = guest.plan.quote
    assert quote is not None
    assert guest.sends(quote).url == b"/api/v1/public/products/game-card-100"
    assert quote.read(fine({"slug": "game-card-100", "is_sold_out": False})).kind is C.OK
    assert quote.read(fine({"slug": "game-card-100", "is_sold_out": True})).kind is C.SOLD_OUT


def test_the_gateways_number_is_read_out_of_the_pay_address(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, order("pending_payment"))
    start, act = guest.plan.pay["gateway"]
    assert json.loads(guest.sends(start).body) == {
        "email": f"{KEY}@example.invalid", "order_password": "surgekit-guest-pass", "order_no": NUMBER, "channel_id": 1,
    }  # fmt: skip
    assert guest.hears(start, fine({"order_paid": False, "payment_id": 3001, "pay_url": PAY_URL})).kind is C.OK
    guest.values["gateway_act"] = "http://127.0.0.1:9/act"
    told = {"order_no": NUMBER, "amount": "99.00", "gateway_no": GATEWAY_NUMBER, "type": "alipay"}
    assert json.loads(guest.sends(act).body) == told
    assert start.read(fine({"order_paid": False, "payment_id": 3001, "qr_code": "weixin://"})).reason == "no_gateway_no"
    assert start.read(wrong(400, "订单状态不合法")).kind is C.REFUSED


def test_the_notice_bears_the_gateways_number_and_the_merchants(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, order("pending_payment"))
    method, place, told = guest.notice(9900, gateway_no=GATEWAY_NUMBER, type="alipay")
    assert (method, place) == ("GET", "/api/v1/payments/callback")
    assert (told["out_trade_no"], told["pid"], told["money"]) == (GATEWAY_NUMBER, "1000", "99.00")
    assert told["sign"] == epay_sign(told, "epay_key-of-the-test")
    assert guest.acked(200, "success")
    assert not guest.acked(200, "fail")


def test_cards_are_the_lines_of_the_childs_delivery(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, order("pending_payment"))
    poll = guest.plan.poll
    assert poll is not None
    sent = guest.sends(poll)
    assert sent.url == f"/api/v1/guest/orders/{NUMBER}".encode()
    scheme, _, told = (header(sent, "authorization") or "").partition(" ")
    assert (scheme, "=" in told) == ("Guest", False)
    assert urlsafe_b64decode(told + "==").decode() == f"{KEY}@example.invalid\nsurgekit-guest-pass"
    assert poll.read(order("paid")).values == {"status": "paid", "cards": None}
    assert poll.read(order("completed", "AAAA-1\nBBBB-2")).values == {"status": "completed", "cards": ["AAAA-1", "BBBB-2"]}
    assert poll.read(wrong(404, "未找到匹配的游客订单")).kind is C.REFUSED
    assert "completed" in guest.target.statuses.delivered


@pytest.fixture
def site() -> Buyer:
    return Buyer("dujiao-next-upstream")


def hmac_of(method: str, path: str, body: bytes) -> str:
    text = f"{method}\n{path}\n{STAMP_MS // 1000}\n{hashlib.md5(body, usedforsecurity=False).hexdigest()}"
    return hmac.new(b"api_secret-of-the-test", text.encode(), hashlib.sha256).hexdigest()


def test_a_sites_order_is_signed_over_method_path_second_and_body(site: Buyer) -> None:
    sent = site.sends(site.plan.submit)
    assert json.loads(sent.body) == {"sku_id": 1, "quantity": 1, "downstream_order_no": KEY}
    assert header(sent, "dujiao-next-api-key") == "api_key-of-the-test"
    assert header(sent, "dujiao-next-timestamp") == "1700000000"
    assert header(sent, "dujiao-next-signature") == hmac_of("POST", "/api/v1/upstream/orders", sent.body)


def test_a_look_at_a_sites_order_is_signed_with_no_body(site: Buyer) -> None:
    got = said({"ok": True, "order_id": 101, "order_no": NUMBER, "status": "paid", "amount": "95.00", "currency": "CNY"})
    assert site.hears(site.plan.submit, got).kind is C.OK
    assert site.values["amount_fen"] == 9500
    sent = site.sends(site.plan.poll)
    assert (sent.method, sent.url, sent.body) == ("GET", b"/api/v1/upstream/orders/101", b"")
    assert header(sent, "dujiao-next-signature") == hmac_of("GET", "/api/v1/upstream/orders/101", b"")
    done = {"ok": True, "order_id": 101, "status": "completed", "fulfillment": {"type": "auto", "status": "delivered", "payload": "AAAA-1"}}
    assert site.hears(site.plan.poll, said(done)).values == {"status": "completed", "cards": ["AAAA-1"]}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (said({"ok": False, "error_code": "insufficient_stock", "error_message": "x"}, 409), C.SOLD_OUT),
        (said({"ok": False, "error_code": "insufficient_balance", "error_message": "x"}, 402), C.REFUSED),
        (said({"ok": False, "error_code": "payment_failed", "order_id": 1, "order_no": NUMBER, "status": "canceled"}), C.REFUSED),
        (said({"ok": False, "error_code": "invalid_signature", "error_message": "x"}, 401), C.REFUSED),
        (said({"ok": False, "error_code": "internal_error", "error_message": "x"}, 500), C.HIDDEN_ERROR),
        (wrong(429, "请求过于频繁，请在 30 秒后重试"), C.THROTTLED),
    ],
)
def test_what_a_site_is_told(site: Buyer, reply: Reply, kind: C) -> None:
    assert site.plan.submit.read(reply).kind is kind
