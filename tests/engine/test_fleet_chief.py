"""What the master makes of what its workers say."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from surgekit.engine.fleet import messages
from surgekit.engine.fleet.chief import Chief
from surgekit.engine.fleet.clocks import FIRST_BURST, LAST_BURST
from surgekit.engine.history.histogram import Histogram

PLAN = {"shards": 2, "base_url": "http://shop.example:80", "permit": {"how": "dns"}}
OWN = {0: 0, 1: -1}
"""Shard → its process: none that a signal could reach."""
BOUND_S = 0.05
END = {"stopped": False, "why": None, "troubles": [], "over_budget": None, "error": None, "health": {"lag_ms": 1.0}, "files": None}


class World:
    """A chief, workers that are only names, and a clock that stands still. ``offsets``: how far each worker's clock is ahead."""

    def __init__(self, spool: Path, local: int = 2, **plan: Any) -> None:
        self.now = 1000.0
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        self.offsets = {"a": 0.0, "b": 50.0}
        self.way_s = 0.002
        self.chief = Chief(
            PLAN | plan, local, lambda *told: self.told.append(told), lambda: self.now, spool, on_plan={"plan": "{}", "secrets": {}, "rows": None},
            pids=dict(OWN), clock_error_s=BOUND_S,
        )  # fmt: skip

    def hello(self, client: str, place: int | None, **told: Any) -> None:
        self.chief.heard(client, messages.HELLO, messages.hello(place) | {"pid": OWN.get(place or 0)} | told)

    def last(self, client: str, kind: str) -> dict[str, Any]:
        return next(data for to, what, data in reversed(self.told) if (to, what) == (client, kind))

    def kinds(self, client: str) -> list[str]:
        return [what for to, what, _ in self.told if to == client]

    def pongs(self, client: str, pings: int) -> None:
        for _ in range(pings):
            t0 = self.last(client, messages.PING)["t0"]
            self.now += self.way_s
            at = t0 + self.way_s / 2 + self.offsets[client]
            self.chief.heard(client, messages.PONG, {"t0": t0, "t1": at, "t2": at})

    def ready(self) -> None:
        for shard, client in enumerate("ab"):
            self.hello(client, shard if shard < self.chief._local else None)
            self.chief.heard(client, messages.READY, {"error": None})
            self.pongs(client, FIRST_BURST)
        assert self.chief.ready

    def end(self, client: str, **told: Any) -> None:
        self.chief.heard(client, messages.DONE, END | told)
        self.pongs(client, LAST_BURST)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    return World(tmp_path)


def test_all_start_at_one_moment_each_by_its_own_clock(world: World) -> None:
    world.ready()
    world.chief.start(2000.0)
    assert world.last("a", messages.START)["t0"] == pytest.approx(2000.0, abs=0.001)
    assert world.last("b", messages.START)["t0"] == pytest.approx(2050.0, abs=0.001)


def test_the_end_is_that_of_all(world: World) -> None:
    world.ready()
    world.chief.start(world.now)
    world.end("a")
    assert not world.chief.over
    world.end("b", troubles=["a coupon (3 times)"], over_budget="used up")
    assert world.chief.over
    told = world.chief.told()
    assert told["engines"] == {"0": {"lag_ms": 1.0}, "1": {"lag_ms": 1.0}}
    assert told["troubles"] == ["worker 2 of 2: a coupon (3 times)"]
    assert told["over_budget"] == "used up"
    assert told["lost"] == {}
    assert told["clocks"]["1"]["offset_s"] == pytest.approx(50, abs=0.001)
    assert told["clocks"]["1"]["pings"] == FIRST_BURST + LAST_BURST
    assert world.kinds("a")[-1] == messages.BYE


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"version": "0.0.1"}, "has 0.0.1; install the same there"),
        ({"protocol": 99}, "install the same there"),
        ({"shard": 7}, "this place is taken"),
        ({"shard": "x"}, "this place is taken"),
        ({"machine": "another"}, "is for a process that the run itself has started"),
        ({"pid": 4321}, "is for a process that the run itself has started"),
        ({"shard": None}, "this run has the 2 workers that it needs"),
    ],
)
def test_a_worker_that_does_not_fit_is_refused_with_a_sentence(world: World, told: dict[str, Any], says: str) -> None:
    world.hello("c", 0, **told)
    assert says in world.last("c", messages.REFUSED)["why"]
    assert not world.chief.workers


