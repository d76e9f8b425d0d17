"""Each way through the shop, told by a script."""

from __future__ import annotations

import pytest
from journey_story import (
    DELIVERED,
    EXPIRED,
    GATEWAY,
    HIDDEN,
    HTTP_500,
    NOT_SENT,
    OK,
    PAID,
    QUEUED,
    REFUNDED,
    REFUSED,
    RESET,
    SOLD_OUT,
    TAKEN,
    TAKEN_AGAIN,
    THROTTLED,
    TIMEOUT,
    Answer,
    order,
    says,
    status,
    went,
)  # fmt: skip

from surgekit.digest import card_digest
from surgekit.model import Outcome

ONE_LOOK = {"retry": {"most": 0, "after": 2.0}}


def test_an_order_paid_by_balance_is_confirmed_when_its_card_is_seen() -> None:
    told, shop = went({"poll": [PAID, DELIVERED]})
    assert (told.outcome, told.reason, told.order_no, told.amount_fen) == (Outcome.CONFIRMED, None, "N1", 1000)
    assert [told.sent_s, told.accepted_s, told.paid_s] == pytest.approx([0.0, 0.1, 0.2])
    assert told.confirmed_s == told.ended_s == pytest.approx(1.3)  # looked at 0.2 s and at 1.2 s
    assert told.card_digests == [card_digest("CARD-1", "salt")]
    assert shop.steps() == ["submit", "pay", "poll", "poll"]


def test_a_gateway_order_is_paid_on_the_page_that_the_platform_named() -> None:
    told, shop = went({"pay": [GATEWAY], "pay2": [OK]}, order(pay_by="gateway"))
    assert told.outcome is Outcome.CONFIRMED
    assert told.paid_s == pytest.approx(0.3)
    assert shop.asked[2].url == b"http://127.0.0.1:1/gateway"


@pytest.mark.parametrize(("answer", "reason"), [(SOLD_OUT, "sold_out"), (REFUSED, "refused")])
def test_a_quote_that_says_no_ends_it_before_anything_is_ordered(answer: Answer, reason: str) -> None:
    told, shop = went({"quote": [answer]}, order(browses=True))
    assert (told.outcome, told.reason, told.attempts) == (Outcome.REJECTED, reason, 0)
    assert shop.steps() == ["quote"]


@pytest.mark.parametrize(("answer", "reason"), [(SOLD_OUT, "sold_out"), (REFUSED, "refused")])
def test_a_submission_that_is_turned_down_is_not_tried_again(answer: Answer, reason: str) -> None:
    told, shop = went({"submit": [answer]})
    assert (told.outcome, told.reason) == (Outcome.REJECTED, reason)
    assert shop.steps() == ["submit"]


def test_a_throttled_buyer_comes_back() -> None:
    told, shop = went({"submit": [THROTTLED, TAKEN]})
    assert (told.outcome, told.attempts, told.errors) == (Outcome.CONFIRMED, 2, 0)
    assert shop.asked[1].due_s == pytest.approx(2.1)  # 2 s after the answer


def test_a_buyer_throttled_to_the_end_was_rejected() -> None:
    told, _ = went({"submit": [THROTTLED]})
    assert (told.outcome, told.reason, told.attempts) == (Outcome.REJECTED, "throttled", 2)


def test_after_a_time_out_the_same_order_is_sent_again_under_the_same_key() -> None:
    told, shop = went({"submit": [TIMEOUT, TAKEN]})
    assert (told.outcome, told.attempts, told.errors) == (Outcome.CONFIRMED, 2, 1)
    assert told.sent_s == 0.0
    submits = [each for each in shop.asked if each.step == "submit"]
    assert [(each.attempt, each.key) for each in submits] == [(1, "run-0000007"), (2, "run-0000007")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(TIMEOUT, "timeout"), (RESET, "reset"), (HTTP_500, "http_500"), (HIDDEN, "hidden_error"), (QUEUED, "queued"), (Answer(), "empty_reply")],
)
def test_an_order_whose_attempts_all_end_in_doubt_is_unknown(answer: Answer, reason: str) -> None:
    told, _ = went({"submit": [answer]})
    assert (told.outcome, told.reason, told.attempts) == (Outcome.UNKNOWN, reason, 2)


def test_an_order_that_never_left_failed() -> None:
    told, _ = went({"submit": [NOT_SENT]})
    assert (told.outcome, told.reason, told.sent_s, told.errors) == (Outcome.FAILED, "connect_refused", None, 2)


@pytest.mark.parametrize("last", [REFUSED, SOLD_OUT, NOT_SENT, THROTTLED])
def test_a_first_attempt_in_doubt_leaves_the_order_in_doubt(last: Answer) -> None:
    """The first may have bought, and the second been turned down for that very reason."""
    told, _ = went({"submit": [TIMEOUT, last]})
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "timeout")


def test_a_payment_that_never_left_moved_no_money() -> None:
    told, shop = went({"pay": [NOT_SENT]}, **ONE_LOOK)
    assert (told.outcome, told.reason, told.paid_s) == (Outcome.FAILED, "pay_connect_refused", None)
    assert "poll" not in shop.steps()


