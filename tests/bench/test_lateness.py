"""How late orders were, when their tool's schedule and the server's clock have no common zero."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.lateness import figures, late_by_connection_s, late_s

ZERO_S = 1234.5


def load(orders: int = 5000) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """(due, late) with a stall of 100 ms in the middle; somebody is not late at all."""
    draw = np.random.default_rng(3)
    due = np.sort(draw.uniform(0, orders / 1000, orders))
    late = draw.exponential(0.0002, orders)
    late[0] = 0.0
    stalled = (due > 2.0) & (due < 2.1)
    late[stalled] += 2.1 - due[stalled]
    arrived = np.maximum.accumulate(due + late)
    return due, arrived - due


def test_lateness_is_found_whatever_the_zero() -> None:
    due, late = load()
    found = late_s((ZERO_S + due + late) * 1e9, due)
    assert found == pytest.approx(late, abs=1e-6)
    assert figures(found)["max_ms"] == pytest.approx(late.max() * 1000, abs=0.01)


def test_orders_that_a_tool_dropped_never_make_the_others_later_than_they_were() -> None:
    due, late = load()
    kept = ~((due > 2.02) & (due < 2.06))
    found = late_s(((ZERO_S + due + late) * 1e9)[kept], due)
    assert found is not None
    assert len(found) == kept.sum() < len(due)
    assert (np.sort(found) <= np.sort(late[kept]) + 1e-6).all()
    assert found.min() >= 0
    assert found[due[kept] < 1.9] == pytest.approx(late[kept][due[kept] < 1.9], abs=0.02)


def test_a_tool_that_did_not_send_the_load_has_no_slip() -> None:
    due, late = load()
    found = late_s(((ZERO_S + due + late) * 1e9)[: len(due) * 8 // 10], due)
    assert found is None
    assert figures(found) == {"p50_ms": None, "p99_ms": None, "p999_ms": None, "max_ms": None}
    assert late_s(np.array([]), due) is None


def test_each_connection_with_a_grid_of_its_own_has_its_own_zero() -> None:
    grid = np.arange(100) * 0.02
    one, two = ZERO_S + grid, ZERO_S + 0.007 + grid
    two[50] += 0.005
    found = late_by_connection_s(np.concatenate([one, two]) * 1e9, np.repeat([4, 9], 100), 0.02)
    assert found is not None
    assert np.count_nonzero(found > 1e-3) == 1
    assert found.max() == pytest.approx(0.005, abs=1e-6)
