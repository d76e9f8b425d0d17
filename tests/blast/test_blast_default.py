"""The README's main job: the festival breaks the naive platform in all three ways, and the hardened one not in its stock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from blast_tools import valid_blast

MEASURES = ("confirm_latency", "oversell", "error_rate")


def festival(folder: Path, target: str, *words: str) -> dict[str, Any]:
    run, _ = valid_blast("--profile", "spring-festival", "--target", target, *words, out=folder / target, cwd=folder)
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return festival(tmp_path_factory.mktemp("festival"), "cardshop")


def test_all_three_break_with_rate_and_phase(naive: dict[str, Any]) -> None:
    phases = {"quiet", "run-up", "countdown", "midnight", "fall", "after"}
    for name in MEASURES:
        told = naive["breakdown"][name]
        assert told["status"] == "broke", (name, told)
        assert told["phase"] in phases
        low, high = told["interval"]
        assert 0 < low <= told["at_rate"] <= high
        assert told["blame"]["text"]["en"]
        assert told["try_next"]["zh"]


def test_reservation_holds_the_stock_and_latency_longer(naive: dict[str, Any], tmp_path: Path) -> None:
    hardened = festival(tmp_path, "cardshop-hardened", "--duration", "30s")
    assert hardened["breakdown"]["oversell"]["status"] == "held"
    audit = {each["invariant"]: each for each in hardened["audit"]}
    for name in ("sold_within_stock", "card_sold_once"):
        assert audit[name]["verdict"] == "held", audit[name]
        assert audit[name]["evidence"] > 0
    latency = hardened["breakdown"]["confirm_latency"]
    assert latency["status"] == "held" or latency["at_rate"] > naive["breakdown"]["confirm_latency"]["at_rate"], latency
