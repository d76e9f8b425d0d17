"""dujiaoka's file against its pages: a token for each order, redirects for answers, errors as pages that say 200; in three themes."""

from __future__ import annotations

import pytest
from shipped_shop import KEY, Buyer, epay_sign, fields, page

from surgekit.model import ReplyClass as C
from surgekit.target.reading import Reply

NUMBER = "A1B2C3D4E5F6G7H8"
SHORT = "库存可使用卡密不足，请联系管理员核查"
TILL = f"""<form id='alipaysubmit' name='alipaysubmit' action='http://127.0.0.1:1/submit.php' method='get'>
<input type='hidden' name='money' value='99'/><input type='hidden' name='name' value='{NUMBER}'/>
<input type='hidden' name='notify_url' value='http://127.0.0.1:8080/pay/yipay/notify_url'/>
<input type='hidden' name='out_trade_no' value='{NUMBER}'/><input type='hidden' name='pid' value='1000'/>
<input type='hidden' name='type' value='alipay'/><input type='submit' value=''></form><script>document.forms['alipaysubmit'].submit();</script>"""


def product(theme: str, left: int) -> str:
    shown = {
        "unicorn": f'<h6><small class="text-muted">库存：{left}</small></h6>',
        "luna": f'<span class="small-tips tips-green">自动发货</span><span class="small-tips tips-blue">库存({left})</span>',
        "hyper": f'<span class="badge badge-outline-primary">库存({left})</span>',
    }[theme]
    return (
        f'<html><body>{shown}<form action="http://127.0.0.1:8080/create-order" method="post">'
        f'<input type="hidden" name="_token" value="t0ken"><input type="hidden" name="gid" value="1"></form></body></html>'
    )


def wrong(theme: str, text: str) -> Reply:
    shown = {
        "unicorn": f'<h3>出现错误了哟~： </h3><div class="err-message text-center p-3"><h5>\n {text}\n</h5></div>',
        "luna": f'<div class="err_title">出现错误了哟~</div><div class="err_content">{text}</div>',
        "hyper": f'<h1 class="text-uppercase text-danger mt-3">{text}</h1>',
    }[theme]
    return page(f"<html><head><title>出现错误了哟~</title></head><body>{shown}</body></html>")


def order(theme: str, status: str, info: str) -> Reply:
    shown = {
        "unicorn": f'<label>订单类型：</label><span class="badge bg-success">自动发货</span><div class="mb-1">\n<label>订单状态：</label>\n'
        f'<span class="badge bg-success">{status}</span></div><textarea class="form-control" rows="5">{info}</textarea>',
        "luna": f'<li><strong>订单状态:</strong>\n\n<span class="small-tips tips-green">\n  {status}\n</span></li>'
        f'<textarea disabled spellcheck="false"\n class="order-info">{info}</textarea>',
        "hyper": f'<label>订单状态：</label>\n<span>\n   {status}\n </span><textarea class="form-control textarea-kami" rows="5">{info}</textarea>',
    }[theme]
    return page(f"<html><body>{shown}</body></html>")


THEMES = pytest.mark.parametrize("theme", ["unicorn", "luna", "hyper"])


@pytest.fixture
def buyer() -> Buyer:
    return Buyer("dujiaoka")


def ordered(buyer: Buyer) -> Buyer:
    buyer.hears(buyer.plan.prepare[0], page(product("unicorn", 5)))
    buyer.hears(buyer.plan.submit, page("", 302, location=f"http://127.0.0.1:8080/bill/{NUMBER}"))
    return buyer


@THEMES
def test_a_product_page_tells_what_is_left(buyer: Buyer, theme: str) -> None:
    quote = buyer.plan.quote
    assert quote is not None
    assert buyer.sends(quote).url == b"/buy/1"
    assert quote.read(page(product(theme, 10))).kind is C.OK
    assert quote.read(page(product(theme, 0))).kind is C.SOLD_OUT
    assert quote.read(wrong(theme, "该商品未上架！")).kind is C.REFUSED


