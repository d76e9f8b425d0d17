"""The epay notice of each shipped shop, and the smallest target that has one, against the dialect as it is published."""

from __future__ import annotations

import pytest
from shipped_shop import Buyer, epay_sign, said

from surgekit.model import ReplyClass as C

ORDERED = said({"code": 0, "data": {"order_no": "T1", "amount": "99.00"}})


@pytest.fixture
def buyer() -> Buyer:
    buyer = Buyer("epay")
    buyer.hears(buyer.plan.submit, ORDERED)
    return buyer


def test_order_pay_and_look(buyer: Buyer) -> None:
    assert buyer.values["amount_fen"] == 9900
    act = buyer.plan.pay["gateway"][0]
    buyer.values["gateway_act"] = "http://127.0.0.1:9/act"
    sent = buyer.sends(act)
    assert (sent.method, sent.url, sent.body) == ("POST", b"http://127.0.0.1:9/act", b'{"order_no":"T1","amount":"99.00","title":"T1"}')
    assert buyer.hears(act, said({"code": 1, "trade_no": "G1"})).kind is C.OK
    assert buyer.sends(buyer.plan.poll).url == b"/api/orders/T1"
    read = buyer.hears(buyer.plan.poll, said({"code": 0, "data": {"status": "delivered", "cards": ["AAAA-1"]}}))
    assert (read.kind, read.values) == (C.OK, {"status": "delivered", "cards": ["AAAA-1"]})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"code": 400, "message": "库存不足"}, C.SOLD_OUT),
        ({"code": 400, "message": "no such card"}, C.REFUSED),
        ({"code": 429, "message": "slow down"}, C.THROTTLED),
        ({"code": 500, "message": "oops"}, C.UNKNOWN),
    ],
)
def test_what_a_refusal_means(buyer: Buyer, reply: dict[str, object], kind: C) -> None:
    assert buyer.plan.submit.read(said(reply)).kind is kind


def test_the_notice_is_a_signed_get_with_the_dialects_own_names(buyer: Buyer) -> None:
    method, place, told = buyer.notice(9900, title="T1")
    assert (method, place) == ("GET", "/pay/epay/notify")
    assert told == {
        "pid": "1000", "trade_no": "G0000000001", "out_trade_no": "T1", "type": "alipay", "name": "T1", "money": "99.00",
        "trade_status": "TRADE_SUCCESS", "sign": epay_sign(told, "epay_key-of-the-test"), "sign_type": "MD5",
    }  # fmt: skip


@pytest.mark.parametrize(("status", "body", "acked"), [
    (200, "success", True), (200, " success\n", True), (200, "fail", False), (200, "success!", False), (200, "SUCCESS", False),
    (200, '{"code":0,"msg":"fail"}', False), (500, "success", False),
])  # fmt: skip
def test_only_the_word_itself_acknowledges(buyer: Buyer, status: int, body: str, acked: bool) -> None:
    assert buyer.acked(status, body) is acked
