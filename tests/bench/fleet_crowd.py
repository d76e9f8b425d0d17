"""Five hundred workers in one process: each a socket with the locks and the words of a real one, and nobody behind it who sends orders.

``python -m tests.bench.fleet_crowd PORT WORKERS``, the token in SURGEKIT_TOKEN. Says in JSON lines when every worker has its plan, when each heard of the
start, and how much processor time it took itself.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import msgpack
import numpy as np
import zmq

from surgekit import clock
from surgekit.engine.fleet import keys, messages
from surgekit.engine.history.histogram import Histogram
from surgekit.seeds import rng

FIGURES_S = 0.5


def figures(worker: int) -> dict[str, Any]:
    """What an engine says twice a second at 2,000 orders/s."""
    recent = Histogram()
    recent.add_many(rng(worker, "latencies").lognormal(3.0, 0.7, 10_000))
    counted = ("requests", "errors", "no_sockets", "orders", "unsent", "sent", "accepted", "bad", "refunded", "confirmed", "rejected", "failed", "unknown")
    told = dict.fromkeys(counted, 1_000_000) | {"scheduled": 10, "twice": 0, "t": 1.0, "in_flight": 7, "confirm_p99_ms": 9.9, "slip_ms": 0.1, "lag_ms": 0.2}
    return {"figures": told | {"cpu_s": 12.25}, "recent": recent.to_bytes(), "left": 0}


class Crowd:
    def __init__(self, port: int, workers: int) -> None:
        made = keys.keys(os.environ["SURGEKIT_TOKEN"])
        context: Any = zmq.Context()
        context.set(zmq.MAX_SOCKETS, workers + 100)
        self._names = [f"worker-{number}" for number in range(workers)]
        self._sockets: list[Any] = []
        self._poller = zmq.Poller()
        self._number: dict[Any, int] = {}
        for number, name in enumerate(self._names):
            socket: Any = context.socket(zmq.DEALER)
            keys._lock(socket, False, made)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.IDENTITY, name.encode())
            socket.connect(f"tcp://127.0.0.1:{port}")
            self._poller.register(socket, zmq.POLLIN)
            self._sockets.append(socket)
            self._number[socket] = number
        self._figures = [figures(number % 16) for number in range(workers)]
        self.started: dict[int, float] = {}
        self.over = False

    def tell(self, number: int, kind: str, data: dict[str, Any]) -> None:
        self._sockets[number].send(msgpack.dumps((kind, data, self._names[number])))

    def serve(self, most_s: float) -> None:
        for socket, _ in self._poller.poll(most_s * 1000):
            number = self._number[socket]
            while socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                kind, data, _ = msgpack.loads(socket.recv())
                now = clock.now()
                if kind == messages.PING:
                    self.tell(number, messages.PONG, {"t0": data["t0"], "t1": now, "t2": clock.now()})
                elif kind == messages.PLAN:
                    self.tell(number, messages.READY, {"error": None})
                elif kind == messages.START:
                    self.started.setdefault(number, now)
                elif kind == messages.STOP:
                    self.over = True

    def all_figures(self) -> None:
        for number, told in enumerate(self._figures):
            self.tell(number, messages.FIGURES, told)


def main() -> None:
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    crowd = Crowd(port, workers)
    for number in range(workers):
        crowd.tell(number, messages.HELLO, messages.hello(None) | {"machine": "elsewhere", "host": f"host-{number}"})
    while len(crowd.started) < workers and not crowd.over:
        crowd.serve(0.1)
    at = np.array(list(crowd.started.values()))
    print(json.dumps({"first": at.min(), "last": at.max()}), flush=True)
    due = time.monotonic()
    while not crowd.over:
        crowd.serve(max(0.0, due - time.monotonic()))
        if time.monotonic() >= due:
            due += FIGURES_S
            crowd.all_figures()
    print(json.dumps({"cpu_s": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