def test_a_payment_in_doubt_is_looked_up() -> None:
    told, shop = went({"pay": [TIMEOUT]}, **ONE_LOOK)
    assert told.outcome is Outcome.CONFIRMED
    assert told.paid_s == told.confirmed_s  # nobody saw the payment itself
    assert shop.steps() == ["submit", "pay", "poll"]


@pytest.mark.parametrize("second", [REFUSED, NOT_SENT, TIMEOUT])
def test_after_a_payment_in_doubt_the_order_that_may_be_paid_is_looked_up(second: Answer) -> None:
    """The second attempt gets nowhere; the first one's number is known, so it is read and not guessed."""
    told, shop = went({"submit": [TAKEN, second], "pay": [TIMEOUT]})
    assert (told.outcome, told.order_no) == (Outcome.CONFIRMED, "N1")
    assert shop.asked[-1].url == b"/orders/N1"


def test_the_order_that_is_told_of_is_the_one_that_was_looked_at() -> None:
    told, shop = went({"submit": [TAKEN, TAKEN_AGAIN], "pay": [TIMEOUT, REFUSED]})
    assert (told.outcome, told.order_no) == (Outcome.CONFIRMED, "N1")
    assert shop.asked[-1].url == b"/orders/N1"


def test_a_payment_in_doubt_without_anything_to_look_at_stays_unknown() -> None:
    told, _ = went({"pay": [TIMEOUT]}, without=("poll",), **ONE_LOOK)
    assert (told.outcome, told.confirmed_s) == (Outcome.UNKNOWN, None)


def test_where_nothing_can_be_looked_at_a_payment_is_the_confirmation() -> None:
    told, _ = went({}, without=("poll",))
    assert (told.outcome, told.confirmed_s) == (Outcome.CONFIRMED, told.paid_s)


def test_where_nothing_is_paid_the_acceptance_is_the_confirmation() -> None:
    told, _ = went({}, order(think_pay_s=3.0), without=("poll", "pay"))
    assert (told.outcome, told.confirmed_s, told.paid_s) == (Outcome.CONFIRMED, told.accepted_s, None)
    assert told.paused_s == 0.0  # a pause before a payment that nobody asks for would make the latency negative


def test_a_buyer_gives_up_at_the_end_of_the_patience() -> None:
    told, _ = went({"poll": [PAID]}, patience=5.0)
    assert (told.outcome, told.reason, told.status) == (Outcome.UNKNOWN, "deadline", "paid")
    assert told.ended_s == pytest.approx(5.0)


def test_the_money_came_back() -> None:
    told, _ = went({"poll": [PAID, REFUNDED]})
    assert (told.outcome, told.reason) == (Outcome.FAILED, "refunded")


def test_an_order_that_the_platform_gave_up_failed_under_its_word() -> None:
    told, _ = went({"poll": [EXPIRED]})
    assert (told.outcome, told.reason) == (Outcome.FAILED, "expired")


def test_the_end_of_one_order_says_nothing_of_another_attempt() -> None:
    """The second order was refunded; whether the first was ever made, this reply cannot tell."""
    told, _ = went({"submit": [TIMEOUT, TAKEN], "poll": [REFUNDED]})
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "refunded")


def test_the_end_of_the_order_whose_payment_was_in_doubt_ends_the_doubt() -> None:
    told, _ = went({"pay": [TIMEOUT], "poll": [REFUNDED]}, **ONE_LOOK)
    assert (told.outcome, told.reason) == (Outcome.FAILED, "refunded")


def test_delivered_without_a_card_is_not_delivered() -> None:
    told, shop = went({"poll": [status("delivered"), DELIVERED]})
    assert told.outcome is Outcome.CONFIRMED
    assert shop.steps().count("poll") == 2


@pytest.mark.parametrize("amount", [True, "1000", 10**30, None, [1]])
def test_an_amount_that_is_none_is_not_written_down(amount: object) -> None:
    """The history has whole fen of 64 bits, and one odd reply must not make it unreadable."""
    told, _ = went({"submit": [says(0, no="N1", fen=amount)]})
    assert (told.outcome, told.amount_fen) == (Outcome.CONFIRMED, None)


def test_the_end_of_the_second_order_leaves_the_first_payment_in_doubt() -> None:
    told, _ = went({"submit": [TAKEN, TAKEN_AGAIN], "pay": [TIMEOUT, OK], "poll": [REFUNDED]})
    assert (told.outcome, told.reason, told.order_no) == (Outcome.UNKNOWN, "refunded", "N2")


def test_an_order_was_accepted_when_it_first_was() -> None:
    told, _ = went({"submit": [TAKEN, TAKEN], "pay": [RESET, OK]})
    assert (told.outcome, told.accepted_s) == (Outcome.CONFIRMED, pytest.approx(0.1))


def test_each_error_page_is_counted() -> None:
    told, _ = went({"quote": [HTTP_500], "submit": [TIMEOUT, TAKEN], "poll": [RESET, HIDDEN, DELIVERED]}, order(browses=True))
    assert (told.outcome, told.errors) == (Outcome.CONFIRMED, 4)
