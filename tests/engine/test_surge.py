"""The open-loop engine in a process of its own: every order once, whatever happens; and it ends when it should."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from engine_story import Engine, engine, wait_for

from surgekit import clock
from surgekit.errors import RunError
from surgekit.eventlog.reader import opened


def seqs(rows: list[dict[str, Any]]) -> list[int]:
    return sorted(row["seq"] for row in rows)


def sealed(story: Engine, **told: Any) -> list[tuple[int, str, str | None, float | None]]:
    """The orders of the final history: seq, outcome, reason, sent_s."""
    (story.run / "run.json").write_text(json.dumps({**story.plan, "t0": 1.0, "engine_ended": "in_order", **told}))
    with opened(story.run) as db:
        return db.execute("SELECT seq, outcome, reason, sent_s FROM orders ORDER BY seq").fetchall()


def test_every_order_of_the_schedule_is_sent_once_and_told_of_once(tmp_path: Path) -> None:
    with engine(tmp_path) as (story, platform):
        story.start()
        assert story.done() == {"done": True, "stopped": False}
        assert story.child.process.returncode == 0
        rows = story.rows("orders")
        assert seqs(rows) == list(range(story.scheduled))
        assert {row["outcome"] for row in rows} == {"confirmed"}
        assert seqs(story.rows("requests")) == seqs(story.rows("begun")) == list(range(story.scheduled))
        assert platform.keys == {row["order_key"]: 1 for row in rows}
        assert all(row["intended_s"] <= row["started_s"] <= row["sent_s"] <= row["accepted_s"] for row in rows)
        last = [each for each in story.said if "scheduled" in each][-1]
        assert (last["scheduled"], last["confirmed"], last["in_flight"]) == (story.scheduled, story.scheduled, 0)
        assert 0 < story.health["cpu_s"] < 60
        assert story.health["busy_seconds"] <= story.health["seconds"]


def test_after_a_stop_each_order_is_still_told_of_once(tmp_path: Path) -> None:
    with engine(tmp_path, mute=1, seconds=60) as (story, _):
        story.start()
        story.until("in_flight", 10)
        story.child.tell("stop")
        assert story.done() == {"done": True, "stopped": True}
        rows = story.rows("orders")
        assert {(row["outcome"], row["reason"]) for row in rows} == {("unknown", "aborted")}
        assert seqs(rows) == seqs(story.rows("begun")) == list(range(len(rows)))
        assert 10 <= len(rows) < story.scheduled
        final = sealed(story)
        assert [row[0] for row in final] == list(range(story.scheduled))
        assert {row[1:] for row in final[len(rows) :]} == {("failed", "unsent", None)}


def test_a_stop_is_heard_when_only_the_last_orders_are_waited_for(tmp_path: Path) -> None:
    with engine(tmp_path, mute=1) as (story, _):
        story.start()
        story.until("scheduled", story.scheduled)
        story.child.tell("stop")
        assert story.done()["stopped"]
        assert len(story.rows("orders")) == story.scheduled


def test_orders_beyond_the_bound_are_told_of_as_unsent(tmp_path: Path) -> None:
    with engine(tmp_path, mute=1, in_flight=3, reply="2s") as (story, platform):
        story.start()
        story.done()
        rows = story.rows("orders")
        assert seqs(rows) == list(range(story.scheduled))
        unsent = [row for row in rows if row["reason"] == "unsent"]
        assert {(row["outcome"], row["sent_s"], row["started_s"]) for row in unsent} == {("failed", None, None)}
        assert len(platform.keys) == len(rows) - len(unsent) == 3
        assert story.said[-2]["unsent"] == len(unsent)


def test_who_is_behind_time_sends_at_once_and_says_how_late(tmp_path: Path) -> None:
    """The whole schedule is over when the engine begins. The first order still gets its turn before the last is released."""
    with engine(tmp_path, rate=200) as (story, _):
        story.start(t0=-5.0)
        story.done()
        rows = sorted(story.rows("orders"), key=lambda row: row["seq"])
        assert {row["outcome"] for row in rows} == {"confirmed"}
        assert all(row["started_s"] - row["intended_s"] >= 4.0 for row in rows)
        assert rows[0]["started_s"] < max(row["begun_s"] for row in story.rows("begun"))
        assert max(each.get("slip_ms", 0) for each in story.said) >= 4000


def test_an_engine_that_stood_still_says_so(tmp_path: Path) -> None:
    with engine(tmp_path) as (story, _):
        story.start(module="broken_engine", fault="pause")
        story.done()
        assert max(each.get("slip_ms", 0) for each in story.said) >= 100
        assert max(each.get("lag_ms", 0) for each in story.said) >= 100
        assert story.health["lag_ms"] >= 100
        assert max(row["started_s"] - row["intended_s"] for row in story.rows("orders")) >= 0.1


@pytest.mark.parametrize("fault", ["journey", "values"])
def test_a_fault_of_our_own_is_no_result(tmp_path: Path, fault: str) -> None:
    with engine(tmp_path) as (story, _):
        story.start(module="broken_engine", fault=fault)
        told = story.done()
        assert not told["done"]
        assert told["error"] == ("LookupError: order three" if fault == "journey" else "KeyError: 'nothing'")
        assert story.child.process.returncode == 1
        rows = story.rows("orders")
        assert seqs(rows) == list(range(story.scheduled))
        assert [row["seq"] for row in rows if row["reason"] == "engine_error"] == ([3] if fault == "journey" else seqs(rows))
        assert "Traceback" in (story.run / "engine.log").read_text()


def test_a_fault_of_the_scheduler_does_not_look_like_an_end(tmp_path: Path) -> None:
    with engine(tmp_path) as (story, _):
        story.start(module="broken_engine", fault="schedule")
        assert story.done() == {"done": False, "error": "KeyError: 'nothing'"}


@pytest.mark.parametrize("table", ["orders-0.bin", "requests-0.bin", "begun-0.bin", "words-0.jsonl"])
def test_a_full_disk_ends_the_surge_with_one_sentence(tmp_path: Path, table: str) -> None:
    with engine(tmp_path, seconds=60) as (story, _):
        (story.run / "spool" / table).symlink_to("/dev/full")
        story.start()
        assert story.done() == {"done": False, "error": "the history cannot be written: No space left on device"}
        assert story.child.process.returncode == 1


@pytest.mark.parametrize("fault", ["", "busy"])
def test_the_engine_ends_when_its_run_does(tmp_path: Path, fault: str) -> None:
    """Its standard input ends, and so does it, even while a greenlet never gives up its turn."""
    with engine(tmp_path, mute=1, seconds=60) as (story, platform):
        story.start(module="broken_engine", fault=fault)
        wait_for(lambda: "cannot be interrupted" in (story.run / "engine.log").read_text() if fault else len(platform.keys) > 3)
        assert story.child.process.stdin is not None
        story.child.process.stdin.close()
        assert story.child.process.wait(timeout=10) == 0


def test_a_killed_engine_leaves_whole_records(tmp_path: Path) -> None:
    with engine(tmp_path, rate=300, seconds=60) as (story, platform):
        story.start()
        story.until("confirmed", 200)
        os.kill(story.child.pid, signal.SIGKILL)
        story.child.process.wait()
        for table in ("begun", "orders", "requests"):
            assert len(story.rows(table)) >= 10
        final = {row[0]: row[1] for row in sealed(story, engine_ended="died")}
        assert sorted(final) == list(range(story.scheduled))
        # Whatever reached the platform is not called without effect.
        assert all(final[int(key[-7:])] in ("confirmed", "unknown") for key in platform.keys)


def web(port: int, path: str, form: bytes | None = None) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=form, timeout=20) as reply:
        return json.loads(reply.read())


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def test_locusts_page_shows_the_requests_on_loopback_only_and_does_not_keep_the_engine(tmp_path: Path, port: int) -> None:
    with engine(tmp_path, mute=30, reply="4s") as (story, _):
        story.start("--web", str(port))
        story.until("confirmed", 25)
        shown = {row["name"]: row for row in web(port, "/stats/requests")["stats"]}
        assert 25 <= shown["submit"]["num_requests"] <= story.scheduled
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        at = {words[1] for words in listening if words[3] == "0A" and words[1].endswith(f":{port:04X}")}
        assert at == {f"0100007F:{port:04X}"}
        assert story.done()["done"]


def test_stop_on_locusts_page_is_a_stop_and_start_sends_nothing_twice(tmp_path: Path, port: int) -> None:
    with engine(tmp_path, mute=1) as (story, platform):
        story.start("--web", str(port))
        story.until("scheduled", story.scheduled)
        web(port, "/swarm", b"user_count=3&spawn_rate=3")
        web(port, "/stop", b"")
        assert story.done() == {"done": True, "stopped": True}
        assert seqs(story.rows("orders")) == list(range(story.scheduled))
        assert set(platform.keys.values()) == {1}


def test_a_taken_port_is_said_before_the_surge(tmp_path: Path) -> None:
    with engine(tmp_path) as (story, _), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"port {number} for the web UI: Address already in use; choose another"):
            story.start("--web", str(number))


def test_words_that_mean_nothing_do_not_cut_the_lifeline(tmp_path: Path) -> None:
    with engine(tmp_path, mute=1, seconds=60) as (story, _):
        story.start(t0=0.2)
        for line in ("start never", "start nan", "hello", "\N{SNOWMAN}"):
            story.child.tell(line)
        story.until("in_flight", 5)
        began = clock.now()
        assert story.child.process.stdin is not None
        story.child.process.stdin.close()
        story.child.process.wait(timeout=10)
        assert clock.now() >= began
