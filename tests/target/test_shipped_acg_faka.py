"""acg-faka's files against its contract: form bodies, ``{"code": 200}``, errors as code 0 or as a page that says 200."""

from __future__ import annotations

import hashlib

import pytest
from shipped_shop import KEY, Buyer, epay_sign, fields, header, page, said

from surgekit.model import ReplyClass as C
from surgekit.target.reading import Reply

NUMBER = "123261125123456789"
NOT_FOUND = page("<!doctype html><html lang='zh-CN' data-state='missing'><head><title>页面没有找到</title></head><body></body></html>")
SORRY = "很抱歉，有人在你付款之前抢走了商品，请联系客服。"
TILL = f"""<!DOCTYPE html><html><head><title>请稍等</title></head><body><form action="http://127.0.0.1:1/submit.php" method="post" id="request">
<input type="text" name="pid" value="1000" hidden><input type="text" name="name" value="{NUMBER}" hidden>
<input type="text" name="type" value="alipay" hidden><input type="text" name="money" value="99" hidden>
<input type="text" name="out_trade_no" value="{NUMBER}" hidden>
<input type="text" name="notify_url" value="http://127.0.0.1:8080/user/api/order/callback.{NUMBER}" hidden></form></body></html>"""


def ordered(secret: str | None = None) -> Reply:
    data = {"url": f"/user/pay/order.{NUMBER}.2", "amount": 99.0, "tradeNo": NUMBER, "secret": secret, "leave_message": None, "stock": "12"}
    return said({"code": 200, "msg": "下单成功", "data": data})


def no(msg: str) -> Reply:
    return said({"code": 0, "msg": msg})


@pytest.fixture
def guest() -> Buyer:
    return Buyer("acg-faka")


def test_a_guests_order_is_a_form_that_names_the_buyer_by_the_orders_key(guest: Buyer) -> None:
    sent = guest.sends(guest.plan.submit)
    assert (sent.method, sent.url) == ("POST", b"/user/api/order/trade")
    assert fields(sent.body) == {"item_id": "1", "num": "1", "race": "", "contact": KEY, "pay_id": "2"}
    assert header(sent, "content-type") == "application/x-www-form-urlencoded"
    assert header(sent, "x-forwarded-for") == "10.0.0.7"
    assert guest.hears(guest.plan.submit, ordered()).kind is C.OK
    assert (guest.values["order_no"], guest.values["amount_fen"]) == (NUMBER, 9900)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (no("库存不足"), C.SOLD_OUT),
        (no("请求过于频繁，请稍后再试"), C.THROTTLED),
        (no("当前商品已停售"), C.REFUSED),
        (no("验证码错误"), C.REFUSED),
        (no("The current session is not secure. Please refresh the web page and try again."), C.REFUSED),
        (no("连接失败, 疑似被对方防火墙拦截"), C.HIDDEN_ERROR),
        (NOT_FOUND, C.HIDDEN_ERROR),
        (said({"code": 200, "msg": "下单成功", "data": {"amount": 99.0, "url": "/x"}}), C.UNKNOWN),
        (page("<html>nginx</html>", 502), C.UNKNOWN),
    ],
)
def test_what_an_answer_to_an_order_means(guest: Buyer, reply: Reply, kind: C) -> None:
    assert guest.plan.submit.read(reply).kind is kind


def test_a_product_page_tells_whether_there_is_one_left(guest: Buyer) -> None:
    assert guest.sends(guest.plan.quote).url == b"/user/api/index/commodityDetail?commodityId=1"
    quote = guest.plan.quote
    assert quote is not None
    assert quote.read(said({"code": 200, "msg": "success", "data": {"stock": "7", "stock_state": 2}})).kind is C.OK
    assert quote.read(said({"code": 200, "msg": "success", "data": {"stock": "已售罄", "stock_state": 0}})).kind is C.SOLD_OUT


def test_the_till_is_a_page_whose_form_tells_the_amount(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, ordered())
    look, act = guest.plan.pay["gateway"]
    assert guest.sends(look).url == f"/user/pay/order.{NUMBER}.2".encode()
    assert look.read(NOT_FOUND).kind is C.HIDDEN_ERROR
    assert guest.hears(look, page(TILL)).kind is C.OK
    guest.values["gateway_act"] = "http://127.0.0.1:9/act"
    assert guest.sends(act).body.decode() == f'{{"order_no":"{NUMBER}","amount":"99","type":"alipay","title":"{NUMBER}"}}'


