"""At most one supplier purchase for each order."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_story import booked, order, plan, purchase, verdicts, write

from surgekit.errors import RunError

TOPUP = {"sku": "topup"}


def test_held_when_each_order_was_bought_once(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, **TOPUP), order(2, **TOPUP)], edge=[purchase("N1"), purchase("N2")])
    told = verdicts(run)["purchased_once"]
    assert (told["verdict"], told["evidence"]) == ("held", 2)


def test_violated_when_a_slow_supplier_was_asked_again_under_a_new_number(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, **TOPUP), order(2, **TOPUP)],
        edge=[purchase("N1", 1.0), purchase("N1-2", 4.0), purchase("N2", 2.0)],
    )  # fmt: skip
    told = verdicts(run)["purchased_once"]
    assert told["verdict"] == "violated"
    assert told["examples"] == [{"id": "N1", "detail": "bought 2 times, 2 units for 1 ordered: N1, N1-2"}]


def test_units_that_are_bought_one_by_one_are_no_second_purchase(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, qty=2, **TOPUP)], edge=[purchase("N1-1"), purchase("N1-2")])
    assert verdicts(run)["purchased_once"]["verdict"] == "held"


def test_a_failed_purchase_may_be_made_again(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, **TOPUP)], edge=[purchase("N1", status="failed"), purchase("N1-2")])
    assert verdicts(run)["purchased_once"]["verdict"] == "held"


def test_undecided_when_nobody_knows_how_much_was_ordered(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, **TOPUP)], edge=[purchase("N1"), purchase("N7-1"), purchase("N7-2")])
    assert verdicts(run)["purchased_once"]["verdict"] == "undecided"


def test_the_ledger_knows_orders_that_the_buyer_never_heard_of(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, order_no=None, outcome="failed", **TOPUP)], ledger=[booked(1, "refunded", **TOPUP)],
        edge=[purchase("N1"), purchase("N1-2")],
    )  # fmt: skip
    assert verdicts(run)["purchased_once"]["verdict"] == "violated"


def test_undecided_when_the_stand_in_was_lost(tmp_path: Path) -> None:
    story = plan(witnesses={"ledger": "whole", "stock": "whole", "edge": "absent: the edge process was lost"})
    run = write(tmp_path, story, orders=[order(1, **TOPUP)], edge=[purchase("N1")])
    told = verdicts(run)["purchased_once"]
    assert (told["verdict"], told["because"]) == ("undecided", "edge absent: the edge process was lost")


def test_a_pattern_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    """Look-ahead is refused when a target is loaded, so only an old or a changed run.json has it."""
    target = plan()["target"] | {"edge": {"order_no": r"^(N\d+)(?!\d)"}}
    run = write(tmp_path, plan(target=target), orders=[order(1, **TOPUP)], edge=[purchase("N1"), purchase("N1-2")])
    with pytest.raises(RunError, match=r"run\.json: target\.edge\.order_no is no pattern .* it belongs to another version"):
        verdicts(run)
