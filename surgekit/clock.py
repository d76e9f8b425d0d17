"""The one clock.

Every process of a run on one host reads the same monotonic clock, so their time stamps can be subtracted.
Times in a run folder are seconds since the run's start on this clock; wall time is used for names only.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

now = time.monotonic
"""Seconds on the host-wide monotonic clock (CLOCK_MONOTONIC), as float."""


def utc() -> datetime:
    """The wall clock, for folder names and headings. Never subtract two of these."""
    return datetime.now(UTC)
