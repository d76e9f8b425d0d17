"""Three strategies, forty buyers at a time, 200 cards: who gets what."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cardshop_world import BALANCE, BUYERS, PRICE, World, all_at_once, buyer, open_world
from sqlalchemy import Connection

from surgekit.cardshop.orders import Order
from surgekit.cardshop.stock import Naive

STOCK, WANTED = 200, 240
CROWD = {"stock": STOCK, "workers": 40, "pool": 20, "pool_timeout": 20.0}


def rush(world: World) -> tuple[Counter[int], list[dict[str, Any]]]:
    """Everybody submits, then everybody who was accepted pays. The answers to submit, and the ledger."""
    answers = all_at_once(lambda index: (index, world.submit(f"k{index}", account=buyer(index))), range(WANTED))
    accepted = [(buyer(index), reply["data"]["order_no"]) for index, reply in answers if reply["status_code"] == 0]
    all_at_once(lambda one: world.pay(one[1], account=one[0]), accepted)
    return Counter(reply["status_code"] for _, reply in answers), world.get("/api/ledger")["rows"]


def shown(rows: list[dict[str, Any]]) -> list[str]:
    return [code for row in rows for code in row["cards"]]


def money_is_where_it_belongs(world: World, rows: list[dict[str, Any]]) -> bool:
    kept = sum(row["charged_fen"] - row["refunded_fen"] for row in rows)
    return sum(world.balance(buyer(number)) for number in range(BUYERS)) == BUYERS * BALANCE - kept


def test_reserve_sells_what_there_is_and_refunds_nobody(db: str) -> None:
    with open_world(db, strategy="reserve", **CROWD) as world:
        answers, rows = rush(world)
        assert answers == {0: STOCK, 40901: WANTED - STOCK}
        assert Counter(row["status"] for row in rows) == {"delivered": STOCK}
        assert len(set(shown(rows))) == len(shown(rows)) == STOCK
        assert world.get("/api/stock")["game"] == {"total": STOCK, "unsold": 0, "reserved": 0, "sold": STOCK}
        assert money_is_where_it_belongs(world, rows)


def test_conditional_never_sells_a_card_twice_but_has_to_refund(db: str) -> None:
    with open_world(db, strategy="conditional", **CROWD) as world:
        answers, rows = rush(world)
        assert answers == {0: WANTED}
        assert Counter(row["status"] for row in rows) == {"delivered": STOCK, "refunded": WANTED - STOCK}
        assert len(set(shown(rows))) == len(shown(rows)) == STOCK
        assert all(row["refunded_fen"] == PRICE for row in rows if row["status"] == "refunded")
        assert money_is_where_it_belongs(world, rows)


def test_naive_sells_the_same_card_to_several_buyers(db: str) -> None:
    with open_world(db, strategy="naive", **CROWD) as world:
        answers, rows = rush(world)
        assert answers == {0: WANTED}
        assert len(set(shown(rows))) < len(shown(rows))
        assert money_is_where_it_belongs(world, rows)


def test_naive_lets_two_buyers_look_before_either_takes(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_world(db, strategy="naive") as world:
        store, both_have_looked = world.shop.store, threading.Barrier(2)
        numbers = [world.order("a"), world.order("b")]
        with store.write() as conn:
            conn.exec_driver_sql("UPDATE cardshop_orders SET status = 'paid'")
        write = store.write

        @contextmanager
        def meet_first() -> Iterator[Connection]:
            both_have_looked.wait(10)
            with write() as conn:
                yield conn

        monkeypatch.setattr(store, "write", meet_first)
        paid = [Order(number, "game", 1, "buyer-0001", PRICE) for number in numbers]
        assert all_at_once(lambda order: Naive().hand_over(store, order), paid, threads=2) == ["delivered"] * 2
        first, second = (world.seen(number)["cards"] for number in numbers)
        assert first == second


def test_naive_refunds_when_nothing_is_left(db: str) -> None:
    with open_world(db, strategy="naive", stock=1) as world:
        numbers = [world.order("a"), world.order("b")]
        assert [world.pay(number)["data"]["status"] for number in numbers] == ["delivered", "refunded"]
        order = world.seen(numbers[1])
        assert (order["charged_fen"], order["refunded_fen"], order["cards"]) == (PRICE, PRICE, [])
        assert world.balance() == BALANCE - PRICE


def test_conditional_leaves_the_cards_of_an_order_it_cannot_fill(db: str) -> None:
    with open_world(db, strategy="conditional", stock=3) as world:
        numbers = [world.order("a", qty=2), world.order("b", qty=2)]
        assert [world.pay(number)["data"]["status"] for number in numbers] == ["delivered", "refunded"]
        assert world.get("/api/stock")["game"] == {"total": 3, "unsold": 1, "reserved": 0, "sold": 2}
