"""The bench of scaling tells a ratio where both rates were held, and says why where there is none. The tools are made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import ladder, scaling
from tests.bench.drive import Driven
from tests.bench.machine import Cores, allowed, on
from tests.bench.peers import Figures, Load
from tests.bench.shops import Counts

ONE = 10_000.0
"""Orders/s of one worker."""


@contextmanager
def nothing(*_: Any, **__: Any) -> Iterator[Any]:
    yield SimpleNamespace(port=1, kind="C")


def driven(load: Load, most: float, *, errors: int = 0, unsent: int = 0, verdict: str = "valid", per_cpu_s: float = 40_000.0) -> Driven:
    figures = Figures(1, errors, 1.0, 1.0, 1.0, unsent, verdict)
    rate = 2 * min(load.rate, most)
    return Driven(figures, Counts(1, 1, 0, 1, 1, 1), rate, rate / per_cpu_s, per_cpu_s, 1.0, 0.0, 1.0)


def scaled(monkeypatch: pytest.MonkeyPatch, tool: Callable[[int, Load], Driven], free: list[int]) -> tuple[dict[str, Any], dict[int, set[Cores]]]:
    """(result, the cores that one and two workers were given), of a tool that is a function of the number of workers and the load."""
    places: dict[int, set[Cores]] = {1: set(), 2: set()}

    def drive(peer: Any, load: Load, shop: Any, folder: Path, core: Cores = -1) -> Driven:
        places[peer.CORES].add(core)
        return tool(peer.CORES, load)

    for module in (ladder, scaling):
        monkeypatch.setattr(module, "drive", drive)
    monkeypatch.setattr(scaling, "cheap_shop", nothing)
    monkeypatch.setattr(scaling, "on", nothing)
    monkeypatch.setattr(scaling, "allowed", lambda: free)
    monkeypatch.setattr(scaling, "cores", lambda: (free[-1], free[0]) if free else (-1, -1))
    told: dict[str, Any] = json.loads(json.dumps(scaling.run(quick=False)))
    return told, places


@pytest.mark.parametrize("times", [1.0, 1.5, 1.9])
def test_the_ratio_is_of_the_rates_that_were_held(monkeypatch: pytest.MonkeyPatch, times: float) -> None:
    told, _ = scaled(monkeypatch, lambda count, load: driven(load, ONE if count == 1 else times * ONE, per_cpu_s=(24_000, 22_000)[count - 1]), [0, 1])
    assert told["ratio"] == pytest.approx(times, rel=0.05)
    assert told["ratio_per_cpu_s"] == pytest.approx(22 / 24, abs=0.001)
    assert all(0.85 * most <= row["rate"] / 2 <= 0.95 * most for row, most in zip(told["rows"], (ONE, times * ONE), strict=True)), "a little below the most"
    text = scaling.table(told)
    assert f"two workers hold {told['ratio']:g} × the requests/s of one (wanted: 1.8)" in text
    assert f"{told['ratio_per_cpu_s']:g} × as many requests as one" in text


def measured(load: Load) -> bool:
    """Not a step of the ladder."""
    return load.seconds == scaling.SECONDS


@pytest.mark.parametrize("bad", [1, 2])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"most": 0.5 * ONE}, "10,000 got through"),
        ({"errors": 3}, "15 errors"),
        ({"unsent": 5_000}, "25000 unsent"),
        ({"verdict": "void: the generator ran late"}, "it says: void: the generator ran late"),
    ],
)
def test_where_a_rate_was_not_held_there_is_no_ratio_and_the_table_says_why(monkeypatch: pytest.MonkeyPatch, bad: int, wrong: dict[str, Any], said: str) -> None:
    def tool(count: int, load: Load) -> Driven:
        return driven(load, **{"most": count * ONE, **(wrong if count == bad and measured(load) else {})})

    told, _ = scaled(monkeypatch, tool, [0, 1])
    assert (told["ratio"], told["ratio_per_cpu_s"]) == (None, None)
    text = scaling.table(told)
    assert f"no ratio: {bad} worker(s): " in text
    assert "were held in 0 of 5 round(s) only" in text
    assert said in text
    assert "two workers hold" not in text


def test_one_spoilt_round_does_not_count_and_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    def tool(count: int, load: Load) -> Driven:
        done.extend([count] if measured(load) else [])
        return driven(load, 0.2 * ONE if measured(load) and done.count(2) == 3 and count == 2 else count * ONE)

    told, _ = scaled(monkeypatch, tool, [0, 1])
    assert [row["held"] for row in told["rows"]] == [5, 4]
    assert told["ratio"] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(
    ("free", "expected", "said"),
    [
        ([0, 1], {1: frozenset({1}), 2: frozenset({0, 1})}, "server and bench on 0, which the 2 worker(s) share with them"),
        ([4, 6, 7], {1: frozenset({7}), 2: frozenset({6, 7})}, "cores: 1 worker(s) on 7; 2 worker(s) on 6, 7; server and bench on 4"),
        ([], {1: -1, 2: -1}, "nothing is pinned"),
    ],
)
def test_the_cores_are_those_that_there_are(monkeypatch: pytest.MonkeyPatch, free: list[int], expected: dict[int, Cores], said: str) -> None:
    told, places = scaled(monkeypatch, lambda count, load: driven(load, count * ONE), free)
    assert places == {count: {place} for count, place in expected.items()}
    assert told["ratio"] is not None
    assert scaling.table(told).splitlines()[-1].endswith(said) or said in told["cores"]


def test_on_one_core_there_is_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = scaled(monkeypatch, lambda count, load: driven(load, count * ONE), [3])
    assert told["ratio"] is None
    assert "no ratio: there is one core for all of them: 3" in scaling.table(told)


def test_children_run_on_all_the_cores_that_they_are_given() -> None:
    free = allowed()
    if not free:
        pytest.skip("nobody can be pinned here")
    ask = [sys.executable, "-c", "import os; print(*sorted(os.sched_getaffinity(0)))"]
    with on(free[0]), on(frozenset(free)):
        assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split() == [str(core) for core in free]
    assert allowed() == free
