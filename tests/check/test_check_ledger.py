"""The ledger knows the order, and says the same of it as the shop said to the buyer; what it does without is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from check_story import shop, walked

from surgekit.check import ledger
from surgekit.check.finding import Finding
from surgekit.platform.orders import Looked

COLUMNS = {name: name for name in ("order_no", "order_key", "sku", "qty", "status", "amount_fen", "charged_fen", "refunded_fen", "cards")}
ROW = {
    "order_no": "N1", "order_key": "run1-0000000", "sku": "game", "qty": 1, "status": "2", "amount_fen": 990, "charged_fen": 990, "refunded_fen": 0,
    "card_digests": ["c1"],
}  # fmt: skip


class Books:
    """A platform whose ledger, and whose single orders, are ``rows``."""

    def __init__(self, *rows: dict[str, Any], wrong: str | None = None) -> None:
        self._rows, self._wrong = list(rows), wrong

    def ledger(self, salt: str, *, start_s: float | None = None) -> list[dict[str, Any]]:
        return self._rows

    def orders(self, keys: list[str], salt: str, *, start_s: float | None = None) -> Looked:
        return Looked(list(self._rows), [] if self._wrong else list(keys), self._wrong)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LEDGER_S", 0.0)
    monkeypatch.setattr(ledger.time, "sleep", lambda _: None)


def read(*rows: dict[str, Any], told: dict[str, Any] | None = None, columns: dict[str, str] = COLUMNS) -> list[Finding]:
    target = shop(reads={"ledger": {"request": "GET /ledger", "columns": columns}})
    plan: Any = SimpleNamespace(run_id="run1", salt="", target=target)
    books: Any = Books(*rows)
    return ledger.ledger(books, plan, told or walked(), 0.0)


def test_an_order_that_agrees_is_a_pass() -> None:
    assert read(ROW) == [Finding("ledger", "ok", "1 orders; this one is '2'")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"amount_fen": None}, "amount_fen is no whole number there, where the submission said 990 fen; as: yuan?"),
        ({"amount_fen": 99000}, "amount_fen is 99000 where the submission said 990 fen; it is in fen already: without as: yuan?"),
        ({"charged_fen": 970}, "charged_fen is 970 where the submission said 990 fen"),
        ({"qty": 2}, "qty is 2 where 1 was ordered"),
        ({"sku": "7"}, "sku is '7' where 'game' was ordered"),
        ({"order_no": "77"}, "order_no is '77' where the submission said 'N1'"),
        ({"status": "1"}, "that is paid, and the buyer has it delivered"),
        ({"status": "x"}, "statuses does not say what that means (unpaid, paid, delivered, refunded or failed?)"),
        ({"card_digests": []}, "there is no card in it, and the buyer has 1; does reads.ledger.columns.cards find them?"),
        ({"card_digests": ["c8", "c9"]}, "its cards are not those that the buyer has (2 there, 1 here); are both read in the same form (as: lines)?"),
        ({"card_digests": ["c1", "c9"]}, "2 cards there, and the buyer has 1"),
    ],
)
def test_where_it_differs_from_what_was_bought_is_bad(row: dict[str, Any], words: str) -> None:
    (found,) = read({**ROW, **row})
    assert (found.state, found.told) == ("bad", f"1 orders; this one is {row.get('status', '2')!r}; {words}")


def test_yuan_in_place_of_fen_are_named() -> None:
    (found,) = read({**ROW, "amount_fen": 10, "charged_fen": 10}, told=walked(amount_fen=1000))
    assert "amount_fen is 10 where the submission said 1000 fen; as: yuan?; charged_fen is 10" in found.told
    (unsaid,) = read({**ROW, "amount_fen": None}, told=walked(amount_fen=None))
    assert unsaid.told.endswith("amount_fen is no whole number there; as: yuan?")


def test_an_order_that_is_still_unpaid_was_charged_nothing_and_has_no_card() -> None:
    assert read({**ROW, "status": "0", "charged_fen": 0, "card_digests": []}, told=walked("unknown")) == [Finding("ledger", "ok", "1 orders; this one is '0'")]


def test_two_orders_for_one_purchase_are_said_and_the_buyers_own_is_compared() -> None:
    (found,) = read({**ROW, "order_no": "N0", "status": "0"}, ROW)
    assert (found.state, found.told) == ("ok", "2 orders; this one is '2'; 2 orders have the key of this one")


def test_a_refused_order_is_not_asked_for() -> None:
    (found,) = read({**ROW, "order_key": "somebody"}, told=walked("rejected", accepted=False))
    assert (found.state, found.told) == ("ok", "1 orders, and not this one, which was not accepted")


def test_a_key_that_is_not_found_shows_what_stands_in_its_place() -> None:
    (other,) = read({**ROW, "order_key": "N1"})
    assert other.told == "order N1 has the key 'N1' there; does reads.ledger.columns.order_key find it?"
    (none,) = read({**ROW, "order_no": "N9", "order_key": "N9"})
    assert none.told == "1 orders, and none has the key of this one; does reads.ledger.columns.order_key find it?"
    assert (other.state, none.state) == ("bad", "bad")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (["refunded_fen"], "no refunded_fen: orders that were charged and failed stay undecided"),
        (["charged_fen"], "no charged_fen: whether an order was charged, and how often, stays undecided"),
        (["cards"], "no cards: a card that was sold twice is seen only where buyers see both"),
    ],
)
def test_what_a_missing_column_costs_is_said(without: list[str], words: str) -> None:
    columns = {name: path for name, path in COLUMNS.items() if name not in without}
    first, second = read(ROW, columns=columns)
    assert first.state == "ok"
    assert second == Finding("ledger.columns", "open", words)


def single(*rows: dict[str, Any], told: dict[str, Any] | None = None, wrong: str | None = None) -> Finding:
    order = {"request": "GET /find?key={order.key}", "rows": "data", "columns": {"order_no": "no", "status": "state"}}
    plan: Any = SimpleNamespace(run_id="run1", salt="", target=shop(reads={"order": order}))
    books: Any = Books(*rows, wrong=wrong)
    return ledger.single(books, plan, told or walked(), 0.0)


def test_single_orders_are_tried_where_there_is_no_ledger() -> None:
    row = {"order_no": "N1", "order_key": "run1-0000000", "status": "2"}
    assert single(row) == Finding("reads.order", "ok", "finds this order, which is '2'")
    assert single({**row, "order_no": "N2"}).state == "bad"
    assert single(told=walked("rejected", accepted=False)).state == "ok"
    assert single().told.startswith("the reply says that there is no such order, and this one was accepted")
    broken = single(wrong="reads.order: GET /find: the reply (HTTP 200) means unknown (odd_reply)")
    assert (broken.state, broken.told) == ("bad", "GET /find: the reply (HTTP 200) means unknown (odd_reply): no rule fits it")

