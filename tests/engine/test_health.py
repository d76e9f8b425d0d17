"""When a generator says of itself that replies waited for it."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from surgekit.engine import health as healths
from surgekit.engine.health import Health
from surgekit.engine.loop import Loop


def second(monkeypatch: pytest.MonkeyPatch, *, greenlets: bool = False, **spent: float) -> Health:
    """After one second in which the loop spent this much."""
    now, cpu = [100.0], [5.0]
    monkeypatch.setattr(healths.clock, "now", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: cpu[0])
    loop: Any = SimpleNamespace(late_s=0.0, looks=1000, full=0, long_s=0.0)
    health = Health(greenlets=greenlets)
    with health.watching(loop):
        now[0] += 1.0
        loop.looks += 100
        loop.full += spent.get("full", 0)
        loop.long_s += spent.get("long_s", 0.0)
        loop.late_s = spent.get("late_s", 0.0)
        cpu[0] += spent.get("cpu_s", 0.0)
        health.look(loop)
    return health


@pytest.mark.parametrize(
    ("spent", "greenlets", "busy"),
    [
        ({}, False, 0), ({"full": 40}, False, 0), ({"full": 60}, False, 1), ({"long_s": 0.4}, False, 0), ({"long_s": 0.6}, False, 1),
        ({"cpu_s": 0.99}, False, 0), ({"cpu_s": 0.99}, True, 1), ({"cpu_s": 0.9}, True, 0),
    ],
)  # fmt: skip
def test_a_second_counts_in_which_replies_waited_in_line(monkeypatch: pytest.MonkeyPatch, spent: dict[str, float], greenlets: bool, busy: int) -> None:
    health = second(monkeypatch, greenlets=greenlets, **spent)
    assert (health.seconds, health.busy) == (1, busy)


def test_the_worst_lag_is_told_once_and_kept_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    health = second(monkeypatch, late_s=0.125)
    assert [health.progress()["lag_ms"] for _ in range(2)] == [125.0, 0.0]
    assert health.told()["lag_ms"] == 125.0


def test_a_loop_tells_how_long_it_served_what_one_look_had_found() -> None:
    loop = Loop()
    ends = [os.pipe() for _ in range(3)]

    def slow(_events: int) -> None:
        time.sleep(0.004)

    for reads, writes in ends:
        loop.listen(reads, slow)
        os.write(writes, b"!")
    loop.soon(lambda: None)
    loop.turn()
    assert loop.long_s >= 0.012
    loop.close()
    for pair in ends:
        for end in pair:
            os.close(end)
