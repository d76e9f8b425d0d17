"""The figures of several shards as one."""

from __future__ import annotations

import numpy as np
import pytest

from surgekit.engine.fleet.tally import Tally
from surgekit.engine.history.histogram import ERROR, Histogram
from surgekit.seeds import rng


def recent(ms: np.ndarray) -> bytes:
    made = Histogram()
    made.add_many(ms)
    return made.to_bytes()


def figures(**told: float | None) -> dict[str, float | None]:
    return {"sent": 0, "in_flight": 0, "slip_ms": 0.0, "lag_ms": 0.0, "t": 1.0, "confirm_p99_ms": None} | told


def test_quantiles_are_those_of_all_latencies_together_and_no_average() -> None:
    quick, slow = rng(1, "quick").exponential(10, 9_900), rng(1, "slow").exponential(10, 100) + 5_000
    tally = Tally()
    tally.take(0, figures(confirm_p99_ms=50.0), recent(quick))
    tally.take(1, figures(confirm_p99_ms=5_050.0), recent(slow))
    truth = float(np.quantile(np.concatenate([quick, slow]), 0.99, method="inverted_cdf"))
    assert tally.told()["confirm_p99_ms"] == pytest.approx(truth, rel=ERROR)
    assert truth < 100  # an average of the two would say 2,550


def test_counts_add_up_and_of_the_others_the_worst_counts() -> None:
    tally = Tally()
    tally.take(0, figures(sent=10, in_flight=3, slip_ms=1.0, lag_ms=9.0))
    tally.take(1, figures(sent=5, in_flight=4, slip_ms=2.0, lag_ms=8.0))
    tally.take(0, figures(sent=12, in_flight=1))
    told = tally.told()
    assert (told["sent"], told["in_flight"]) == (17, 5)
    assert (told["slip_ms"], told["lag_ms"]) == (2.0, 9.0)  # also of what came since the last time they were told
    assert tally.told()["slip_ms"] == 0.0


def test_a_shard_that_is_gone_has_nothing_under_way_and_keeps_its_counts() -> None:
    tally = Tally()
    tally.take(0, figures(sent=10, in_flight=3), recent(np.array([7.0])))
    tally.take(1, figures(sent=5, in_flight=4), recent(np.array([9.0])))
    tally.gone(1)
    told = tally.told()
    assert (told["sent"], told["in_flight"]) == (15, 3)
    assert told["confirm_p99_ms"] == 7.0
