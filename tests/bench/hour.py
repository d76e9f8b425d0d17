"""What does an hour at a thousand orders a second cost the engine in memory?

The engine is put together as for a run (``surgekit.engine.build``), with the lane and its code, with connections that are open at the start, and with Locust
in the process, whose statistics are fed twice a second. It goes through the whole hour: every order of the schedule, every request, every line
of the history. Only time is made up: a clock that jumps to whatever is due next, and sockets without a kernel behind them, whose replies come
after a while on that clock. So an hour takes a few minutes, and what lives in memory lives as long as it would. This is the memory of the engine: that of the
controller beside it, and of what seals the history and writes the report after the surge, is not in it.
"""

from __future__ import annotations

import heapq
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
RATE, HOUR_S, QUICK_S = 1000, 3600, 60
LATENCY_S = 0.25
MOST_MIB = 500
LOOK_S = 600
"""So often is the memory looked at."""
FEED_S = 0.5
"""So often are Locust's statistics fed, as in a run."""
HEAD_START_S = 1.0
"""As a run has it, in which connections are opened."""


def run(quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="surgekit-hour-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.hour", folder, str(QUICK_S if quick else HOUR_S)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=3600
        )
        if done.returncode:
            raise RuntimeError(f"the hour ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"rate": RATE, "most_mib": MOST_MIB, **told}


def table(result: dict[str, Any]) -> str:
    rows = [[f"{each['at_s']:,.0f} s", f"{each['rss_mib']:.0f}"] for each in result["samples"]]
    return "\n".join(
        [
            f"{result['orders']:,} orders and {result['requests']:,} requests in {result['seconds']:,.0f} s of made-up time at {result['rate']:,}/s,"
            f" in {result['cpu_s']:.0f} s of processor",
            "",
            tabulate(rows, headers=["at", "resident MiB"], tablefmt="simple", disable_numparse=True),
            "",
            f"the engine: at most {result['rss_mib']:.0f} MiB ({result['most_mib']} are allowed); {result['spool_mib']:,.0f} MiB of history on disk",
            f"{result['short']:.1%} of the orders went the short way; {result['warm']} connections were open at the start; Locust's statistics know "
            f"{result['fed']:,} requests",
        ]
    )


class MadeUp:
    """Time, and the sockets that live by it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.due: list[tuple[float, int]] = []
        self.sockets: dict[int, Any] = {}
        self.made = 0

    def now(self) -> float:
        return self.time


def poller(world: MadeUp) -> Any:
    class Jumps:
        exact = True

        def add(self, fd: int, *, writing: bool = False) -> None: ...

        def change(self, fd: int, *, writing: bool) -> None: ...

        def remove(self, fd: int) -> None: ...

        def close(self) -> None: ...

        def wait(self, due: float | None, now: float) -> list[tuple[int, int]]:
            if world.due and (due is None or world.due[0][0] <= due):
                at, fd = heapq.heappop(world.due)
                world.time = max(world.time, at)
                return [(fd, 1)]
            assert due is not None, "nothing is due, and nothing ever will be"
            world.time = max(world.time, due)
            return []

    return Jumps()


def sockets(world: MadeUp) -> Any:
    def says(status: bytes, body: bytes) -> bytes:
        return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)

    class Sock:
        """Takes every order, and has its card at the first look."""

        def __init__(self, *_: object) -> None:
            world.made += 1
            self._fd = 1_000_000 + world.made
            self._reply, self._there = b"", 0.0
            world.sockets[self._fd] = self

        def fileno(self) -> int:
            return self._fd

        def connect_ex(self, _address: object) -> int:
            return 0

        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", self._fd

        def getpeername(self) -> tuple[str, int]:
            return "127.0.0.1", 1

        def setsockopt(self, *_: object) -> None: ...

        def setblocking(self, _on: bool) -> None: ...

        def send(self, data: bytes) -> int:
            if data.startswith(b"POST"):
                key = data[data.index(b'"key":"') + 7 :].split(b'"', 1)[0]
                self._reply = says(b"201 Created", b'{"ok":1,"order_no":"N%b","amount_fen":100}' % key)
            else:
                number = data.split(b" ", 2)[1].rsplit(b"/", 1)[1]
                self._reply = says(b"200 OK", b'{"ok":1,"status":"delivered","cards":["CARD-%b"]}' % number)
            self._there = world.time + LATENCY_S
            heapq.heappush(world.due, (self._there, self._fd))
            return len(data)

        def recv(self, _size: int, flags: int = 0) -> bytes:
            if flags or not self._reply or world.time < self._there:
                raise BlockingIOError
            reply, self._reply = self._reply, b""
            return reply

        def close(self) -> None:
            world.sockets.pop(self._fd, None)

    return Sock


def main(folder: Path, seconds: float) -> None:
    from surgekit.engine.build import _warm, environment_of  # isort: skip - Locust patches the interpreter before anything may open a socket
    from surgekit.arrivals import schedule
    from surgekit.arrivals.buyers import buyers
    from surgekit.engine.history.spool import Log
    from surgekit.engine.http import connection
    from surgekit.engine.http.client import Client
    from surgekit.engine.loop import Loop
    from surgekit.engine.order.budget import Purse
    from surgekit.engine.order.buyer import Shop
    from surgekit.engine.order.lane import MOST_KINDS, Lane
    from surgekit.engine.order.members import Members
    from surgekit.engine.order.walk import Floor, walker
    from surgekit.engine.stats import feed
    from surgekit.engine.surge import Surge
    from surgekit.profile import Profile
    from surgekit.safety import origin, permitted
    from surgekit.target import Target
    from surgekit.target.plan import compile_plan

    shape = Profile.model_validate(
        {
            "schema": "surgekit.profile/1", "name": "hour", "in_flight": 20_000, "phases": [{"name": "even", "duration": seconds, "rate": RATE}],
            "products": {"shares": {"card": 1}}, "buyers": {"classes": {"retail": {"share": 1, "pay": "balance"}}},
        }
    )  # fmt: skip
    fine = {"class": "ok", "path": "ok", "equals": 1}
    shop = Target.model_validate(
        {
            "schema": "surgekit.target/1", "name": "hour", "base_url": "http://127.0.0.1:1", "catalogue": [{"sku": "card", "price_fen": 100}],
            "steps": {
                "submit": {"request": "POST /orders", "json": {"key": "{order.key}"}, "replies": [fine], "extract": {"order_no": "order_no", "amount_fen": "amount_fen"}},
                "poll": {"request": "GET /orders/{order_no}", "replies": [fine], "extract": {"status": "status", "cards": "cards"}},
            },
            "statuses": {"delivered": ["delivered"]},
        }
    )  # fmt: skip
    world = MadeUp()
    connection._socket = sockets(world)  # as each connection makes its own
    loop = Loop(poller(world), world.now)
    plan = compile_plan(shop)
    known = {"run.id": "abcdef", "target.base_url": "http://127.0.0.1:1"}
    people = buyers(500, 1, locale="zh_CN", prefix="b")
    members = Members(shop, plan, people, None, known, lambda *told: surge.for_nobody(*told), loop=loop)  # noqa: PLW0108 - made a few lines below
    (folder / "spool").mkdir()
    line = schedule(shape, shop.skus, 1)
    desk = Shop(plan, shop.statuses, shape.buyers, "salt")
    client = Client(loop, permitted(origin("http://127.0.0.1:1"), None), connect_s=2, reply_s=8, keep_alive_s=4, run_id="abcdef", known=known)
    log, start = Log(folder / "spool", 0), world.time + HEAD_START_S
    surge = Surge(
        line.orders(), loop=loop, walk=walker(desk, members), client=client,
        log=log, purse=Purse(shop.safety.budget, {"card": 100}), run_id="abcdef", bound=20_000, places=plan.submit, warm=_warm(line),
    )  # fmt: skip
    surge.lane = lane = counting(Lane)(surge, client, log, desk, members, Floor(surge, members))
    for kind in line.kinds(MOST_KINDS):
        lane.prepare(kind)
    stats = environment_of({"target": {}, "base_url": "http://127.0.0.1:1"}).stats
    methods = {step.name: step.method for step in plan.steps}
    samples: list[dict[str, float]] = []
    open_at_start = feeds = 0

    def opened() -> None:
        nonlocal open_at_start
        open_at_start = len(client.here)

    def fed() -> None:
        nonlocal feeds
        feeds += 1
        feed(stats, log.live.take(), methods)
        if not surge.over:
            loop.at(world.time + FEED_S, fed)

    def look() -> None:
        samples.append({"at_s": world.time - start, "rss_mib": rss_mib()})
        if not surge.over:
            loop.at(world.time + min(LOOK_S, seconds / 6), look)

    look()
    fed()
    loop.at(start - 0.001, opened)
    loop.run_until(surge.run(start))
    fed()
    if surge.failure is not None:
        raise RuntimeError(surge.failure)
    counts, health = surge.progress(), surge.health.told()
    if counts["confirmed"] != len(line) or counts["scheduled"] != len(line):
        raise RuntimeError(f"of {len(line)} orders {counts['confirmed']} were confirmed: {counts}")
    spool = sum(path.stat().st_size for path in (folder / "spool").iterdir())
    told = {
        "orders": counts["confirmed"], "requests": counts["requests"], "seconds": seconds, "rss_mib": health["rss_mib"], "cpu_s": health["cpu_s"],
        "spool_mib": spool / 2**20, "samples": samples, "short": lane.taken / len(line), "warm": open_at_start, "fed": int(stats.total.num_requests), "feeds": feeds,
    }  # fmt: skip
    print(json.dumps(told))


def counting(lane: Any) -> Any:
    """The lane, and how many orders it took."""

    class Counts(lane):  # type: ignore[misc]
        taken = 0

        def take(self, order: Any, now: float) -> bool:
            took: bool = super().take(order, now)
            self.taken += took
            return took

    return Counts


def rss_mib() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
