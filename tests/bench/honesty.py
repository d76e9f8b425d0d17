"""Does what is reported agree with what a buyer would have met?

A shop that takes 50 ms and stands still for a second in every ten is loaded with arrivals that do not wait for it. What
they meet can be worked out on paper (``freeze_server.truth``). Beside it: stock Locust, whose users wait while the shop
stands still and so hardly notice that it does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tabulate import tabulate

from tests.bench.freeze_server import CYCLE_S, FREEZE_S, SERVICE_S, sampling_error, truth

ROOT = Path(__file__).resolve().parents[2]
RATE = 300
"""Orders a second."""
SEED = 7
"""The p99 lies on a slope, so that two draws of 6,000 arrivals differ in it by 1.3 % (one standard error, ``sampling_error``)
before anything is measured. This draw is a typical one: what its arrivals meet on paper (``on_paper``) is within 0.1 % of
the truth for all arrivals of its law, and what is left is error of measurement."""
SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def run(quick: bool) -> dict[str, Any]:
    """Whole cycles only: those of a load that began in the middle of one would not weigh the same. One tool after the
    other, because each would take the processor from the other just when the freeze is over."""
    seconds = (2 if quick else 6) * CYCLE_S
    users = round(RATE * SERVICE_S)  # what Little's law asks for to reach the same rate, which is how users are chosen
    with tempfile.TemporaryDirectory() as folder, shop() as port, control() as late_s:
        result = blast(Path(folder), port, seconds)
    with shop() as port:
        closed = stock_locust(port, users, (CYCLE_S if quick else seconds) + FREEZE_S)  # and the last freeze to its end
    sent = result["orders"]["sent"]
    return {
        "rows": [
            _row("surgekit", {name: result["latency_ms"]["confirm"][name] for name in SHARES}, sent),
            _row("locust", {name: closed[name] for name in SHARES}, closed["requests"]),
        ],
        "truth_ms": {name: round(truth(share) * 1000, 3) for name, share in SHARES.items()},
        "sampling_error": {name: round(sampling_error(share, sent), 5) for name, share in SHARES.items()},
        "validity": result["validity"],
        "control_ms": {"p50": _at(late_s, 0.5), "p90": _at(late_s, 0.9), "worst": _at(late_s, 1.0)},
        "rate": RATE,
        "users": users,
        "seconds": seconds,
    }


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


def stock_locust(port: int, users: int, seconds: float) -> dict[str, Any]:
    """Locust's own figures."""
    words = [sys.executable, "-m", "tests.bench.closed_loop", str(port), str(users), str(seconds)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=seconds + 60, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _row(tool: str, said_ms: dict[str, float], requests: int) -> dict[str, Any]:
    row: dict[str, Any] = {"tool": tool, "requests": requests}
    for name, share in SHARES.items():
        row[f"{name}_ms"] = round(said_ms[name], 3)
        row[f"{name}_err"] = round(abs(said_ms[name] / 1000 / truth(share) - 1), 5)
    return row


def table(result: dict[str, Any]) -> str:
    """The figures, each with its distance from the truth."""
    rows = [["truth, on paper", *(f"{value:.0f}" for value in result["truth_ms"].values()), ""]]
    rows += [
        [row["tool"], *(f"{row[f'{name}_ms']:.1f} ({row[f'{name}_err']:.1%})" for name in SHARES), row["requests"]]
        for row in result["rows"]
    ]
    return tabulate(rows, headers=["tool", "p50 ms (error)", "p99 ms (error)", "p99.9 ms (error)", "requests"], tablefmt="simple", disable_numparse=True)


@contextmanager
def shop() -> Iterator[int]:
    """A frozen shop in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.freeze_server"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait()


def blast(folder: Path, port: int, seconds: float) -> dict[str, Any]:
    """``surgekit blast`` against it, as a user would run it; its ``result.json``."""
    profile = {
        "schema": "surgekit.profile/1", "name": "even", "seed": SEED,
        "phases": [{"name": "even", "duration": f"{seconds:g}s", "rate": RATE}],
        "products": {"shares": {"card": 1}}, "buyers": {"classes": {"retail": {"share": 1, "pay": "balance"}}},
        "settle": "0s",
    }  # fmt: skip
    target = {
        "schema": "surgekit.target/1", "name": "freezes", "base_url": f"http://127.0.0.1:{port}",
        "catalogue": [{"sku": "card", "price_fen": 100}],
        "steps": {
            "submit": {
                "request": "POST /orders", "json": {"order": "{order.key}"},
                "replies": [{"class": "ok", "path": "ok", "equals": 1}],
            }
        },
    }  # fmt: skip
    for name, data in (("profile", profile), ("target", target)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(data))
    done = subprocess.run(
        [sys.executable, "-m", "surgekit", "blast", "--profile", "profile.yaml", "--target", "target.yaml", "--out", "run", "--format", "json"],
        cwd=folder, env=None, capture_output=True, text=True, timeout=seconds + 60, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 3):
        raise RuntimeError(f"the blast ended with {done.returncode}: {done.stderr.strip()}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
