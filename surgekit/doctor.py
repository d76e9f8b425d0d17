"""Looks at this machine as a run would meet it. Each figure is measured here and now."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from surgekit import clock
from surgekit.engine.loop.poll import best

WANTED_FILES = 4096
WANTED_BYTES = 1 << 30


class Finding(NamedTuple):
    """``state``: ``ok``, ``warn`` (a large run may suffer) or ``bad`` (a run cannot work)."""

    state: str
    what: str
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """All checks, quick ones first; about half a second in all."""
    return [_python(), *_packages(), _cores(), _files(), _ports(), _disk(), _loopback(), _timer()]


def _python() -> Finding:
    fits = sys.version_info >= (3, 11)
    return Finding("ok" if fits else "bad", "python", f"{platform.python_version()} on {platform.system()}", "" if fits else "3.11 or later is needed")


def _packages() -> list[Finding]:
    found = []
    for name in ("locust", "gevent", "duckdb", "httptools", "orjson"):
        try:
            found.append(Finding("ok", name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding("bad", name, "not installed", "install surgekit again"))
    return found


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    if usable < 2:
        return Finding("warn", "cores", f"{usable}", "generator and platform share one core: the platform's limits will look lower than they are")
    if load > usable / 2:
        return Finding("warn", "cores", f"{usable}, load {load:.1f}", "something else is busy here; latencies will include it")
    return Finding("ok", "cores", f"{usable}, load {load:.1f}")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= WANTED_FILES
    return Finding("ok" if enough else "warn", "open files", f"{soft}, can be raised to {hard}", "" if enough else f"each buyer in flight holds a socket; raise the hard limit to {WANTED_FILES} or more")


def _ports() -> Finding:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    try:
        low, high = map(int, path.read_text().split())
    except (OSError, ValueError):
        return Finding("ok", "local ports", "unknown here")
    return Finding("ok" if high - low > 10_000 else "warn", "local ports", f"{high - low}", "" if high - low > 10_000 else "few ports: connections that do not stay open will run out of them")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding("ok" if free > WANTED_BYTES else "warn", "free disk here", f"{free / (1 << 30):.1f} GiB", "" if free > WANTED_BYTES else "a long run writes about 1 GiB for each 2 million orders")


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=2):
            return Finding("ok", "loopback", "127.0.0.1 answers")
    except OSError as error:
        return Finding("bad", "loopback", str(error), "the reference platform listens on 127.0.0.1")


def _timer() -> Finding:
    """How late the engine's own loop would wake up."""
    poller, late = best(), []
    try:
        for _ in range(200):
            due = clock.now() + 0.0013
            while clock.now() < due:
                poller.wait(due, clock.now())
            late.append((clock.now() - due) * 1000)
    finally:
        poller.close()
    late.sort()
    told = f"{late[len(late) // 2]:.2f} ms late in the middle, {late[-3]:.2f} ms at p99, by {type(poller).__name__.lower()}"
    if not poller.exact:
        return Finding("warn", "timer", told, "no timerfd here: orders leave up to a millisecond or two late, which the run's slip tells")
    fine = late[-3] < 20
    return Finding("ok" if fine else "warn", "timer", told, "" if fine else "this machine stalls; a run here may be void")
