"""What a master can bear: five hundred workers, and orders by the million.

Nobody here has five hundred machines, so they are simulated, each part as near to the truth as it goes.

Real: the sockets, their locks and the messages, over loopback; what the master makes of them (``Chief``); the history, as bytes through one connection into
files. The 500 workers are sockets of one process, which say what engines say (``fleet_crowd``).

Not in it: Locust. A master hears each message through Locust's runner and gevent's sockets, and here in one loop of plain ones, so that its part of a core
is larger than these figures, and its limit lower; nor is what Locust says by itself (a heartbeat a second, its statistics every three). The end is not in it
either: 500 workers who are done, with their last pings and the rest of their history.

Networks are drawn from laws: each way of a ping takes its own time, and the two ways need not be alike. A crowd of which the master lost a worker has no
figures, but an error.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import zmq
from tabulate import tabulate

from surgekit import clock
from surgekit.engine.fleet import keys, messages
from surgekit.engine.fleet.chief import Chief
from surgekit.engine.fleet.clocks import FIRST_BURST, Clock
from surgekit.engine.fleet.history import CHUNK, Inbox
from surgekit.eventlog.records import BEGUN, ORDER, REQUEST
from surgekit.seeds import rng
from tests.bench.shops import ROOT

WORKERS, QUICK_WORKERS = 500, 100
TOKEN = "a token of the bench"
ORDER_BYTES = ORDER.itemsize + BEGUN.itemsize + 2 * REQUEST.itemsize + 24
"""Of the history: an order with two requests, a number and no cards."""
RATES = (10_000, 100_000, 1_000_000, 2_000_000, 5_000_000)
SURGE_S = 60.0
GIGABIT = 125e6
LINK = 10
"""The master's network, in Gbit/s."""


def run(quick: bool) -> dict[str, Any]:
    workers = QUICK_WORKERS if quick else WORKERS
    crowd = _crowd(workers, 3.0 if quick else 10.0)
    if crowd["lost"]:
        raise RuntimeError(f"{crowd['lost']} of {workers} workers were lost: what the master bears is unknown, but less than that")
    per_cpu_s = _history(64 << 20 if quick else 512 << 20)
    figures_share = crowd["figures_cpu_share"] * WORKERS / workers
    return {
        "workers": workers,
        "crowd": crowd,
        "clocks": [_clocks(name, law, WORKERS) for name, law in NETWORKS.items()],
        "history": {"bytes_an_order": ORDER_BYTES, "mb_per_cpu_s": round(per_cpu_s / 1e6, 1), "rows": [_at(rate, per_cpu_s, figures_share) for rate in RATES]},
        "limit_orders_per_s": round(_limit(per_cpu_s, figures_share)),
    }


# 500 workers, their figures and their start.


def _crowd(workers: int, seconds: float) -> dict[str, Any]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="surgekit-fleet-") as folder:
        context: Any = zmq.Context()
        router: Any = context.socket(zmq.ROUTER)
        keys._lock(router, True, keys.keys(TOKEN))
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.BACKLOG, workers)
        port = router.bind_to_random_port("tcp://127.0.0.1")
        crowd = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.fleet_crowd", str(port), str(workers)], cwd=ROOT, env=os.environ | {"SURGEKIT_TOKEN": TOKEN}, stdout=subprocess.PIPE
        )
        try:
            return _led(router, crowd, workers, seconds, Path(folder))
        finally:
            router.close(0)
            context.term()
            crowd.kill()
            crowd.wait()
            assert crowd.stdout is not None
            crowd.stdout.close()


