"""When a buyer does what: pauses, patience, looks at the order, the second click."""

from __future__ import annotations

import pytest
from journey_story import (
    DELIVERED,
    GATEWAY,
    NOT_SENT,
    OK,
    PAID,
    REFUSED,
    RESET,
    SOLD_OUT,
    TAKEN,
    TAKEN_AGAIN,
    TIMEOUT,
    Answer,
    order,
    went,
)  # fmt: skip

from surgekit.engine.order.journey import DOUBLE_CLICK_S
from surgekit.model import Outcome


def dues(shop: object, step: str) -> list[float]:
    return [round(each.due_s, 6) for each in shop.asked if each.step == step]  # type: ignore[attr-defined]


def test_pauses_are_kept_apart() -> None:
    told, shop = went({"quote": [OK]}, order(browses=True, think_quote_s=3.0, think_pay_s=4.0))
    assert (told.browsed_s, told.paused_s) == (3.0, 7.0)
    assert dues(shop, "submit") == [3.1]  # 0.1 s for the quote, then 3 s of thought
    assert dues(shop, "pay") == [7.2]
    assert told.confirmed_s == pytest.approx(7.0 + 0.4)  # four replies of 0.1 s


def test_pauses_do_not_use_up_patience() -> None:
    told, _ = went({"quote": [OK], "poll": [PAID]}, order(browses=True, think_quote_s=3.0, think_pay_s=4.0), patience=5.0)
    assert told.ended_s == pytest.approx(3.0 + 4.0 + 5.0)


def test_a_pause_that_is_made_twice_is_given_twice() -> None:
    told, _ = went({"submit": [TAKEN], "pay": [RESET], "poll": [PAID]}, order(think_pay_s=4.0), patience=5.0)
    assert (told.paused_s, told.attempts) == (8.0, 2)
    assert told.ended_s == pytest.approx(8.0 + 5.0)


def test_a_buyer_who_only_buys_does_not_ask_for_a_quote() -> None:
    told, shop = went({}, order(think_quote_s=3.0))
    assert "quote" not in shop.steps()
    assert told.paused_s == 0.0


def test_where_there_is_no_quote_to_ask_for_nobody_pauses_over_it() -> None:
    told, _ = went({"poll": [PAID]}, order(browses=True, think_quote_s=3.0), without=("quote",), patience=5.0)
    assert (told.browsed_s, told.ended_s) == (0.0, pytest.approx(5.0))


def test_latency_counts_from_the_intended_time_however_late_the_engine_is() -> None:
    """The deadline too: an engine that starts an order late does not give the platform more time."""
    who = order(intended_s=-2.0)
    told, shop = went({"poll": [PAID]}, who, patience=5.0)
    assert dues(shop, "submit") == [-2.0]
    assert told.started_s == 0.0
    assert told.ended_s == pytest.approx(3.0)


def test_looks_keep_to_their_grid() -> None:
    told, shop = went({"poll": [PAID.after(0.4)] * 4 + [DELIVERED]})
    assert told.outcome is Outcome.CONFIRMED
    assert dues(shop, "poll") == pytest.approx([0.2, 1.2, 2.2, 3.2, 4.2])


def test_looks_that_fell_due_meanwhile_are_one_look() -> None:
    """The first reply takes 2.5 s: looks were due at 1.2 and 2.2. One goes out at once, and counts from 2.2."""
    _, shop = went({"poll": [PAID.after(2.5), PAID, PAID, DELIVERED]})
    assert dues(shop, "poll") == pytest.approx([0.2, 2.2, 3.2, 4.2])
    assert [each.sent_s for each in shop.asked if each.step == "poll"] == pytest.approx([0.2, 2.7, 3.2, 4.2])


@pytest.mark.parametrize("takes", [4.9, 30.0])
def test_a_reply_that_comes_after_the_patience_is_the_last(takes: float) -> None:
    told, shop = went({"poll": [PAID.after(takes)]}, patience=5.0)
    assert dues(shop, "poll") == pytest.approx([0.2])
    assert told.ended_s == pytest.approx(0.2 + takes)


def test_there_is_no_second_attempt_beyond_the_patience() -> None:
    told, shop = went({"submit": [TIMEOUT.after(4.0)]}, patience=5.0)
    assert shop.steps() == ["submit"]
    assert told.outcome is Outcome.UNKNOWN


def test_the_second_attempt_counts_from_when_it_was_due() -> None:
    _, shop = went({"submit": [RESET, TAKEN]})
    assert dues(shop, "submit") == pytest.approx([0.0, 2.1])


def test_a_double_click_submits_and_pays_beside_the_first() -> None:
    told, shop = went({"submit": [TAKEN_AGAIN, TAKEN], "pay": [OK]}, order(double_click=True))
    second = [each for each in shop.asked if each.attempt == 0]
    assert [(each.step, each.key) for each in second] == [("submit", "run-0000007"), ("pay", "run-0000007")]
    assert second[0].due_s == pytest.approx(DOUBLE_CLICK_S)
    assert (told.outcome, told.order_no, told.attempts) == (Outcome.CONFIRMED, "N1", 1)


def test_the_second_click_of_a_gateway_buyer_is_not_paid() -> None:
    """A gateway's page opens once."""
    told, shop = went({"submit": [TAKEN], "pay": [GATEWAY], "pay2": [OK]}, order(double_click=True, pay_by="gateway"))
    assert [each.step for each in shop.asked if each.attempt == 0] == ["submit"]
    assert told.outcome is Outcome.CONFIRMED


def test_the_wait_for_the_second_click_is_not_the_orders() -> None:
    told, shop = went({"submit": [TAKEN_AGAIN.after(9.0), TAKEN]}, order(double_click=True))
    assert told.ended_s == told.confirmed_s == pytest.approx(0.3)
    assert shop.now() > 9.0  # the buyer is not done before both clicks are


@pytest.mark.parametrize(("first", "outcome"), [(SOLD_OUT, Outcome.REJECTED), (NOT_SENT, Outcome.FAILED)])
@pytest.mark.parametrize("second", [REFUSED, NOT_SENT])
def test_two_clicks_without_effect_are_without_effect(first: Answer, outcome: Outcome, second: Answer) -> None:
    told, _ = went({"submit": [second, first]}, order(double_click=True), retry={"most": 0})
    assert told.outcome is outcome


@pytest.mark.parametrize("first", [SOLD_OUT, NOT_SENT])
@pytest.mark.parametrize("second", [TAKEN, TIMEOUT])
def test_what_the_second_click_may_have_bought_is_not_without_effect(first: Answer, second: Answer) -> None:
    told, _ = went({"submit": [second, first]}, order(double_click=True), retry={"most": 0})
    assert told.outcome is Outcome.UNKNOWN
    assert told.reason is not None
    assert told.reason.endswith(", second click")


def test_a_second_click_that_stays_unpaid_bought_nothing() -> None:
    told, _ = went({"submit": [TAKEN, SOLD_OUT], "pay": [REFUSED]}, order(double_click=True))
    assert told.outcome is Outcome.REJECTED


def test_errors_of_the_second_click_count() -> None:
    told, _ = went({"submit": [TIMEOUT, TAKEN]}, order(double_click=True))
    assert (told.outcome, told.errors) == (Outcome.CONFIRMED, 1)
