"""Is the history exact? Every order that was scheduled has one row, and the rows are what the server itself has counted, to the last one.

One, two and four workers send to a server on loopback that keeps the key of every order that reaches it. In most runs a random worker is killed at
a random moment. Then the orders of its shard that were under way are unknown, and no others; what nobody can have sent is said to be unsent; none is
missing, and none is there twice. In every fourth run the one that is killed has joined from outside, so that its history is on its way to the master.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import psutil
from tabulate import tabulate

from surgekit import clock
from surgekit.arrivals import Shard, schedule
from surgekit.fleet import TOKEN_ENV
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
EVERY = 4
"""In every fourth run nobody is killed, and in another one the worker that joined."""
LONGEST_S = 60.0
WRONG = ("lost", "double", "invented", "miscounted")


def run(quick: bool) -> dict[str, Any]:
    """Quick: one run with each number of workers, the one with four without a loss, and one with a worker that joins."""
    seconds, runs = (QUICK_S, 4) if quick else (SECONDS, RUNS)
    spared, joined = (2, 3) if quick else (3, 1)
    rows = []
    with cheap_shop(records=1 << 20) as shop:
        for number in range(runs):
            chance = None if number % EVERY == spared else Random(number)
            with tempfile.TemporaryDirectory(prefix="surgekit-exact-") as folder:
                if number % EVERY == joined:
                    rows.append(_one(Path(folder), shop, number, 1, chance, seconds, remote=True))
                else:
                    rows.append(_one(Path(folder), shop, number, WORKERS[number % len(WORKERS)], chance, seconds))
            shop.reset()
    return {
        "runs": len(rows),
        **{name: sum(row[name] for row in rows) for name in WRONG},
        "killed": sum(row["killed"] is not None for row in rows),
        "scheduled": sum(row["scheduled"] for row in rows),
        "unknown": sum(row["unknown"] for row in rows),
        "rows": rows,
    }


def _one(folder: Path, shop: CheapShop, seed: int, local: int, chance: Random | None, seconds: float, *, remote: bool = False) -> dict[str, Any]:
    """``remote``: one more joins, and it is the one that is killed."""
    workers = local + remote
    with _blast(folder, Load(shop.port, "order", seconds, rate=RATE, seed=seed), local, remote=remote) as (blast, joined):
        killed, at_s = None, None
        if chance is not None:
            killed = local if remote else chance.randrange(workers)
            at_s = _kill(folder / "run", blast, joined, killed, workers, chance.uniform(0.1, seconds))
        said, _ = blast.communicate(timeout=LONGEST_S)
    plan = json.loads((folder / "run" / "run.json").read_bytes())
    if blast.returncode not in ((0,) if killed is None else (3,)):
        raise RuntimeError(f"a run of {workers} workers ended with {blast.returncode}: {said[-500:]}")
    return {"workers": workers, "joined": int(remote), "killed": killed, "at_s": at_s, **compared(folder / "run", plan, shop, killed)}


@contextmanager
def _blast(folder: Path, load: Load, local: int, *, remote: bool = False) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str] | None]]:
    """The run, and the worker that joins it."""
    words = [*ours.words(folder, load), "--workers", str(local)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    started: list[subprocess.Popen[str]] = []

    def start(words: list[str]) -> None:
        made = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        started.append(made)

    try:
        if remote:
            env |= {TOKEN_ENV: secrets.token_hex(16), "TMPDIR": str(folder)}  # the log of a killed worker stays where it was
            with socket.create_server(("127.0.0.1", 0)) as free:
                where = f"127.0.0.1:{free.getsockname()[1]}"
            start([*words, "--remote", "1", "--listen", where])
            start([sys.executable, "-m", "surgekit", "worker", "--join", where])
        else:
            start(words)
        yield started[0], started[1] if remote else None
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _kill(run: Path, blast: subprocess.Popen[str], joined: subprocess.Popen[str] | None, shard: int, workers: int, at_s: float) -> float:
    """SIGKILL the engine of ``shard``, which is that of ``joined`` where there is one, so many seconds after the start; when that was."""
    until = clock.now() + LONGEST_S
    while not (plan := _plan(run)).get("t0"):
        if blast.poll() is not None or clock.now() > until:
            raise RuntimeError("the surge did not begin")
        time.sleep(0.01)
    engines = plan["processes"]["engine"]
    if joined is not None:
        (engine,) = (child.pid for child in psutil.Process(joined.pid).children())
    else:
        engine = engines[shard] if workers == 1 else engines[1 + shard]
    time.sleep(max(0.0, plan["t0"] + at_s - clock.now()))
    os.kill(engine, signal.SIGKILL)
    return round(clock.now() - plan["t0"], 3)


def _plan(run: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((run / "run.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return told


def compared(run: Path, plan: dict[str, Any], shop: CheapShop, killed: int | None) -> dict[str, Any]:
    """The history beside the schedule and the server's own records. ``lost``: of the schedule or of what the server had, and not told of, or told of as if
    it had failed: the server takes every order that it gets. ``double``: there twice. ``invented``: told of as accepted, and the server had none. ``miscounted``: requests of shards that went on, more or fewer than the server's."""
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
    lost += sum(row[3] in ("failed", "rejected") and row[2] != "unsent" and row[0] in arrived for row in rows)
    double = sum(count - 1 for count in keys.values()) + sum(count - 1 for count in arrived.values())
    invented = sum(row[4] is not None and row[0] not in arrived for row in rows)
    submits = Counter(due[key] for key in had)
    requests = {shard: count for shard, step, count in told if step == "submit"}
    miscounted = sum(abs(requests.get(shard, 0) - submits[shard]) for shard in range(plan["shards"]) if shard != killed)
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
    columns = ("workers", "joined", "killed", "at_s", "scheduled", "sent", "unsent", "unknown", "server", *WRONG)
    rows = [["-" if row[name] is None else row[name] for name in columns] for row in result["rows"]]
    right = "exact" if not any(result[name] for name in WRONG) else "NOT EXACT"
    return (
        tabulate(rows, headers=["workers", "of them joined", "killed shard", "at s", *columns[4:]])
        + f"\n\n{right}: {result['runs']} runs, {result['killed']} of them with a worker killed, {result['scheduled']:,} orders; "
        + ", ".join(f"{result[name]} {name}" for name in WRONG)
    )