def _led(router: Any, crowd: subprocess.Popen[bytes], workers: int, seconds: float, spool: Path) -> dict[str, Any]:
    def tell(client: str, kind: str, data: dict[str, Any]) -> None:
        router.send_multipart([client.encode(), msgpack.dumps((kind, data, client))])

    plan = {"shards": workers, "base_url": "http://shop.example", "permit": {"how": "dns"}}
    chief = Chief(plan, 0, tell, clock.now, spool, on_plan={"plan": " " * 4000, "secrets": {}, "rows": None})

    def serve(until: Callable[[], bool]) -> float:
        """The processor time of this thread and of the socket's own, until something is so."""
        began = time.process_time()
        while not until():
            if router.poll(20):
                for _ in range(1000):
                    try:
                        client, message = router.recv_multipart(zmq.NOBLOCK)
                    except zmq.Again:
                        break
                    kind, data, _ = msgpack.loads(message)
                    chief.heard(client.decode(), kind, data)
            chief.tick()
        return time.process_time() - began

    began = clock.now()
    deadline = began + 120
    serve(lambda: chief.ready or clock.now() > deadline)
    if not chief.ready:
        raise RuntimeError(f"only {len(chief.workers)} of {workers} workers were ready in time")
    gathered_s = clock.now() - began
    errors = sorted(1000 * worker.clock.error_s for worker in chief.workers.values())
    go = clock.now()
    chief.start(go + 0.5)
    sent_s = clock.now() - go
    said: list[dict[str, float]] = []
    hear = threading.Thread(target=lambda: said.extend(map(json.loads, crowd.stdout or ())))
    hear.start()
    serve(lambda: bool(said) or clock.now() > deadline)
    at, told = clock.now(), []

    def half_seconds() -> bool:
        if clock.now() - at >= len(told) * 0.5:
            before = time.process_time()
            chief.tally.told()
            told.append(time.process_time() - before)
        return clock.now() - at > seconds

    cpu_s = serve(half_seconds)
    chief.stop()
    serve(lambda: len(said) > 1 or clock.now() > deadline + 60)
    hear.join(10)
    return {
        "gathered_s": round(gathered_s, 2),
        "start_told_ms": round(1000 * sent_s, 2),
        "start_heard_ms": round(1000 * (said[0]["last"] - go), 2),
        "start_spread_ms": round(1000 * (said[0]["last"] - said[0]["first"]), 2),
        "clock_error_ms": {"p50": round(errors[len(errors) // 2], 3), "max": round(errors[-1], 3)},
        "figures_cpu_share": round(cpu_s / seconds, 4),
        "merge_ms": round(1000 * float(np.median(told)), 3),
        "lost": len(chief.lost),
    }


# Clocks by simulated delays.


def _clocks(name: str, law: Callable[[Any, int], tuple[Any, Any]], workers: int) -> dict[str, Any]:
    """``workers`` clocks that are anywhere, each looked at once before a start."""
    chance = rng(1, f"clocks-{name}")
    off, bound = [], []
    for _ in range(workers):
        offset = float(chance.uniform(-1e6, 1e6))
        there, back = law(chance, FIRST_BURST)
        found = Clock()
        found.begin(FIRST_BURST)
        for t0, one, other in zip(np.arange(FIRST_BURST) * 0.01, there.tolist(), back.tolist(), strict=True):
            found.pong(float(t0), float(t0) + one + offset, float(t0) + one + 1e-5 + offset, float(t0) + one + 1e-5 + other)
        off.append(1000 * abs(found.offset_s - offset))
        bound.append(1000 * found.error_s)
    return {
        "network": name, "true_p50_ms": _q(off, 0.5), "true_max_ms": _q(off, 1), "stated_p50_ms": _q(bound, 0.5), "stated_max_ms": _q(bound, 1),
        "beyond": sum(one > other + 1e-6 for one, other in zip(off, bound, strict=True)),
    }  # fmt: skip


def _q(values: list[float], q: float) -> float:
    return round(float(np.quantile(values, q)), 4)


def _law(base_ms: float, queue_ms: float, *, uneven_ms: float = 0.0, spikes: float = 0.01, spike_ms: float = 5.0) -> Callable[[Any, int], tuple[Any, Any]]:
    """Ways of at least ``base_ms``, with an exponential wait in queues, now and then a spike; the way back has ``uneven_ms`` more."""

    def draw(chance: Any, n: int) -> tuple[Any, Any]:
        ways = [base_ms + chance.exponential(queue_ms, n) + (chance.random(n) < spikes) * chance.exponential(spike_ms, n) for _ in range(2)]
        return ways[0] / 1000, (ways[1] + uneven_ms) / 1000

    return draw


NETWORKS = {
    "one rack": _law(0.05, 0.03),
    "one data centre, busy": _law(0.2, 0.5, spikes=0.05, spike_ms=20.0),
    "two regions": _law(15.0, 1.0, spikes=0.02, spike_ms=30.0),
    "two regions, one way longer": _law(15.0, 1.0, uneven_ms=8.0),
    "other side of the world": _law(90.0, 5.0, uneven_ms=20.0),
}


# The history on its way, and where it ends.


def _history(size: int) -> float:
    """Bytes of history that the master takes in per second of its processor, from a locked connection into files."""
    made = keys.keys(TOKEN)
    context: Any = zmq.Context()
    router: Any = context.socket(zmq.ROUTER)
    keys._lock(router, True, made)
    router.setsockopt(zmq.LINGER, 0)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    words = f"import tests.bench.fleet as f; f.pour({port}, {size})"
    process = subprocess.Popen([sys.executable, "-c", words], cwd=ROOT)
    try:
        with tempfile.TemporaryDirectory(prefix="surgekit-fleet-") as folder:
            inbox, got, began = Inbox(Path(folder), 0), 0, time.process_time()
            while got < size:
                client, message = router.recv_multipart()
                _, data, name = msgpack.loads(message)
                inbox.take(data["name"], data["at"], data["data"])
                got += len(data["data"])
                router.send_multipart([client, msgpack.dumps((messages.HAVE, {"name": data["name"], "size": got, "again": False}, name))])
            took = time.process_time() - began
            inbox.close()
    finally:
        router.close(0)
        context.term()
        process.kill()
        process.wait()
    return size / took


def pour(port: int, size: int) -> None:
    """A worker's side of ``_history``, in a process of its own."""
    context: Any = zmq.Context()
    dealer: Any = context.socket(zmq.DEALER)
    keys._lock(dealer, False, keys.keys(TOKEN))
    dealer.connect(f"tcp://127.0.0.1:{port}")
    block = rng(1, "history").bytes(CHUNK)
    for at in range(0, size, CHUNK):
        dealer.send(msgpack.dumps((messages.ROWS, {"name": "orders", "at": at, "data": block[: size - at]}, "w")))
        while at - CHUNK * 16 > 0 and dealer.poll(0):
            dealer.recv()
    time.sleep(600)


def _limit(per_cpu_s: float, figures_share: float) -> float:
    """Orders a second whose history the master takes in as they happen: one core, of which the figures of 500 workers have their part, or its network."""
    return min(per_cpu_s * max(0.0, 1 - figures_share), LINK * GIGABIT) / ORDER_BYTES


def _at(rate: int, per_cpu_s: float, figures_share: float) -> dict[str, Any]:
    bytes_s = rate * ORDER_BYTES
    after_s = SURGE_S * max(0.0, rate / _limit(per_cpu_s, figures_share) - 1)
    return {
        "orders_per_s": rate, "mb_per_s": round(bytes_s / 1e6, 1), "gbit_per_s": round(bytes_s / GIGABIT, 2),
        "cores": round(figures_share + bytes_s / per_cpu_s, 2), "behind_s": round(after_s, 1),
        "worker_disk_mb": round(max(0.0, bytes_s - _limit(per_cpu_s, figures_share) * ORDER_BYTES) * SURGE_S / WORKERS / 1e6, 1),
    }  # fmt: skip


def table(result: dict[str, Any]) -> str:
    crowd, history = result["crowd"], result["history"]
    first = [
        ["all joined, planned and 30 pings each", f"{crowd['gathered_s']} s"],
        ["the start, told to all", f"{crowd['start_told_ms']} ms"],
        ["… heard by the last, after the first by", f"{crowd['start_spread_ms']} ms (the head start is 500 ms)"],
        ["clocks, stated error p50 / max", f"{crowd['clock_error_ms']['p50']} / {crowd['clock_error_ms']['max']} ms (the truth is 0)"],
        ["figures of all twice a second", f"{crowd['figures_cpu_share']:.0%} of a core"],
        ["… merged into one, quantile and all", f"{crowd['merge_ms']} ms each time"],
        ["workers that the master lost meanwhile", f"{crowd['lost']}"],
    ]
    clocks = [list(row.values()) for row in result["clocks"]]
    rows = [list(row.values()) for row in history["rows"]]
    return "\n".join(
        [
            f"{result['workers']} workers, their sockets, locks and words real, over loopback; a master's Locust is not in it",
            tabulate(first, tablefmt="plain"),
            "",
            f"clocks of {WORKERS} workers, {FIRST_BURST} pings each, by simulated networks",
            tabulate(clocks, headers=["network", "true error p50 ms", "max", "stated p50 ms", "max", "beyond what is stated"]),
            "",
            f"history: {history['bytes_an_order']} bytes an order with two requests; the master takes in {history['mb_per_cpu_s']} MB per second of its processor",
            tabulate(
                rows, headers=["orders/s", "MB/s", "Gbit/s", "master's cores", f"history behind after {SURGE_S:.0f} s, s", "waits on each worker's disk, MB"],
                intfmt=",",
            ),
            "",
            f"Up to about {result['limit_orders_per_s']:,} orders/s the history is with the master as it happens. Beyond, the limit is the one core that takes it in",
            f"(or a network of {LINK} Gbit/s), and never the load: rows wait on the disks of the workers that wrote them, and come when the surge is over. Figures",
            "and pings grow with the number of workers, not with that of orders. Workers on the master's own machine write into the run folder themselves.",
        ]
    )  # fmt: skip