def test_the_notice_goes_to_the_orders_own_callback(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, ordered())
    method, place, told = guest.notice(9900, type="alipay", title=NUMBER)
    assert (method, place) == ("GET", f"/user/api/order/callback.{NUMBER}")
    assert {name: told[name] for name in ("out_trade_no", "money", "trade_status", "pid")} == {
        "out_trade_no": NUMBER, "money": "99.00", "trade_status": "TRADE_SUCCESS", "pid": "1000",
    }  # fmt: skip
    assert told["sign"] == epay_sign(told, "epay_key-of-the-test")
    assert guest.acked(200, "success")
    assert not guest.acked(200, '{"code":0,"msg":"fail"}')


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (no("订单还未支付"), C.QUEUED),
        (no("请求过于频繁，请稍后再试"), C.THROTTLED),
        (no("未查询到相关信息"), C.REFUSED),
        (said({"code": 200, "data": {"secret": SORRY, "widget": None}}), C.PAID_UNDELIVERED),
        (said({"code": 200, "data": {"secret": "正在发货中，请耐心等待，如有疑问，请联系客服。", "widget": None}}), C.QUEUED),
        (NOT_FOUND, C.HIDDEN_ERROR),
    ],
)
def test_what_a_look_without_a_card_means(guest: Buyer, reply: Reply, kind: C) -> None:
    assert guest.plan.poll is not None
    assert guest.plan.poll.read(reply).kind is kind


def test_cards_are_the_lines_of_the_secret(guest: Buyer) -> None:
    guest.hears(guest.plan.submit, ordered())
    assert fields(guest.sends(guest.plan.poll).body) == {"tradeNo": NUMBER, "password": ""}
    read = guest.hears(guest.plan.poll, said({"code": 200, "data": {"secret": "AAAA-1\nBBBB-2", "widget": None, "leave_message": ""}}))
    assert (read.kind, read.values) == (C.OK, {"status": "delivered", "cards": ["AAAA-1", "BBBB-2"]})


@pytest.fixture
def member() -> Buyer:
    buyer = Buyer("acg-faka-members")
    buyer.values |= {"account.account": "张三", "account.password": "p&ss w0rd"}
    return buyer


def test_a_member_logs_in_once_and_comes_from_the_shop_itself(member: Buyer) -> None:
    (login,) = member.plan.setup
    sent = member.sends(login)
    assert (sent.url, fields(sent.body)) == (b"/user/api/authentication/login", {"username": "张三", "password": "p&ss w0rd"})
    assert header(sent, "referer") == "http://127.0.0.1:8080/"
    assert login.read(said({"code": 200, "msg": "登录成功", "data": []})).kind is C.OK
    assert login.read(no("密码错误")).kind is C.REFUSED
    assert member.target.jar == "account"


@pytest.mark.parametrize(("way", "pay_id"), [("balance", "1"), ("gateway", "2")])
def test_a_member_says_in_the_order_how_it_is_paid(member: Buyer, way: str, pay_id: str) -> None:
    member.values |= {f"way.{name}": value for name, value in member.target.ways[way].items()}  # type: ignore[index]
    told = fields(member.sends(member.plan.submit).body)
    assert (told["pay_id"], told["request_no"]) == (pay_id, KEY)
    assert "contact" not in told
    assert len(member.plan.pay[way]) == {"balance": 0, "gateway": 2}[way]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ordered("AAAA-1"), C.OK),
        (ordered(SORRY), C.PAID_UNDELIVERED),
        (no("余额不足"), C.REFUSED),
        (no("请先登录后再购买哦"), C.REFUSED),
        (no("The request ID already exists"), C.UNKNOWN),
    ],
)
def test_what_a_member_is_told(member: Buyer, reply: Reply, kind: C) -> None:
    assert member.plan.submit.read(reply).kind is kind


@pytest.fixture
def dealer() -> Buyer:
    return Buyer("acg-faka-shared")


def test_a_dealers_order_is_signed_as_php_would(dealer: Buyer) -> None:
    sent = dealer.sends(dealer.plan.submit)
    told = fields(sent.body)
    assert (sent.url, told["request_no"], told["shared_code"]) == (b"/shared/commodity/trade", KEY, "A1B2C3D4E5F60001")
    text = "&".join(f"{name}={told[name]}" for name in sorted(told) if name != "sign" and told[name]) + "&key=app_key-of-the-test"
    assert told["sign"] == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert "race" not in text


def test_a_dealer_pays_with_the_order_and_reads_the_cards_by_its_number(dealer: Buyer) -> None:
    assert dealer.hears(dealer.plan.submit, ordered("AAAA-1")).kind is C.OK
    assert dealer.plan.pay == {"balance": (), "gateway": ()}
    assert fields(dealer.sends(dealer.plan.poll).body)["tradeNo"] == NUMBER
    read = dealer.hears(dealer.plan.poll, said({"code": 200, "msg": "success", "data": {"secret": "AAAA-1", "widget": None, "status": 1}}))
    assert (read.kind, read.values) == (C.OK, {"status": "1", "cards": ["AAAA-1"]})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (no("库存不足"), C.SOLD_OUT),
        (no("余额不足"), C.REFUSED),
        (no("密钥错误"), C.REFUSED),
        (no("The request ID already exists"), C.UNKNOWN),
        (ordered(SORRY), C.PAID_UNDELIVERED),
        (NOT_FOUND, C.HIDDEN_ERROR),
    ],
)
def test_what_a_dealer_is_told(dealer: Buyer, reply: Reply, kind: C) -> None:
    assert dealer.plan.submit.read(reply).kind is kind
