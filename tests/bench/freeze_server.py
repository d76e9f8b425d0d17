"""A shop that takes 50 ms for an order, and stands still for one second in every ten.

``python -m tests.bench.freeze_server`` prints ``{"port": …}`` and serves on loopback until its standard input ends. With a number
of seconds behind it, the shop takes that long for every order and never stands still. ``GET /served`` tells how long it took for each order by
its own stamps: ``{"orders", "p50_ms", "p99_ms"}``.

Nothing queues: every order has a clerk of its own, so its latency depends on its moment of arrival alone. While the shop
stands still so does the work in it: an order that was being worked on is finished a freeze later, and one that arrives
then takes its 50 ms from the end of the freeze on. ``truth`` is what follows from that. The first order begins the first
cycle, so that the same arrivals meet the same freezes however long a tool takes to start.
"""

from __future__ import annotations

import asyncio
import json
import math
import selectors
import sys
import time
from typing import ClassVar

SERVICE_S = 0.05
CYCLE_S = 10.0
FREEZE_S = 1.0

REPLY_OF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
REPLY = REPLY_OF % (8, b'{"ok":1}')


def latency(offset: float) -> float:
    """Of an order that arrives ``offset`` into a cycle. A cycle ends with its freeze."""
    freeze = CYCLE_S - FREEZE_S
    if offset >= freeze:
        return CYCLE_S - offset + SERVICE_S
    return SERVICE_S + (FREEZE_S if offset + SERVICE_S > freeze else 0.0)


def truth(share: float) -> float:
    """The exact quantile of the latency of arrivals that come evenly over whole cycles, in seconds.

    Poisson arrivals do (they see time averages: Wolff, Oper. Res. 30, 1982). The latency exceeds x, for
    ``SERVICE_S`` ≤ x < ``SERVICE_S + FREEZE_S``, for arrivals in the 50 ms before a freeze and in the first
    ``SERVICE_S + FREEZE_S - x`` of it: together (2 ``SERVICE_S`` + ``FREEZE_S`` - x) of each ``CYCLE_S``.
    """
    at = 2 * SERVICE_S + FREEZE_S - (1 - share) * CYCLE_S
    return min(max(at, SERVICE_S), SERVICE_S + FREEZE_S)


def sampling_error(share: float, orders: int) -> float:
    """The relative standard error of that quantile from so many orders: sqrt(p(1-p)/n) / density, 0 where it is an atom."""
    if not SERVICE_S < truth(share) < SERVICE_S + FREEZE_S:
        return 0.0
    return math.sqrt(share * (1 - share) / orders) * CYCLE_S / truth(share)


class Clerk(asyncio.Protocol):
    """One connection."""

    start: float | None = None
    took_s: ClassVar[list[float]] = []
    constant_s: float | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._data = loop, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = transport

    def data_received(self, data: bytes) -> None:
        arrived = time.monotonic()
        self._data += data
        while (end := whole(self._data)) is not None:
            if self._data.startswith(b"GET /served"):
                self._data = self._data[end:]
                self._write(REPLY_OF % (len(told := json.dumps(summed(Clerk.took_s)).encode()), told))
                continue
            order = self._data.startswith(b"POST")
            if Clerk.start is None and order:
                Clerk.start = arrived
            offset = (arrived - (Clerk.start or arrived)) % CYCLE_S
            self._data = self._data[end:]
            # Who has waited longest is answered first when a freeze is over; at equal times a timer's heap has no order.
            took = latency(offset) + offset * 1e-6 if Clerk.constant_s is None else Clerk.constant_s
            self._loop.call_at(arrived + took, self._answer, arrived if order else None)

    def _answer(self, arrived: float | None) -> None:
        self._write(REPLY)
        if arrived is not None:
            Clerk.took_s.append(time.monotonic() - arrived)

    def _write(self, reply: bytes) -> None:
        if not self._out.is_closing():
            self._out.write(reply)  # type: ignore[attr-defined]


def summed(took_s: list[float]) -> dict[str, float]:
    ascending = sorted(took_s)
    return {"orders": len(ascending), **{f"p{share}_ms": 1000 * ascending[len(ascending) * share // 100] if ascending else 0.0 for share in (50, 99)}}


def whole(data: bytes) -> int | None:
    """Where the first request in ``data`` ends; None where it has not."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    at = data[:head].lower().find(b"\r\ncontent-length:")
    length = int(data[at + 17 : head].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return head + 4 + length if len(data) >= head + 4 + length else None


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Clerk(loop), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    Clerk.constant_s = float(sys.argv[1]) if len(sys.argv) > 1 else None
    # epoll counts in whole milliseconds, which at 50 ms is an error of a percent; select counts in microseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
