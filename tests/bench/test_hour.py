"""The hour of the memory bench is one that a run would take: by the lane, with connections open at the start, and Locust's statistics fed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import hour

SECONDS = 3


def test_the_engine_of_the_hour_goes_the_way_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hour, "QUICK_S", SECONDS)
    told = json.loads(json.dumps(hour.run(quick=True)))
    assert told["orders"] == pytest.approx(hour.RATE * SECONDS, rel=0.1)
    assert told["short"] > 0.7, "but for the first, which find nothing open that is free"
    assert 8 <= told["warm"] <= 256
    assert told["fed"] == told["requests"] == 2 * told["orders"]
    assert told["feeds"] >= (hour.HEAD_START_S + SECONDS) / hour.FEED_S
    assert told["samples"][0]["at_s"] == -hour.HEAD_START_S
    assert len(told["samples"]) == pytest.approx(9, abs=1)
    assert 0 < told["rss_mib"] < hour.MOST_MIB
    text = hour.table(told)
    assert "the engine: at most" in text
    assert f"Locust's statistics know {told['fed']:,} requests" in text
