"""Is the history exact? Every order that was scheduled has one row, and the rows are what the server itself has counted, to the last one.

One, two and four workers send to a server on loopback that keeps the key of every order that reaches it. In most runs a random worker is killed at
a random moment. Then the orders of its shard that were under way are unknown, and no others; what nobody can have sent is said to be unsent; none is
missing, and none is there twice.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import duckdb
from tabulate import tabulate

from surgekit import clock
from surgekit.arrivals import Shard, schedule
from surgekit.profile import Profile
from surgekit.target import Target
from tests.bench.peers import Load
from tests.bench.peers import surgekit as ours
from tests.bench.shops import ROOT, CheapShop, cheap_shop

RATE = 400
SECONDS = 3.0
QUICK_S = 1.5
WORKERS = (2, 1, 4)
RUNS = 20
SPARED = 4
"""In every fourth run nobody is killed."""
LONGEST_S = 60.0
WRONG = ("lost", "double", "invented", "miscounted")


def run(quick: bool) -> dict[str, Any]:
    """Quick: one run with each number of workers, the one with four without a loss."""
    seconds, runs = (QUICK_S, 3) if quick else (SECONDS, RUNS)
    rows = []
    with cheap_shop(records=1 << 20) as shop:
        for number in range(runs):
            chance = Random(number)
            spared = number % SPARED == (2 if quick else SPARED - 1)
            with tempfile.TemporaryDirectory(prefix="surgekit-exact-") as folder:
                rows.append(_one(Path(folder), shop, number, WORKERS[number % len(WORKERS)], None if spared else chance, seconds))
            shop.reset()
    return {
        "runs": len(rows),
        **{name: sum(row[name] for row in rows) for name in WRONG},
        "killed": sum(row["killed"] is not None for row in rows),
        "scheduled": sum(row["scheduled"] for row in rows),
        "unknown": sum(row["unknown"] for row in rows),
        "rows": rows,
    }


def _one(folder: Path, shop: CheapShop, seed: int, workers: int, chance: Random | None, seconds: float) -> dict[str, Any]:
    with _blast(folder, Load(shop.port, "order", seconds, rate=RATE, seed=seed), workers) as blast:
        killed, at_s = None, None
        if chance is not None:
            killed = chance.randrange(workers)
            at_s = _kill(folder / "run", blast, killed, workers, chance.uniform(0.1, seconds))
        said, _ = blast.communicate(timeout=LONGEST_S)
    plan = json.loads((folder / "run" / "run.json").read_bytes())
    if blast.returncode not in ((0,) if killed is None else (3,)):
        raise RuntimeError(f"a run of {workers} workers ended with {blast.returncode}: {said[-500:]}")
    return {"workers": workers, "killed": killed, "at_s": at_s, **compared(folder / "run", plan, shop, killed)}


@contextmanager
def _blast(folder: Path, load: Load, workers: int) -> Iterator[subprocess.Popen[str]]:
    words = [*ours.words(folder, load), "--workers", str(workers)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _kill(run: Path, blast: subprocess.Popen[str], shard: int, workers: int, at_s: float) -> float:
    """SIGKILL the engine of ``shard`` so many seconds after the start; when that was."""
    until = clock.now() + LONGEST_S
    while not (plan := _plan(run)).get("t0"):
        if blast.poll() is not None or clock.now() > until:
            raise RuntimeError("the surge did not begin")
        time.sleep(0.01)
    engines = plan["processes"]["engine"]
    time.sleep(max(0.0, plan["t0"] + at_s - clock.now()))
    os.kill(engines[shard] if workers == 1 else engines[1 + shard], signal.SIGKILL)
    return round(clock.now() - plan["t0"], 3)


def _plan(run: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((run / "run.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return told


def compared(run: Path, plan: dict[str, Any], shop: CheapShop, killed: int | None) -> dict[str, Any]:
    """The history beside the schedule and the server's own records. ``lost``: of the schedule or of what the server had, and not told of. ``double``: there
    twice. ``invented``: told of as accepted, and the server had none. ``miscounted``: requests of shards that went on, more or fewer than the server's."""
    arrived = Counter(key.decode() for key in shop.records()["key"])
    due = {f"{plan['run_id']}-{seq:07d}": shard for shard, seq in _scheduled(plan)}
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT order_key, shard, reason, outcome, accepted_s FROM '{run / 'orders.parquet'}'").fetchall()
        told = db.execute(f"SELECT shard, step, count(*) FROM '{run / 'requests.parquet'}' WHERE sent_s IS NOT NULL GROUP BY ALL").fetchall()
    keys = Counter(row[0] for row in rows)
    unsent = {row[0] for row in rows if row[2] == "unsent"}
    unknown = {row[0]: row[1] for row in rows if row[3] == "unknown"}
    had = set(arrived) - unsent
    lost = len(due.keys() - keys.keys()) + len(keys.keys() - due.keys()) + len(set(arrived) - set(keys)) + len(unsent & set(arrived))
    lost += sum(shard != killed for shard in unknown.values())
    double = sum(count - 1 for count in keys.values()) + sum(count - 1 for count in arrived.values())
    invented = sum(row[4] is not None and row[0] not in arrived for row in rows)
    submits = Counter(due[key] for key in had if due[key] != killed)
    miscounted = sum(abs(count - submits[shard]) for shard, step, count in told if step == "submit" and shard != killed)
    if killed is None:
        counts = shop.counts()
        miscounted += abs(sum(count for _, _, count in told) - counts.requests)
    return {
        "scheduled": len(rows), "sent": len(rows) - len(unsent) - len(unknown), "unsent": len(unsent), "unknown": len(unknown), "server": sum(arrived.values()),
        "lost": lost, "double": double, "invented": invented, "miscounted": miscounted,
    }  # fmt: skip


def _scheduled(plan: dict[str, Any]) -> Iterator[tuple[int, int]]:
    profile, target = Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"])
    for shard in range(plan["shards"]):
        for seq in schedule(profile, target.skus, plan["seed"], Shard(shard, plan["shards"])).seq:
            yield shard, int(seq)


def table(result: dict[str, Any]) -> str:
    columns = ("workers", "killed", "at_s", "scheduled", "sent", "unsent", "unknown", "server", *WRONG)
    rows = [["-" if row[name] is None else row[name] for name in columns] for row in result["rows"]]
    right = "exact" if not any(result[name] for name in WRONG) else "NOT EXACT"
    return (
        tabulate(rows, headers=["workers", "killed shard", "at s", *columns[3:]])
        + f"\n\n{right}: {result['runs']} runs, {result['killed']} of them with a worker killed, {result['scheduled']:,} orders; "
        + ", ".join(f"{result[name]} {name}" for name in WRONG)
    )
