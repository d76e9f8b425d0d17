"""The climb to a tool's own most, with tools that are made up."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import ladder
from tests.bench.drive import Driven
from tests.bench.peers import Figures, Load
from tests.bench.shops import Counts


def driven(rate: float, busy: float, unsent: int = 0) -> Driven:
    figures = Figures(1, 0, 1.0, 1.0, 1.0, unsent)
    return Driven(figures, Counts(1, 1, 0, 1, 1, 1), rate, busy, 1.0, 1.0, 0.0, 1.0)


def climb(monkeypatch: pytest.MonkeyPatch, tool: Any, name: str = "surgekit") -> tuple[float, float, list[float]]:
    """(rate found, what a whole core would hold, rates tried) of a tool given as a function of the load."""
    tried: list[float] = []

    def fake(peer: Any, load: Load, shop: Any, folder: Path, core: int = -1) -> Driven:
        tried.append(load.rate)
        result: Driven = tool(load)
        return result

    monkeypatch.setattr(ladder, "drive", fake)
    load, whole = ladder.climbed(SimpleNamespace(NAME=name), Load(1, "order", 2.0), None)  # type: ignore[arg-type]
    return load.rate, whole, tried


@pytest.mark.parametrize("most", [300.0, 4_000.0, 60_000.0])
def test_it_ends_just_below_what_the_tool_can_do(monkeypatch: pytest.MonkeyPatch, most: float) -> None:
    rate, whole, tried = climb(monkeypatch, lambda load: driven(min(load.rate, most) * 2, min(load.rate / most, 1.0)))
    assert 0.7 * most <= rate <= 0.97 * most
    assert whole == pytest.approx(most, rel=0.02)
    assert len(tried) <= ladder.STEPS


def test_a_rate_at_which_it_leaves_orders_out_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    rate, _, _ = climb(monkeypatch, lambda load: driven(load.rate * 2, load.rate / 50_000, 0 if load.rate < 2_000 else round(load.rate)))
    assert rate < 2_000


def test_a_tool_that_holds_nothing_is_given_what_got_through(monkeypatch: pytest.MonkeyPatch) -> None:
    rate, whole, _ = climb(monkeypatch, lambda load: driven(load.rate, 1.0, 10_000))
    assert 0 < rate == pytest.approx(whole, abs=1)


def test_it_goes_on_as_long_as_a_processor_second_buys_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not to where the tool falls behind, or says itself that its run is no good."""

    def tool(load: Load) -> Driven:
        told = driven(min(load.rate, 30_000) * 2, 1.0 if load.rate > 8_000 else load.rate / 8_500)
        verdict = "void: late" if load.rate > 20_000 else "valid"
        return dataclasses.replace(told, per_cpu_s=told.rate, figures=dataclasses.replace(told.figures, verdict=verdict))

    monkeypatch.setattr(ladder, "drive", lambda peer, load, *_: tool(load))
    found = ladder.higher(SimpleNamespace(NAME="surgekit"), Load(1, "order", 2.0), None, further=20)  # type: ignore[arg-type]
    rates = [load.rate for load, _ in found]
    assert rates == sorted(set(rates))
    assert 19_000 < rates[-1] <= 20_000
    assert ladder.keenest(found).rate == rates[-1]


def test_a_stall_of_the_machine_does_not_end_the_climb(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def drive(_peer: Any, load: Load, *_: Any) -> Driven:
        tried.append(load.rate)
        spoilt = tried.count(load.rate) == 1 and load.rate > 8_000
        return driven(load.rate * (1 if spoilt else 2), min(load.rate / 8_500, 1.0)) if load.rate <= 16_000 else driven(1_000, 1.0)

    monkeypatch.setattr(ladder, "drive", drive)
    found = ladder.higher(SimpleNamespace(NAME="surgekit"), Load(1, "order", 2.0), None, further=20)  # type: ignore[arg-type]
    assert 15_300 < found[-1][0].rate <= 16_000


@pytest.mark.parametrize("best", ladder.CROWDS)
def test_a_tool_that_waits_gets_the_crowd_with_which_a_second_buys_most(monkeypatch: pytest.MonkeyPatch, best: int) -> None:
    tried: list[int] = []

    def drive(_peer: Any, load: Load, *_: Any) -> Driven:
        tried.append(load.clients)
        return dataclasses.replace(driven(1000, 1.0), per_cpu_s=1000 - abs(load.clients - best))

    monkeypatch.setattr(ladder, "drive", drive)
    assert ladder.crowded(SimpleNamespace(NAME="wrk"), Load(1, "order", 2.0), None).clients == best  # type: ignore[arg-type]
    assert tried == [8, 32, 128], "each once"


def test_a_crowd_that_meets_errors_is_not_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    def drive(_peer: Any, load: Load, *_: Any) -> Driven:
        told = dataclasses.replace(driven(1000, 1.0), per_cpu_s=load.clients)
        return dataclasses.replace(told, figures=dataclasses.replace(told.figures, errors=int(load.clients > 32)))

    monkeypatch.setattr(ladder, "drive", drive)
    assert ladder.crowded(SimpleNamespace(NAME="wrk"), Load(1, "order", 2.0), None).clients == 32  # type: ignore[arg-type]
