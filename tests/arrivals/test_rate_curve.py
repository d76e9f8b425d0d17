"""The closed forms of the offered rate, against numeric integration and against one another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad

from surgekit.arrivals.rate import RateCurve, Segment

FLAT = Segment("flat", 10.0, 5.0, 5.0)
SILENT = Segment("silent", 4.0, 0.0, 0.0)
UP = Segment("up", 8.0, 0.0, 40.0)
DOWN = Segment("down", 8.0, 40.0, 0.0)
GROW = Segment("grow", 14.0, 6.0, 40.0, "exponential")
FALL = Segment("fall", 10.0, 70.0, 8.0, "exponential")

rates = st.floats(0.001, 10_000)
lengths = st.floats(0.01, 3600)
ramps = st.builds(Segment, st.just("r"), lengths, rates | st.just(0.0), rates | st.just(0.0), st.just("linear"))
growths = st.builds(Segment, st.just("g"), lengths, rates, rates, st.just("exponential"))
curves = st.lists(ramps | growths, min_size=1, max_size=6).map(RateCurve).filter(lambda line: line.total > 1e-6)


@pytest.mark.parametrize("segment", [FLAT, SILENT, UP, DOWN, GROW, FALL], ids=lambda segment: segment.name)
def test_expected_is_the_integral_of_the_rate(segment: Segment) -> None:
    for u in np.linspace(0, segment.length, 9):
        area, _ = quad(lambda t: float(segment.rate(np.asarray(t))), 0, u)
        assert float(segment.expected(np.asarray(u))) == pytest.approx(area, rel=1e-9, abs=1e-9)


def test_expected_is_the_integral_over_phases_too() -> None:
    line = RateCurve([SILENT, GROW, FLAT, SILENT, DOWN])
    bounds = np.cumsum([0, *(segment.length for segment in line.segments)])
    for t in (2.0, 4.0, 11.0, 18.0, 25.0, 30.0, 33.0, 40.0):
        area, _ = quad(lambda s: float(line.rate(s)[0]), 0, t, points=bounds[bounds < t].tolist())
        assert line.expected(t)[0] == pytest.approx(area, rel=1e-6)


@given(curves, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_expected_of_when_is_the_identity(line: RateCurve, parts: list[float]) -> None:
    counts = np.asarray(parts) * line.total
    times = line.when(counts)
    # A rounding of the time is worth the rate there; nothing else may be lost.
    slack = 1e-9 * line.total + 4 * np.spacing(line.duration) * max(max(s.first, s.last) for s in line.segments)
    assert np.all(np.abs(line.expected(times) - counts) <= slack)


@given(curves, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_later_counts_come_no_earlier_and_within_the_run(line: RateCurve, parts: list[float]) -> None:
    times = line.when(np.sort(np.asarray(parts)) * line.total)
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= 0) & (times < line.duration))


@given(st.lists(ramps | growths | st.just(SILENT), min_size=1, max_size=6), st.lists(st.floats(0, 1), max_size=20))
def test_nothing_arrives_in_a_phase_of_rate_0(segments: list[Segment], parts: list[float]) -> None:
    """Not even at its very edges: 0, the total, and every count at which a phase ends are asked for."""
    line = RateCurve(segments)
    assume(line.total > 0)
    edges = line.expected(np.cumsum([segment.length for segment in segments]))
    counts = np.concatenate([[0.0, line.total], edges, np.asarray(parts) * line.total])
    where = line.index(line.when(np.minimum(counts, line.total)))
    for number in set(where.tolist()):
        assert max(segments[number].first, segments[number].last) > 0


def test_a_flat_exponential_is_a_constant() -> None:
    flat = Segment("flat", 10.0, 5.0, 5.0, "exponential")
    assert float(flat.expected(np.asarray(4.0))) == 20
    assert float(flat.when(np.asarray(20.0))) == 4


def test_an_exponential_so_flat_that_its_logarithm_vanishes_is_a_constant() -> None:
    first = float(np.nextafter(2.0, 0))
    nearly = Segment("nearly", 10.0, float(np.nextafter(first, 0)), first, "exponential")
    assert float(nearly.expected(np.asarray(10.0))) == pytest.approx(20)
    assert float(nearly.when(np.asarray(20.0))) == pytest.approx(10)


@pytest.mark.parametrize("change", [1e-14, -1e-14, 1e-9, 1e-6])
def test_a_nearly_flat_ramp_loses_no_digits(change: float) -> None:
    for kind in ("linear", "exponential"):
        nearly = Segment("nearly", 10.0, 5.0, 5.0 * (1 + change), kind)  # type: ignore[arg-type]
        assert float(nearly.when(np.asarray(25.0))) == pytest.approx(5.0, rel=2 * abs(change) + 1e-14)


def test_an_exponential_grows_by_equal_factors_in_equal_times() -> None:
    there = GROW.rate(np.linspace(0, GROW.length, 8))
    assert np.allclose(there[1:] / there[:-1], (40 / 6) ** (1 / 7))


def test_a_ramp_from_nothing_begins_with_nothing() -> None:
    assert float(UP.when(np.asarray(0.0))) == 0
    assert float(UP.expected(np.asarray(4.0))) == 40  # a quarter of 160 in the first half
    assert float(DOWN.when(np.asarray(160.0))) == pytest.approx(8)


def test_the_rate_outside_the_run_is_0() -> None:
    assert RateCurve([FLAT]).rate([-1.0, 0.0, 10.0, 10.1]).tolist() == [0, 5, 5, 0]


def test_at_a_border_the_next_phase_has_begun() -> None:
    line = RateCurve([FLAT, SILENT, GROW])
    assert line.index([0, 9.99, 10, 13.99, 14, 27.99, 28, 99]).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
