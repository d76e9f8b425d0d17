"""Did it come back, once the surge was over?"""

from __future__ import annotations

from typing import Any

import numpy as np
from surges import LIMIT, WIDTH, history, profile

from surgekit.breakdown.detect import breach, windows
from surgekit.breakdown.recovery import recovery

SHAPE = profile(("calm", 20, 10), ("surge", 10, {"from": 10, "to": 40}), ("peak", 10, 40), ("after", 40, 10))
"""The surge is over at 40 s; 40 s are watched after it."""
TIMES = np.concatenate([(np.arange(200) + 0.5) / 10, 20 + np.sort(np.random.default_rng(1).random(250)) * 10,
                        30 + (np.arange(400) + 0.5) / 40, 40 + (np.arange(400) + 0.5) / 10])  # fmt: skip


def judged(bad: Any, *, shape: Any = SHAPE, times: Any = TIMES, faults_end_s: float = 0.0) -> dict[str, Any]:
    past = history(shape, times)
    found = windows(times, bad, np.zeros(len(times), dtype=bool), LIMIT, WIDTH, shape.duration)
    return recovery(past, [(breach(past, found, times, bad, LIMIT), found)], faults_end_s)


def share_after(first: float, last: float) -> Any:
    """All late from 30 to 40 s; after that a share that goes from ``first`` to ``last``."""
    falling = np.interp(TIMES, [40, 80], [first, last])
    lucky = np.random.default_rng(2).random(len(TIMES))
    return (TIMES >= 30) & ((TIMES < 40) | (lucky < falling))


def test_nothing_broke_so_there_was_nothing_to_recover_from() -> None:
    assert judged(TIMES < 0) == {"verdict": "recovered", "seconds": 0.0, "note": "nothing_broke"}


def test_recovered_five_seconds_after_the_surge() -> None:
    told = judged((TIMES >= 32) & (TIMES < 45))
    assert (told["verdict"], told["note"]) == ("recovered", None)
    assert 4.5 <= told["seconds"] <= 5.5


def test_recovered_before_the_surge_was_over_takes_no_time() -> None:
    assert judged((TIMES >= 32) & (TIMES < 36))["seconds"] == 0.0


def test_the_clock_starts_when_the_last_fault_has_ended() -> None:
    told = judged((TIMES >= 32) & (TIMES < 60), faults_end_s=58.0)
    assert 1.0 <= told["seconds"] <= 2.5


def test_metastable_when_it_stays_broken_at_the_load_it_carried_before() -> None:
    assert judged(TIMES >= 32)["verdict"] == "metastable"


def test_draining_when_fewer_and_fewer_are_late() -> None:
    assert judged(share_after(1.0, 0.25))["verdict"] == "draining"


def test_inconclusive_when_the_load_never_came_back_down() -> None:
    shape = profile(("calm", 20, 10), ("peak", 40, 40))
    times = np.concatenate([(np.arange(200) + 0.5) / 10, 20 + (np.arange(1600) + 0.5) / 40])
    assert judged(times >= 40, shape=shape, times=times)["verdict"] == "inconclusive"


def test_inconclusive_when_it_was_not_watched_for_long() -> None:
    shape = profile(("calm", 20, 10), ("peak", 20, 40), ("after", 5, 10))
    times = np.concatenate([(np.arange(200) + 0.5) / 10, 20 + (np.arange(800) + 0.5) / 40, 40 + (np.arange(50) + 0.5) / 10])
    told = judged(times >= 32, shape=shape, times=times)
    assert (told["verdict"], told["note"]) == ("inconclusive", "watched_5_s")


def test_silence_after_the_surge_is_no_recovery() -> None:
    """No order came any more, so nobody saw one succeed."""
    times = TIMES[TIMES < 41]
    assert judged(times >= 32, times=times)["verdict"] != "recovered"


def test_a_break_without_surge_or_fault_has_nothing_to_recover_from() -> None:
    """The platform gave out under the load of the first minute; whether it is stuck, nobody tried."""
    shape = profile(("only", 60, 10))
    times = (np.arange(600) + 0.5) / 10
    assert judged(times >= 30, shape=shape, times=times)["verdict"] == "inconclusive"


def test_a_break_that_a_fault_set_off_is_metastable_when_it_outlasts_the_fault() -> None:
    shape = profile(("only", 60, 10))
    times = (np.arange(600) + 0.5) / 10
    assert judged(times >= 20, shape=shape, times=times, faults_end_s=30.0)["verdict"] == "metastable"
