"""This run's own orders in a platform's ledger. Their keys say that they are ours, whatever time stands beside them; and since it is
known when they were made, their times show whether the ledger's time zone is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform.times import SLACK_S

QUARTER_S: Final = 900.0
"""Zones differ by whole quarters of an hour."""
MOST_QUARTERS: Final = 26 * 4
"""From -12:00 to +14:00."""
_A_RUNS = re.compile(r"[0-9a-f]{6}-[0-9]{7,}")
"""A key that SurgeKit gave."""
WIDE_S: Final = MOST_QUARTERS * QUARTER_S


class Ours:
    """Takes in the rows of one reading of the ledger. ``start_s``: the run's start (UNIX time); None: nothing is compared."""

    def __init__(self, run_id: str, start_s: float | None, zone: tzinfo) -> None:
        self._prefix = f"{run_id}-"
        self._start_s = start_s
        self._zone = zone
        self.keys: set[str] = set()
        self._first: float | None = None
        self._last: float | None = None

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether ``row`` of the table ``ledger`` is an order of this run; it is remembered then."""
        key = row["order_key"]
        if key is None or not key.startswith(self._prefix):
            return False
        self.keys.add(key)
        at = row.get("created_s")
        if at is not None:
            self._first = at if self._first is None else min(self._first, at)
            self._last = at if self._last is None else max(self._last, at)
        return True

    def before(self, row: Mapping[str, Any]) -> bool:
        """Whether ``row`` is older than the run, as far as its clock can be trusted. SurgeKit's own orders of a run or a check just before
        this one are told by their keys, so that they do not pass for somebody else's in the middle of it."""
        at = row.get("created_s")
        return at is not None and at < (0.0 if _A_RUNS.fullmatch(str(row["order_key"])) else -SLACK_S)

    @property
    def timed(self) -> bool:
        """Whether any of them has a time."""
        return self._first is not None

    def check_zone(self) -> None:
        """Raises ``TargetError`` where they were made outside the run, by about so much as zones differ."""
        hours = self.hours_off()
        if hours is None or self._start_s is None:
            return
        told = f"{abs(hours):g} h " + ("before the run began" if hours < 0 else "after now")
        given = datetime.fromtimestamp(self._start_s, UTC).astimezone(self._zone).utcoffset() or timedelta()
        raise TargetError(f"reads.ledger.timezone: by {_name(self._zone)} this run's own orders were made {told}; {_fitting(given, hours)}")

    def hours_off(self) -> float | None:
        """By how much the times are off, in whole quarters of an hour; negative: too early. None: they are right, or odd otherwise."""
        if self._first is None or self._last is None or self._start_s is None:
            return None
        end = clock.utc().timestamp() - self._start_s + SLACK_S
        if self._first >= -SLACK_S and self._last <= end:
            return None
        if all(self._is_midnight(at) for at in (self._first, self._last)):
            return None  # days, and not moments
        fitting = [
            number for number in range(-MOST_QUARTERS, MOST_QUARTERS + 1)
            if number and self._first - number * QUARTER_S >= -SLACK_S and self._last - number * QUARTER_S <= end
        ]  # fmt: skip
        # A long run fits several; most zones differ by whole hours, and the first orders come soon.
        best = min(fitting, key=lambda number: (number % 4 > 0, number % 2 > 0, abs(self._first - number * QUARTER_S)), default=None)  # type: ignore[operator]
        return None if best is None else best / 4

    def _is_midnight(self, at: float) -> bool:
        local = datetime.fromtimestamp((self._start_s or 0.0) + at, UTC).astimezone(self._zone)
        return (local.hour, local.minute, local.second) == (0, 0, 0)


def _name(zone: tzinfo) -> str:
    return str(getattr(zone, "key", "")) or clock.utc().astimezone(zone).strftime("%Z")


def _fitting(given: timedelta, hours: float) -> str:
    minutes = round(given.total_seconds() / 60 + hours * 60)
    if abs(minutes) > 14 * 60:
        return "is it right?"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d} would fit"
