"""The simulation of many workers: small, it gives what it should, and its arithmetic is right."""

from __future__ import annotations

import pytest

from tests.bench import fleet


def test_a_crowd_is_gathered_started_together_and_told_of() -> None:
    told = fleet._crowd(20, 0.5)
    assert told["lost"] == 0
    assert told["start_spread_ms"] < 500
    assert told["clock_error_ms"]["p50"] < 50
    assert told["merge_ms"] > 0


CROWD = {
    "gathered_s": 1.0, "start_told_ms": 1.0, "start_heard_ms": 1.0, "start_spread_ms": 1.0, "clock_error_ms": {"p50": 0.1, "max": 0.2}, "figures_cpu_share": 0.1,
    "merge_ms": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("lost", [0, 3])
def test_workers_that_were_lost_are_a_row_and_an_error_where_there_are_any(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    monkeypatch.setattr(fleet, "_crowd", lambda workers, seconds: CROWD | {"lost": lost})
    monkeypatch.setattr(fleet, "_history", lambda size: 500e6)
    if lost:
        with pytest.raises(RuntimeError, match="3 of 100 workers were lost"):
            fleet.run(quick=True)
        return
    lines = fleet.table(fleet.run(quick=True)).splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("workers that the master lost")] == ["0"]


@pytest.mark.parametrize("name", fleet.NETWORKS)
def test_no_clock_is_further_off_than_is_stated_on_any_network(name: str) -> None:
    row = fleet._clocks(name, fleet.NETWORKS[name], 50)
    assert row["beyond"] == 0
    assert row["true_max_ms"] <= row["stated_max_ms"]


def test_beyond_the_masters_limit_the_history_comes_later_and_the_load_does_not_wait() -> None:
    limit = fleet._limit(500e6, 0.2)
    assert limit == pytest.approx(0.8 * 500e6 / fleet.ORDER_BYTES)
    assert fleet._at(int(limit), 500e6, 0.2)["behind_s"] == 0
    assert fleet._at(int(2 * limit), 500e6, 0.2)["behind_s"] == pytest.approx(fleet.SURGE_S, rel=0.01)
    assert fleet._limit(1e12, 0.0) == fleet.LINK * fleet.GIGABIT / fleet.ORDER_BYTES  # then the network is the limit
