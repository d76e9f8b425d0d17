"""How the engine itself is doing. A generator that is late, stalls or has no processor left measures itself and not the platform.

Looked at several times a second in the loop's own thread. What is beyond its bound makes a run void; the bounds are the report's.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from surgekit import clock
from surgekit.engine.loop import Loop

MOST_NEW = 200_000
"""So many objects more than before may there be until the youngest are looked through. Journeys leave no cycles behind, so there is
little to find; a collection stops everything for as long as it takes."""
LOOK_S = 1.0
FULL = 0.5
"""Of the looks of a second: where so many found more sockets ready than are served at once, replies waited in line; and of its time: where so much went
into looks that took long (``loop.LONG_S``)."""
WHOLE = 0.95
"""Of a processor. Code in greenlets has its own sockets, which the loop does not see; it does not look again and again as the loop does, so there the
processor's time tells."""


class Health:
    """One surge's. Times in ms."""

    def __init__(self, *, greenlets: bool = False) -> None:
        """``greenlets``: the orders are other people's code, beside the loop."""
        self._greenlets = greenlets
        self.lag_ms = 0.0
        """Of the loop, at worst: so long after its moment was a timer served."""
        self.gc_ms = 0.0
        """The longest collection."""
        self.step_ms = 0.0
        """The largest change of the wall clock against the clock that the run goes by: somebody set it, or the machine was asleep."""
        self.seconds = 0
        self.busy = 0
        """Of so many ``seconds``, those in which replies waited in line because the loop had no time for them."""
        self._gc_total_ms = 0.0
        self._gc_began = 0.0
        self._lags_ms: deque[float] = deque()
        self._at = 0.0
        self._looks = self._full = 0
        self._long_s = self._cpu_s = 0.0
        self._wall = 0.0
        self._process_s = 0.0

    @contextmanager
    def watching(self, loop: Loop) -> Iterator[None]:
        """For the time of a surge. What there is before it lives as long as the run, so that no collection looks at it any more. Collect
        first, and not now: the first orders are about to leave."""
        before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(MOST_NEW, 50, 1000)
        gc.callbacks.append(self._collected)
        self._at, self._wall, self._looks, self._full = clock.now(), _wall(), loop.looks, loop.full
        self._process_s = self._cpu_s = time.process_time()
        self._long_s = loop.long_s
        try:
            yield
        finally:
            gc.callbacks.remove(self._collected)
            gc.set_threshold(*before)
            gc.unfreeze()

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = clock.now()
        else:
            took_ms = (clock.now() - self._gc_began) * 1000
            self._gc_total_ms += took_ms
            self.gc_ms = max(self.gc_ms, took_ms)

    def look(self, loop: Loop) -> None:
        """In the loop's thread."""
        late_ms, loop.late_s = loop.late_s * 1000, 0.0
        self.lag_ms = max(self.lag_ms, late_ms)
        self._lags_ms.append(late_ms)
        now = clock.now()
        took = now - self._at
        if took < LOOK_S:
            return
        wall, looks, full, long_s, cpu_s = _wall(), loop.looks, loop.full, loop.long_s, time.process_time()
        self.seconds += 1
        waited = full - self._full > FULL * (looks - self._looks) or long_s - self._long_s > FULL * took
        self.busy += waited or (self._greenlets and cpu_s - self._cpu_s > WHOLE * took)
        self.step_ms = max(self.step_ms, abs(wall - self._wall) * 1000)
        self._at, self._wall, self._looks, self._full, self._long_s, self._cpu_s = now, wall, looks, full, long_s, cpu_s

    def progress(self) -> dict[str, Any]:
        """Since the last call, from any thread."""
        lags_ms = [self._lags_ms.popleft() for _ in range(len(self._lags_ms))]
        return {"lag_ms": max(lags_ms, default=0.0), "cpu_s": time.process_time()}

    def told(self) -> dict[str, Any]:
        """Of the whole surge."""
        return {
            "lag_ms": round(self.lag_ms, 3), "gc_ms": round(self.gc_ms, 3), "gc_total_ms": round(self._gc_total_ms, 3),
            "clock_step_ms": round(self.step_ms, 3), "seconds": self.seconds, "busy_seconds": self.busy,
            "cpu_s": round(time.process_time() - self._process_s, 3), "rss_mib": round(_rss_mib(), 1),
        }  # fmt: skip


def _wall() -> float:
    """The wall clock minus the run's: constant, as long as nobody sets it and the machine does not sleep."""
    return clock.utc().timestamp() - clock.now()


def _rss_mib() -> float:
    """The most memory that the process ever had. Linux tells it in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
