"""Durations as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.units import seconds


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", 30.0), ("250ms", 0.25), ("2m", 120.0), ("2min", 120.0), ("1h", 3600.0), ("1m30s", 90.0), ("1h 1m 1s", 3661.0),
        ("1.5s", 1.5), (" 3 s ", 3.0), ("90", 90.0), ("0", 0.0), (90, 90.0), (0.25, 0.25), (-1, -1.0), ("0s", 0.0),
    ],
)  # fmt: skip
def test_what_is_written_is_what_is_meant(written: Any, meant: float) -> None:
    assert seconds(written) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(
    "written", ["", " ", "s", "30x", "30 seconds", "-3s", "1m30", "1 2", "1:30", "1e3s", "1.s", "1..5s", "∞", True, False, None, [30], {}]
)
def test_what_is_no_duration_is_told_what_one_looks_like(written: Any) -> None:
    with pytest.raises(ValueError, match="a duration such as 30s, 250ms"):
        seconds(written)


def test_a_number_beyond_float_is_beyond_every_limit() -> None:
    assert seconds(10**400) == float("inf")


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_hours_minutes_seconds_add_up(h: int, m: int, s: int, ms: int) -> None:
    assert seconds(f"{h}h{m}m{s}s{ms}ms") == pytest.approx(3600 * h + 60 * m + s + ms / 1000)


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert seconds(text) >= 0
    except ValueError as error:
        assert "such as 30s" in str(error)  # noqa: PT017 - both ends are allowed, and each has its own claim


def test_a_long_hostile_text_is_read_in_one_go() -> None:
    """Every form that could make a pattern go back and forth; a test that does not end is this one failing."""
    for text in ("1" * 200_000 + "x", " " * 200_000 + "x", "1s" * 200_000 + "x", "1 " * 100_000, "1" + " " * 200_000 + "x"):
        with pytest.raises(ValueError, match="such as 30s"):
            seconds(text)
