"""The tables of ``engine`` and ``slip`` have the fields that they are read by, and rounds are kept or thrown away as is said."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import engine, slip
from tests.bench.drive import Driven
from tests.bench.peers import Figures, Load
from tests.bench.shops import Counts

PER_CPU_S = {"surgekit": 60_000.0, "k6": 6_000.0, "fasthttp": 4_000.0, "wrk": 90_000.0, "bare_c": 200_000.0}
MOST = {"surgekit": 12_500.0, "bare_c": 40_000.0, "k6": 5_000.0}
ABSENT = {"wrk2": "not installed", "vegeta": "not installed"}


@contextmanager
def no_shop(*words: Any, **more: Any) -> Iterator[Any]:
    yield SimpleNamespace(port=1, kind="C")


def driven(per_cpu_s: float) -> Driven:
    return Driven(Figures(100, 0, 1.0, 2.0, 3.0), Counts(50, 50, 0, 1, 2, 3), 1000.0, 0.9, per_cpu_s, per_cpu_s / 2, 0.0, 3.0, 2.0)


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for bench in (engine, slip):
        monkeypatch.setattr(bench, "cheap_shop", no_shop)
        monkeypatch.setattr(bench, "cores", lambda: (-1, -1))
        monkeypatch.setattr(bench, "missing", lambda: dict(ABSENT))
    monkeypatch.setattr(engine, "higher", lambda peer, load, shop, core, further: [(dataclasses.replace(load, rate=1000.0), driven(1.0))])
    monkeypatch.setattr(engine, "crowded", lambda peer, load, shop, core: dataclasses.replace(load, clients=8))
    monkeypatch.setattr(slip, "higher", lambda peer, load, shop, core, further: [(dataclasses.replace(load, rate=MOST[peer.NAME]), driven(1.0))])


@pytest.mark.parametrize("quick", [True, False])
def test_engine_tells_requests_per_processor_second_and_ratios(monkeypatch: pytest.MonkeyPatch, quick: bool) -> None:
    noise = itertools.cycle([0.5, 1.0, 1.0, 1.0, 1.5]) if not quick else itertools.repeat(1.0)
    monkeypatch.setattr(engine, "_driven", lambda name, load, shop, core: driven(PER_CPU_S[name] * (next(noise) if name == "surgekit" else 1)))
    told = json.loads(json.dumps(engine.run(quick)))
    expected = {"surgekit": 60_000.0, "k6": 6_000.0, "fasthttp": 4_000.0, "wrk2": None, "ratio_k6": 10.0, "ratio_fasthttp": 15.0}
    assert {name: told[name] for name in expected} == expected
    assert {row["tool"] for row in told["rows"]} == ({"surgekit", "k6", "fasthttp"} if quick else set(PER_CPU_S))
    assert told["rounds"] == len(told["rows"][0]["per_cpu_s_rounds"]) == (1 if quick else 5)
    text = engine.table(told)
    assert "10 × k6, 15 × fasthttp" in text
    assert "wrk2: not installed" in text


def test_the_ratios_stand_for_the_window_and_from_start_to_end_and_the_table_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {"surgekit": 5.0, "k6": 1.5, "fasthttp": 1.0}
    one = {name: dataclasses.replace(driven(PER_CPU_S[name]), per_cpu_s_all=PER_CPU_S[name] / cost) for name, cost in costs.items()}
    monkeypatch.setattr(engine, "_driven", lambda name, load, shop, core: one[name])
    told = engine.run(quick=True)
    assert (told["ratio_k6"], told["ratio_k6_all"], told["ratio_fasthttp_all"]) == (10.0, 3.0, 3.0)
    text = engine.table(told)
    assert "start to end: 3 × k6, 3 × fasthttp" in text
    assert "outside of that window, and in the column 'start to end'" in text


def test_open_tools_go_a_little_below_their_keenest_rate_and_closed_ones_with_their_best_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: dict[str, Load] = {}
    monkeypatch.setattr(engine, "_driven", lambda name, load, shop, core: loads.update({name: load}) or driven(PER_CPU_S[name]))
    told = engine.run(quick=True)
    assert [loads[name].rate for name in ("surgekit", "k6")] == [950.0, 950.0]
    assert (loads["fasthttp"].clients, {load.seconds for load in loads.values()}) == (8, {engine.QUICK_S})
    assert "8 users" in engine.table(told)


@pytest.mark.parametrize("spoilt", [0, 2, 3, 8])
def test_a_round_that_a_tool_calls_void_does_not_count_and_is_done_again(monkeypatch: pytest.MonkeyPatch, spoilt: int) -> None:
    done: list[str] = []

    def one(name: str, load: Load, shop: Any, core: int) -> Driven:
        done.append(name)
        void = name == "surgekit" and done.count(name) <= spoilt
        told = driven(1.0 if void else PER_CPU_S[name])
        return dataclasses.replace(told, figures=dataclasses.replace(told.figures, verdict="void: late" if void else "valid" if name == "surgekit" else None))

    monkeypatch.setattr(engine, "_driven", one)
    told = engine.run(quick=False)
    text = engine.table(told)
    assert done.count("surgekit") == min(5 + spoilt, 8), "at most three more"
    assert done.count("k6") == 5
    if spoilt == 8:
        assert (told["surgekit"], told["ratio_k6"]) == (None, None)
        assert "surgekit: all of its 8 rounds were void: void: late" in text
        return
    assert told["surgekit"] == PER_CPU_S["surgekit"]
    row = next(row for row in told["rows"] if row["tool"] == "surgekit")
    assert (len(row["per_cpu_s_rounds"]), len(row["void_rounds"]), row["verdicts"]) == (5, spoilt, ["valid"])
    assert (f"surgekit: {spoilt} round(s) do not count: void: late" in text) == bool(spoilt)


def test_a_peer_that_fails_is_told_of_and_surgekit_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(name: str, load: Load, shop: Any, core: int) -> Driven:
        if name == failing:
            raise RuntimeError(f"{name} ended with 137")
        return driven(PER_CPU_S[name])

    monkeypatch.setattr(engine, "_driven", one)
    failing = "k6"
    told = engine.run(quick=True)
    assert (told["k6"], told["ratio_k6"], told["ratio_fasthttp"]) == (None, None, 15.0)
    assert "k6: failed: k6 ended with 137" in engine.table(told)
    failing = "surgekit"
    with pytest.raises(RuntimeError):
        engine.run(quick=True)


ZERO_NS = 10**12


def one_slip(monkeypatch: pytest.MonkeyPatch, *, sent: int, scheduled: int, verdict: str | None) -> dict[str, Any]:
    """A round of the slip bench with a made-up tool, which sent ``sent`` of ``scheduled`` orders, each 1 ms late by its own stamps."""
    due = np.arange(sent) / 1000
    tool = SimpleNamespace(NAME="surgekit", due_s=lambda *_: due, scheduled=lambda *_: scheduled, own_slip_s=lambda *_: np.full(sent, 0.001))
    told = dataclasses.replace(driven(1.0), figures=Figures(sent, 0, 1.0, 1.0, 1.0, scheduled - sent, verdict), counts=Counts(sent, 0, 0, 1, 1, 1))
    monkeypatch.setattr(slip, "peer", lambda _: tool)
    monkeypatch.setattr(slip, "drive", lambda *_: told)
    shop: Any = SimpleNamespace(port=1, records=lambda: {"ns": ZERO_NS + due * 1e9})
    return slip._one("surgekit", Load(1, "submit", 1.0, 1000.0), shop, -1)


@pytest.mark.parametrize(
    ("sent", "verdict", "told"), [(1000, "valid", True), (950, "valid", True), (800, "valid", False), (1000, "void: the generator ran late", False)]
)
def test_surgekit_too_has_no_slip_where_it_did_not_send_its_schedule_or_says_void(monkeypatch: pytest.MonkeyPatch, sent: int, verdict: str, told: bool) -> None:
    found = one_slip(monkeypatch, sent=sent, scheduled=1000, verdict=verdict)
    assert (found["due"], found["arrived"]) == (1000, sent), "what it left out was to be sent all the same"
    assert [found[by]["p99_ms"] is not None for by in ("server", "own")] == [told, told]


def slip_of(monkeypatch: pytest.MonkeyPatch, stolen: list[float], *, k6_held: bool = True, verdict: str | None = None) -> dict[str, Any]:
    """The bench with made-up slips, where the clock of stolen time says ``stolen`` more after each round."""
    clock = itertools.accumulate([0.0, *(part for each in stolen for part in (each, 0.0))])
    monkeypatch.setattr(slip, "stolen_s", lambda: next(clock))

    def one(name: str, load: Load, shop: Any, core: int) -> dict[str, Any]:
        held = name != "k6" or k6_held
        void = name == "surgekit" and verdict is not None and verdict.startswith("void")
        late = dict.fromkeys(slip.QUANTILES, 0.1 * (load.seed - 6)) if held and not void else dict.fromkeys(slip.QUANTILES)
        own = late if name in ("surgekit", "bare_c") else dict.fromkeys(slip.QUANTILES)
        return {"server": late, "own": own, "due": 100, "arrived": 99, "errors": 0, "unsent": 0, "busy": 0.5, "took_s": 3.0, "verdict": verdict if name == "surgekit" else None}

    monkeypatch.setattr(slip, "_one", one)
    told: dict[str, Any] = json.loads(json.dumps(slip.run(quick=False)))
    return told


def test_slip_has_a_row_for_each_tool_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    told = slip_of(monkeypatch, [0.0] * 15)
    as_asked = [(name, 1800.0) for name in ("surgekit", "bare_c", "k6")]
    shared, own = [(name, 10_000.0) for name in ("surgekit", "bare_c")], [("bare_c", 32_000.0), ("k6", 4_000.0)]
    assert [(row["tool"], row["load"]) for row in told["rows"]] == as_asked + shared + own, "k6 cannot send 10,000"
    assert all(set(row) == {"tool", "load", "p50_ms", "p99_ms", "p999_ms", "max_ms"} for row in told["rows"])
    assert told["rows"][0]["p50_ms"] == pytest.approx(0.3), "the median of five rounds"
    assert [row["tool"] for row in told["own_stamps"]] == ["surgekit", "bare_c"] * 2 + ["bare_c"]
    assert "surgekit holds about 12,500 orders/s" in slip.table(told)


def test_a_tool_that_did_not_send_the_load_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    told = slip_of(monkeypatch, [0.0] * 15, k6_held=False)
    assert [row["p99_ms"] for row in told["rows"] if row["tool"] == "k6"] == [None, None]
    assert [row["p99_ms"] for row in told["rows"] if row["tool"] != "k6"] == [pytest.approx(0.3)] * 5
    assert "not sent" in slip.table(told)


def test_the_slip_table_says_what_a_tool_says_of_its_runs_and_from_where_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    text = slip.table(slip_of(monkeypatch, [0.0] * 15, verdict="void: the generator ran late"))
    assert "surgekit says of its runs at 1,800 orders/s: void: the generator ran late" in text
    assert [line.split()[3:7] for line in text.splitlines() if line.split()[:3] == ["1,800", "surgekit", "server"]] == [["void"] * 4]
    assert "beyond the least late order of the round" in text


def test_rounds_with_stolen_time_are_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = slip_of(monkeypatch, [0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, *[0.0] * 10])
    first, second, _ = told["loads"]
    assert (first["rounds"], first["thrown_away"], first["kept_though_stolen"]) == (5, 2, 0)
    assert (second["rounds"], second["thrown_away"]) == (5, 0)
    assert told["rows"][0]["p50_ms"] == pytest.approx(0.4), "of rounds 1, 3, 4, 6 and 7"


def test_where_time_is_stolen_all_the_while_the_least_bad_rounds_are_kept_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    told = slip_of(monkeypatch, [*(0.1 * number for number in range(10, 0, -1)), *[0.0] * 10])
    first = told["loads"][0]
    assert (first["rounds"], first["thrown_away"], first["kept_though_stolen"]) == (5, 5, 5)
    assert told["rows"][0]["p50_ms"] == pytest.approx(0.8), "of rounds 6 to 10"
    assert "5 kept all the same" in slip.table(told)
