"""How verdicts are reached, whatever the invariant."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_story import TARGET, WHOLE, booked, notice, order, payment, plan, purchase, shuffled, stocked, verdicts, write

from surgekit.audit import check

NAMES = ("card_sold_once", "charged_once", "paid_is_settled", "purchased_once", "sold_within_stock")
NEEDS = {"card_sold_once": ("ledger",), "charged_once": ("ledger",), "paid_is_settled": ("ledger",), "purchased_once": ("edge",),
         "sold_within_stock": ("ledger", "stock")}  # fmt: skip


def good() -> dict[str, list[dict[str, Any]]]:
    """A platform that did everything right, with something to see for every invariant."""
    return {
        "stock": stocked(2, end=1),
        "orders": [order(1, cards=["a"]), order(2, sku="topup", cards=["t"])],
        "ledger": [booked(1, cards=["a"]), booked(2, cards=["t"])],
        "edge": [payment(1, 1.2), notice(1, 1.3), purchase("N2", cards=["t"])],
    }


def bad() -> dict[str, list[dict[str, Any]]]:
    """A platform that did everything wrong."""
    return {
        "stock": stocked(1),
        "orders": [order(1, cards=["a"]), order(2, cards=["a"]), order(3, sku="topup", cards=["t"]), order(4, outcome="failed")],
        "ledger": [booked(1, cards=["a"]), booked(2, cards=["a"]), booked(3, cards=["t"]), booked(3, order_no="N3b"), booked(4, "paid")],
        "edge": [purchase("N3", cards=["t"]), purchase("N3-2", cards=["u"]), payment(1, 1.2), notice(1, 1.3)],
    }


def verdict_words(run: Path) -> dict[str, str]:
    return {name: told["verdict"] for name, told in verdicts(run).items()}


def test_a_platform_that_did_everything_right_is_held_to_have(tmp_path: Path) -> None:
    assert verdict_words(write(tmp_path, **good())) == dict.fromkeys(NAMES, "held")


def test_a_platform_that_did_everything_wrong_is_caught_each_time(tmp_path: Path) -> None:
    assert verdict_words(write(tmp_path, **bad())) == dict.fromkeys(NAMES, "violated")


def test_nothing_observed_is_never_a_pass(tmp_path: Path) -> None:
    assert verdict_words(write(tmp_path)) == dict.fromkeys(NAMES, "undecided")


@pytest.mark.parametrize("how", ["absent: HTTP 500", "moving: paid orders were still being worked on"])
@pytest.mark.parametrize("witness", ["ledger", "edge", "stock"])
def test_a_witness_that_is_not_whole_leaves_undecided_what_needs_it(tmp_path: Path, witness: str, how: str) -> None:
    told = verdicts(write(tmp_path, plan(witnesses=WHOLE | {witness: how}), **good()))
    undecided = {name: each["because"] for name, each in told.items() if each["verdict"] == "undecided"}
    assert undecided == {name: f"{witness} {how}" for name in NAMES if witness in NEEDS[name]}


PLAYED = {key: value for key, value in TARGET.items() if key != "base_url"} | {"start": {"cardshop": {}}}


def test_where_surgekit_plays_supplier_and_gateway_losing_their_record_leaves_nothing_held_that_it_could_refute(tmp_path: Path) -> None:
    how = "absent: the edge process was lost"
    story = plan(target=PLAYED, witnesses=WHOLE | {"edge": how})
    told = verdicts(write(tmp_path / "good", story, **(good() | {"edge": []})))
    undecided = {name: each["because"] for name, each in told.items() if each["verdict"] == "undecided"}
    assert undecided == dict.fromkeys((name for name in NAMES if name != "sold_within_stock"), f"edge {how}")
    assert all("needs_played" not in each["why"] for each in told.values())
    wrong = verdict_words(write(tmp_path / "bad", story, **(bad() | {"edge": []})))
    assert {name for name, word in wrong.items() if word == "violated"} >= {"card_sold_once", "paid_is_settled", "sold_within_stock"}


def test_where_surgekit_plays_them_and_their_record_is_whole_nothing_changes(tmp_path: Path) -> None:
    assert verdict_words(write(tmp_path, plan(target=PLAYED), **good())) == dict.fromkeys(NAMES, "held")


@pytest.mark.parametrize("harm", ["missing", "broken", "cut"])
@pytest.mark.parametrize("witness", ["ledger", "edge", "stock"])
def test_a_table_that_cannot_be_read_is_an_absent_witness(tmp_path: Path, witness: str, harm: str) -> None:
    run = write(tmp_path, **good())
    table = run / f"{witness}.parquet"
    whole = table.read_bytes()
    table.write_bytes(b"not parquet at all" if harm == "broken" else whole[: len(whole) // 2])
    if harm == "missing":
        table.unlink()
    told = verdicts(run)
    for name in NAMES:
        if witness in NEEDS[name]:
            assert told[name]["verdict"] == "undecided"
            assert f"{witness} absent: {witness}.parquet" in told[name]["because"]


def test_a_check_that_crashes_has_shown_nothing_and_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = check.invariants()
    broken = replace(first, offending="SELECT no_such_column AS id, 1 AS detail FROM orders")
    monkeypatch.setattr(check, "invariants", lambda: (broken, *others))
    told = verdicts(write(tmp_path, **bad()))
    assert told[first.name]["verdict"] == "undecided"
    assert told[first.name]["because"].startswith("the check failed: ")
    assert {told[each.name]["verdict"] for each in others} == {"violated"}


def test_every_violation_is_counted_and_the_first_twenty_are_named(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(n) for n in range(30)], ledger=[booked(n, "paid") for n in range(30)])
    told = verdicts(run)["paid_is_settled"]
    assert (told["violations"], len(told["examples"])) == (30, 20)


@settings(max_examples=25, deadline=None)
@given(turn=st.randoms(use_true_random=False), story=st.sampled_from([good, bad]))
def test_the_order_of_rows_changes_nothing(turn: random.Random, story: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        as_told = verdicts(write(Path(folder) / "a", **story()))
        mixed = verdicts(write(Path(folder) / "b", **{table: shuffled(rows, turn) for table, rows in story().items()}))
    assert mixed == as_told


@settings(max_examples=40, deadline=None)
@given(
    stock=st.integers(1, 6),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=8),
    lost=st.sets(st.integers(0, 7)),
    clicks=st.sets(st.integers(0, 7)),
)
def test_a_correct_platform_is_never_accused(stock: int, sizes: list[int], lost: set[int], clicks: set[int]) -> None:
    """It takes one unit for one charge while there are any, turns everybody else away, and gives back what came twice.

    Some buyers lose their connection and do not see how it ended; some press twice.
    """
    orders, ledger, cards = [], [], [f"c{k}" for k in range(stock)]
    for n, qty in enumerate(sizes):
        price = 1000 * qty
        if qty > len(cards):
            orders.append(order(n, qty=qty, outcome="rejected", order_no=None, accepted_s=None))
            continue
        mine, cards = cards[:qty], cards[qty:]
        seen = {"outcome": "unknown", "cards": []} if n in lost else {"cards": mine}
        orders.append(order(n, qty=qty, **seen))
        ledger.append(booked(n, qty=qty, amount_fen=price, charged_fen=price, cards=mine))
        if n in clicks:
            ledger[-1] |= {"charges": 2, "charged_fen": 2 * price, "refunded_fen": price}
            ledger.append(booked(n, "expired", order_no=f"N{n}b", qty=qty, amount_fen=price))
    with tempfile.TemporaryDirectory() as folder:
        told = verdict_words(write(Path(folder), stock=stocked(stock, end=len(cards)), orders=orders, ledger=ledger))
    assert "violated" not in told.values()


def test_a_file_that_lacks_a_part_says_which() -> None:
    with pytest.raises(ValueError, match="invariant x: no part -- @offending"):
        check.parse("x", "-- says: y\n-- @evidence\nSELECT 1\n-- @unknown\nSELECT 0\n")


GATEWAY = TARGET | {"edge": {"plays": ["gateway"]}}


def test_where_surgekit_plays_the_gateway_of_a_platform_that_was_there_before_its_record_counts_too(tmp_path: Path) -> None:
    story = plan(target=GATEWAY, witnesses=WHOLE | {"edge": "absent: the edge process was lost"})
    told = verdicts(write(tmp_path, story, **(good() | {"edge": []})))
    assert {told[name]["verdict"] for name in ("card_sold_once", "charged_once", "paid_is_settled")} == {"undecided"}


def test_orders_that_were_read_one_by_one_accuse_and_never_acquit(tmp_path: Path) -> None:
    """Without a ledger, nobody knows what else the platform has done."""
    story = plan(witnesses=WHOLE | {"ledger": "absent: the target file describes no ledger read", "orders": "whole"})
    fine = write(tmp_path / "fine", story, **(good() | {"ledger": [booked(1, cards=["a"])]}))
    assert {told["verdict"] for name, told in verdicts(fine).items() if "ledger" in NEEDS[name]} == {"undecided"}
    twice = booked(1, cards=["a"], charges=2, charged_fen=2000)
    wrong = write(tmp_path / "wrong", story, **(good() | {"ledger": [twice]}))
    assert verdicts(wrong)["charged_once"]["verdict"] == "violated"
