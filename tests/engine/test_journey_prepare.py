"""What happens before the order is placed: a basket that cannot be filled."""

from __future__ import annotations

import pytest
from journey_story import (
    HIDDEN,
    HTTP_500,
    NOT_SENT,
    OK,
    REFUSED,
    REPLIES,
    SOLD_OUT,
    STATUSES,
    TAKEN,
    TARGET,
    THROTTLED,
    TIMEOUT,
    VALUES,
    Answer,
    Scripted,
    buyers,
    order,
    walked,
)

from surgekit.engine.order.buyer import Shop, Told
from surgekit.model import Outcome
from surgekit.target import Target
from surgekit.target.plan import compile_plan

BASKET = {"name": "basket", "request": "POST /basket", "replies": REPLIES}
PLAN = compile_plan(Target.model_validate(TARGET | {"steps": {"prepare": [BASKET], "submit": TARGET["steps"]["submit"]}}))


def went(*answers: Answer) -> tuple[Told, Scripted]:
    session = Scripted({"basket": answers, "submit": [TAKEN]})
    return walked(Shop(PLAN, STATUSES, buyers(), salt="salt"), session, order(), VALUES), session


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(TIMEOUT, "timeout"), (HTTP_500, "http_500"), (HIDDEN, "hidden_error"), (NOT_SENT, "connect_refused")],
)
def test_an_error_on_the_way_to_the_order_is_a_failure_and_turns_nobody_down(answer: Answer, reason: str) -> None:
    told, session = went(answer)
    assert (told.outcome, told.reason, told.errors) == (Outcome.FAILED, f"basket_{reason}", 2)
    assert session.steps() == ["basket", "basket"]  # nothing was ordered, so there is nothing to be in doubt about


@pytest.mark.parametrize(("answer", "reason"), [(SOLD_OUT, "sold_out"), (REFUSED, "refused"), (THROTTLED, "throttled")])
def test_an_answer_on_the_way_to_the_order_turns_the_buyer_down(answer: Answer, reason: str) -> None:
    told, _ = went(answer)
    assert (told.outcome, told.reason) == (Outcome.REJECTED, f"basket_{reason}")


def test_a_buyer_whose_basket_fails_once_comes_back() -> None:
    told, session = went(TIMEOUT, OK)
    assert (told.outcome, told.order_no, told.errors) == (Outcome.CONFIRMED, "N1", 1)
    assert session.steps() == ["basket", "basket", "submit"]
