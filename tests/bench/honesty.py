"""Does what is reported agree with what a buyer would have met?

A shop that takes 50 ms and stands still for a second in every ten is loaded with arrivals that do not wait for it. What
they meet can be worked out on paper (``freeze_server.truth``). Beside it the other generators, as their users drive them: those whose
users or connections wait while the shop stands still hardly notice that it does. Then a shop that takes 1,049 ms for every order,
where a coarse histogram would show; it stamps what it served itself.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import ENDS_S, end, over, said, started
from tests.bench.freeze_server import CYCLE_S, FREEZE_S, SERVICE_S, sampling_error, truth
from tests.bench.machine import idle_s
from tests.bench.peers import Figures, Load, missing, peer
from tests.bench.peers import surgekit as ours
from tests.bench.shops import served

RATE = 300
"""Orders a second."""
SEED = 7
"""The p99 lies on a slope, so that two draws of 6,000 arrivals differ in it by 1.3 % (one standard error, ``sampling_error``)
before anything is measured. This draw is a typical one: what its arrivals meet on paper is within 0.1 % of
the truth for all arrivals of its law, and what is left is error of measurement."""
SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
PEERS = ("k6", "fasthttp", "wrk", "wrk2", "vegeta")
LONGEST_S = 1.3
"""What an order takes at most, with a margin: k6 gets a buyer for each that can be under way."""
CONNECTIONS = 100
"""Of wrk2, which schedules each connection for itself: of 50 to 390, about the number with which it came closest to the truth."""
CONSTANT_MS = 1049.0
CONSTANT_RATE = 100.0
CONSTANT_OFF_MS = 2.0
"""So far may its p50 and its p99 be from what the shop itself served."""


def run(quick: bool) -> dict[str, Any]:
    """Whole cycles only: those of a load that began in the middle of one would not weigh the same. One tool after the
    other, because each would take the processor from the other just when the freeze is over.

    Quick: the peers have one cycle, all of them at once beside the constant shop. wrk2 is left out then: what it measures in its
    first ten seconds it does not report.
    """
    cycles = 2 if quick else 6
    absent = {name: why for name, why in missing().items() if name in PEERS}
    if quick:
        absent.setdefault("wrk2", "takes longer than a quick run has")
    names = [name for name in PEERS if name not in absent]
    with control() as late_s:
        told, result = _alone("surgekit", cycles * CYCLE_S)
    if quick:
        with _beside(names, CYCLE_S) as beside:
            constant = _constant(2.0)
    else:
        constant, beside = _constant(20.0), {name: _alone(name, cycles / 2 * CYCLE_S)[0] for name in names}
    sent = result["orders"]["sent"]
    return {
        "rows": [_row("surgekit", told), *(_row(name, beside[name]) for name in names)],
        "constant": constant,
        "truth_ms": {name: round(truth(share) * 1000, 3) for name, share in SHARES.items()},
        "sampling_error": {name: round(sampling_error(share, sent), 5) for name, share in SHARES.items()},
        "validity": result["validity"],
        "control_ms": {"p50": _at(late_s, 0.5), "p90": _at(late_s, 0.9), "worst": _at(late_s, 1.0)},
        "rate": RATE,
        "users": USERS,
        "seconds": cycles * CYCLE_S,
        "missing": absent,
    }


USERS = round(RATE * SERVICE_S)
"""What Little's law asks for to reach the same rate, which is how users are chosen."""


def _load(name: str, port: int, seconds: float) -> Load:
    """Those that wait are there until the last freeze is over. wrk2 has its own first ten seconds before."""
    module = peer(name)
    extra = FREEZE_S if not module.OPEN else float(getattr(module, "CALIBRATION_S", 0))
    clients = CONNECTIONS if module.OPEN else USERS
    return Load(port, "submit", seconds + extra, RATE, clients, SEED, LONGEST_S)


def _alone(name: str, seconds: float) -> tuple[Figures, dict[str, Any]]:
    """(what it says, surgekit's whole result)."""
    with tempfile.TemporaryDirectory() as folder, served("freeze_server") as port:
        return _driven(name, _load(name, port, seconds), Path(folder))


def _driven(name: str, load: Load, folder: Path) -> tuple[Figures, dict[str, Any]]:
    process = started(peer(name), load, folder)
    try:
        code, _ = over(process, load.seconds + ENDS_S)
    finally:
        end(process)
    if code not in (0, 3):
        raise RuntimeError(f"{name} ended with {code}: {said(folder)}")
    return peer(name).figures(folder, load), ours.result(folder) if name == "surgekit" else {}