def test_two_processes_of_a_machine_that_has_no_number_are_at_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", nowhere)
    monkeypatch.setattr(uuid, "getnode", uuid._random_getnode)  # type: ignore[attr-defined]
    assert messages.machine() == messages.machine()


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ({"base_url": "http://127.0.0.1:80"}, "the platform"),
        ({"base_url": "http://shop.localhost"}, "the platform"),
        ({"permit": {"how": "loopback"}}, "the platform"),
        ({"gateway_act": "http://[::1]:9/act"}, "the payment gateway"),
    ],
)
def test_what_runs_on_loopback_is_never_loaded_from_another_machine(tmp_path: Path, plan: dict[str, Any], what: str) -> None:
    world = World(tmp_path, 1, **plan)
    world.hello("far", None, machine="another", host="far-away")
    assert f"{what} is at" in world.last("far", messages.REFUSED)["why"]
    world.hello("near", None)
    assert world.kinds("near") == [messages.PLAN]


def test_whoever_comes_after_the_start_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)
    world.hello("late", None)
    assert messages.REFUSED in world.kinds("late")


@pytest.mark.parametrize("ready", [True, False])
def test_a_remote_worker_that_leaves_before_the_start_makes_room_for_another(tmp_path: Path, ready: bool) -> None:
    world = World(tmp_path, 1)
    if ready:
        world.ready()
    else:
        world.hello("a", 0)
        world.hello("b", None)
    world.now += messages.WORKER_SILENT_S + 1
    world.chief.alive("a")
    world.chief.tick()
    assert world.chief.missing == 1
    assert {"left": world.chief.workers[0].host, "shard": 1, "why": "nothing was heard of it for 7 s"} in world.chief.news
    world.hello("c", None)
    assert world.chief.workers[1].client == "c"
    world.chief.heard("c", messages.ROWS, {"name": "orders", "at": 0, "data": b"x"})
    assert (world.last("c", messages.HAVE)["size"], world.chief.failure) == (1, None)


def test_a_local_worker_whose_process_ended_is_lost_at_that_moment_and_the_others_go_on(world: World) -> None:
    world.ready()
    world.chief.start(world.now + 0.5)
    world.now += 4.0
    world.chief.gone(1, "ended with signal 9 without a word")
    assert world.chief.lost == {1: pytest.approx(3.5)}
    assert not world.chief.over
    assert not world.chief.stopped
    world.end("a")
    assert world.chief.over
    (note,) = world.chief.told()["troubles"]
    assert note == "worker 2 of 2 was lost (shard 1) at 3.5 s: ended with signal 9 without a word"


def test_a_remote_worker_is_lost_by_its_silence_and_may_have_sent_until_it_stops_by_itself(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)
    t0, last = world.now, world.now + 2.0
    world.now = last
    world.chief.heard("b", messages.FIGURES, {"figures": {"sent": 4, "in_flight": 2, "t": 2.0}, "recent": Histogram().to_bytes(), "left": 0})
    while not world.chief.lost and world.now < t0 + 60:
        world.now += 0.1
        world.chief.alive("a")
        world.chief.tick()
    assert world.now == pytest.approx(last + messages.WORKER_SILENT_S, abs=0.3)
    assert world.chief.lost[1] > world.now - t0 + messages.MASTER_SILENT_S
    assert messages.STOP in world.kinds("b")


def test_what_a_lost_worker_still_says_is_not_counted(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)
    world.chief.lose(1, "gone")
    world.chief.heard("b", messages.ROWS, {"name": "orders", "at": 0, "data": b"x" * 128})
    world.chief.heard("b", messages.DONE, END)
    assert world.chief.told()["lost"] == {"1": pytest.approx(messages.MASTER_SILENT_S + 1)}
    assert not any(path.stat().st_size for path in tmp_path.iterdir())
    assert world.last("b", messages.BYE) == {"why": "gone"}
    assert world.kinds("b")[-1] == messages.BYE


def test_a_worker_whose_clock_is_known_too_badly_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """At the bound it may take part; beyond it, the run would be void whatever it sends."""
    world = World(tmp_path, 1)
    world.hello("a", 0)
    world.chief.heard("a", messages.READY, {"error": None})
    world.pongs("a", FIRST_BURST)
    world.hello("b", None, host="far-away")
    world.chief.heard("b", messages.READY, {"error": None})
    world.way_s = 2 * BOUND_S + 0.01
    world.pongs("b", FIRST_BURST)
    why = world.last("b", messages.REFUSED)["why"]
    assert why.startswith("the clock of far-away is known to within 55 ms only (at most 50)")
    assert "use a machine that is nearer" in why
    assert world.chief.news[-1] == {"left": "far-away", "shard": 1, "why": why}
    assert (world.chief.ready, world.chief.missing, world.chief.failure) == (False, 1, None)
    world.offsets["c"], world.way_s = 0.0, 2 * BOUND_S - 0.001
    world.hello("c", None)
    world.chief.heard("c", messages.READY, {"error": None})
    world.pongs("c", FIRST_BURST)
    assert world.chief.ready


