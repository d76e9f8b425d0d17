"""No more units are sold than there were in stock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_story import WHOLE, booked, ids, notice, order, payment, plan, stocked, verdicts, write


def judged(run: Path) -> dict[str, Any]:
    return verdicts(run)["sold_within_stock"]


def refused(n: int, **told: Any) -> dict[str, Any]:
    """An order that was paid at once, and refunded because no card was left."""
    return order(n, outcome="failed", reason="refunded", paid_s=n + 0.2, **told)


def test_held_when_the_last_card_goes_to_the_last_buyer(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=stocked(2), orders=[order(1, cards=["a"]), order(2, cards=["b"])],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["b"])],
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], told["evidence"]) == ("held", 2)


def test_violated_by_the_buyer_who_paid_for_a_card_that_was_not_there(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1, cards=["a"]), refused(2)],
        ledger=[booked(1, cards=["a"]), booked(2, "refunded")],
    )  # fmt: skip
    told = judged(run)
    assert told["verdict"] == "violated"
    assert told["examples"] == [
        {"id": "N2", "detail": "game: sold beyond the 1 in stock; 1 paid for, 0 cards of its own, order is refunded"}
    ]


def test_violated_by_the_buyer_whose_card_is_somebody_elses(tmp_path: Path) -> None:
    """Order 1 paid first and has the same card as order 2, who saw it first: the card is order 2's."""
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1, cards=["a"], confirmed_s=9.0), order(2, cards=["a"])],
        ledger=[booked(1, cards=["a"]), booked(2, cards=["a"])],
    )  # fmt: skip
    assert ids(judged(run)) == ["N1"]


def test_units_count_and_not_orders(tmp_path: Path) -> None:
    """Three cards; two, two and one were sold: the second order straddles the edge, the third lies beyond it."""
    sizes = {1: 2, 2: 2, 3: 1}
    run = write(
        tmp_path, stock=stocked(3), orders=[order(n, qty=qty) for n, qty in sizes.items()],
        ledger=[booked(n, qty=qty, amount_fen=1000 * qty, charged_fen=1000 * qty) for n, qty in sizes.items()],
    )  # fmt: skip
    assert ids(judged(run)) == ["N2", "N3"]


@pytest.mark.parametrize(("added", "beyond"), [(0, ["N2", "N3"]), (1, ["N3"]), (2, [])])
def test_what_was_stocked_meanwhile_may_be_sold(tmp_path: Path, added: int, beyond: list[str]) -> None:
    run = write(
        tmp_path, stock=stocked(1, added=added), orders=[order(n) for n in (1, 2, 3)], ledger=[booked(n) for n in (1, 2, 3)],
    )  # fmt: skip
    assert ids(judged(run)) == beyond


def test_each_product_has_a_stock_of_its_own(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=[*stocked(1), *stocked(2, "skin")],
        orders=[order(1), order(2, sku="skin"), order(3, sku="skin"), order(4, sku="skin")],
        ledger=[booked(1), booked(2), booked(3), booked(4)],
    )  # fmt: skip
    assert ids(judged(run)) == ["N4"]


def test_a_platforms_own_product_codes_do_not_matter(tmp_path: Path) -> None:
    """What an order was for is what its buyer asked for; the ledger may name products in its own way."""
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1), order(2)], ledger=[booked(1, sku="P-77"), booked(2, sku="P-77")],
    )  # fmt: skip
    assert ids(judged(run)) == ["N2"]


def test_goods_of_a_supplier_have_no_stock(tmp_path: Path) -> None:
    """Some platforms list them all the same, with none on the shelf."""
    run = write(
        tmp_path, stock=[*stocked(5), *stocked(0, "topup")], orders=[order(1), *(order(n, sku="topup") for n in range(2, 9))],
        ledger=[booked(n) for n in range(1, 9)],
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], told["evidence"]) == ("held", 1)


