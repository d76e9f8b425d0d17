"""Shops that were not written here, surged from YAML alone: each order that their own database has is one that SurgeKit knows.

Slow, and not run by default. ``python -m tests.thirdparty.setup`` once, then ``pytest -m thirdparty tests/thirdparty``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from . import blasts

pytestmark = [
    pytest.mark.thirdparty,
    pytest.mark.skipif(bool(blasts.missing()), reason="python -m tests.thirdparty.setup"),
]
BOTH = pytest.mark.parametrize("name", sorted(blasts.PLATFORMS))


def same(told: blasts.Blasted) -> None:
    """As many orders, and order for order the same ones."""
    assert sum(map(len, told.theirs.values())) == told.accepted + told.resolved, told.said
    assert {key: [number] for key, number in told.ours.items()} == told.theirs
    assert told.equal


@BOTH
def test_every_order_of_a_shop_with_enough_stock_is_known(name: str, tmp_path: Path) -> None:
    told = blasts.blast(name, "even", tmp_path)
    same(told)
    assert len(told.theirs) > 5
    assert told.verdict("sold_within_stock")["verdict"] == "held"
    assert told.result["orders"]["unknown"] == 0  # whatever its buyers saw, the ledger tells


@BOTH
def test_orders_that_nobody_saw_the_end_of_are_found_by_reading(name: str, tmp_path: Path) -> None:
    told = blasts.blast(name, "freeze", tmp_path, meanwhile=blasts.frozen_in_the_crowd)
    same(told)
    assert told.unknown > 0
    assert told.result["orders"]["unknown"] == 0
    assert told.result["breakdown"]["error_rate"]["status"] == "broke"


def test_oscar_whose_transactions_queue_sells_what_it_has(tmp_path: Path) -> None:
    told = blasts.blast("oscar", "flash", tmp_path, stock={"card-flash": 5})
    same(told)
    assert told.units["card-flash"] == 5
    assert told.verdict("sold_within_stock")["verdict"] == "held"
    assert told.verdict("sold_within_stock")["evidence"] == 5


def test_vendure_takes_money_for_more_than_it_has_and_the_audit_names_each_surplus_order(tmp_path: Path) -> None:
    told = blasts.blast("vendure", "flash", tmp_path, stock={"card-flash": 5})
    same(told)
    found = told.verdict("sold_within_stock")
    assert (found["verdict"], found["violations"]) == ("violated", told.units["card-flash"] - 5)
    assert found["violations"] > 0