def test_a_worker_of_the_runs_own_that_answers_too_slowly_ends_the_run_before_anything_is_sent(world: World) -> None:
    world.way_s = 0.2
    world.hello("a", 0)
    world.chief.heard("a", messages.READY, {"error": None})
    world.pongs("a", FIRST_BURST)
    assert "is known to within 100 ms only (at most 50)" in str(world.chief.failure)


def test_a_clock_that_is_known_badly_at_the_end_is_for_the_verdict_to_say(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)
    world.way_s = 0.2
    world.end("b", files={})
    assert world.chief.workers[1].finished
    assert not world.chief.lost


@pytest.mark.parametrize("local", [1, 2])
def test_whoever_leaves_between_ready_and_the_start_is_missed_and_nobody_comes_in_its_place(tmp_path: Path, local: int) -> None:
    world = World(tmp_path, local)
    world.ready()
    assert world.chief.close()
    world.hello("c", None)
    assert world.kinds("c") == [messages.REFUSED]
    if local == 2:
        world.chief.gone(1, "ended with signal 9 without a word")
    else:
        world.now += messages.WORKER_SILENT_S + 1
        world.chief.alive("a")
        world.chief.tick()
    assert "was lost before the start" in str(world.chief.failure)
    assert not world.chief.news[1:]
    world.hello("d", None)
    assert world.kinds("d") == [messages.REFUSED]
    assert messages.STOP in world.kinds("a")


def test_a_full_disk_ends_the_run_at_once_and_tells_everybody_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    world.chief.heard("b", messages.ROWS, {"name": "orders", "at": 0, "data": b"x"})
    assert messages.HAVE not in world.kinds("b")
    why = f"the history of worker 2 of 2 on {world.chief.workers[1].host} cannot be written: No space left on device"
    assert (world.chief.failure, world.chief.hopeless) == (why, True)
    world.chief.leave()
    assert world.last("a", messages.BYE) == world.last("b", messages.BYE) == {"why": why}


def test_the_last_word_is_said_again_to_whoever_did_not_hear_it(world: World) -> None:
    world.ready()
    world.chief.start(world.now)
    world.end("a")
    world.chief.heard("a", messages.DONE, END)
    assert world.kinds("a")[-2:] == [messages.BYE, messages.BYE]
    assert world.last("a", messages.BYE) == {"why": None}


def test_a_history_that_did_not_come_whole_makes_its_shard_lost(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.ready()
    world.chief.start(world.now)
    world.chief.heard("b", messages.ROWS, {"name": "orders", "at": 0, "data": b"x" * 128})
    assert world.last("b", messages.HAVE) == {"name": "orders", "size": 128, "again": False}
    world.chief.heard("b", messages.DONE, END | {"files": {"orders": [256, "?"]}})
    assert 1 in world.chief.lost
    assert "of its orders, 128 of 256 bytes came" in world.chief.notes[0]


def test_a_stop_reaches_every_worker_and_is_said_again_until_it_is_heard(world: World) -> None:
    world.ready()
    world.chief.start(world.now)
    world.chief.stop()
    for _ in range(2):
        world.now += 1.5
        world.chief.tick()
    assert world.kinds("a").count(messages.STOP) == world.kinds("b").count(messages.STOP) == 3


def test_one_worker_that_was_stopped_stops_all_and_says_why(world: World) -> None:
    world.ready()
    world.chief.start(world.now)
    world.end("a", stopped=True, why="a worker was stopped by hand")
    assert messages.STOP in world.kinds("b")
    world.end("b", stopped=True)
    assert (world.chief.told()["stopped"], world.chief.told()["why"]) == (True, "a worker was stopped by hand")


def test_a_fault_of_one_engine_is_the_runs(world: World) -> None:
    world.ready()
    world.chief.start(world.now)
    world.end("b", error="the history cannot be written: No space left on device")
    assert world.chief.failure == "worker 2 of 2: the history cannot be written: No space left on device"
    assert messages.STOP in world.kinds("a")


@pytest.mark.parametrize("data", [{}, {"figures": 3, "recent": b"", "left": 0}, {"figures": {}, "recent": b"no histogram", "left": 0}])
def test_a_message_that_nobody_understands_ends_the_run_with_a_sentence(world: World, data: dict[str, Any]) -> None:
    world.ready()
    world.chief.start(world.now)
    world.chief.heard("a", messages.FIGURES, data)
    assert "says what nobody understands" in str(world.chief.failure)
