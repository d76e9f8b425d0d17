"""The gateway stand-in: captures once, notifies until it is heard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import pytest
from edge_world import GATEWAY_KEY, edge, pay, platform, story

from surgekit.edge.till import fen as in_fen
from surgekit.signing import form_sign_ok, form_signed


def test_a_payment_is_captured_once_however_often_the_buyer_comes(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world, platform() as shop:
            form = pay("C1", shop.url)
            first = await world.post("gateway", "/pay", form)
            assert (first["code"], first["msg"]) == (1, "paid")
            address = f"{world.addresses['gateway']}/pay?{urlencode(form)}"
            assert (await world.http.get(address)).json() == first
            await world.rows_when("callback", 1)
        (payment,) = world.rows("payment")
        assert (payment["order_no"], payment["edge_no"], payment["amount_fen"]) == ("C1", first["trade_no"], 1234)
        assert [row["status"] for row in world.rows("reply")] == ["paid", "duplicate"]
        assert len(shop.told) == 1

    story(run())


def test_the_notify_is_repeated_until_the_body_is_success(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world, platform("fail", "<html>busy</html>") as shop:
            paid = await world.post("gateway", "/pay", pay("C1", shop.url + "?shop=1"))
            calls = await world.rows_when("callback", 3)
        assert [(row["attempt"], row["acked"]) for row in calls] == [(1, False), (2, False), (3, True)]
        assert all(row["took_s"] > 0 and row["edge_no"] == paid["trade_no"] for row in calls)
        told = shop.told[0]
        assert told.pop("shop") == "1"
        assert form_sign_ok(told, GATEWAY_KEY)
        assert (told["trade_status"], told["out_trade_no"], told["money"]) == ("TRADE_SUCCESS", "C1", "12.34")
        assert (told["pid"], told["type"], told["name"], told["sign_type"]) == ("1001", "alipay", "点卡 100", "MD5")
        assert len(shop.told) == 3

    story(run())


def test_a_forged_or_senseless_payment_is_not_captured(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            forged = pay("C1", "") | {"money": "0.01"}
            assert (await world.post("gateway", "/pay", forged))["code"] == -1
            for wrong in ({"out_trade_no": "C2", "money": "0"}, {"money": "1.00"}, {"out_trade_no": "C3"}):
                assert (await world.post("gateway", "/pay", form_signed(wrong, GATEWAY_KEY)))["code"] == -1
        assert [(row["event"], row["order_no"]) for row in world.rows()] == [("bad_sign", "C1")]

    story(run())


def test_nobody_at_the_notify_address_is_an_attempt_that_failed(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            await asyncio.gather(
                world.post("gateway", "/pay", pay("C1", "http://127.0.0.1:1/callback")),
                world.post("gateway", "/pay", pay("C2", "nonsense")),
            )
            calls = await world.rows_when("callback", 4)
        statuses = {(row["order_no"], row["status"], row["acked"]) for row in calls}
        assert statuses == {("C1", "unreachable", False), ("C2", "bad_url", False)}

    story(run())


@pytest.mark.parametrize(
    ("money", "fen"), [("12.34", 1234), ("12.3", 1230), ("12", 1200), ("0.01", 1), ("-1", 0), ("1.234", 0), ("1.2300", 123), ("１", 0)]
)
def test_money_is_exact(money: str, fen: int) -> None:
    assert in_fen(money) == fen
