"""An order from submit to card, paid from the balance."""

from __future__ import annotations

import re

import pytest
from cardshop_world import BALANCE, PRICE, all_at_once, open_world

from surgekit.cardshop.orders import expire_overdue

STRATEGIES = ["naive", "conditional", "reserve"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_buyer_pays_from_the_balance_and_sees_the_cards(db: str, strategy: str) -> None:
    with open_world(db, strategy=strategy) as world:
        submitted = world.submit("k", qty=2)["data"]
        number = submitted["order_no"]
        assert submitted == {"order_no": number, "status": "pending_payment", "amount_fen": 2 * PRICE}
        assert re.fullmatch("C[0-9A-Z]+", number)

        assert world.pay(number)["data"]["status"] == "delivered"

        order = world.seen(number)
        assert (order["order_key"], order["sku"], order["qty"], order["status"]) == ("k", "game", 2, "delivered")
        assert (order["amount_fen"], order["charged_fen"], order["refunded_fen"]) == (2 * PRICE, 2 * PRICE, 0)
        assert len(set(order["cards"])) == 2
        assert world.balance() == BALANCE - 2 * PRICE
        assert world.get("/api/orders", order_key="k") == [order]


def test_background_delivery_is_told_as_paid_and_follows(db: str) -> None:
    with open_world(db, strategy="reserve", background=True) as world:
        number = world.order("k")
        assert world.pay(number)["data"]["status"] == "paid"
        assert len(world.ends_as(number, "delivered")["cards"]) == 1


def test_paying_forty_times_at_once_charges_once(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        number = world.order("k")
        codes = all_at_once(lambda _: world.pay(number)["status_code"], range(40))
        assert sorted(codes) == [0] + [40902] * 39
        assert world.balance() == BALANCE - PRICE
        assert world.get("/api/stock")["game"]["sold"] == 1


def test_dedupe_gives_one_order_for_one_key_even_at_once(db: str) -> None:
    with open_world(db, strategy="reserve", dedupe=True) as world:
        numbers = all_at_once(lambda _: world.order("same"), range(40))
        assert len(set(numbers)) == 1
        assert world.get("/api/stock")["game"] == {"total": 20, "unsold": 19, "reserved": 1, "sold": 0}
        world.pay(numbers[0])
        assert world.submit("same")["data"]["status"] == "delivered"


def test_a_key_used_for_something_else_is_refused(db: str) -> None:
    with open_world(db, strategy="reserve", dedupe=True) as world:
        world.order("same")
        assert world.submit("same", qty=2)["status_code"] == 40001
        assert world.submit("same", account="buyer-0002")["status_code"] == 40001


def test_without_dedupe_every_submit_is_an_order(db: str) -> None:
    with open_world(db, strategy="naive", dedupe=False) as world:
        numbers = {world.order("same"), world.order("same")}
        assert {order["order_no"] for order in world.get("/api/orders", order_key="same")} == numbers
        assert len(numbers) == 2


def test_what_a_buyer_may_not_do(db: str) -> None:
    with open_world(db, strategy="reserve") as world:
        number = world.order("k")
        assert world.submit("x", sku="nothing")["status_code"] == 40401
        assert world.submit("x", account="stranger")["status_code"] == 40101
        assert world.submit("x", qty=21)["status_code"] == 40901
        assert world.pay("CNONE")["status_code"] == 40401
        assert world.pay(number, account="buyer-0002")["status_code"] == 40101
        assert world.ask("GET", "/api/orders/CNONE")["status_code"] == 40401
        assert world.get("/api/orders", order_key="x") == []

        dear = world.order("dear", qty=6)
        assert world.pay(dear)["status_code"] == 40201
        assert world.balance() == BALANCE
        assert world.seen(dear)["status"] == "pending_payment"


def test_an_unpaid_reservation_expires_and_its_cards_are_free_again(db: str) -> None:
    with open_world(db, strategy="reserve", reserve_s=0.3, stock=1) as world:
        number = world.order("hoarder")
        assert world.submit("late")["status_code"] == 40901
        world.ends_as(number, "expired")
        assert world.pay(number)["status_code"] == 40902
        assert world.get("/api/stock")["game"] == {"total": 1, "unsold": 1, "reserved": 0, "sold": 0}
        next_one = world.order("next")
        assert world.pay(next_one)["data"]["status"] == "delivered"
        assert world.balance() == BALANCE - PRICE


def test_a_reservation_is_kept_until_its_time_has_come(db: str) -> None:
    with open_world(db, strategy="reserve", reserve_s=600.0) as world:
        number = world.order("k")
        assert expire_overdue(world.shop.store) == 0
        assert world.seen(number)["status"] == "pending_payment"
        assert world.get("/api/stock")["game"]["reserved"] == 1


def test_catalogue_and_quote(db: str) -> None:
    with open_world(db, strategy="reserve", supplier_url="http://127.0.0.1:9") as world:
        world.order("k")
        assert world.get("/api/catalogue") == [
            {"sku": "game", "name": "Game", "price_fen": PRICE, "supply": "stock", "available": 19},
            {"sku": "phone", "name": "Phone", "price_fen": PRICE, "supply": "supplier", "available": 999_999},
        ]
        quote = world.ask("POST", "/api/quote", json={"sku": "game", "qty": 3})["data"]
        assert quote == {"sku": "game", "qty": 3, "amount_fen": 3 * PRICE, "available": 19}
        assert list(world.get("/api/stock")) == ["game"]


def test_ledger_pages_meet_without_gap_or_overlap(db: str) -> None:
    with open_world(db, strategy="reserve", stock=30) as world:
        numbers = [world.order(f"k{index}") for index in range(25)]
        world.pay(numbers[0])
        rows, after, pages = [], 0, 0
        while after is not None:
            page = world.get("/api/ledger", after=after, limit=10)
            rows += page["rows"]
            after, pages = page["next"], pages + 1
        assert [row["order_no"] for row in rows] == numbers
        assert pages == 3
        first, second = rows[:2]
        assert (first["charges"], first["status"], len(first["cards"])) == (1, "delivered", 1)
        assert first["created_s"] <= first["paid_s"] <= first["delivered_s"]
        assert (second["charges"], second["paid_s"], second["delivered_s"], second["cards"]) == (0, None, None, [])
        assert set(first) == {
            "id", "order_no", "order_key", "account", "sku", "qty", "status", "amount_fen", "charged_fen", "charges",
            "refunded_fen", "cards", "created_s", "paid_s", "delivered_s",
        }  # fmt: skip
