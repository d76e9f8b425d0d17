"""The engine as a run starts it: a process of its own, a run folder, a platform that answers or does not."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spool_story

from surgekit import clock
from surgekit.arrivals import schedule
from surgekit.children import Child
from surgekit.eventlog import folder as folder_of_runs
from surgekit.profile import Profile
from surgekit.target import Target

HERE = Path(__file__).resolve().parent
LONG = 60


def wait_for(what: Callable[[], bool]) -> None:
    by = clock.now() + LONG
    while not what():
        assert clock.now() < by
        time.sleep(0.01)


class Served:
    """A server on loopback, in a thread. ``open`` are its connections."""

    def __init__(self, clerk: Callable[[], asyncio.Protocol]) -> None:
        self.open: list[asyncio.Transport] = []
        self._loop = asyncio.new_event_loop()
        serving = self._loop.create_server(clerk, "127.0.0.1", 0, backlog=512)
        self._server = self._loop.run_until_complete(serving)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._server.close()
        for transport in self.open:
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()


class Platform(Served):
    """Takes orders. Every ``mute``-th order never gets an answer; 1 means all of them."""

    def __init__(self, mute: int = 0) -> None:
        self.mute = mute
        self.keys: Counter[str] = Counter()
        super().__init__(lambda: Clerk(self))


class Clerk(asyncio.Protocol):
    """One connection. Orders come in one piece, being small."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport
        self._platform.open.append(transport)

    def data_received(self, data: bytes) -> None:
        self._platform.keys[json.loads(data.partition(b"\r\n\r\n")[2])["key"]] += 1
        if not self._platform.mute or self._platform.keys.total() % self._platform.mute:
            self._out.write(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"ok":1}')


class Engine:
    """One engine and its run folder. ``said`` is all that it said."""

    def __init__(self, folder: Path, port: int, *, rate: float = 40, seconds: float = 1, reply: str = "30s", patience: str = "60s", **profile: Any) -> None:
        self.run = folder
        (folder / "spool").mkdir(parents=True)
        self.profile = {
            "schema": "surgekit.profile/1", "name": "story", "seed": 5,
            "phases": [{"name": "only", "duration": seconds, "rate": rate}], "products": {"shares": {"card": 1}},
            "buyers": {"classes": {"retail": {"share": 1, "pay": "balance"}}, "patience": patience, "retry": {"most": 0}, "accounts": 5},
            **profile,
        }  # fmt: skip
        self.target = {
            "schema": "surgekit.target/1", "name": "story", "base_url": f"http://127.0.0.1:{port}",
            "catalogue": [{"sku": "card", "price_fen": 100}], "timeouts": {"reply": reply},
            "steps": {"submit": {"request": "POST /orders", "json": {"key": "{order.key}"}, "replies": [{"class": "ok", "path": "ok", "equals": 1}]}},
        }  # fmt: skip
        shape, shop = Profile.model_validate(self.profile), Target.model_validate(self.target)
        self.scheduled = len(schedule(shape, shop.skus, 5))
        self.plan = {
            "schema": folder_of_runs.SCHEMA, "profile": self.profile, "target": self.target, "base_url": self.target["base_url"], "seed": 5, "shards": 1,
            "run_id": "abcdef", "salt": "salt", "started": "2026-02-17T00:00:00Z", "command": "surgekit blast", "version": "0",
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(self.plan))
        self.said: list[dict[str, Any]] = []
        self.health: dict[str, float] = {}
        self.child: Child

    def start(self, *words: str, module: str = "surgekit.engine", fault: str = "", t0: float = 0.2) -> None:
        """Start the process and the surge, which begins ``t0`` seconds from when it is ready."""
        env = {"PYTHONPATH": f"{HERE}:{HERE.parents[1]}", "FAULT": fault}
        self.child = Child(module, [str(self.run), *words], self.run / "engine.log", env=env)
        self.child.ready()
        self.child.tell(f"start {clock.now() + t0!r}")

    def until(self, what: str, least: float) -> dict[str, Any]:
        """Listen until the progress says at least so much."""
        while (told := self._next()).get(what, 0) < least:
            assert "done" not in told, told
        return told

    def done(self) -> dict[str, Any]:
        """Listen to the end; the last word, after which the process has to go by itself. How it did is in ``health``."""
        while "done" not in (told := self._next()):
            pass
        self.child.process.wait(timeout=LONG)
        self.health = told.pop("health", {})
        return told

    def _next(self) -> dict[str, Any]:
        told = self.child.said.get(timeout=LONG)
        assert told is not None, self.child.last_words()
        self.said.append(told)
        return told

    def rows(self, table: str) -> list[dict[str, Any]]:
        return spool_story.rows(self.run / "spool", table, run_id=self.plan["run_id"])


@contextmanager
def engine(folder: Path, *, mute: int = 0, **profile: Any) -> Iterator[tuple[Engine, Platform]]:
    """An engine that is not started yet, and its platform; both are gone afterwards."""
    platform = Platform(mute)
    made = Engine(folder / "run", platform.port, **profile)
    try:
        yield made, platform
    finally:
        if hasattr(made, "child"):
            made.child.process.kill()
            made.child.end()
            assert made.child.process.stdout is not None
            made.child.process.stdout.close()
        platform.close()
