"""Oversell and error rate: when, at what rate, how much, and of which product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from run_story import PROFILE, Row, booked, order, plan, purchase, stocked, write

from surgekit.report.result import analyse

SHAPE = PROFILE | {"phases": [{"name": "calm", "duration": 10, "rate": 1}, {"name": "rush", "duration": 10, "rate": {"from": 1, "to": 11}}]}


def broken(run: Path, **tables: Any) -> dict[str, Row]:
    limits = tables.pop("limits", {})
    story = plan(profile=SHAPE | {"limits": SHAPE["limits"] | limits})
    return analyse(write(run, story, **tables))[0]["breakdown"]  # type: ignore[no-any-return]


def sent_away(n: int, **told: Any) -> Row:
    return order(n, outcome="failed", reason="refunded", paid_s=n + 0.2, **told)


def two_products(run: Path, **told: Any) -> Row:
    """One game card, sold to orders 1, 12, 13 and 14: one gets it, one shares it, two get nothing. One skin for two."""
    return broken(
        run, **told, stock=[*stocked(1), *stocked(1, "skin")],
        orders=[order(1, cards=["g"]), order(2, sku="skin", cards=["s"]), order(12, cards=["g"]), sent_away(13), sent_away(14),
                order(15, sku="skin", cards=["s"])],
        ledger=[booked(1, cards=["g"]), booked(2, cards=["s"]), booked(12, cards=["g"]), booked(13, "refunded"), booked(14, "refunded"),
                booked(15, cards=["s"])],
    )["oversell"]  # fmt: skip


def test_oversell_breaks_with_the_first_order_beyond_the_stock(tmp_path: Path) -> None:
    """Order 12 was due at 12 s, when the ramp from 1 to 11 orders/s had come to 3, and was paid at 12.2 s, at 3.2."""
    told = two_products(tmp_path)
    assert (told["status"], told["observed"], told["unit"]) == ("broke", 4, "orders")
    assert (told["at_s"], told["at_rate"], told["phase"], told["interval"]) == (12.2, 3.0, "rush", [3.0, 3.2])


def test_oversell_is_told_by_product_worst_first_and_by_what_the_buyer_got(tmp_path: Path) -> None:
    assert two_products(tmp_path)["blame"]["text"]["en"] == (
        "game: 2 orders were paid for when no card was left, 1 got a card that somebody else has too; "
        "skin: 1 got a card that somebody else has too; no stock is held for an order when it is taken"
    )


def test_where_some_oversell_is_allowed_it_breaks_with_the_first_order_past_that(tmp_path: Path) -> None:
    told = two_products(tmp_path, limits={"oversold": 2})
    assert (told["status"], told["at_s"], told["observed"], told["limit"]) == ("broke", 14.2, 4, 2)


def test_where_so_much_oversell_is_allowed_it_held(tmp_path: Path) -> None:
    told = two_products(tmp_path, limits={"oversold": 4})
    assert (told["status"], told["at_s"], told["observed"]) == ("held", None, 4)


def test_an_order_that_two_checks_name_is_one_order(tmp_path: Path) -> None:
    told = broken(
        tmp_path, stock=stocked(1), orders=[order(1, cards=["g"]), order(2, cards=["g"])],
        ledger=[booked(1, cards=["g"]), booked(2, cards=["g"])],
    )  # fmt: skip
    assert told["oversell"]["observed"] == 1


def test_of_three_with_one_card_two_are_surplus(tmp_path: Path) -> None:
    rows = [1, 2, 3]
    told = broken(
        tmp_path, stock=stocked(9), orders=[order(n, cards=["g"]) for n in rows], ledger=[booked(n, cards=["g"]) for n in rows]
    )["oversell"]
    assert (told["observed"], told["at_s"]) == (2, 2.2)
    assert told["blame"]["text"]["en"].endswith("a card is picked for one buyer without being taken from the others")


def test_a_card_that_the_supplier_sold_twice_makes_no_surplus(tmp_path: Path) -> None:
    told = broken(
        tmp_path, orders=[order(n, sku="topup", cards=["t"]) for n in (1, 2)], ledger=[booked(n, cards=["t"]) for n in (1, 2)],
        edge=[purchase("N1", cards=["t"]), purchase("N2", cards=["t"])],
    )  # fmt: skip
    assert told["oversell"]["observed"] == 0


def test_no_oversell_is_held_when_there_were_witnesses(tmp_path: Path) -> None:
    told = broken(tmp_path, stock=stocked(1), orders=[order(1, cards=["g"])], ledger=[booked(1, cards=["g"])])["oversell"]
    assert (told["status"], told["observed"]) == ("held", 0)


def test_no_oversell_is_undecided_when_there_were_none(tmp_path: Path) -> None:
    assert broken(tmp_path, orders=[order(1)])["oversell"]["status"] == "undecided"


def dense(bad_from: float, bad_to: float, **told: Any) -> list[Row]:
    """Ten orders a second for 20 s; those due from ``bad_from`` on met an error."""
    rows = [order(n, at=(n + 0.5) / 10) for n in range(200)]
    return [row | (told or {"errors": 1}) if bad_from <= row["intended_s"] < bad_to else row for row in rows]


def test_errors_break_it_where_they_begin(tmp_path: Path) -> None:
    replies = [{"seq": n, "step": "pay", "due_s": n / 10, "done_s": n / 10 + 1, "class": "unknown", "reason": "timeout"} for n in range(120, 200)]
    told = broken(tmp_path, orders=dense(12, 20), requests=replies)["error_rate"]
    assert (told["status"], told["at_s"], told["phase"], told["observed"]) == ("broke", 12.05, "rush", 1.0)
    assert told["blame"]["text"]["en"] == "100% of the broken replies are time-outs to pay"


def test_no_errors_held(tmp_path: Path) -> None:
    told = broken(tmp_path, orders=dense(30, 30))["error_rate"]
    assert (told["status"], told["observed"]) == ("held", 0.0)


def test_orders_that_were_turned_away_are_neither_late_nor_errors(tmp_path: Path) -> None:
    away = {"outcome": "rejected", "seen": "rejected", "confirmed_s": None, "reason": "sold_out"}
    told = broken(tmp_path, orders=[row | {"ended_s": row["intended_s"] + 9} for row in dense(12, 20, **away)])
    assert (told["confirm_latency"]["status"], told["error_rate"]["status"]) == ("held", "held")


def test_orders_whose_card_never_came_are_late_once_they_were_watched_long_enough(tmp_path: Path) -> None:
    waiting = {"outcome": "unknown", "seen": "unknown", "confirmed_s": None, "reason": "deadline"}
    short = broken(tmp_path / "short", orders=[row | {"ended_s": row["intended_s"] + 2} for row in dense(12, 20, **waiting)])
    long = broken(tmp_path / "long", orders=[row | {"ended_s": row["intended_s"] + (9 if row["seen"] == "unknown" else 1)} for row in dense(12, 20, **waiting)])
    assert (short["confirm_latency"]["status"], long["confirm_latency"]["status"]) == ("held", "broke")


def test_a_buyers_own_pauses_are_not_the_platforms(tmp_path: Path) -> None:
    slow = {"confirmed_s": None, "paused_s": 4.0}
    orders = [row | {"confirmed_s": row["intended_s"] + 4.5} if row["paused_s"] else row for row in dense(12, 20, **slow)]
    assert broken(tmp_path, orders=orders)["confirm_latency"]["status"] == "held"


def test_a_card_that_the_ledger_knows_of_does_not_make_a_late_order_early(tmp_path: Path) -> None:
    read = {"outcome": "confirmed", "seen": "unknown", "confirmed_s": None, "reason": "deadline, read: delivered"}
    orders = [row | {"ended_s": row["intended_s"] + 9} if row["seen"] == "unknown" else row for row in dense(12, 20, **read)]
    assert broken(tmp_path, orders=orders)["confirm_latency"]["status"] == "broke"


def test_orders_of_a_dead_engine_may_have_been_anything(tmp_path: Path) -> None:
    dead = {"outcome": "unknown", "seen": "unknown", "confirmed_s": None, "reason": "engine_died", "sent_s": None}
    told = broken(tmp_path, orders=dense(12, 20, **dead))
    assert (told["confirm_latency"]["status"], told["error_rate"]["status"]) == ("undecided", "undecided")
