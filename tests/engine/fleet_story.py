"""A master, its workers and a platform, as a run starts them."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import spool_story
from engine_story import LONG, Engine, Platform

from surgekit import clock
from surgekit.arrivals import Shard, schedule
from surgekit.fleet import Fleet, Muster
from surgekit.profile import Profile
from surgekit.report.validity import CLOCK_ERROR_MS
from surgekit.target import Target

TOKEN = "a token of the story's own"


class Run:
    """A fleet and its run folder. ``said`` is all that the master said, ``waiting`` what somebody at the terminal would have read."""

    def __init__(
        self, folder: Path, platform: Platform, asked: Muster, *, web: int | None = None, clock_error_ms: float = CLOCK_ERROR_MS, **profile: Any
    ) -> None:
        self.platform = platform
        self.plan = Engine(folder / "run", platform.port, **profile).plan | {"shards": asked.shards}
        self.run = folder / "run"
        (self.run / "logs").mkdir()
        (self.run / "run.json").write_text(json.dumps(self.plan))
        self.said: list[dict[str, Any]] = []
        self.waiting: list[str] = []
        self.fleet = Fleet(self.run, asked, web=web, env={}, clock_error_ms=clock_error_ms, waiting=self.waiting.append)
        self._go = threading.Thread(target=self._start)
        self.t0 = 0.0

    def _start(self) -> None:
        self.fleet.ready()
        self.t0 = clock.now() + self.fleet.head_start_s
        self.fleet.tell(f"start {self.t0!r}")

    def go(self) -> None:
        """Start as soon as all are there; returns at once."""
        self._go.start()

    def next(self) -> dict[str, Any]:
        self._go.join(LONG)
        told = self.fleet.said.get(timeout=LONG)
        assert told is not None, self.fleet.last_words()
        self.said.append(told)
        return told

    def until(self, what: str, least: float) -> dict[str, Any]:
        while (told := self.next()).get(what, 0) < least:
            assert "done" not in told, told
        return told

    def done(self) -> dict[str, Any]:
        while "done" not in (told := self.next()):
            pass
        for child in (self.fleet, *self.fleet.workers):
            child.process.wait(timeout=LONG)
        return told

    def scheduled(self, shard: int) -> set[str]:
        shape, shop = Profile.model_validate(self.plan["profile"]), Target.model_validate(self.plan["target"])
        return {f"abcdef-{seq:07d}" for seq in schedule(shape, shop.skus, 5, Shard(shard, self.plan["shards"])).seq}

    def rows(self, table: str, shard: int) -> list[dict[str, Any]]:
        return spool_story.rows(self.run / "spool", table, shard, run_id="abcdef")


@contextmanager
def fleet(folder: Path, asked: Muster, *, web: int | None = None, **profile: Any) -> Iterator[Run]:
    """Not started yet; all of it is gone afterwards."""
    platform = Platform()
    try:
        run = Run(folder, platform, asked, web=web, **profile)
        try:
            yield run
        finally:
            run.fleet.end()
    finally:
        platform.close()


def page(port: int, path: str) -> dict[str, Any]:
    """What Locust's page says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LONG) as reply:
        told: dict[str, Any] = json.loads(reply.read())
    return told


def press_stop(port: int) -> None:
    """On Locust's page, which answers when its users are gone, or not at all."""
    with suppress(OSError):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/stop", method="POST"), timeout=LONG).close()
