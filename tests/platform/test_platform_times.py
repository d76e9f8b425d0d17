# ruff: noqa: DTZ001  (platforms write times without a zone)
"""Times as platforms write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from surgekit.platform.times import since, unix_s

BERLIN = ZoneInfo("Europe/Berlin")
BACK = datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp()
"""Clocks in Berlin are put back from 03:00 to 02:00."""


@pytest.mark.parametrize(
    ("near", "hour"), [(BACK - 1800, -0.5), (BACK + 1800, 0.5), (None, 0.5)], ids=["before", "after", "unknown"]
)  # fmt: skip
def test_a_time_that_was_there_twice_is_the_one_nearer_to_the_run(near: float | None, hour: float) -> None:
    assert unix_s("2026-10-25 02:30:00", BERLIN, near) == BACK + hour * 3600


def test_a_run_over_which_clocks_are_put_back_loses_no_order() -> None:
    """Half past two comes again, and rows of then are later."""
    assert since(BACK - 600, BERLIN) == datetime(2026, 10, 25, 1, 49)
    assert since(BACK - 600, ZoneInfo("UTC")) == datetime(2026, 10, 25, 0, 49)


def test_an_ordinary_run_begins_a_minute_early() -> None:
    assert since(1_767_225_600.0, ZoneInfo("Asia/Shanghai")) == datetime(2026, 1, 1, 7, 59)


@pytest.mark.parametrize("value", [1_767_225_600, 1_767_225_600_000, 1_767_225_600_000_000, Decimal("1767225600.0"), "1767225600", "2026-01-01",
                                   "2026-01-01 00:00", "2026-01-01T00:00:00+00:00", datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)])  # fmt: skip
def test_one_moment_in_many_spellings(value: Any) -> None:
    assert unix_s(value, UTC) == 1_767_225_600.0


@pytest.mark.parametrize("value", ["", "yesterday", -1, 10**18, float("nan"), float("inf"), True, None, [], date(2026, 1, 1), "0001-01-01 00:00:00"])
def test_what_is_no_time_is_none(value: Any) -> None:
    """A day alone is made a time by the column, in the ledger's zone."""
    found = unix_s(value, UTC)
    assert found is None or found < -6e10
