"""A budget is taken before it is spent, so that no reply can come too late for it."""

from __future__ import annotations

from typing import Any

import pytest
from journey_story import NOT_SENT, TAKEN, THROTTLED, TIMEOUT, Scripted, order, went

from surgekit.engine.order.budget import NO_BUDGET, Purse
from surgekit.model import Order, Outcome
from surgekit.target.reading import Reply
from surgekit.target.schema import Budget
from surgekit.target.step import Read, StepPlan

PRICES = {"game": 1000, "skin": 500}


def purse(**budget: int) -> Purse:
    return Purse(Budget(**budget), PRICES)


def taken(purse: Purse, *orders: Order) -> int:
    """How many of ``orders`` there is budget for, while none of them has been answered."""
    return sum(purse.reserve(each) is None for each in orders)


def test_what_is_under_way_is_taken_though_nobody_has_answered() -> None:
    assert taken(purse(units=10), *[order()] * 87) == 10
    assert taken(purse(units=10), *[order(qty=3)] * 87) == 3
    assert taken(purse(money_fen=99_000), *[order(qty=2)] * 87) == 49
    assert taken(purse(orders=100), *[order()] * 130) == 100
    assert taken(purse(), *[order()] * 130) == 130


def test_units_are_of_each_product() -> None:
    both = purse(units=2)
    assert taken(both, *[order()] * 5, *[order(sku="skin")] * 5) == 4


def test_a_smaller_order_fits_where_a_larger_one_does_not() -> None:
    left = purse(money_fen=2500)
    assert taken(left, order(qty=2), order(), order(sku="skin"), order(sku="skin")) == 2


@pytest.mark.parametrize(("harmless", "left", "again"), [(True, True, True), (True, False, True), (False, True, False)])
def test_given_back_is_what_provably_had_no_effect(harmless: bool, left: bool, again: bool) -> None:
    for budget in ({"units": 1}, {"money_fen": 1000}):
        one = purse(**budget)
        assert one.reserve(order()) is None
        one.settle(order(), left=left, harmless=harmless)
        assert (one.reserve(order()) is None) == again


@pytest.mark.parametrize("left", [True, False])
def test_a_submission_that_left_was_one_whatever_it_came_to(left: bool) -> None:
    one = purse(orders=1)
    assert one.reserve(order()) is None
    one.settle(order(), left=left, harmless=True)
    assert (one.reserve(order()) is None) == (not left)


def test_it_is_used_up_for_good_only_by_what_has_had_an_effect() -> None:
    one = purse(units=1)
    one.reserve(order())
    waits = one.reserve(order())
    assert waits is not None
    assert not waits.for_good
    one.settle(order(), left=True, harmless=False)
    over = one.reserve(order())
    assert over is not None
    assert over.for_good
    assert over.why == "safety.budget.units is used up: 1 of game were ordered, and the next order was for 1; there are 1"


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize(("budget", "most"), [({"units": 5}, 5), ({"money_fen": 5999}, 5), ({"orders": 5}, 5)])
def test_the_engines_together_have_all_of_it_at_most(shards: int, budget: dict[str, int], most: int) -> None:
    purses = [Purse(Budget(**budget), PRICES, shard, shards) for shard in range(shards)]
    got = sum(taken(each, *[order()] * 9) for each in purses)
    assert got == most if "money_fen" not in budget or shards == 1 else got <= most


def test_what_the_consent_allows_is_told_as_that() -> None:
    one = Purse(Budget(orders=9), PRICES, 1, 2, orders=1, by_consent=True)
    one.reserve(order())
    over = one.reserve(order())
    assert over is not None
    assert over.why == "the owner's consent is used up: 1 submissions were sent; there are 1 for engine 2 of 2"


# ── the journey ──────────────────────────────────────────────────────────────────────────────────────────────────────


def short(monkeypatch: pytest.MonkeyPatch, submissions: int) -> None:
    """The shop of ``went`` gets so many submissions, and for the others there is no budget."""
    sound = Scripted.send

    async def send(self: Scripted, who: Order, step: StepPlan, values: Any, due_s: float, attempt: int, jar: Any = None) -> tuple[Reply, Read]:
        if step.name == "submit" and self.steps().count("submit") >= submissions:
            return Reply(0, b"", None, self.now(), "budget", effect_free=True), NO_BUDGET
        return await sound(self, who, step, values, due_s, attempt, jar)

    monkeypatch.setattr(Scripted, "send", send)


def test_an_order_without_budget_has_failed_by_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, 0)
    told, session = went({}, retry={"most": 5, "after": 0.5})
    assert (told.outcome, told.reason, told.sent_s, told.errors, told.attempts) == (Outcome.FAILED, "budget", None, 0, 1)
    assert session.steps() == []


@pytest.mark.parametrize(
    ("first", "outcome", "reason"),
    [(THROTTLED, Outcome.FAILED, "budget"), (NOT_SENT, Outcome.FAILED, "budget"), (TIMEOUT, Outcome.UNKNOWN, "timeout")],
    ids=["throttled", "not sent", "timeout"],
)
def test_a_retry_without_budget_leaves_open_what_the_first_attempt_left_open(
    first: Any, outcome: Outcome, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short(monkeypatch, 1)
    told, _ = went({"submit": [first, TAKEN]}, retry={"most": 5, "after": 0.5})
    assert (told.outcome, told.reason) == (outcome, reason)


def test_a_click_without_budget_leaves_open_what_the_other_click_bought(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, 1)  # the other click's
    told, session = went({}, order(double_click=True))
    assert (told.outcome, told.reason, told.errors) == (Outcome.UNKNOWN, "budget, second click", 0)
    assert session.steps() == ["submit", "pay"]