def test_a_payment_that_came_after_the_reservation_ran_out_is_no_oversell(tmp_path: Path) -> None:
    """Order 1 was to be paid in time and was not; its card went to order 2; then the money came, and went back."""
    run = write(
        tmp_path, stock=stocked(1), orders=[refused(1), order(3, cards=["a"])],
        ledger=[booked(1, "refunded"), booked(3, cards=["a"])], edge=[payment(1, 4.0), notice(1, 9.0)],
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], told["violations"]) == ("undecided", 0)


def test_a_refund_while_cards_were_left_is_no_oversell(tmp_path: Path) -> None:
    """Order 1 could not be delivered for some other reason; its card was sold to order 2 afterwards."""
    run = write(
        tmp_path, stock=stocked(1), orders=[refused(1), order(5, cards=["a"])],
        ledger=[booked(1, "refunded"), booked(5, cards=["a"])],
    )  # fmt: skip
    assert judged(run)["verdict"] == "held"


def test_a_double_click_on_the_last_card_is_an_oversell_like_any_other(tmp_path: Path) -> None:
    pays = [
        {"seq": 2, "shard": 0, "step": "pay", "attempt": 0, "due_s": 2.2, "sent_s": 2.2, "done_s": 2.3, "class": "ok"},
    ]
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1, cards=["a"]), refused(2)], requests=pays,
        ledger=[booked(1, cards=["a"]), booked(2, "expired"), booked(2, "refunded", order_no="N2b")],
    )  # fmt: skip
    assert ids(judged(run)) == ["N2b"]


def test_a_second_payment_that_was_given_back_sells_no_second_unit(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1)], ledger=[booked(1, charges=2, charged_fen=2000, refunded_fen=1000)],
    )  # fmt: skip
    assert judged(run)["verdict"] == "held"


def test_units_that_were_given_back_were_not_sold(tmp_path: Path) -> None:
    """Five ordered, three there: three delivered, and the price of two went back."""
    run = write(
        tmp_path, stock=stocked(3), orders=[order(1, qty=5)],
        ledger=[booked(1, qty=5, amount_fen=5000, charged_fen=5000, refunded_fen=2000)],
    )  # fmt: skip
    assert judged(run)["verdict"] == "held"


def test_goods_and_money_both_gone_is_a_unit_sold(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=stocked(1), orders=[order(1), order(2)], ledger=[booked(1, refunded_fen=1000), booked(2)],
    )  # fmt: skip
    assert judged(run)["violations"] == 1


def test_violated_by_what_buyers_hold_even_without_a_ledger(tmp_path: Path) -> None:
    story = plan(witnesses=WHOLE | {"ledger": "absent: HTTP 500"})
    run = write(tmp_path, story, stock=stocked(1), orders=[order(1, cards=["a"]), order(2, cards=["b"])])
    assert ids(judged(run)) == ["N2"]


def test_a_ledger_that_moves_proves_nothing_about_money(tmp_path: Path) -> None:
    """The second order is paid and may be about to be refunded."""
    story = plan(witnesses=WHOLE | {"ledger": "moving"})
    run = write(
        tmp_path, story, stock=stocked(1), orders=[order(1), order(2, outcome="unknown")], ledger=[booked(1), booked(2, "paid")],
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], told["violations"]) == ("undecided", 0)


def test_undecided_when_the_stock_was_not_read_again(tmp_path: Path) -> None:
    """Somebody may have filled it up."""
    story = plan(witnesses=WHOLE | {"stock": "absent: HTTP 500"})
    run = write(tmp_path, story, stock=stocked(1)[:1], orders=[order(1), order(2)], ledger=[booked(1), booked(2)])
    told = judged(run)
    assert (told["verdict"], told["because"]) == ("undecided", "stock absent: HTTP 500")


