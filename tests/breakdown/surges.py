"""Surges with a known truth: who arrived when, and what was late from when on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run_story import PROFILE

from surgekit.arrivals.schedule import curve
from surgekit.breakdown.history import History
from surgekit.profile import Profile

LIMIT, WIDTH = 0.05, 3.0


def profile(*phases: tuple[str, float, Any], **more: Any) -> Profile:
    """Phases of (name, seconds, rate)."""
    shape = [{"name": name, "duration": seconds, "rate": rate} for name, seconds, rate in phases]
    return Profile.model_validate(PROFILE | {"phases": shape} | more)


EVENING = profile(
    ("quiet", 8, 6), ("run-up", 14, {"from": 6, "to": 40, "curve": "exponential"}), ("countdown", 12, {"from": 40, "to": 70}),
    ("midnight", 8, 70), ("fall", 10, {"from": 70, "to": 8, "curve": "exponential"}), ("after", 8, 6),
)  # fmt: skip
"""The shape of the shipped profile: from 6 orders/s to 70 and back."""


def flat(rate: float, seconds: float = 60.0) -> Profile:
    return profile(("only", seconds, rate))


def arrivals(shape: Profile, rng: np.random.Generator) -> NDArray[np.float64]:
    line = curve(shape)
    return np.sort(line.when(rng.random(rng.poisson(line.total)) * line.total))


def history(shape: Profile, times: Sequence[float] | NDArray[np.float64], *, unsent: bool = False) -> History:
    """A history in which nothing is known but when orders arrived."""
    n = len(times)
    nothing, no = np.full(n, np.nan), np.zeros(n, dtype=np.bool_)
    return History(
        profile=shape, rate=curve(shape), seq=np.arange(n), intended_s=np.asarray(times, dtype=np.float64), started_s=nothing,
        accept_s=nothing, confirmed_s=nothing, watched_s=np.zeros(n), sent=~no, errors=no, finished_otherwise=no, lost_sight=no,
        unsent=np.full(n, unsent), tried=~no,
    )  # fmt: skip
