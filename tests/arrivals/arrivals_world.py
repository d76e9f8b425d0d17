"""Profiles for the tests of the arrivals, and the one statistic that most of them need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surgekit.arrivals.schedule import Schedule, Shard, curve, schedule
from surgekit.profile.schema import Profile

CATALOGUE = ["a", "b", "c", "d", "e", "f"]


def surge(**more: Any) -> Profile:
    """Every kind of phase, and every kind of mark; about 1,000 orders."""
    whole: dict[str, Any] = {
        "schema": "surgekit.profile/1",
        "name": "surge",
        "phases": [
            {"name": "silence", "duration": "5s", "rate": 0},
            {"name": "ramp", "duration": "10s", "rate": {"from": 0, "to": 40}},
            {"name": "hole", "duration": "3s", "rate": 0},
            {"name": "crowd", "duration": "10s", "rate": {"from": 5, "to": 80, "curve": "exponential"}},
            {"name": "top", "duration": "5s", "rate": 80},
            {"name": "end", "duration": "20s", "rate": {"from": 10, "to": 0}},
        ],
        "products": {"zipf": 1.0, "qty": {1: 0.9, 2: 0.1}},
        "buyers": {
            "classes": {
                "retail": {"share": 0.7},
                "vip": {"share": 0.2, "pay": "balance", "double_click": 0.0},
                "reseller": {"share": 0.1, "pay": "balance", "qty": {2: 0.5, 5: 0.5}},
            },
            "accounts": 50,
            "browse": 0.25,
            "double_click": 0.1,
            "new_connection": 0.3,
            "think": {"quote": "300ms", "pay": "400ms"},
        },
        **more,
    }
    return Profile.model_validate(whole)


def union(profile: Profile, seed: int, shards: int) -> NDArray[np.float64]:
    """The times of all shards together, in order."""
    parts = [schedule(profile, CATALOGUE, seed, Shard(index, shards)).intended_s for index in range(shards)]
    return np.sort(np.concatenate(parts))


def gaps(profile: Profile, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time-rescaled gaps: independent and exponential with mean 1, if and only if the times are a Poisson process of this rate."""
    return np.diff(curve(profile).expected(times), prepend=0.0)


def columns(made: Schedule) -> dict[str, list[Any]]:
    """Every column of every arrival."""
    return {
        name: getattr(made, name).tolist()
        for name in (
            "seq", "intended_s", "sku", "qty", "buyer", "buyer_class", "phase", "browses", "double_click", "think_quote_s", "think_pay_s", "cold",
        )
    }  # fmt: skip