@contextmanager
def _beside(names: list[str], seconds: float) -> Iterator[dict[str, Figures]]:
    """All at once, each at a shop of its own; what they say is there afterwards."""
    told: dict[str, Figures] = {}
    with ExitStack() as stack:
        threads = []
        for name in names:
            folder, port = stack.enter_context(tempfile.TemporaryDirectory()), stack.enter_context(served("freeze_server"))
            load = _load(name, port, seconds)

            def one(name: str = name, load: Load = load, folder: str = folder) -> None:
                told[name] = _driven(name, load, Path(folder))[0]

            threads.append(threading.Thread(target=one))
            threads[-1].start()
        yield told
        for thread in threads:
            thread.join()


def _constant(seconds: float) -> dict[str, Any]:
    """SurgeKit at a shop that takes as long for every order. ``off_ms``: its p50 and p99 from what the shop served, the larger distance. ``idle``: the share
    of all cores' time in which nobody wanted anything of them."""
    with tempfile.TemporaryDirectory() as folder, served("freeze_server", str(CONSTANT_MS / 1000)) as port:
        began, idle = time.monotonic(), idle_s()
        with control() as late_s:
            told, result = _driven("surgekit", Load(port, "submit", seconds, CONSTANT_RATE, seed=SEED), Path(folder))
        idle = (idle_s() - idle) / (time.monotonic() - began) / (os.cpu_count() or 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/served", timeout=10) as reply:
            shop = json.load(reply)
    return {
        "tool": "surgekit", "truth_ms": CONSTANT_MS, "p50_ms": told.p50_ms, "p99_ms": told.p99_ms, "orders": result["orders"]["confirmed"],
        "served": shop, "off_ms": round(max(abs(told.p50_ms - shop["p50_ms"]), abs(told.p99_ms - shop["p99_ms"])), 3),
        "control_ms": {"p90": _at(late_s, 0.9), "worst": _at(late_s, 1.0)}, "idle": round(idle, 2),
    }  # fmt: skip


@contextmanager
def control() -> Iterator[list[float]]:
    """How late a thread that only sleeps wakes up meanwhile, in seconds: what the machine itself adds to any measurement."""
    late: list[float] = []
    over = threading.Event()

    def sleep() -> None:
        while not over.is_set():
            due = time.monotonic() + SERVICE_S
            time.sleep(SERVICE_S)
            late.append(time.monotonic() - due)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        yield late
    finally:
        over.set()
        thread.join()


def _at(late_s: list[float], share: float) -> float:
    return round(sorted(late_s)[min(int(share * len(late_s)), len(late_s) - 1)] * 1000, 3)


def _row(tool: str, told: Figures) -> dict[str, Any]:
    row: dict[str, Any] = {"tool": tool, "requests": told.requests}
    for name, share in SHARES.items():
        said_ms: float = getattr(told, f"{name}_ms")
        row[f"{name}_ms"] = round(said_ms, 3)
        row[f"{name}_err"] = round(abs(said_ms / 1000 / truth(share) - 1), 5)
    return row


def table(result: dict[str, Any]) -> str:
    """The figures, each with its distance from the truth."""
    rows = [["truth, on paper", *(f"{value:.0f}" for value in result["truth_ms"].values()), ""]]
    rows += [
        [row["tool"], *(f"{row[f'{name}_ms']:.1f} ({row[f'{name}_err']:.1%})" for name in SHARES), row["requests"]]
        for row in result["rows"]
    ]
    heads = ["tool", "p50 ms (error)", "p99 ms (error)", "p99.9 ms (error)", "requests"]
    constant = result["constant"]
    lines = [
        tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True), "",
        f"a shop that takes {constant['truth_ms']:.0f} ms for each of {constant['orders']} orders: surgekit reports p50 {constant['p50_ms']:.1f} ms, "
        f"p99 {constant['p99_ms']:.1f} ms; the shop itself served {constant['served']['p50_ms']:.1f} and {constant['served']['p99_ms']:.1f} ms, so that it is off by "
        f"{constant['off_ms']:.1f} ms (at most {CONSTANT_OFF_MS:g} are wanted, on a machine that is still; a thread that slept was up to "
        f"{constant['control_ms']['worst']:.1f} ms late)",
        *(f"{name}: {why}" for name, why in result["missing"].items()),
    ]  # fmt: skip
    return "\n".join(lines)
