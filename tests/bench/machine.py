"""The machine that measures: which cores there are, what a process tree has used, what a neighbour has stolen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

Cores = int | frozenset[int]
"""One, or some. -1: wherever."""


def cores() -> tuple[int, int]:
    """(the generator's core, the server's). The same one where there is one only, or where nobody can be pinned (macOS): -1."""
    free = allowed()
    return (free[-1], free[0]) if free else (-1, -1)


def allowed() -> list[int]:
    """The cores that this process may use, ascending. None of them is named where nobody can be pinned (macOS)."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def shared_by(generator: int, server: int) -> str:
    """Who runs where, for the reader of a table."""
    if generator < 0:
        return "nothing is pinned: this system does not let it"
    if generator == server:
        return f"generator, server and bench share core {server}: there is no other"
    return f"generator on core {generator}; server and bench on core {server}"


@contextlib.contextmanager
def on(core: Cores) -> Iterator[None]:
    """This thread, and with it the children that it starts meanwhile, on one core or on some."""
    if core == -1:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if isinstance(core, int) else core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree_cpu_s(pid: int) -> float:
    """User and system time of a process, its living descendants, and those of them that were waited for. 0 once it is gone."""
    spent = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                spent += sum(process.cpu_times()[:4])
    return spent


def idle_s() -> float:
    """Time that the cores had nothing to do, all of them together, since the start of the machine."""
    return float(psutil.cpu_times().idle)


def stolen_s() -> float:
    """Processor time that another guest of this host got instead, since the start of the machine. 0 where nobody counts it."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    return int(stat.read_text(encoding="ascii").split("\n", 1)[0].split()[8]) / os.sysconf("SC_CLK_TCK")
