"""What somebody reads who joins another machine's run, and what stays on that machine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from surgekit import join
from surgekit.children import Child
from surgekit.errors import RunError

WORKER = """
import json, os, signal, sys, tempfile
def say(**told): print(json.dumps(told), flush=True)
made = tempfile.mkdtemp(prefix="surgekit-history-")
open(os.path.join(made, "orders-1.bin"), "w").write("x")
say(joined="there")
say(started=1)
"""
ENDS = {
    "whole": "say(done=True)",
    "given up": "say(done=False, error='given up', kept=made)",
    "refused": "say(done=False, error='no place', kept=None)",
    "killed": "print('a fault', file=sys.stderr); os.kill(os.getpid(), signal.SIGKILL)",
}


def joined(monkeypatch: pytest.MonkeyPatch, folder: Path, end: str) -> tuple[str | None, list[str]]:
    """Why it came to no end, and what was told before. The worker says what a real one says, and sends nothing."""
    module = folder / "modules" / "a_worker.py"
    module.parent.mkdir()
    module.write_text(WORKER + ENDS[end])
    (folder / "places").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "places"))

    def child(_: str, words: Sequence[str], log: Path, *, env: Mapping[str, str]) -> Child:
        return Child("a_worker", words, log, env={**env, "PYTHONPATH": str(module.parent)})

    monkeypatch.setattr(join, "Child", child)
    told: list[str] = []
    try:
        join.join("127.0.0.1", 9, "a token of the test's own", stay=False, tell=told.append)
    except RunError as error:
        return str(error), told
    return None, told


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "places").rglob("*") if path.is_file())


def test_nothing_stays_of_a_worker_whose_history_is_with_the_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why, told = joined(monkeypatch, tmp_path, "whole")
    assert (why, told[-1]) == (None, "the surge is over, and its history is with the master")
    assert not list((tmp_path / "places").iterdir())


def test_of_a_worker_that_the_master_gave_up_the_history_stays_and_it_is_said_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why, told = joined(monkeypatch, tmp_path, "given up")
    assert "the surge is over, and its history is with the master" not in told
    what, _, where = str(why).partition("; the history of what was sent from here stays in ")
    assert what == "given up"
    assert (Path(where) / "orders-1.bin").read_text() == "x"


def test_nothing_stays_of_a_worker_that_had_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert joined(monkeypatch, tmp_path, "refused")[0] == "no place"
    assert not list((tmp_path / "places").iterdir())


def test_of_a_worker_that_was_killed_its_end_is_said_and_its_log_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why, _ = joined(monkeypatch, tmp_path, "killed")
    assert str(why).startswith("the worker ended with signal 9: a fault (more in ")
    assert left(tmp_path) == ["worker.log"]
