"""A payment that does not go straight through: turned down, throttled, queued, or half done. Nobody pays or orders once too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from journey_story import (
    DELIVERED,
    EXPIRED,
    OK,
    PAID,
    QUEUED,
    REFUSED,
    SOLD_OUT,
    STATUSES,
    TAKEN,
    TAKEN_AGAIN,
    TARGET,
    THROTTLED,
    TIMEOUT,
    VALUES,
    Answer,
    Scripted,
    buyers,
    order,
    says,
    walked,
    went,
)  # fmt: skip

from surgekit.engine.order.buyer import Shop, Told
from surgekit.model import Outcome
from surgekit.target import Target
from surgekit.target.plan import compile_plan

PAID_UNDELIVERED = says(6, no="N1", fen=1000)
NOTICE = {"gateway": {"notify": {"request": "GET /notify", "query": {"no": "{pay.order_no}"}, "ack": "ok"}}}
RULES = [*TARGET["steps"]["submit"]["replies"], {"class": "paid_undelivered", "path": "code", "equals": 6}]


def bought(script: Mapping[str, Sequence[Answer]], change: Mapping[str, Any], **target: Any) -> tuple[Told, Scripted, list[dict[str, Any]]]:
    """A buyer's way through a shop with other steps: (what was seen, what was asked, with which values somebody delivered)."""
    made = Target.model_validate(TARGET | {"steps": TARGET["steps"] | dict(change)} | target)
    session, delivered = Scripted({"submit": [TAKEN], "pay": [OK], "poll": [DELIVERED], "gateway": [says(1)], **script}), []
    session.deliver = lambda _order, values, _at: delivered.append(dict(values))  # type: ignore[attr-defined]
    values = {**VALUES, "gateway_act": "http://127.0.0.1:1/act"}
    return walked(Shop(compile_plan(made), STATUSES, buyers(), salt="salt"), session, order(), values), session, delivered


@pytest.mark.parametrize("answer", [REFUSED, SOLD_OUT])
def test_a_payment_that_is_turned_down_ends_it(answer: Answer) -> None:
    told, shop = went({"pay": [answer]})
    assert told.outcome is Outcome.REJECTED
    assert (told.reason or "").startswith("pay_")
    assert shop.steps() == ["submit", "pay"]


def test_a_throttled_payment_is_tried_again_for_the_same_order() -> None:
    told, shop = went({"pay": [THROTTLED, OK]})
    assert (told.outcome, told.attempts) == (Outcome.CONFIRMED, 1)
    assert shop.steps() == ["submit", "pay", "pay", "poll"]
    assert shop.asked[2].sent_s == pytest.approx(2.2)  # 2 s after the answer


def test_a_payment_that_is_throttled_to_the_end_was_turned_down() -> None:
    told, shop = went({"pay": [THROTTLED]})
    assert (told.outcome, told.reason, told.paid_s) == (Outcome.REJECTED, "pay_throttled", None)
    assert shop.steps() == ["submit", "pay", "pay"]


def test_a_queued_payment_is_waited_for_and_nothing_is_ordered_again() -> None:
    told, shop = went({"pay": [QUEUED], "poll": [PAID, DELIVERED]})
    assert (told.outcome, told.attempts) == (Outcome.CONFIRMED, 1)
    assert shop.steps() == ["submit", "pay", "poll", "poll"]


def test_paid_without_a_number_is_never_ordered_again() -> None:
    told, shop, _ = bought({"submit": [says(6)]}, {"submit": TARGET["steps"]["submit"] | {"replies": RULES}})
    assert (told.outcome, told.reason, told.attempts) == (Outcome.UNKNOWN, "paid_undelivered", 1)
    assert told.paid_s is not None
    assert shop.steps() == ["submit"]


def test_a_poll_that_needs_what_a_lost_payment_would_have_told_is_not_sent() -> None:
    pay = [{"request": "POST /pay/{order_no}", "replies": RULES, "extract": {"token": "token"}}]
    poll = TARGET["steps"]["poll"] | {"request": "GET /orders/{token}"}
    told, shop, _ = bought({"pay": [TIMEOUT]}, {"pay": {"balance": pay, "gateway": pay}, "poll": poll})
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "no_token")
    assert shop.steps() == ["submit", "pay", "submit", "pay"]


