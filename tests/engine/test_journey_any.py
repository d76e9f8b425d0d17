"""Whatever a platform answers, in whatever order: what is always true of what a buyer tells."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
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
    Asked,
    order,
    status,
    went,
)  # fmt: skip

from surgekit.engine.order.buyer import Told
from surgekit.model import Order, Outcome

TROUBLE = [SOLD_OUT, THROTTLED, REFUSED, QUEUED, HIDDEN, TIMEOUT, RESET, NOT_SENT, HTTP_500]
DOUBTFUL = {QUEUED.body, HIDDEN.body, HTTP_500.body}


def answers(*good: Answer) -> st.SearchStrategy[list[Answer]]:
    one = st.builds(Answer.after, st.sampled_from([*good, *TROUBLE]), st.sampled_from([0.0, 0.1, 0.9, 2.5, 7.0]))
    return st.lists(one, min_size=1, max_size=4)


SCRIPTS = st.fixed_dictionaries(
    {
        "quote": answers(OK),
        "submit": answers(TAKEN, TAKEN_AGAIN),
        "pay": answers(OK, GATEWAY),
        "pay2": answers(OK),
        "poll": answers(PAID, DELIVERED, status("delivered"), REFUNDED, EXPIRED),
    }
)
BUYERS = st.builds(
    order,
    pay_by=st.sampled_from(["balance", "gateway"]),
    browses=st.booleans(),
    double_click=st.booleans(),
    think_quote_s=st.sampled_from([0.0, 0.7]),
    think_pay_s=st.sampled_from([0.0, 1.3]),
    intended_s=st.sampled_from([0.0, 3.0]),
)
HABITS = st.fixed_dictionaries(
    {"patience": st.sampled_from([1.0, 5.0, 12.0]), "retry": st.fixed_dictionaries({"most": st.integers(0, 3)})}
)
WITHOUT = st.sampled_from([(), ("poll",), ("quote", "poll"), ("pay",), ("pay", "poll")])


def doubtful(steps: set[str], asked: list[Asked], script: dict[str, list[Answer]]) -> bool:
    """Whether one of these steps got an answer after which it may have had an effect."""
    seen: dict[str, int] = {}
    for each in asked:
        number = seen.get(each.step, 0)
        seen[each.step] = number + 1
        answer = script[each.step][min(number, len(script[each.step]) - 1)]
        in_doubt = answer.error in ("timeout", "reset") or answer.body in DOUBTFUL
        if in_doubt and each.step in steps:
            return True
    return False


@settings(max_examples=400, deadline=None)
@given(script=SCRIPTS, who=BUYERS, habits=HABITS, without=WITHOUT)
def test_whatever_comes_back(
    script: dict[str, list[Answer]], who: Order, habits: dict[str, object], without: tuple[str, ...]
) -> None:
    told, shop = went(script, who, without=without, **habits)

    assert told.ended_s is not None
    assert in_order(told)
    assert (told.outcome is Outcome.CONFIRMED) == (told.confirmed_s is not None)
    assert told.outcome is Outcome.CONFIRMED or told.reason
    assert told.browsed_s <= told.paused_s
    assert told.attempts <= 1 + habits["retry"]["most"]  # type: ignore[index]
    assert all(each.sent_s >= each.due_s for each in shop.asked)
    assert len(shop.asked) < 60
    # What is in doubt is never called without effect; a payment's doubt ends where the order itself was read to have ended.
    read = told.status in ("refunded", "expired")
    if doubtful({"submit"} if read else {"submit", "pay", "pay2"}, shop.asked, script):
        assert told.outcome not in (Outcome.FAILED, Outcome.REJECTED)


def in_order(told: Told) -> bool:
    moments = [told.started_s, told.accepted_s, told.paid_s, told.confirmed_s, told.ended_s]
    known = [each for each in moments if each is not None]
    return known == sorted(known)


@settings(max_examples=200, deadline=None)
@given(script=SCRIPTS, who=BUYERS)
def test_nothing_is_looked_at_more_often_than_the_buyer_would(script: dict[str, list[Answer]], who: Order) -> None:
    """Looks of one order lie on one grid, a second apart at least; but for one that was throttled, they begin a new one."""
    _, shop = went(script, who)
    dues = [each.due_s for each in shop.asked if each.step == "poll"]
    if THROTTLED.body not in {each.body for each in script["poll"]}:
        assert all(abs((due - dues[0]) - round(due - dues[0])) < 1e-9 for due in dues)
    assert all(later - earlier > 0.999 for earlier, later in itertools.pairwise(dues))
