"""Acted payments: captured once, to the fen, and only where they can be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acting import NOTIFY, RUN_ID, acting, shop
from edge_world import story


def test_an_acted_payment_is_captured_once_and_logged_as_any_other(tmp_path: Path) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform) as gateway:
            first = await gateway.act(order_no="A1", amount="12.30")
            again = await gateway.act(order_no="A1", amount="12.30")
            other = await gateway.act(order_no="A2", amount_fen=500)
            (told, _) = await gateway.rows_when("callback", 2)
            assert first == again == {"code": 1, "msg": "paid", "trade_no": f"G{RUN_ID}0000000000"}
            assert other["trade_no"] != first["trade_no"]
            payments, replies = gateway.rows("payment"), gateway.rows("reply")
        assert [(row["order_no"], row["amount_fen"], row["status"]) for row in payments] == [("A1", 1230, "paid"), ("A2", 500, "paid")]
        assert [(row["order_no"], row["status"]) for row in replies] == [("A1", "paid"), ("A1", "duplicate"), ("A2", "paid")]
        assert (told["actor"], told["order_no"], told["edge_no"], told["acked"]) == ("gateway", "A1", first["trade_no"], True)
        assert len(platform.heard) == 2

    story(run())


@pytest.mark.parametrize(
    ("field", "fen"),
    [
        ('"amount": "12.30"', 1230), ('"amount": 12.30', 1230), ('"amount": "12.3"', 1230), ('"amount": 12', 1200),
        ('"amount": " 0.29 "', 29), ('"amount": 1.15', 115), ('"amount": 19.99', 1999), ('"amount": "12.3000"', 1230),
        ('"amount": 999999999999.99', 99_999_999_999_999), ('"amount": 4.35', 435), ('"amount": "0.01"', 1),
        ('"amount_fen": 1230', 1230), ('"amount_fen": "1230"', 1230),
    ],
)  # fmt: skip
def test_an_amount_is_read_digit_by_digit(tmp_path: Path, field: str, fen: int) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform) as gateway:
            assert (await gateway.act_raw(f'{{"order_no": "A1", {field}}}'))["code"] == 1
            assert [row["amount_fen"] for row in gateway.rows("payment")] == [fen]
            (heard,) = await platform.heard_when(1)
        assert heard.form["money"] == f"{fen // 100}.{fen % 100:02d}"

    story(run())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"order_no": "A1", "amount": "1.005"}', "amount"),
        ('{"order_no": "A1", "amount": 1e2}', "amount"),
        ('{"order_no": "A1", "amount": "-1"}', "amount"),
        ('{"order_no": "A1", "amount": "0.00"}', "amount"),
        ('{"order_no": "A1", "amount": "１２"}', "amount"),
        ('{"order_no": "A1", "amount": NaN}', "amount"),
        ('{"order_no": "A1", "amount": "¥12"}', "amount"),
        ('{"order_no": "A1", "amount": true}', "amount"),
        ('{"order_no": "A1", "amount": null}', "amount"),
        ('{"order_no": "A1", "amount_fen": 12.0}', "amount_fen"),
        ('{"order_no": "A1", "amount_fen": 123456789012345678901}', "amount_fen"),
        ('{"order_no": "A1"}', "one of the two"),
        ('{"order_no": "A1", "amount": "1", "amount_fen": 100}', "one of the two"),
        ('{"amount": "1"}', "order_no"),
        ('{"order_no": "a\\u0000b", "amount": "1"}', "order_no"),
        ('{"order_no": "' + "x" * 129 + '", "amount": "1"}', "order_no"),
        ('{"order_no": ["A1"], "amount": "1"}', "order_no"),
        ('["A1"]', "object"),
        ("{", "not JSON"),
        ("[" * 60_000, "not JSON"),
        ('{"order_no": "A1", "amount": "1", "note": "' + "x" * 70_000 + '"}', "64 KB"),
    ],
)
def test_what_is_no_payment_is_refused_in_one_sentence_and_nothing_is_captured(tmp_path: Path, text: str, says: str) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform) as gateway:
            answer = await gateway.act_raw(text)
            assert answer["code"] == -1
            assert says in answer["msg"]
            assert "\n" not in answer["msg"]
            assert gateway.rows("payment") == []

    story(run())


def test_half_a_character_in_an_order_number_is_no_crash(tmp_path: Path) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform) as gateway:
            assert (await gateway.act_raw('{"order_no": "A\\ud800", "amount": "1"}'))["code"] == 1
            assert [row["order_no"] for row in gateway.rows("payment")] == ["A?"]

    story(run())


def test_without_a_notice_in_the_target_file_nothing_can_be_acted(tmp_path: Path) -> None:
    async def run() -> None:
        async with acting(tmp_path, None, None) as gateway:
            reply = await gateway.http.post("/act", json={"order_no": "A1", "amount": "1"})
            assert (reply.status_code, reply.json()["code"]) == (403, -1)
            assert gateway.rows("payment") == []

    story(run())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_web_page_in_the_users_browser_cannot_pay(tmp_path: Path, kind: str) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform) as gateway:
            body = json.dumps({"order_no": "A1", "amount": "1"})
            reply = await gateway.http.post("/act", content=body, headers={"Content-Type": kind})
            assert (reply.status_code, gateway.rows("payment")) == (415, [])

    story(run())


ELSEWHERE = [
    "http://192.0.2.1/notify", "http://[2001:db8::1]/notify", "http://shop.example/notify", "http://2130706433/notify",
    "http://127.0.0.1.example/notify", "http://127.0.0.1@192.0.2.1/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "//192.0.2.1/",
    "ftp://127.0.0.1/", "/notify", "", "http://127.1/", "http://127.0.0.1:99999/",
]  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_notice_to_anybody_but_the_platform_is_refused_before_money_is_taken(tmp_path: Path, url: str) -> None:
    async def run() -> None:
        by_reply: dict[str, Any] = {**NOTIFY, "request": "POST {pay.notify_url}"}
        async with shop() as platform, acting(tmp_path, platform, by_reply) as gateway:
            answer = await gateway.act(order_no="A1", amount="1", notify_url=url)
            assert answer["code"] == -1
            assert "only the platform may be called" in answer["msg"]
            assert gateway.rows("payment") == gateway.rows("callback") == []

    story(run())


def test_a_field_that_the_notice_needs_and_the_act_forgot_is_named(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {**NOTIFY, "form": {"attach": "{pay.attach}"}}
        async with shop() as platform, acting(tmp_path, platform, wants) as gateway:
            answer = await gateway.act(order_no="A1", amount="1")
            assert answer["code"] == -1
            assert "{pay.attach}" in answer["msg"]
            assert gateway.rows("payment") == []

    story(run())
