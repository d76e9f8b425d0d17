"""Times as platforms write them, and what time it was there when the run began."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

SLACK_S = 60.0
"""By so much the clocks of platform and run may differ, and a time may be cut to its minute."""
_NUMBER = re.compile(r"[0-9]{1,17}(?:\.[0-9]{1,9})?")


def unix_s(value: Any, zone: tzinfo, near_s: float | None = None) -> float | None:
    """``value`` as seconds since 1970; None where it is no time. Without a time zone of its own it is in ``zone``.

    Where that zone had this time twice (summer time ends), the one nearer to ``near_s`` is meant, else the later.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = _read(value.strip())
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return _in_seconds(number) if 0 <= number < 1e17 else None
    if not isinstance(value, datetime):
        return None
    try:
        if value.tzinfo is not None:
            return value.timestamp()
        both = [value.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    except (OverflowError, ValueError, OSError):
        return None
    return max(both) if near_s is None else min(both, key=lambda each: abs(each - near_s))


def _read(text: str) -> float | datetime | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


def _in_seconds(number: float) -> float | None:
    """Seconds out of seconds, milliseconds or microseconds: from 1973 on, their sizes do not overlap."""
    for unit in (1.0, 1e3, 1e6):
        if number < 1e11 * unit:
            return number / unit
    return None


def since(start_s: float, zone: tzinfo) -> datetime:
    """The naive local time from which a row may belong to a run that began at ``start_s`` (UNIX time)."""
    began = datetime.fromtimestamp(start_s - SLACK_S, UTC)
    local, later = began.astimezone(zone), (began + timedelta(hours=3)).astimezone(zone)
    back = (local.utcoffset() or timedelta()) - (later.utcoffset() or timedelta())
    # Where clocks are put back during the run, later rows have earlier times.
    return local.replace(tzinfo=None, microsecond=0) - max(back, timedelta())
