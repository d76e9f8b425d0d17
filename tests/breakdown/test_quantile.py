"""Quantiles of latencies of which some are only known to be larger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.breakdown.quantile import quantiles, summary_ms

SHARES = (0.1, 0.5, 0.9, 0.99)


def brute(times: list[float], seen: list[bool], share: float) -> float | None:
    """The product-limit estimate as Kaplan and Meier wrote it: one factor for each time at which something was seen."""
    survival = 1.0
    for t in sorted({time for time, event in zip(times, seen, strict=True) if event}):
        at_risk = sum(time >= t for time in times)
        events = sum(time == t and event for time, event in zip(times, seen, strict=True))
        survival *= 1 - events / at_risk
        if survival <= 1 - share + 1e-12:
            return t
    return None


rows = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=40)


@given(rows)
def test_as_the_formula_says(rows: list[tuple[int, bool]]) -> None:
    times, seen = [float(time) for time, _ in rows], [event for _, event in rows]
    assert quantiles(np.asarray(times), np.asarray(seen), SHARES) == [brute(times, seen, share) for share in SHARES]


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=60))
def test_without_censoring_it_is_the_plain_quantile(times: list[float]) -> None:
    values = np.asarray(times)
    plain = [float(np.quantile(values, share, method="inverted_cdf")) for share in SHARES]
    assert quantiles(values, np.ones(len(times), dtype=bool), SHARES) == plain


@given(rows)
def test_the_order_of_rows_changes_nothing(rows: list[tuple[int, bool]]) -> None:
    def found(given: list[tuple[int, bool]]) -> list[float | None]:
        return quantiles(np.asarray([float(t) for t, _ in given]), np.asarray([e for _, e in given]), SHARES)

    assert found(rows) == found(rows[::-1]) == found(sorted(rows))


def test_the_textbook_case() -> None:
    """Remission of leukaemia under 6-MP (Freireich et al., Blood 21, 1963): of 21 patients, a median of 23 weeks."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    over = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    assert quantiles(np.asarray(weeks, dtype=float), np.asarray(over, dtype=bool), (0.25, 0.5, 0.75)) == [13.0, 23.0, None]


def test_beyond_all_that_was_watched_there_is_no_number() -> None:
    """Ten orders, four of them never seen to end: the median is known, the 90th percentile is not."""
    times = np.asarray([1.0, 2, 3, 4, 5, 6, 20, 20, 20, 20])
    assert quantiles(times, times < 20, (0.5, 0.6, 0.9)) == [5.0, 6.0, None]


def test_who_gave_up_early_still_counts_as_having_waited_so_long() -> None:
    """Leaving them out would say 2 s."""
    times, seen = np.asarray([1.0, 1, 2, 2, 2, 9]), np.asarray([True, False, False, False, False, True])
    assert quantiles(times, seen, (0.5,)) == [9.0]


def test_nothing_watched_is_no_number() -> None:
    told = summary_ms(np.asarray([]), np.asarray([], dtype=bool))
    assert told == {"p50": None, "p90": None, "p99": None, "p999": None, "orders": 0, "censored": 0, "watched_to": None}


def test_a_summary_says_how_much_of_it_is_censored() -> None:
    told = summary_ms(np.asarray([0.5, 1.0, 7.25]), np.asarray([True, True, False]))
    assert (told["p50"], told["p99"], told["orders"], told["censored"], told["watched_to"]) == (1000.0, None, 3, 1, 7250.0)


@pytest.mark.parametrize("seen", [True, False])
def test_one_order_is_its_own_median_if_it_was_seen(seen: bool) -> None:
    assert quantiles(np.asarray([2.0]), np.asarray([seen]), (0.5,)) == [2.0 if seen else None]
