"""Locust's own statistics, told of a run as a master is told by its workers: in batches, and not request by request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from locust.stats import StatsEntry, StatsError, bucket_response_time

from surgekit import clock
from surgekit.engine.history.histogram import MIDDLES
from surgekit.engine.history.live import StepFigures

_ROUNDED = np.array([bucket_response_time(float(middle)) for middle in MIDDLES])
"""What Locust makes of the latencies in each of our buckets."""


def feed(stats: Any, taken: Mapping[str, StepFigures], methods: Mapping[str, str]) -> None:
    """Add to ``stats`` what was ``taken``. ``methods``: of each step."""
    now = clock.utc().timestamp()
    for step, figures in taken.items():
        method = methods.get(step, "")
        entry = _entry(step, method, figures, now)
        stats.get(step, method).extend(entry)
        stats.total.extend(entry)
        for reason, count in figures.failures.items():
            key = StatsError.create_key(method, step, reason)
            error = stats.errors.setdefault(key, StatsError(method, step, reason, first_seen=now))
            error.occurrences += count
            error.last_seen = now


def _entry(step: str, method: str, figures: StepFigures, now: float) -> Any:
    entry = StatsEntry(None, step, method)
    entry.start_time = entry.last_request_timestamp = now
    entry.num_requests, entry.num_failures = figures.count, sum(figures.failures.values())
    entry.total_content_length = figures.bytes
    second = int(now)
    entry.num_reqs_per_sec[second] = figures.count
    if entry.num_failures:
        entry.num_fail_per_sec[second] = entry.num_failures
    seen = figures.latency
    if seen.count:
        entry.total_response_time, entry.min_response_time, entry.max_response_time = seen.total, seen.min, seen.max
        used = np.flatnonzero(seen.counts)
        groups, places = np.unique(_ROUNDED[used], return_inverse=True)
        counts = np.bincount(places, seen.counts[used])
        entry.response_times = dict(zip(groups.tolist(), map(int, counts.tolist()), strict=True))
    return entry
