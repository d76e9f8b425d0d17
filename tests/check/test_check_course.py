"""What is said of an order points at the step that went wrong, in words."""

from __future__ import annotations

from typing import Any

import pytest
from check_story import exchange, shop, walked

from surgekit.check import course
from surgekit.check.finding import Finding

ODD = exchange("pay", "unknown", "odd_reply")
PAGE = exchange("poll", kept={"status": "0", "cards": None})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (ODD, "no rule fits this reply (HTTP 200)"),
        (exchange("pay", "unknown", "http_502", status=502), "no rule fits this reply (HTTP 502)"),
        (exchange("pay", "unknown", "empty_reply", status=302), "no rule fits this redirect (HTTP 302)"),
        (exchange("pay", "unknown", "empty_reply"), "an empty reply (HTTP 200), and no rule fits it"),
        (exchange("pay", "unknown", "no_pay_url"), "a rule says ok (HTTP 200), and extract finds no pay_url in it"),
        (exchange("pay", "refused", "refused"), "a rule says refused (HTTP 200)"),
        (exchange("pay", "unknown", "timeout", error="timeout", status=0), "no reply (timeout), so that it may have had an effect"),
        (exchange("pay", "not_sent", "connect", error="connect", status=0), "nothing was sent: connect"),
        (exchange("gateway", "not_sent", "act: amount: '0' is no amount to pay"), "the acted gateway refuses it: amount: '0' is no amount to pay"),
        (exchange("poll", "paid_undelivered", "paid_undelivered"), "a rule says that it is paid and has no card (HTTP 200)"),
        (exchange("pay"), ""),
        (exchange("pay", "queued", "queued"), ""),
    ],
)  # fmt: skip
def test_why_a_reply_counts_as_it_does_is_said_in_words(told: dict[str, Any], words: str) -> None:
    assert course.meaning(told) == words


def outcome(seen: list[dict[str, Any]], how: str = "unknown", **more: Any) -> Finding:
    return course.outcome(walked(how, **more), seen, shop(), 12.0)


def test_the_step_that_went_wrong_is_named_before_what_came_of_it() -> None:
    found = outcome([exchange("quote"), exchange("submit"), ODD, PAGE, PAGE])
    assert (found.what, found.state) == ("order", "bad")
    assert found.told == (
        "pay: no rule fits this reply (HTTP 200); order N1: accepted, and then unknown (deadline); its last status was '0', which is unpaid"
    )


def test_a_reply_that_was_better_at_the_next_try_is_not_blamed() -> None:
    busy = exchange("pay", "throttled", "throttled")
    assert course.wrong_step([exchange("submit"), busy, exchange("pay"), PAGE]) is None
    assert course.wrong_step([exchange("submit"), exchange("pay"), busy, PAGE]) is busy


def test_a_quote_is_blamed_only_where_nothing_else_is() -> None:
    quote = exchange("quote", "unknown", "odd_reply")
    assert course.wrong_step([quote, exchange("submit"), ODD]) is ODD
    assert course.wrong_step([quote, exchange("submit")]) is quote
    told = outcome([quote, exchange("submit")], "confirmed").told
    assert told == "order N1: accepted, paid, confirmed, 1 card after 1.5 s; but quote: no rule fits this reply (HTTP 200)"


def test_a_refusal_says_what_the_shop_said() -> None:
    refused = exchange("submit", "refused", "refused", reply='{"code": 403}')
    found = outcome([refused], "rejected", accepted=False, order_no=None, reason="refused", status=None)
    assert found.told == 'submit: a rule says refused (HTTP 200), {"code": 403}; not accepted, and then rejected (refused)'
    page = exchange("submit", "refused", "refused", reply="<div> a page </div>")
    assert "a page" not in outcome([page], "rejected", accepted=False).told


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("zt0", "'zt0', and statuses does not say what that means (unpaid, paid, delivered, refunded or failed?)"),
        ("2", "'2', which is delivered, and cards finds nothing"),
        ("1", "'1', which is paid"),
    ],
)
def test_the_last_status_is_explained(status: str, words: str) -> None:
    assert outcome([exchange("submit"), PAGE], status=status).told.endswith(f"its last status was {words}")


def test_a_delivery_that_comes_after_all_patience_is_said() -> None:
    poll = {"request": "GET /o", "replies": [{"class": "ok", "path": "c", "equals": 1}], "extract": {"status": "s"}}
    steps = {"submit": {"request": "POST /o", "replies": [{"class": "ok", "path": "c", "equals": 1}]}, "poll": poll}
    deliver = {"request": "POST /deliver", "replies": [{"class": "ok", "path": "c", "equals": 1}]}
    slow = shop(steps=steps, admin={"deliver": deliver, "after": "10m"})
    found = course.outcome(walked("unknown"), [exchange("submit"), PAGE], slow, 12.0)
    assert found.told.endswith("admin.after is 600 s, and a buyer has patience for 12 s")


@pytest.mark.parametrize(
    ("amount", "kept", "state", "words"),
    [
        (970, None, "open", "quoted 970 fen, the catalogue says 990"),
        (99000, None, "bad", "amount_fen is 99000 where the catalogue says 990 fen; it is in fen already: without as: yuan?"),
        (None, "9.90", "bad", "amount_fen is '9.90', no whole number of fen; as: yuan?"),
        (None, "990", "bad", "amount_fen is '990', a text; as: whole?"),
    ],
)
def test_another_price_than_the_catalogues_is_remarked(amount: int | None, kept: str | None, state: str, words: str) -> None:
    seen = [exchange("submit", kept={"amount_fen": kept})]
    assert course.price(walked(amount_fen=amount), seen, shop()) == [Finding("price", state, words)]  # type: ignore[arg-type]


def test_yuan_where_fen_are_wanted_is_seen() -> None:
    yuan = shop(catalogue=[{"sku": "game", "name": "g", "price_fen": 1000}])
    assert course.price(walked(amount_fen=10), [], yuan)[0].told == "amount_fen is 10 where the catalogue says 1000 fen; as: yuan?"


def test_the_right_price_and_none_at_all_are_no_remark() -> None:
    assert course.price(walked(), [], shop()) == []
    assert course.price(walked(amount_fen=None), [exchange("submit", kept={"order_no": "N1"})], shop()) == []
    assert course.price(walked("rejected", accepted=False, amount_fen=1), [], shop()) == []


def test_another_number_of_cards_than_was_bought_is_said() -> None:
    assert course.cards(walked()) == []
    assert course.cards(walked(qty=2)) == [Finding("cards", "bad", "1 card for a quantity of 2; does cards take them apart as they are (as: lines)?")]
    assert course.cards(walked(cards=3))[0].state == "open"
    assert course.cards(walked(cards=0)) == []
