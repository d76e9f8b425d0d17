"""Whatever is sent, the answer is the envelope with one sentence in it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cardshop_world import GATEWAY_KEY, SUPPLIER_KEY, open_world, until

from surgekit.signing import form_signed

GOOD = {
    "/api/quote": {"sku": "game", "qty": 1},
    "/api/orders": {"order_key": "k", "sku": "game", "qty": 1, "account": "buyer-0001"},
    "/api/pay": {"order_no": "C1", "account": "buyer-0001", "method": "balance"},
}
NOT_JSON = [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"sku": "\\ud800"}', b"[" * 5000, b"x" * 100_000]
WRONG: dict[str, list[Any]] = {
    "sku": [None, 1, "", "x" * 500, ["game"], "a\x00b"],
    "qty": [None, "1", 0, -1, 1.5, 10**30, True, [1]],
    "account": [None, 5, "", "a\x00b"],
    "order_key": [None, 5, "", "x" * 200, "a\nb"],
    "pay_by": ["cash", 3],
    "order_no": [None, 5, "", "a\x00b"],
    "method": [None, "cash", 1],
}
QUERIES = [
    "/api/ledger?after=x",
    "/api/ledger?after=-1",
    "/api/ledger?after=99999999999999999999999",
    "/api/ledger?limit=0",
    "/api/ledger?limit=1e9",
    "/api/ledger?after=%ff%00",
    "/api/orders",
    "/api/orders?order_key=",
    "/api/orders?order_key=a%00b",
]
NOWHERE = [
    ("GET", "/"),
    ("GET", "/api/orders/%00"),
    ("GET", "/api/orders/"),
    ("GET", "/api/orders/x/y"),
    ("GET", "/api/orders/%ff%fe"),
    ("DELETE", "/api/orders"),
    ("PUT", "/api/pay"),
    ("POST", "/api/stock"),
]


def test_bad_input_is_told_in_the_envelope_and_nothing_crashes(db: str, caplog: pytest.LogCaptureFixture) -> None:
    with open_world(db, strategy="reserve") as world:
        for path, good in GOOD.items():
            for raw in NOT_JSON:
                assert world.ask("POST", path, content=raw)["status_code"] == 40001, (path, raw[:20])
            for field, values in WRONG.items():
                if field not in good and not (path == "/api/orders" and field == "pay_by"):
                    continue
                for value in values:
                    reply = world.ask("POST", path, json={**good, field: value})
                    assert reply["status_code"] == 40001, (path, field, value)
                    assert reply["msg"].startswith(f"{field}: ")
                if field in good:
                    missing = {name: value for name, value in good.items() if name != field}
                    assert world.ask("POST", path, json=missing)["status_code"] == 40001
        for query in QUERIES:
            assert world.ask("GET", query)["status_code"] == 40001, query
        for method, path in NOWHERE:
            assert world.ask(method, path)["status_code"] == 40401, path
        assert world.get("/api/ledger")["rows"] == []
    assert caplog.records == []


def test_bad_callbacks_are_answered_fail(db: str, caplog: pytest.LogCaptureFixture) -> None:
    odd = {"out_order_no": "a\x00b", "status": "success", "cards": "x"}
    with open_world(db, strategy="reserve", supplier_url="http://127.0.0.1:9") as world:
        number = world.order("k", sku="phone")
        for path in ("/callback/gateway", "/callback/supplier"):
            for raw in [*NOT_JSON[:8], b"sign=%ff%fe&sign=%00", b"a=b&&&=;", b"sign="]:
                assert world.client.post(path, content=raw).text == "fail", (path, raw[:20])
        for form in (odd, {**odd, "out_order_no": number, "cards": "a\x00b"}, {**odd, "out_order_no": ""}):
            signed = form_signed(form, SUPPLIER_KEY, join_key="&key=")
            assert world.client.post("/callback/supplier", data=signed).text == "fail"
        long = {"out_trade_no": number, "trade_no": "x" * 500, "money": "10.00", "trade_status": "TRADE_SUCCESS"}
        assert world.client.get("/callback/gateway", params=form_signed(long, GATEWAY_KEY)).text == "fail"
    assert caplog.records == []


def test_without_a_key_every_callback_is_forged(db: str) -> None:
    with open_world(db, strategy="naive", supplier_url="http://127.0.0.1:9", supplier_key="", gateway_key="") as world:
        number = world.order("k")
        assert world.notify(number, key="") == "fail"
        assert world.seen(number)["status"] == "pending_payment"
        world.pay(number)
        assert world.bring_cards(number, "CARD-1", key="") == "fail"


def test_a_full_backlog_says_busy(db: str) -> None:

    with open_world(db, strategy="reserve", workers=1, backlog=1, pool=1) as world:
        with world.shop.store.read():  # the only connection: the one request thread has to wait for it
            waiting = [threading.Thread(target=lambda: world.client.get("/api/stock")) for _ in range(2)]
            for thread in waiting:
                thread.start()
            until(lambda: world.get("/healthz")["waiting"] == 1)
            assert world.ask("GET", "/api/stock")["status_code"] == 42901
            assert world.client.get("/callback/gateway").text == "fail"
        for thread in waiting:
            thread.join()
        assert world.get("/api/stock")["game"]["unsold"] == 20
