"""The first breach that lasts: found where it was planted, and not found where nothing was."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from surges import EVENING, LIMIT, WIDTH, arrivals, flat, history, profile

from surgekit.arrivals.schedule import curve
from surgekit.breakdown.detect import Breach, breach, wilson, windows
from surgekit.model import Status
from surgekit.profile import Profile


def judged(shape: Profile, times: Any, bad: Any, maybe: Any = None, *, unsent: bool = False) -> Breach:
    times, bad = np.asarray(times, dtype=float), np.asarray(bad, dtype=bool)
    perhaps = np.zeros(len(times), dtype=bool) if maybe is None else np.asarray(maybe, dtype=bool)
    found = windows(times, bad, perhaps, LIMIT, WIDTH, shape.duration)
    return breach(history(shape, times, unsent=unsent), found, times, bad, LIMIT)


def steady(seconds: float, per_second: int) -> Any:
    """Arrivals like clockwork."""
    return (np.arange(int(seconds * per_second)) + 0.5) / per_second


def planted(shape: Profile, share: float, seed: int) -> tuple[float, Breach]:
    """(when it broke, what was found): 1 % of bad luck before, ``share`` after."""
    rng = np.random.default_rng(seed)
    times, at = arrivals(shape, rng), float(rng.uniform(10, 45))
    return at, judged(shape, times, rng.random(len(times)) < np.where(times >= at, share, 0.01))


@cache
def many(shape_name: str, share: float) -> list[tuple[float, Breach]]:
    shape = {"evening": EVENING, "6/s": flat(6), "70/s": flat(70)}[shape_name]
    return [planted(shape, share, seed) for seed in range(100)]


@pytest.mark.parametrize(("shape", "share", "most"), [("evening", 1.0, 0.5), ("evening", 0.3, 2.0), ("70/s", 0.3, 0.5), ("6/s", 1.0, 1.0), ("6/s", 0.5, 3.0)])
def test_a_planted_break_is_found_where_it_was_planted(shape: str, share: float, most: float) -> None:
    """Nineteen times out of twenty within ``most`` seconds; a slow trickle of orders tells later."""
    off = [abs(found.at_s - at) for at, found in many(shape, share) if found.at_s is not None]
    assert len(off) == 100
    assert np.quantile(off, 0.95) <= most


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_interval_holds_the_rate_at_the_break(share: float) -> None:
    line = curve(EVENING)
    inside = []
    for at, found in many("evening", share):
        assert found.interval is not None
        low, high = found.interval
        inside.append(low <= float(line.rate(at)[0]) <= high)
    assert np.mean(inside) >= 0.95


def test_the_interval_says_something() -> None:
    """Between 6 and 70 orders/s, most breaks are told apart from both ends."""
    sizes = [found.interval[1] - found.interval[0] for _, found in many("evening", 1.0) if found.interval]
    assert np.median(sizes) < 12


@pytest.mark.parametrize("share", [0.005, 0.02])
@pytest.mark.parametrize("shape", [EVENING, flat(2), flat(6), flat(70)], ids=["evening", "2/s", "6/s", "70/s"])
def test_bad_luck_is_no_break(shape: Profile, share: float) -> None:
    """300 histories in which each order is late by chance, less often than the limit: not one alarm in a hundred."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        times = arrivals(shape, rng)
        alarms += judged(shape, times, rng.random(len(times)) < share).status is not Status.HELD
    assert alarms <= 3