@THEMES
def test_the_token_of_the_page_goes_into_the_order(buyer: Buyer, theme: str) -> None:
    assert buyer.hears(buyer.plan.prepare[0], page(product(theme, 10))).kind is C.OK
    sent = buyer.sends(buyer.plan.submit)
    assert (sent.method, sent.url, sent.follow) == ("POST", b"/create-order", False)
    told = {"_token": "t0ken", "gid": "1", "email": f"{KEY}@example.invalid", "by_amount": "1", "payway": "14"}
    assert fields(sent.body) == told


def test_the_order_number_is_in_the_redirect(buyer: Buyer) -> None:
    assert ordered(buyer).values["order_no"] == NUMBER


@THEMES
def test_what_another_answer_to_an_order_means(buyer: Buyer, theme: str) -> None:
    read = buyer.plan.submit.read
    assert read(wrong(theme, "库存不足")).kind is C.SOLD_OUT
    assert read(wrong(theme, "图形验证码错误")).kind is C.REFUSED


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (page("<title>Page Expired</title><div>419</div>", 419), C.REFUSED),
        (page("<title>Server Error</title>", 500), C.UNKNOWN),
        (page("", 302, location="http://127.0.0.1:8080/install"), C.UNKNOWN),
    ],
)
def test_what_is_no_answer_of_the_shops_own(buyer: Buyer, reply: Reply, kind: C) -> None:
    assert buyer.plan.submit.read(reply).kind is kind


def test_the_bill_leads_to_the_till_and_the_till_names_the_amount(buyer: Buyer) -> None:
    bill, till, act = ordered(buyer).plan.pay["gateway"]
    assert buyer.sends(bill).url == f"/bill/{NUMBER}".encode()
    link = f"http://127.0.0.1:8080/pay-gateway/%252Fpay%252Fyipay/alipay/{NUMBER}"
    assert buyer.hears(bill, page(f'<div class="pay-now"><a href="{link}" type="button">立即支付</a></div>')).kind is C.OK
    sent = buyer.sends(till)
    assert (sent.url.decode(), sent.follow) == (link, True)
    assert till.read(wrong("unicorn", "订单已经支付过了，请勿重复支付")).kind is C.REFUSED
    assert buyer.hears(till, page(TILL)).kind is C.OK
    assert (buyer.values["amount_fen"], buyer.values["money"]) == (9900, "99")
    buyer.values["gateway_act"] = "http://127.0.0.1:9/act"
    assert buyer.sends(act).body.decode() == f'{{"order_no":"{NUMBER}","amount":"99","type":"alipay","title":"{NUMBER}"}}'


def test_the_notice_is_a_get_to_the_handlers_address(buyer: Buyer) -> None:
    method, place, told = ordered(buyer).notice(9900, type="alipay", title=NUMBER)
    assert (method, place, told["out_trade_no"], told["money"]) == ("GET", "/pay/yipay/notify_url", NUMBER, "99.00")
    assert told["sign"] == epay_sign(told, "epay_key-of-the-test")
    assert buyer.acked(200, "success")
    assert not buyer.acked(500, "<title>Server Error</title>")


@THEMES
def test_status_and_cards_are_read_off_the_orders_page(buyer: Buyer, theme: str) -> None:
    poll = ordered(buyer).plan.poll
    assert poll is not None
    assert buyer.sends(poll).url == f"/detail-order-sn/{NUMBER}".encode()
    assert poll.read(order(theme, "待支付", "")).values == {"status": "待支付", "cards": []}
    read = poll.read(order(theme, "已完成", "AAAA-1\r\nBBBB-2"))
    assert (read.kind, read.values) == (C.OK, {"status": "已完成", "cards": ["AAAA-1", "BBBB-2"]})
    assert "已完成" in buyer.target.statuses.delivered
    assert poll.read(order(theme, "异常", SHORT)).kind is C.PAID_UNDELIVERED
    assert poll.read(wrong(theme, "订单不存在")).kind is C.REFUSED


@pytest.mark.parametrize(
    "word", ["已过期", "待处理", "处理中", "已完成", "失败", "异常", "已处理", "已失败", "状态异常", "-1", "2", "3", "4", "5", "6"]
)
def test_every_status_but_unpaid_has_a_meaning(buyer: Buyer, word: str) -> None:
    statuses = buyer.target.statuses
    assert word in (*statuses.paid, *statuses.delivered, *statuses.failed)
