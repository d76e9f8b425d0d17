"""*Held* is shown, never assumed: what was turned away by a dead port, what came too thinly, what nobody waited for."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from surges import history

from surgekit.breakdown.detect import breach, windows
from surgekit.model import Status
from surgekit.profile import Profile, load


def judged(times: np.ndarray, bad: np.ndarray, hidden: np.ndarray | None = None) -> Status:
    shape = load("spring-festival")
    found = windows(times, bad, np.zeros(len(times), dtype=np.bool_), 0.05, 3.0, 60.0, hidden)
    return breach(history(shape, times), found, times, bad, 0.05).status


def test_too_many_bad_orders_spread_thinly_are_a_break() -> None:
    times = np.linspace(0, 60, 1675)
    bad = np.zeros(1675, dtype=np.bool_)
    bad[:: 12] = True  # 8.3 % everywhere, at no moment clear by itself
    assert judged(times, bad) is Status.BROKE


def test_more_than_the_limit_without_certainty_is_undecided() -> None:
    times = np.linspace(0, 60, 60)
    bad = np.zeros(60, dtype=np.bool_)
    bad[[5, 25, 45, 55]] = True  # 6.7 % of sixty
    assert judged(times, bad) is Status.UNDECIDED


def test_two_orders_that_are_both_bad_are_not_held() -> None:
    assert judged(np.asarray([10.0, 50.0]), np.asarray([True, True])) is not Status.HELD


def test_a_stretch_in_which_errors_ended_everything_is_blind() -> None:
    times = np.linspace(0, 30, 300)
    fine = np.zeros(300, dtype=np.bool_)
    assert judged(times, fine) is Status.HELD
    assert judged(times, fine, np.linspace(30, 60, 300)) is Status.UNDECIDED


def test_patience_must_outlast_the_limit() -> None:
    told = load("spring-festival").model_dump(by_alias=True)
    told["buyers"]["patience"] = told["limits"]["confirm"]
    with pytest.raises(ValidationError, match=r"buyers.patience .* must be longer than limits.confirm"):
        Profile.model_validate(told)
