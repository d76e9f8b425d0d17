"""Each load generator that is installed can be driven, and the server's count agrees with what it says. No figure is judged here."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.drive import drive
from tests.bench.machine import tree_cpu_s
from tests.bench.peers import NAMES, Load, bare_c, peer
from tests.bench.peers import surgekit as ours
from tests.bench.shops import cheap_shop

SECONDS = 2.0


@pytest.mark.parametrize("flow", ["order", "submit"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_tool_says_is_what_the_server_counts(name: str, flow: str, tmp_path: Path) -> None:
    module = peer(name)
    if (why := module.found()) is not None:
        pytest.skip(why)
    with cheap_shop(records=100_000) as shop:
        load = Load(shop.port, flow, SECONDS, rate=60.0, clients=4, longest_s=1.0)  # type: ignore[arg-type]
        driven = drive(module, load, shop, tmp_path)
        counts, figures = driven.counts, driven.figures
        assert len(shop.records()) == min(counts.orders, 100_000) > 0
    assert (counts.looks > 0) == (flow == "order")
    assert figures.errors == 0
    if name in ("surgekit", "k6", "vegeta", "bare_c"):  # the others leave some under way at their end
        assert figures.requests == counts.requests == counts.orders * load.each
    else:
        assert abs(figures.requests - counts.requests) <= max(2 * load.clients, 0.05 * counts.requests)
    if name in ("surgekit", "bare_c"):
        assert len(module.due_s(tmp_path, load)) == counts.orders
        assert len(module.own_slip_s(tmp_path)) == counts.orders
        assert module.scheduled(tmp_path, load) == counts.orders + figures.unsent
    assert 0 <= figures.p50_ms <= figures.p99_ms <= figures.p999_ms
    assert driven.per_cpu_s > 0
    assert driven.per_cpu_s_all > 0
    assert not math.isnan(driven.rate)


def test_every_order_and_request_of_surgekit_is_in_its_history(tmp_path: Path) -> None:
    with cheap_shop() as shop:
        driven = drive(ours, Load(shop.port, "order", SECONDS, rate=100.0), shop, tmp_path)
    assert len(ours.rows(tmp_path, "orders", "seq", "outcome = 'confirmed'")) == driven.counts.orders
    assert len(ours.rows(tmp_path, "requests", "seq", "step = 'submit'")) == driven.counts.orders
    assert len(ours.rows(tmp_path, "requests", "seq", "step = 'poll'")) == driven.counts.looks


def test_what_was_not_sent_is_of_the_schedule_all_the_same_and_own_stamps_are_of_before_the_call(tmp_path: Path) -> None:
    np.array([(0, 10, 500, 900), (1000, 1020, 1600, 1900), (2000, 0, 0, 0)], dtype=bare_c.ROW).tofile(tmp_path / "sent")
    load = Load(1, "submit", SECONDS)
    assert bare_c.scheduled(tmp_path, load) == 3
    assert len(bare_c.due_s(tmp_path, load)) == 2
    assert (bare_c.own_slip_s(tmp_path) * 1e9).round().tolist() == [10, 20]
    (tmp_path / "run").mkdir()
    with duckdb.connect() as database:
        rows = "VALUES (0.5, 0.501), (1.5, NULL), (1.0, 1.002)"
        database.execute(f"COPY (SELECT * FROM ({rows}) AS t(intended_s, sent_s)) TO '{tmp_path / 'run' / 'orders.parquet'}' (FORMAT parquet)")
    assert ours.scheduled(tmp_path, load) == 3
    assert ours.due_s(tmp_path, load).tolist() == [0.5, 1.0]


def test_a_tool_that_cannot_start_says_why(tmp_path: Path) -> None:
    class Broken:
        NAME, OPEN, NOTE = "broken", True, ""

        def words(self, folder: Path, load: Load) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('no such load')"]

    with cheap_shop() as shop, pytest.raises(RuntimeError, match="broken ended with 1: no such load"):
        drive(Broken(), Load(shop.port, "order", SECONDS), shop, tmp_path)


def test_the_processor_time_of_a_process_that_is_gone_is_none() -> None:
    assert tree_cpu_s(2**22 - 1) == 0.0
