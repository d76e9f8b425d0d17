"""The gateway's notices: signed, repeated, late, forged."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from cardshop_world import BALANCE, GATEWAY_KEY, PRICE, all_at_once, open_world

from surgekit.cardshop.payment import fen, yuan
from surgekit.signing import form_sign_ok, form_signed

GATEWAY = "http://127.0.0.1:9"


def test_the_address_to_pay_at_is_signed(db: str) -> None:
    with open_world(db, strategy="reserve", gateway_url=GATEWAY) as world:
        number = world.order("k")
        reply = world.pay(number, method="gateway")["data"]
        assert reply["status"] == "pending_payment"
        parts = urlsplit(reply["pay_url"])
        params = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{GATEWAY}/pay"
        assert form_sign_ok(params, GATEWAY_KEY)
        assert (params["out_trade_no"], params["money"], params["sign_type"]) == (number, "10.00", "MD5")
        assert params["notify_url"] == f"{world.shop.url}/callback/gateway"
        assert world.pay(number, method="gateway", account="buyer-0002")["status_code"] == 40101


@pytest.mark.parametrize("strategy", ["naive", "reserve"])
def test_a_notice_repeated_at_once_is_acknowledged_and_delivers_once(db: str, strategy: str) -> None:
    with open_world(db, strategy=strategy) as world:
        number = world.order("k")
        assert set(all_at_once(lambda _: world.notify(number), range(40))) == {"success"}
        row = world.get("/api/ledger")["rows"][0]
        assert (row["status"], row["charges"], row["charged_fen"], len(row["cards"])) == ("delivered", 1, PRICE, 1)
        assert world.get("/api/stock")["game"]["sold"] == 1
        assert world.balance() == BALANCE
        assert world.pay(number)["status_code"] == 40902


def test_notices_come_as_forms_too(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        number = world.order("k")
        notice = {"trade_no": "G1", "out_trade_no": number, "money": "10.00", "trade_status": "TRADE_SUCCESS"}
        assert world.client.post("/callback/gateway", data=form_signed(notice, GATEWAY_KEY)).text == "success"
        assert world.seen(number)["status"] == "delivered"


def test_forged_and_wrong_notices_change_nothing(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        number = world.order("k")
        assert world.notify(number, key="guessed") == "fail"
        assert world.notify(number, money="0.01") == "fail"
        assert world.notify(number, money="ten") == "fail"
        assert world.notify(number, trade_no="a\x00b") == "fail"
        assert world.notify("CNONE") == "fail"
        assert world.notify("a\x00b") == "fail"
        waiting = {"trade_no": "G1", "out_trade_no": number, "money": "10.00", "trade_status": "WAIT_BUYER_PAY"}
        assert world.client.get("/callback/gateway", params=form_signed(waiting, GATEWAY_KEY)).text == "fail"
        assert world.client.get("/callback/gateway").text == "fail"
        assert world.seen(number)["charged_fen"] == 0


def test_money_for_an_expired_order_goes_to_the_balance_once(db: str) -> None:
    with open_world(db, strategy="reserve", reserve_s=0.2) as world:
        number = world.order("k")
        world.ends_as(number, "expired")
        assert [world.notify(number), world.notify(number)] == ["success", "success"]
        order = world.seen(number)
        assert (order["status"], order["charged_fen"], order["refunded_fen"]) == ("refunded", PRICE, PRICE)
        assert world.balance() == BALANCE + PRICE
        assert world.get("/api/stock")["game"]["sold"] == 0


def test_money_for_an_order_paid_already_goes_to_the_balance(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        number = world.order("k")
        world.pay(number)
        assert world.notify(number) == "success"
        row = world.get("/api/ledger")["rows"][0]
        assert (row["status"], row["charges"], row["refunded_fen"], len(row["cards"])) == ("delivered", 2, PRICE, 1)
        assert world.balance() == BALANCE


def test_a_shop_without_a_gateway_says_so(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        assert world.pay(world.order("k"), method="gateway")["status_code"] == 40001


@pytest.mark.parametrize(
    ("money", "amount"),
    [
        ("12.34", 1234),
        ("12", 1200),
        ("12.3", 1230),
        ("0.01", 1),
        ("-1", None),
        ("1e3", None),
        ("", None),
        ("1.234", None),
    ],
)
def test_money_is_read_exactly(money: str, amount: int | None) -> None:
    assert fen(money) == amount


def test_money_is_written_exactly() -> None:
    assert [yuan(1234), yuan(5), yuan(100)] == ["12.34", "0.05", "1.00"]