@pytest.mark.parametrize(("stock", "verdict"), [(2, "undecided"), (3, "held")])
def test_unknown_orders_matter_only_when_they_could_be_too_many(tmp_path: Path, stock: int, verdict: str) -> None:
    """One order may have made two: it was tried again."""
    run = write(tmp_path, stock=stocked(stock), orders=[order(1), order(2, outcome="unknown")], ledger=[booked(1)])
    assert judged(run)["verdict"] == verdict


def test_undecided_when_strangers_buy_too(tmp_path: Path) -> None:
    run = write(tmp_path, stock=stocked(2), orders=[order(1)], ledger=[booked(1), booked(9, order_key=None)])
    told = judged(run)
    assert (told["verdict"], told["because"]) == ("undecided", "1 orders of strangers in the shop could hide or explain a violation")


def test_a_reservation_of_a_stranger_may_have_become_free(tmp_path: Path) -> None:
    """One on the shelf at the start, one reserved by a stranger who never paid: both may be sold, a third may not."""
    shelf = [{"moment": moment, "sku": "game", "t_s": t, "total": 2, "unsold": left} for moment, t, left in (("start", 0, 1), ("end", 40, 0))]
    theirs = booked(9, "expired", order_key=None)
    two = write(tmp_path / "two", stock=shelf, orders=[order(1), order(2)], ledger=[booked(1), booked(2), theirs])
    three = write(tmp_path / "three", stock=shelf, orders=[order(n) for n in (1, 2, 3)], ledger=[*(booked(n) for n in (1, 2, 3)), theirs])
    assert (judged(two)["verdict"], ids(judged(three))) == ("undecided", ["N3"])


def test_nothing_sold_is_no_evidence(tmp_path: Path) -> None:
    run = write(tmp_path, stock=stocked(2), orders=[order(1, outcome="rejected")])
    told = judged(run)
    assert (told["verdict"], told["because"]) == ("undecided", "nothing was observed that could have shown it")


def test_surplus_is_exactly_what_was_sold_beyond_the_stock(tmp_path: Path) -> None:
    """Four cards, some in two hands, some buyers sent away: eight units paid for, so four of them beyond the stock."""
    hands = {1: "a", 2: "b", 3: "b", 4: "c", 5: "c", 6: "d"}
    run = write(
        tmp_path, stock=stocked(4), orders=[*(order(n, cards=[card]) for n, card in hands.items()), refused(7), refused(8)],
        ledger=[*(booked(n, cards=[card]) for n, card in hands.items()), booked(7, "refunded"), booked(8, "refunded")],
    )  # fmt: skip
    assert ids(judged(run)) == ["N3", "N5", "N7", "N8"]


@pytest.mark.parametrize(
    ("proof", "verdict", "named"), [(True, "violated", ["N2", "N3"]), (False, "undecided", [])], ids=["proven", "not proven"]
)
def test_who_came_away_empty_while_the_last_card_changed_hands_counts_once_the_product_is_proven(
    tmp_path: Path, proof: bool, verdict: str, named: list[str]
) -> None:
    """Orders 1 and 2 were being charged at the same time for one card. By itself that shows no oversell: order 2's
    reservation may have run out. Order 3 was charged after the card had gone, and shows that this platform does so."""
    late = [3] if proof else []
    run = write(
        tmp_path, stock=stocked(1),
        orders=[order(1, cards=["a"]), refused(2, at=1.0), *(refused(n) for n in late)],
        ledger=[booked(1, cards=["a"]), booked(2, "refunded"), *(booked(n, "refunded") for n in late)],
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], ids(told)) == (verdict, named)


# A platform that does not give every figure.


def shelf(start: int | None, end: int | None, sku: str = "game", *, totals: tuple[int | None, int | None] = (None, None)) -> list[dict[str, Any]]:
    """What was left before and after, as far as the platform says."""
    return [
        {"moment": "start", "sku": sku, "t_s": 0.0, "total": totals[0], "unsold": start, "word": None},
        {"moment": "end", "sku": sku, "t_s": 40.0, "total": totals[1], "unsold": end, "word": None},
    ]


