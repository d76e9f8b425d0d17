"""One order key: at most one charge, of the amount that was quoted."""

from __future__ import annotations

from pathlib import Path

from run_story import booked, ids, notice, order, payment, verdicts, write


def again(n: int, number: str, status: str = "delivered", **told: object) -> dict[str, object]:
    """A second platform order under the key of order ``n``."""
    return booked(n, status, order_no=number, **told)


def test_held_when_each_key_was_charged_once(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2)], ledger=[booked(1), booked(2)])
    told = verdicts(run)["charged_once"]
    assert (told["verdict"], told["evidence"]) == ("held", 2)


def test_violated_when_a_double_click_made_two_paid_orders(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2)], ledger=[booked(1), again(1, "N1b"), booked(2)])
    told = verdicts(run)["charged_once"]
    assert told["verdict"] == "violated"
    assert told["examples"] == [{"id": "K1", "detail": "charged 2 times for one order key: N1, N1b"}]


def test_a_double_click_whose_second_order_was_never_paid_is_no_second_charge(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1), again(1, "N1b", "expired")])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_a_second_order_that_was_refunded_is_no_second_charge(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1), again(1, "N1b", "refunded")])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_a_second_payment_of_one_order_that_was_given_back_is_no_second_charge(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, charges=2, charged_fen=2000, refunded_fen=1000)])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_a_payment_after_expiry_that_was_given_back_is_no_charge(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, outcome="failed")], ledger=[booked(1, "refunded")])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_violated_when_the_second_payment_was_kept(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, charges=2, charged_fen=2000)])
    assert ids(verdicts(run)["charged_once"]) == ["K1"]


def test_violated_when_the_gateway_took_twice_and_the_ledger_knows_of_one(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1)],
        ledger=[booked(1)],
        edge=[payment(1, 1.2), notice(1, 1.3), payment(1, 2.2, edge_no="G1b"), notice(1, 2.3, edge_no="G1b")],
    )
    assert ids(verdicts(run)["charged_once"]) == ["K1"]


def test_a_notice_that_was_told_three_times_is_one_payment(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1)], ledger=[booked(1)],
        edge=[payment(1, 1.2), notice(1, 1.3, acked=False), notice(1, 1.4), notice(1, 1.5)],
    )  # fmt: skip
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_undecided_while_the_platform_has_not_heard_of_a_payment(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1)], ledger=[booked(1)],
        edge=[payment(1, 1.2), notice(1, 1.3), payment(1, 2.2, edge_no="G1b")],
    )  # fmt: skip
    assert verdicts(run)["charged_once"]["verdict"] == "undecided"


def test_violated_when_more_was_charged_than_the_buyer_was_told(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        orders=[order(1, amount_fen=900), order(2, amount_fen=1000)],
        ledger=[booked(1), booked(2)],
    )
    assert verdicts(run)["charged_once"]["examples"] == [{"id": "K1", "detail": "N1: charged 1000 fen, quoted 900"}]


def test_a_difference_that_was_given_back_is_no_overcharge(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1, amount_fen=900)], ledger=[booked(1, refunded_fen=100)])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_half_an_order_given_back_is_no_overcharge(tmp_path: Path) -> None:
    run = write(
        tmp_path, orders=[order(1, qty=2, amount_fen=2000)],
        ledger=[booked(1, qty=2, amount_fen=2000, charged_fen=2000, refunded_fen=1000)],
    )  # fmt: skip
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_undecided_when_the_ledger_does_not_say_what_was_given_back(tmp_path: Path) -> None:
    quiet = {"charged_fen": None, "refunded_fen": None}
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, **quiet), again(1, "N1b", **quiet)])
    assert verdicts(run)["charged_once"]["verdict"] == "undecided"


def test_undecided_when_the_ledger_does_not_tell_of_charges(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1, charges=None, charged_fen=None, refunded_fen=None)])
    told = verdicts(run)["charged_once"]
    assert (told["verdict"], told["evidence"]) == ("undecided", 0)


def test_orders_of_strangers_have_no_key_and_do_not_add_up(tmp_path: Path) -> None:
    theirs = [booked(n, order_key=None) for n in (7, 8, 9)]
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1), *theirs])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_strangers_may_share_a_key_of_their_own(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1), booked(8, order_key="x"), booked(9, order_key="x")])
    assert verdicts(run)["charged_once"]["verdict"] == "held"


def test_undecided_while_an_unknown_order_may_have_been_charged(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2, outcome="unknown")], ledger=[booked(1)])
    assert verdicts(run)["charged_once"]["verdict"] == "undecided"


def test_a_stuck_order_is_no_riddle_here_because_the_ledger_tells_its_charges(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1), order(2, outcome="unknown")], ledger=[booked(1), booked(2, "paid")])
    assert verdicts(run)["charged_once"]["verdict"] == "held"
