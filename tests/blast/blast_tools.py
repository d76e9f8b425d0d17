"""Running SurgeKit as a user does: the command, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psutil

TINY = """\
schema: surgekit.profile/1
name: tiny
seed: 7
phases:
  - {name: calm, duration: 2s, rate: 8}
  - {name: rush, duration: 3s, rate: 25}
  - {name: after, duration: 2s, rate: 5}
products: {zipf: 1.0, stock: {1: 30}}
buyers:
  accounts: 50
  classes:
    retail: {share: 0.7, pay: gateway}
    vip: {share: 0.3, pay: balance}
  browse: 0.2
  double_click: 0.05
  patience: 6s
  poll_every: 300ms
  retry: {most: 1, after: 500ms}
settle: 1s
"""


def surgekit(*words: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """``surgekit WORDS``; the finished process with what it said."""
    return subprocess.run(command(words), cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def valid_blast(*words: str | Path, out: Path, cwd: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """``surgekit blast WORDS``, exit 0: (run folder, what it said).

    A void run proves nothing and says so with exit 3: something else had the cores. It is run again, twice at most.
    """
    for attempt in range(3):
        run = out.with_name(f"{out.name}-{attempt}")
        done = surgekit("blast", *words, "--out", run, cwd=cwd, timeout=170)
        no_traceback(done.stdout, done.stderr)
        if done.returncode != 3:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return run, done


def command(words: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "surgekit", *map(str, words)]


@contextmanager
def running(*words: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """``surgekit WORDS`` under way; killed at the end if it still is."""
    process = subprocess.Popen(
        command(words), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def tiny(folder: Path, text: str = TINY) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def surge_under_way(run: Path, seconds: float = 3.0, timeout: float = 40) -> dict[str, Any]:
    """Wait until the surge in ``run`` has been going on for ``seconds``; its run.json."""
    by = time.monotonic() + timeout
    while time.monotonic() < by:
        try:
            plan: dict[str, Any] = json.loads((run / "run.json").read_text())
        except (OSError, ValueError):
            plan = {}
        if plan.get("t0") and time.monotonic() > plan["t0"] + seconds:
            return plan
        time.sleep(0.05)
    raise AssertionError(f"no surge in {run} after {timeout} s")


def table(run: Path, query: str) -> list[tuple[Any, ...]]:
    """What DuckDB answers; ``$`` in the query stands for the run folder."""
    return duckdb.sql(query.replace("$", f"{run}/")).fetchall()


def gone(pids: Sequence[int], timeout: float = 10) -> list[int]:
    """The pids that are still alive after waiting for their end."""
    by = time.monotonic() + timeout
    while time.monotonic() < by:
        alive = [pid for pid in pids if _alive(pid)]
        if not alive:
            return []
        time.sleep(0.1)
    return alive


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_pids(plan: dict[str, Any]) -> list[int]:
    return [pid for pids in plan["processes"].values() for pid in pids]


def no_traceback(*texts: str) -> None:
    for text in texts:
        assert "Traceback" not in text, text


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
