"""A card reaches at most one order."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_story import WHOLE, booked, ids, order, plan, purchase, verdicts, write


def test_held_when_every_order_has_a_card_of_its_own(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, cards=["a"]), order(2, cards=["b"])],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["b"])],
    )
    told = verdicts(run)["card_sold_once"]
    assert (told["verdict"], told["evidence"], told["violations"]) == ("held", 2, 0)


def test_violated_when_two_buyers_hold_one_card_and_the_card_is_named(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, cards=["a"]), order(2, cards=["a"]), order(3, cards=["c"])],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["a"]), booked(3, cards=["c"])],
    )
    told = verdicts(run)["card_sold_once"]
    assert told["verdict"] == "violated"
    assert told["examples"] == [{"id": "a", "detail": "one card in 2 orders: N1, N2"}]


def test_buyer_and_ledger_are_two_witnesses_of_one_delivery(tmp_path: Path) -> None:
    """The buyer of order 1 saw the card; that order 2 has it too is known from the ledger only."""
    run = write(
        tmp_path,
        orders=[order(1, cards=["a"]), order(2, outcome="failed")],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["a"])],
    )
    assert ids(verdicts(run)["card_sold_once"]) == ["a"]


def test_violated_even_without_a_ledger_when_buyers_saw_it(tmp_path: Path) -> None:
    story = plan(witnesses=WHOLE | {"ledger": "absent: HTTP 500"})
    run = write(tmp_path, story, orders=[order(1, cards=["a"]), order(2, cards=["a"])])
    assert verdicts(run)["card_sold_once"]["verdict"] == "violated"


def test_a_card_that_is_seen_again_and_again_in_its_order_is_one_delivery(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, cards=["a", "a"])], ledger=[booked(1, cards=["a"]), booked(1, cards=["a"])])
    told = verdicts(run)["card_sold_once"]
    assert (told["verdict"], told["evidence"]) == ("held", 1)


@pytest.mark.parametrize("number", [None, "7f3a"], ids=["no number", "another number"])
def test_an_order_that_its_buyer_knows_by_another_number_is_not_two_orders(tmp_path: Path, number: str | None) -> None:
    run = write(tmp_path, orders=[order(1, cards=["a"], order_no=number)], ledger=[booked(1, cards=["a"])])
    told = verdicts(run)["card_sold_once"]
    assert (told["verdict"], told["evidence"]) == ("held", 1)


def test_a_card_that_went_back_from_an_expired_order_may_be_sold(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, outcome="failed"), order(2, cards=["a"])],
        ledger=[booked(1, "expired", cards=["a"]), booked(2, cards=["a"])],
    )
    assert verdicts(run)["card_sold_once"]["verdict"] == "held"


def test_a_card_that_the_supplier_sold_twice_may_be_in_two_orders(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, sku="topup", cards=["t"]), order(2, sku="topup", cards=["t"])],
        ledger=[booked(1, cards=["t"]), booked(2, cards=["t"])],
        edge=[purchase("N1", cards=["t"]), purchase("N2", cards=["t"])],
    )
    assert verdicts(run)["card_sold_once"]["verdict"] == "held"


def test_a_card_that_the_supplier_sold_once_may_not(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, sku="topup", cards=["t"]), order(2, sku="topup", cards=["t"])],
        ledger=[booked(1, cards=["t"]), booked(2, cards=["t"])],
        edge=[purchase("N1", cards=["t"])],
    )
    assert ids(verdicts(run)["card_sold_once"]) == ["t"]


def test_words_instead_of_a_card_from_a_supplier_are_no_card(tmp_path: Path) -> None:
    """A phone is topped up directly, and each buyer reads the same 'done': nothing was sold twice."""
    run = write(
        tmp_path,
        orders=[order(1, sku="topup", cards=["done"]), order(2, sku="topup", cards=["done"]), order(3, cards=["a"])],
        ledger=[booked(1, cards=["done"]), booked(2, cards=["done"]), booked(3, cards=["a"])],
    )
    told = verdicts(run)["card_sold_once"]
    assert (told["verdict"], told["evidence"]) == ("held", 1)


def test_undecided_while_an_order_is_unknown(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, cards=["a"]), order(2, outcome="unknown")], ledger=[booked(1, cards=["a"])])
    told = verdicts(run)["card_sold_once"]
    assert (told["verdict"], told["because"]) == ("undecided", "1 operations with an unknown outcome")


def test_undecided_when_nobody_could_see_what_was_delivered(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, cards=["a"]), order(2)], ledger=[booked(1, cards=["a"]), booked(2)])
    assert verdicts(run)["card_sold_once"]["verdict"] == "undecided"


def test_undecided_when_a_stranger_has_the_card_too(tmp_path: Path) -> None:
    """Perhaps it was sold to them last week, and stocked again for this run."""
    stranger = booked(9, order_key=None, cards=["a"])
    run = write(tmp_path, orders=[order(1, cards=["a"])], ledger=[booked(1, cards=["a"]), stranger])
    told = verdicts(run)["card_sold_once"]
    assert told["verdict"] == "undecided"
    assert told["because"] == "1 orders of strangers in the shop could hide or explain a violation"


def test_undecided_when_a_strangers_cards_are_hidden(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, cards=["a"])], ledger=[booked(1, cards=["a"]), booked(9, order_key="theirs")])
    assert verdicts(run)["card_sold_once"]["verdict"] == "undecided"


def test_strangers_do_not_hide_what_two_of_our_orders_show(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, cards=["a"]), order(2, cards=["a"])],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["a"]), booked(9, order_key=None, cards=["x"])],
    )
    assert ids(verdicts(run)["card_sold_once"]) == ["a"]
