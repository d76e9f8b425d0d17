"""Counted in buckets, latencies are what they were, to a thousandth; and parts add up to the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.engine.history.histogram import BUCKETS, ERROR, LEAST_MS, MOST_MS, Histogram, Recent

MS = st.floats(LEAST_MS, MOST_MS)
MANY = st.lists(MS, min_size=1, max_size=200)


def of(ms: list[float]) -> Histogram:
    made = Histogram()
    made.add_many(np.array(ms))
    return made


@given(MANY, st.floats(0, 1))
def test_a_quantile_is_the_latency_of_that_rank_to_a_thousandth(ms: list[float], q: float) -> None:
    exact = sorted(ms)[max(1, math.ceil(q * len(ms))) - 1]
    found = of(ms).quantile(q)
    assert found is not None
    assert abs(found - exact) <= exact * ERROR * (1 + 1e-9)
    assert min(ms) <= found <= max(ms)


@given(MANY)
def test_the_least_the_most_and_the_mean_are_exact(ms: list[float]) -> None:
    made = of(ms)
    assert (made.min, made.max, made.quantile(1), made.count) == (min(ms), max(ms), max(ms), len(ms))
    assert made.mean == pytest.approx(sum(ms) / len(ms))


@given(st.lists(MANY, max_size=5))
def test_parts_add_up_to_what_one_alone_would_have_counted(parts: list[list[float]]) -> None:
    whole = Histogram()
    for part in parts:
        whole.merge(of(part))
    assert whole == of([each for part in parts for each in part])
    assert whole.count == sum(len(part) for part in parts)


@given(st.lists(MS, max_size=50))
def test_the_way_to_another_process_changes_nothing(ms: list[float]) -> None:
    made = of(ms)
    arrived = Histogram.from_bytes(made.to_bytes())
    assert (arrived, arrived.count, arrived.total) == (made, made.count, made.total)


def test_a_million_latencies_travel_in_a_few_kilobytes() -> None:
    made = Histogram()
    made.add_many(np.random.default_rng(1).lognormal(3, 1, 1_000_000))
    assert len(made.to_bytes()) < 20_000


@pytest.mark.parametrize("data", [b"", b"SKH1", b"nonsense" * 20, of([1.0]).to_bytes()[:-2], of([1.0]).to_bytes()[:30] + b"\0" * 20])
def test_what_is_no_histogram_is_not_taken_for_one(data: bytes) -> None:
    with pytest.raises(ValueError, match="no histogram"):
        Histogram.from_bytes(data)


def test_a_server_that_always_takes_1049_ms_takes_1049_ms() -> None:
    assert {of([1049.0] * 1000).quantile(q) for q in (0, 0.5, 0.99, 1)} == {1049.0}


def test_nothing_has_no_quantile_and_what_is_beyond_the_range_still_counts() -> None:
    assert (Histogram().quantile(0.5), Histogram().mean) == (None, None)
    made = of([0.0, -3.0, 1e12, float("nan")])
    assert (made.count, int(made.counts[0]), int(made.counts[BUCKETS - 1])) == (3, 2, 1)
    assert (made.min, made.max) == (-3.0, 1e12)


@given(st.lists(st.tuples(st.floats(0.001, 60), st.floats(0, 30)), max_size=60))
def test_the_recent_are_those_of_the_last_seconds(seen: list[tuple[float, float]]) -> None:
    """In the order in which they are seen, some at a time."""
    seen.sort(key=lambda each: each[1])
    recent = Recent(5)
    for first in range(0, len(seen), 7):
        part = np.array(seen[first : first + 7])
        recent.add_many(part[:, 0], part[:, 1])
    now = seen[-1][1] if seen else 0.0
    latest = [latency * 1000 for latency, at in seen if math.floor(at) > now - 6]
    found = recent.quantile_ms(0.99, now)
    if not latest:
        assert found is None
    else:
        exact = sorted(latest)[math.ceil(0.99 * len(latest)) - 1]
        assert found == pytest.approx(exact, rel=ERROR * 1.01)
    assert recent.quantile_ms(0.99, now + 60) is None


def test_one_by_one_is_the_same_as_many() -> None:
    one, many = Recent(), Recent()
    one.add(0.1, 1.0)
    one.add(0.3, 1.5)
    many.add_many(np.array([0.1, 0.3]), np.array([1.0, 1.5]))
    assert one.quantile_ms(0.9, 2.0) == many.quantile_ms(0.9, 2.0) == 300.0