UNSEEN = "orders of products of which the platform does not say how many there were, or how many were added"


def test_sales_within_what_was_left_at_the_start_need_no_total(tmp_path: Path) -> None:
    """Whatever was added meanwhile, these were there."""
    run = write(tmp_path, stock=shelf(2, 0), orders=[order(1), order(2)], ledger=[booked(1), booked(2)])
    told = judged(run)
    assert (told["verdict"], told["evidence"]) == ("held", 2)


@pytest.mark.parametrize("totals", [(None, None), (2, None), (None, 2)])
@pytest.mark.parametrize("end", [0, 5, None])
def test_sales_beyond_it_may_have_been_added_unseen(tmp_path: Path, totals: tuple[int | None, int | None], end: int | None) -> None:
    run = write(
        tmp_path, stock=shelf(2, end, totals=totals), orders=[order(n) for n in (1, 2, 3)], ledger=[booked(n) for n in (1, 2, 3)]
    )  # fmt: skip
    told = judged(run)
    assert (told["verdict"], told["violations"], told["because"]) == ("undecided", 0, f"1 {UNSEEN}")


def test_who_was_charged_and_refunded_after_the_last_unit_proves_nothing_without_a_total(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=shelf(1, 0), orders=[order(1, cards=["a"]), refused(2)], ledger=[booked(1, cards=["a"]), booked(2, "refunded")]
    )
    told = judged(run)
    assert (told["verdict"], told["violations"]) == ("undecided", 0)


@pytest.mark.parametrize("lacks", ["figures", "rows"])
def test_a_product_without_figures_leaves_undecided_what_others_hold(tmp_path: Path, lacks: str) -> None:
    unsaid = shelf(None, None, "skin") if lacks == "figures" else []
    run = write(tmp_path, stock=[*stocked(2, end=1), *unsaid], orders=[order(1), order(2, sku="skin")], ledger=[booked(1), booked(2)])
    told = judged(run)
    assert (told["verdict"], told["because"]) == ("undecided", f"1 {UNSEEN}")


def test_an_unknown_order_of_a_product_without_figures_counts_too(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=[*stocked(2, end=1), *shelf(None, None, "skin")], orders=[order(1), order(2, sku="skin", outcome="unknown")],
        ledger=[booked(1)],
    )  # fmt: skip
    assert judged(run)["verdict"] == "undecided"


def test_a_product_without_figures_that_nobody_bought_does_not_matter(tmp_path: Path) -> None:
    run = write(tmp_path, stock=[*stocked(1), *shelf(None, None, "skin")], orders=[order(1)], ledger=[booked(1)])
    assert judged(run)["verdict"] == "held"


def test_what_one_product_does_not_say_excuses_no_other(tmp_path: Path) -> None:
    run = write(
        tmp_path, stock=[*stocked(1), *shelf(None, None, "skin")], orders=[order(1), order(2), order(3, sku="skin")],
        ledger=[booked(1), booked(2), booked(3)],
    )  # fmt: skip
    assert ids(judged(run)) == ["N2"]


@pytest.mark.parametrize(("stock", "verdict"), [(2, "held"), (1, "undecided")])
def test_charged_and_failed_in_a_ledger_that_tells_no_refunds_is_perhaps_sold(tmp_path: Path, stock: int, verdict: str) -> None:
    """Two paid for one card; the second order failed, and nobody says whether its money came back."""
    run = write(
        tmp_path, stock=stocked(stock), orders=[order(1, cards=["a"]), order(2, outcome="failed", reason="failed", paid_s=2.2)],
        ledger=[booked(1, cards=["a"], refunded_fen=None), booked(2, "failed", charges=1, charged_fen=1000, refunded_fen=None)],
    )  # fmt: skip
    told = judged(run)
    assert told["verdict"] == verdict
    if verdict == "undecided":
        assert told["because"] == "1 operations with an unknown outcome, 1 of them charged in a ledger that tells no refunded_fen: was it given back?"