def test_what_a_person_needs_to_deliver_is_waited_for() -> None:
    """The submission tells that it is paid and not of which number; a look tells that."""
    extract = {"status": "status", "order_no": {"json": "no", "optional": True}}
    poll = {"request": "GET /orders?key={order.key}", "replies": RULES, "extract": extract}
    admin = {"after": 1, "deliver": {"request": "POST /deliver/{order_no}", "replies": RULES}}
    looks = [says(6, status="paid"), says(6, status="paid", no="N7"), says(0, status="delivered")]
    told, _, delivered = bought({"submit": [says(6)], "poll": looks}, {"submit": TARGET["steps"]["submit"] | {"replies": RULES}, "poll": poll}, admin=admin)
    assert told.outcome is Outcome.CONFIRMED
    assert [each["order_no"] for each in delivered] == ["N7"]


def test_money_that_the_gateway_has_is_never_without_effect() -> None:
    pay = [{"act": {"order_no": "{order_no}", "amount_fen": "{amount_fen}"}}, {"name": "back", "request": "GET /return", "replies": RULES}]
    told, shop, _ = bought({"back": [REFUSED], "poll": [PAID]}, {"pay": {"balance": pay, "gateway": pay}}, edge=NOTICE)
    assert (told.outcome, told.reason, told.paid_s) == (Outcome.UNKNOWN, "deadline", pytest.approx(0.2))
    assert shop.steps()[:3] == ["submit", "gateway", "back"]
    assert shop.steps().count("submit") == 1


@pytest.mark.parametrize("pay", [OK, QUEUED, TIMEOUT])
def test_a_poll_that_is_turned_away_ends_the_looking_and_nobody_knows_what_became_of_the_money(pay: Answer) -> None:
    told, shop = went({"pay": [pay], "poll": [says(0, status="begun"), REFUSED]}, retry={"most": 0, "after": 1.0})
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "poll_refused")
    assert shop.steps() == ["submit", "pay", "poll", "poll"]


def test_a_poll_that_is_turned_away_before_any_payment_turned_the_buyer_down() -> None:
    told, _, _ = bought({"submit": [says(4, no="N1")], "poll": [REFUSED]}, {})
    assert (told.outcome, told.reason) == (Outcome.REJECTED, "poll_refused")


@pytest.mark.parametrize("second", [REFUSED, SOLD_OUT, THROTTLED, Answer(error="connect_refused", effect_free=True, takes=0.0)])
def test_a_payment_that_stops_half_way_is_looked_up_and_nothing_is_ordered_again(second: Answer) -> None:
    """The first request went through, and may have moved the money."""
    pay = [{"request": "POST /deduct/{order_no}", "replies": RULES}, {"name": "confirm", "request": "POST /confirm/{order_no}", "replies": RULES}]
    told, shop, _ = bought({"confirm": [second], "poll": [says(0, status="begun")]}, {"pay": {"balance": pay, "gateway": pay}})
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "deadline")
    assert (shop.steps().count("submit"), shop.steps().count("pay")) == (1, 1)


def test_of_two_payments_in_doubt_the_one_that_failed_says_nothing_of_the_other() -> None:
    told, shop = went({"submit": [TAKEN, TAKEN_AGAIN], "pay": [TIMEOUT], "poll": [EXPIRED]})
    assert (told.outcome, told.order_no) == (Outcome.UNKNOWN, "N2")
    assert shop.steps() == ["submit", "pay", "submit", "pay", "poll"]


def test_an_order_in_a_queue_is_waited_for_without_its_number_where_the_poll_does_without_too() -> None:
    poll = {"request": "GET /orders?key={order.key}", "replies": RULES, "extract": {"status": "status", "cards": "cards", "order_no": "no"}}
    told, shop, _ = bought({"submit": [QUEUED], "poll": [says(0, status="delivered", cards=["A"], no="N9")]}, {"poll": poll})
    assert (told.outcome, told.order_no, told.attempts) == (Outcome.CONFIRMED, "N9", 1)
    assert shop.steps() == ["submit", "poll"]


def test_the_status_beside_paid_undelivered_is_kept() -> None:
    poll = TARGET["steps"]["poll"] | {"replies": RULES, "extract": {"status": "status"}}
    told, _, _ = bought({"poll": [says(0, status="begun"), says(6, status="out of stock")]}, {"poll": poll})
    assert (told.outcome, told.reason, told.status) == (Outcome.UNKNOWN, "paid_undelivered", "out of stock")
