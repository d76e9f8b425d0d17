"""Buying from a supplier that is slow, silent, late or wrong."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cardshop_world import BALANCE, PRICE, FakeSupplier, World, open_world, until

from surgekit.cardshop.supplier import Outcome, read_answer


def careful(supplier: FakeSupplier, **more: Any) -> dict[str, Any]:
    return {"strategy": "reserve", "background": True, "supplier_url": supplier.url, "supplier_timeout": 0.3, **more}


def bought(world: World, key: str = "k", qty: int = 1) -> str:
    number = world.order(key, sku="phone", qty=qty)
    assert world.pay(number)["status_code"] == 0
    return number


@pytest.mark.parametrize(("strategy", "background"), [("naive", False), ("conditional", False), ("reserve", True)])
def test_what_the_supplier_sells_reaches_the_buyer(
    db: str, supplier: FakeSupplier, strategy: str, background: bool
) -> None:
    with open_world(db, strategy=strategy, background=background, supplier_url=supplier.url) as world:
        number = bought(world, qty=2)
        assert world.ends_as(number, "delivered")["cards"] == [f"BOUGHT-{number}-0", f"BOUGHT-{number}-1"]
        assert supplier.calls == [("/order", number)]
        assert supplier.forged == 0


def test_naive_buys_twice_when_the_supplier_is_slow(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["slow"]
    with open_world(db, strategy="naive", supplier_url=supplier.url, supplier_timeout=0.3) as world:
        number = bought(world)
        assert list(supplier.purchases) == [number, f"{number}-2"]
        assert world.seen(number)["cards"] == [f"BOUGHT-{number}-2-0"]


def test_naive_gives_up_on_the_second_time_out_and_leaves_the_order_to_a_human(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["slow", "slow"]
    with open_world(db, strategy="naive", supplier_url=supplier.url, supplier_timeout=0.2) as world:
        number = bought(world)
        assert world.seen(number)["status"] == "abnormal"
        assert world.bring_cards(f"{number}-2", "LATE-1") == "success"
        assert world.seen(number)["cards"] == ["LATE-1"]


def test_naive_holds_its_transaction_while_the_supplier_thinks(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["slow"]
    with open_world(db, strategy="naive", supplier_url=supplier.url, pool=1, pool_timeout=0.2, workers=4) as world:
        number = world.order("k", sku="phone")
        payer = threading.Thread(target=lambda: world.pay(number))
        payer.start()
        until(lambda: bool(supplier.calls))
        reply = world.client.get("/api/stock")
        supplier.released.set()
        payer.join()
        assert reply.status_code == 500
        assert reply.json()["status_code"] == 50001
        assert "connection timed out" in reply.json()["msg"]
        assert world.get("/api/stock")["game"]["unsold"] == 20


@pytest.mark.parametrize("trouble", ["slow", "empty", "500"])
def test_reserve_asks_what_became_of_an_unknown_purchase(db: str, supplier: FakeSupplier, trouble: str) -> None:
    supplier.plan = [trouble]
    with open_world(db, **careful(supplier)) as world:
        number = bought(world)
        assert world.ends_as(number, "delivered")["cards"] == [f"BOUGHT-{number}-0"]
        assert supplier.calls == [("/order", number), ("/query", number)]
        assert list(supplier.purchases) == [number]


def test_reserve_sends_a_lost_purchase_again_under_the_same_number(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["lost"]
    with open_world(db, **careful(supplier)) as world:
        number = bought(world)
        world.ends_as(number, "delivered")
        assert supplier.calls == [("/order", number), ("/query", number), ("/order", number)]
        assert list(supplier.purchases) == [number]


def test_reserve_holds_no_connection_while_the_supplier_thinks(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["slow"] * 3
    with open_world(db, **careful(supplier, pool=1, pool_timeout=2.0, supplier_timeout=15)) as world:
        numbers = [bought(world, f"k{index}") for index in range(3)]
        until(lambda: len(supplier.calls) == 3)
        own = world.order("own")
        world.pay(own)
        world.ends_as(own, "delivered")
        supplier.released.set()
        for number in numbers:
            world.ends_as(number, "delivered")


def test_cards_that_come_later_are_shown_once(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["processing"]
    with open_world(db, strategy="naive", supplier_url=supplier.url) as world:
        number = bought(world)
        assert world.seen(number)["status"] == "fulfilling"
        assert world.bring_cards(number, "FORGED-1", key="guessed") == "fail"
        assert world.bring_cards("CNONE", "CARD-1") == "fail"
        assert [world.bring_cards(number, "CARD-1"), world.bring_cards(number, "CARD-2")] == ["success", "success"]
        order = world.seen(number)
        assert (order["status"], order["cards"]) == ("delivered", ["CARD-1"])


def test_reserve_asks_when_the_callback_does_not_come(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["processing"]
    with open_world(db, **careful(supplier)) as world:
        number = bought(world)
        assert world.ends_as(number, "delivered")["cards"] == [f"BOUGHT-{number}-0"]


@pytest.mark.parametrize("strategy", ["naive", "reserve"])
def test_what_the_supplier_refuses_is_refunded(db: str, supplier: FakeSupplier, strategy: str) -> None:
    supplier.plan = ["failed"]
    with open_world(db, strategy=strategy, supplier_url=supplier.url) as world:
        number = bought(world)
        order = world.seen(number)
        assert (order["status"], order["charged_fen"], order["refunded_fen"]) == ("refunded", PRICE, PRICE)
        assert world.balance() == BALANCE


def test_a_failed_callback_refunds_once(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["processing"]
    with open_world(db, strategy="naive", supplier_url=supplier.url) as world:
        number = bought(world)
        assert [world.bring_cards(number, status="failed") for _ in range(2)] == ["success"] * 2
        assert world.seen(number)["status"] == "refunded"
        assert world.balance() == BALANCE


def test_success_without_a_card_goes_to_a_human_and_not_to_the_buyer(db: str, supplier: FakeSupplier) -> None:
    supplier.plan = ["processing"]
    with open_world(db, strategy="naive", supplier_url=supplier.url) as world:
        number = bought(world)
        assert world.bring_cards(number) == "success"
        order = world.seen(number)
        assert (order["status"], order["cards"]) == ("abnormal", [])


def test_a_supplier_that_is_not_there_is_unknown_not_failed(db: str) -> None:
    with open_world(db, strategy="reserve", background=True, supplier_url="http://127.0.0.1:9") as world:
        number = bought(world)
        world.ends_as(number, "fulfilling")
        assert world.balance() == BALANCE - PRICE


def test_a_shop_without_a_supplier_has_none_of_its_goods(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        assert world.submit("k", sku="phone")["status_code"] == 40901


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (200, b'{"code": 0, "data": {"status": "success", "cards": ["A"]}}', Outcome.SUCCESS),
        (200, b'{"code": 0, "data": {"status": "processing"}}', Outcome.PROCESSING),
        (200, b'{"code": 0, "data": {"status": "failed"}}', Outcome.FAILED),
        (200, b'{"code": 401, "msg": "bad signature"}', Outcome.FAILED),
        (200, b'{"code": 404, "msg": "not found"}', Outcome.NOT_FOUND),
        (502, b'{"code": 0, "data": {"status": "success", "cards": ["A"]}}', Outcome.UNDETERMINED),
        (200, b"", Outcome.UNDETERMINED),
        (200, b"<html>", Outcome.UNDETERMINED),
        (200, b"[]", Outcome.UNDETERMINED),
        (200, b'"text"', Outcome.UNDETERMINED),
        (200, b'{"code": 0}', Outcome.UNDETERMINED),
        (200, b'{"code": 0, "data": [1]}', Outcome.UNDETERMINED),
        (200, b'{"code": 0, "data": {"status": "success", "cards": [1]}}', Outcome.UNDETERMINED),
        (200, b'{"code": 0, "data": {"status": "success", "cards": [""]}}', Outcome.UNDETERMINED),
    ],
)
def test_what_an_answer_means(status: int, content: bytes, outcome: Outcome) -> None:
    assert read_answer(status, content).outcome is outcome
