"""Drive one peer at one server, and count what it cost.

    started ── first request ── warm-up ─▶ window: requests, processor time ◀── load over ── its own end (reports, history)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.machine import Cores, on, stolen_s, tree_cpu_s
from tests.bench.peers import Figures, Load
from tests.bench.shops import ROOT, CheapShop, Counts

STARTS_S = 30.0
"""By when a tool has sent its first request. Starting Python, Locust and a target takes seconds on a busy machine."""
ENDS_S = 120.0
"""How long a tool may take after its load, for what it writes."""
SIDE_S = 0.4
"""The window keeps so far from both ends of the load."""


@dataclass(frozen=True, slots=True)
class Driven:
    """``rate``: requests/s in the window. ``per_cpu_s``: requests per processor second of the whole process tree in the window,
    ``per_cpu_s_all`` from the first instruction to the last. ``busy``: share of one core in the window. ``counts``: the server's."""

    figures: Figures
    counts: Counts
    rate: float
    busy: float
    per_cpu_s: float
    per_cpu_s_all: float
    stolen_s: float
    took_s: float
    window_s: float = field(default=0.0)


def drive(peer: Any, load: Load, shop: CheapShop, folder: Path, core: Cores = -1) -> Driven:
    """Run ``peer`` to its end. Raises ``RuntimeError`` with what it printed where that went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    shop.reset()
    stolen, begun = stolen_s(), time.monotonic()
    process = started(peer, load, folder, core)
    try:
        first_s = _first_request(process, shop)
        one = two = None
        if first_s is not None:
            _sleep_until(first_s + SIDE_S)
            one = (time.monotonic(), shop.counts().requests, tree_cpu_s(process.pid))
            _sleep_until(first_s + load.seconds - SIDE_S, process)
            two = (time.monotonic(), shop.counts().requests, tree_cpu_s(process.pid))
        code, all_s = over(process, ENDS_S + load.seconds)
    finally:
        end(process)
    took = time.monotonic() - begun
    if code not in (0, 1, 3, 99) or one is None or two is None:
        raise RuntimeError(f"{peer.NAME} ended with {code}: {said(folder)}")
    counts = shop.counts()
    wall, requests, cpu = (after - before for before, after in zip(one, two, strict=True))
    return Driven(
        figures=peer.figures(folder, load), counts=counts, rate=requests / wall, busy=cpu / wall, per_cpu_s=requests / max(cpu, 0.01),
        per_cpu_s_all=counts.requests / max(all_s, 0.01), stolen_s=stolen_s() - stolen, took_s=took, window_s=wall,
    )  # fmt: skip


def started(peer: Any, load: Load, folder: Path, core: Cores = -1) -> subprocess.Popen[bytes]:
    """A peer under way in ``folder``, in a session of its own. Its words are files there, since nobody reads a pipe meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    words = peer.words(folder, load)
    with on(core), (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return subprocess.Popen(
            words, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )


def over(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, float]:
    """(exit code, processor seconds of it and of all that it waited for), once it has ended. Raises ``TimeoutExpired``."""
    until = time.monotonic() + seconds
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, seconds)
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """With everything that it has started, where it is still there."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def said(folder: Path) -> str:
    """The end of what a peer has printed."""
    return " ".join((folder / name).read_text(errors="replace")[-400:].strip() for name in ("out", "err")).strip()


def _first_request(process: subprocess.Popen[bytes], shop: CheapShop) -> float | None:
    """When the first order came, on the clock of ``time.monotonic``; None where the tool ended before."""
    until = time.monotonic() + STARTS_S
    while not shop.counts().requests:
        if _gone(process) or time.monotonic() > until:
            return None
        time.sleep(0.02)
    return time.monotonic()


def _sleep_until(moment: float, process: subprocess.Popen[bytes] | None = None) -> None:
    while (left := moment - time.monotonic()) > 0 and (process is None or not _gone(process)):
        time.sleep(min(left, 0.2))


def _gone(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, without taking its status away from ``over``."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
