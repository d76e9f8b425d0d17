"""Each paid order ends delivered or refunded: not both, not neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_story import WHOLE, booked, ids, notice, order, payment, plan, verdicts, write


def test_held_when_one_is_delivered_and_one_refunded(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2, outcome="failed")], ledger=[booked(1), booked(2, "refunded")])
    told = verdicts(run)["paid_is_settled"]
    assert (told["verdict"], told["evidence"]) == ("held", 2)


@pytest.mark.parametrize("status", ["paid", "abnormal"])
def test_violated_when_the_money_is_gone_and_nothing_came(tmp_path: Path, status: str) -> None:
    run = write(tmp_path, orders=[order(1), order(2, outcome="failed")], ledger=[booked(1), booked(2, status)])
    told = verdicts(run)["paid_is_settled"]
    assert told["verdict"] == "violated"
    assert told["examples"] == [{"id": "N2", "detail": f"paid 1000 fen, order is {status}: neither delivered nor refunded"}]


def test_violated_when_goods_and_money_both_went_out(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, refunded_fen=1000)])
    assert ids(verdicts(run)["paid_is_settled"]) == ["N1"]


def test_violated_when_refunded_is_only_a_word(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, outcome="failed"), order(2, outcome="failed")],
        ledger=[booked(1, "refunded", refunded_fen=0), booked(2, "refunded")],
    )  # fmt: skip
    assert ids(verdicts(run)["paid_is_settled"]) == ["N1"]


def test_violated_when_goods_went_out_for_nothing(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2)], ledger=[booked(1), booked(2, charges=0, charged_fen=0)])
    told = verdicts(run)["paid_is_settled"]
    assert told["examples"] == [{"id": "N2", "detail": "delivered without any charge"}]


def test_violated_when_the_platform_acknowledged_a_payment_and_forgot_it(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, outcome="failed")], ledger=[booked(1, "pending")], edge=[payment(1, 1.2), notice(1, 1.3)],
    )  # fmt: skip
    assert ids(verdicts(run)["paid_is_settled"]) == ["N1"]


def test_undecided_when_the_platform_acknowledged_it_only_after_the_surge(tmp_path: Path) -> None:
    """The ledger may have been read a moment before."""
    run = write(
        tmp_path, plan(ended_s=20.0), orders=[order(1, outcome="failed"), order(2)], ledger=[booked(1, "pending"), booked(2)],
        edge=[payment(1, 1.2), notice(1, 22.0)],
    )  # fmt: skip
    assert verdicts(run)["paid_is_settled"]["verdict"] == "undecided"


def test_undecided_while_the_platform_has_not_heard_of_a_payment(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, outcome="failed"), order(2)], ledger=[booked(1, "pending"), booked(2)],
        edge=[payment(1, 1.2), notice(1, 1.3, acked=False)],
    )  # fmt: skip
    assert verdicts(run)["paid_is_settled"]["verdict"] == "undecided"


def test_a_platform_that_asked_the_gateway_itself_needs_no_notice(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1)], edge=[payment(1, 1.2), notice(1, 1.3, acked=False)])
    assert verdicts(run)["paid_is_settled"]["verdict"] == "held"


def test_a_late_payment_that_was_given_back_is_settled(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, outcome="failed")], ledger=[booked(1, "refunded")], edge=[payment(1, 1.2), notice(1, 9.0)],
    )  # fmt: skip
    assert verdicts(run)["paid_is_settled"]["verdict"] == "held"


def test_a_second_payment_that_was_given_back_leaves_the_order_delivered(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, charges=2, charged_fen=2000, refunded_fen=1000)])
    assert verdicts(run)["paid_is_settled"]["verdict"] == "held"


def test_undecided_while_paid_orders_are_still_being_worked_on(tmp_path: Path) -> None:
    story = plan(witnesses=WHOLE | {"ledger": "moving: paid orders were still being worked on"})
    run = write(tmp_path, story, orders=[order(1), order(2, outcome="unknown")], ledger=[booked(1), booked(2, "paid")])
    told = verdicts(run)["paid_is_settled"]
    assert (told["verdict"], told["because"]) == ("undecided", "ledger moving: paid orders were still being worked on")


def test_undecided_when_the_target_file_does_not_know_the_status(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2)], ledger=[booked(1), booked(2, "completed", charges=1, charged_fen=1000)])
    assert verdicts(run)["paid_is_settled"]["verdict"] == "undecided"


def test_undecided_when_the_target_file_names_no_figures(tmp_path: Path) -> None:
    bare = {"charges": None, "charged_fen": None, "refunded_fen": None}
    run = write(tmp_path, orders=[order(1), order(2)], ledger=[booked(1, **bare), booked(2, "paid", **bare)])
    assert verdicts(run)["paid_is_settled"]["verdict"] == "undecided"


def test_what_strangers_paid_is_not_ours_to_judge(tmp_path: Path) -> None:
    theirs = booked(9, "paid", order_key=None)
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1), theirs])
    assert verdicts(run)["paid_is_settled"]["verdict"] == "held"
