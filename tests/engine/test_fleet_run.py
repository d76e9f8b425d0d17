"""A run by several processes, as the controller and a worker of another machine start them."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import spool_story
import zmq
from engine_story import wait_for
from fleet_story import TOKEN, Run, fleet, page, press_stop

from surgekit import clock
from surgekit.engine.fleet.history import PATHS
from surgekit.errors import RunError
from surgekit.fleet import Muster
from surgekit.join import join


def test_strangers_stay_outside_and_a_worker_of_another_machine_sends_its_shard_whose_history_arrives_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    with fleet(tmp_path, Muster(1, 1, token=TOKEN), seconds=1.5, rate=200) as run:
        run.go()
        wait_for(lambda: bool(run.waiting))
        assert "waiting for 1 worker to join: SURGEKIT_TOKEN=… surgekit worker --join 127.0.0.1:" in run.waiting[0]
        assert TOKEN not in run.waiting[0]
        port = int(run.waiting[0].partition("127.0.0.1:")[2].partition(";")[0])

        with pytest.raises(RunError, match="does not take this token"):
            join("127.0.0.1", port, "another token of the same length", stay=False, tell=told.append)
        plain: Any = zmq.Context.instance().socket(zmq.DEALER)
        plain.setsockopt(zmq.LINGER, 0)
        plain.connect(f"tcp://127.0.0.1:{port}")
        plain.send(b"client_ready")
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(os.urandom(10_000))
        assert not told

        join("127.0.0.1", port, TOKEN, stay=False, tell=told.append)
        plain.close(0)
        end = run.done()
    assert told == [f"joined the run at 127.0.0.1:{port}", "the surge begins: shard 1 is sent from here", "the surge is over, and its history is with the master"]
    assert run.waiting[1] == f"{socket.gethostname()} has joined ({os.cpu_count()} cores)"
    assert (end["done"], end["stopped"], end["lost"], end["troubles"]) == (True, False, {}, [])
    assert not list(elsewhere.iterdir())  # nothing of it stays there

    # To the last one: what was scheduled, what arrived, what is told of.
    for shard in (0, 1):
        assert {row["order_key"] for row in run.rows("orders", shard)} == run.scheduled(shard)
        assert all(path(run.run / "spool", shard).exists() for path in PATHS.values())
        assert all(row["outcome"] == "confirmed" for row in run.rows("orders", shard))
        # One machine has one clock, and all began at one moment.
        clocks = end["clocks"][str(shard)]
        assert abs(clocks["offset_s"]) <= clocks["error_s"] < 0.05
        assert 0 <= min(row["begun_s"] for row in run.rows("begun", shard)) < 0.5
    assert set(run.platform.keys) == run.scheduled(0) | run.scheduled(1)
    assert set(run.platform.keys.values()) == {1}
    last = next(each for each in reversed(run.said) if "sent" in each)
    assert last["sent"] == last["scheduled"] == len(run.platform.keys)

    for path in run.run.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


def _gathering(run: Run) -> None:
    """Until the run is ended."""
    with suppress(RunError):
        run.fleet.ready()


def test_a_worker_whose_clock_would_make_the_run_void_is_sent_away_before_the_surge_and_both_sides_say_why(tmp_path: Path) -> None:
    """Here none is known well enough."""
    told: list[str] = []
    with fleet(tmp_path, Muster(0, 1, token=TOKEN), seconds=1, rate=50, clock_error_ms=0.0) as run:
        waits = threading.Thread(target=_gathering, args=(run,))
        waits.start()
        wait_for(lambda: bool(run.waiting))
        port = int(run.waiting[0].partition("127.0.0.1:")[2].partition(";")[0])
        with pytest.raises(RunError, match=r"^the clock of \S+ is known to within \d ms only \(at most 0\).*; use a machine that is nearer"):
            join("127.0.0.1", port, TOKEN, stay=False, tell=told.append)
        wait_for(lambda: "has left: the clock of" in run.waiting[-1])
        assert run.waiting[-1].endswith("; 1 more to come")
        assert not run.platform.keys
    waits.join()
    assert told == [f"joined the run at 127.0.0.1:{port}"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the disk is full for one process only where Linux says so")
def test_a_master_whose_disk_is_full_ends_the_run_at_once_and_what_a_worker_had_sent_stays_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    with fleet(tmp_path, Muster(0, 1, token=TOKEN), seconds=60, rate=200) as run:

        def tell(text: str) -> None:
            if "the surge begins" in text:
                resource.prlimit(run.fleet.pid, resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))

        run.go()
        wait_for(lambda: bool(run.waiting))
        port = int(run.waiting[0].partition("127.0.0.1:")[2].partition(";")[0])
        why = r"the history of worker 1 of 1 on \S+ cannot be written: File too large"
        with pytest.raises(RunError, match=f"^the master gave this worker up: {why}; the history of what was sent from here stays in ") as told:
            join("127.0.0.1", port, TOKEN, stay=False, tell=tell)
        end = run.done()
        assert clock.now() < run.t0 + 20
    assert not end["done"]
    assert re.fullmatch(why, end["error"])
    kept = Path(str(told.value).rpartition(" stays in ")[2])
    assert kept.is_relative_to(elsewhere)
    sent = {f"abcdef-{row['seq']:07d}" for row in spool_story.rows(kept, "begun", 0)}
    assert set(run.platform.keys) <= sent


def test_a_killed_worker_is_lost_alone_and_stop_on_locusts_page_ends_the_others_within_a_second(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        web = free.getsockname()[1]
    with fleet(tmp_path, Muster(2), web=web, seconds=60, rate=100) as run:
        words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in run.fleet.pids if Path("/proc/self/cmdline").exists()}
        assert not any(b"SURGEKIT_TOKEN" in each for each in words.values())
        run.go()
        run.until("sent", 50)
        wait_for(lambda: page(web, "/stats/requests")["user_count"] == 2)
        os.kill(run.fleet.workers[1].pid, signal.SIGKILL)
        killed = clock.now() - run.t0
        before = run.until("t", killed + 1.0)
        run.until("sent", before["sent"] + 50)  # the others go on
        wait_for(lambda: any(each["name"] == "submit" and each["num_requests"] > 100 for each in page(web, "/stats/requests")["stats"]))

        stopped = clock.now()
        threading.Thread(target=press_stop, args=(web,), daemon=True).start()
        end = run.done()
        count = run.platform.keys.total()
        assert clock.now() < stopped + 8
        time.sleep(0.2)
        assert run.platform.keys.total() == count
    assert (end["done"], end["stopped"], end.get("why")) == (True, True, None)
    assert end["lost"] == {"1": pytest.approx(killed, abs=2.0)}
    assert any(f"worker 2 of 2 was lost (shard 1) at {end['lost']['1']:.1f} s: ended with signal 9" in each for each in end["troubles"])
    assert set(end["engines"]) == {"0"}

    # The shard that went on is told of to the last order, and of the other one all but what it could not write any more.
    told = {row["order_key"] for row in run.rows("orders", 0)} | {row["order_key"] for row in run.rows("orders", 1)}
    arrived = set(run.platform.keys)
    assert arrived & run.scheduled(0) <= told
    assert max(row["sent_s"] for row in run.rows("requests", 0) if row["sent_s"] is not None) < stopped + 1.0 - run.t0
    assert max(row["begun_s"] for row in run.rows("begun", 1)) <= end["lost"]["1"]