@pytest.mark.parametrize("shape", [EVENING, flat(6), flat(70)], ids=["evening", "6/s", "70/s"])
def test_short_stalls_are_no_break(shape: Profile) -> None:
    """Twice a minute everything that arrives within a quarter of a second is late: 1 % of all orders, in bunches."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        times = arrivals(shape, rng)
        bad = np.zeros(len(times), dtype=bool)
        for start in rng.uniform(0, shape.duration, rng.poisson(0.01 * shape.duration / 0.25)):
            bad |= (times >= start) & (times < start + rng.exponential(0.25))
        alarms += judged(shape, times, bad).status is not Status.HELD
    assert alarms <= 15


def test_one_late_order_of_six_is_no_breakdown() -> None:
    times = steady(60, 2)
    assert judged(flat(2), times, times == times[40]).status is Status.HELD


def test_three_late_orders_of_six_and_nothing_after_are_none_either() -> None:
    times = steady(60, 2)
    assert judged(flat(2), times, (times > 20) & (times < 21.4)).status is Status.HELD


@pytest.mark.parametrize("at", [0.0, 0.4, 30.0, 56.0, 57.0])
def test_a_break_at_either_end_is_found(at: float) -> None:
    times = steady(60, 20)
    found = judged(flat(20), times, times >= at)
    assert (found.status, found.at_s) == (Status.BROKE, times[times >= at][0])


def test_a_break_that_ends_again_is_a_break() -> None:
    times = steady(60, 20)
    found = judged(flat(20), times, (times >= 30) & (times < 33))
    assert (found.status, found.at_s) == (Status.BROKE, 30.025)


def test_a_run_that_is_shorter_than_a_window_can_break() -> None:
    times = steady(2, 20)
    assert judged(flat(20, 2), times, times >= 0).status is Status.BROKE


def test_phases_without_orders_neither_break_nor_hide_a_break() -> None:
    shape = profile(("silence", 10, 0), ("noise", 20, 10), ("silence again", 10, 0))
    times = 10 + steady(20, 10)
    assert judged(shape, times, times < 0).status is Status.HELD
    found = judged(shape, times, times >= 20)
    assert (found.at_s, found.at_rate) == (20.05, 10.0)


def test_nothing_observed_is_undecided() -> None:
    assert judged(flat(6), [], []).status is Status.UNDECIDED


def test_orders_out_of_sight_leave_it_undecided() -> None:
    """The engine was lost at 30 s: what became of the orders of that second, nobody knows."""
    times = steady(60, 20)
    found = judged(flat(20), times, times < 0, (times >= 30) & (times < 32))
    assert found.status is Status.UNDECIDED


def test_orders_out_of_sight_do_not_hide_a_break() -> None:
    times = steady(60, 20)
    found = judged(flat(20), times, (times >= 20) & (times < 30), (times >= 30) & (times < 32))
    assert (found.status, found.at_s) == (Status.BROKE, 20.025)


def test_a_few_orders_out_of_sight_decide_nothing() -> None:
    times = steady(60, 20)
    assert judged(flat(20), times, times < 0, times == times[600]).status is Status.HELD


def test_orders_that_were_never_sent_leave_it_undecided() -> None:
    """Below the load that was asked for it held; that says nothing about the load that was asked for."""
    times = steady(60, 20)
    assert judged(flat(20), times, times < 0, unsent=True).status is Status.UNDECIDED


def test_the_worst_share_is_that_of_a_window_with_enough_orders() -> None:
    """Two of three orders in a quiet window are not 67 %."""
    quiet, busy = steady(10, 1), 10 + steady(20, 20)
    times = np.concatenate([quiet, busy])
    bad = (times == quiet[3]) | (times == quiet[4]) | (np.arange(len(times)) % 20 == 0)
    assert judged(profile(("quiet", 10, 1), ("busy", 20, 20)), times, bad).worst == pytest.approx(0.05, abs=0.02)


def test_what_broke_is_never_shown_as_nothing() -> None:
    """Few orders, all of them bad, before many good ones: the worst share is that of the break."""
    quiet, busy = steady(10, 1), 10 + steady(20, 20)
    times = np.concatenate([quiet, busy])
    found = judged(profile(("quiet", 10, 1), ("busy", 20, 20)), times, times < 10)
    assert (found.status, found.worst) == (Status.BROKE, 1.0)


def test_wilson_as_published() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    low, high = wilson(np.asarray([81.0, 15, 0, 1, 0]), np.asarray([263.0, 148, 20, 29, 0]))
    assert low.round(4).tolist() == [0.2553, 0.0624, 0.0, 0.0061, 0.0]
    assert high.round(4).tolist() == [0.3662, 0.1605, 0.1611, 0.1718, 1.0]
