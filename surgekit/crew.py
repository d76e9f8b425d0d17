"""The processes of one run: the world around the platform, the platform, the engines; and watching over them."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

from surgekit import clock
from surgekit.chaos.timeline import Timeline
from surgekit.children import Child
from surgekit.errors import RunError, TargetError
from surgekit.eventlog import folder
from surgekit.eventlog.writer import SpoolWriter
from surgekit.platform import Platform
from surgekit.profile.schema import Profile
from surgekit.report.show import Show
from surgekit.target.schema import CardshopStart, Target

STOP_S = 15.0
"""After a stop was asked for, so long may the last orders take."""
SETTLE_MOST_S = 20.0
STUCK_S = 4.0
"""Paid orders whose number has not fallen for so long are stuck."""


class Tempo:
    """Seconds since the run's start."""

    def __init__(self, t0: float) -> None:
        self._t0 = t0

    def now(self) -> float:
        return clock.now() - self._t0


@dataclass(slots=True)
class Ended:
    """How the surge ended. ``how``: ``in_order``, or ``died`` when an engine was lost."""

    how: str = "in_order"
    aborted: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Meter:
    """CPU of one part of the run, as percent of one core between two looks."""

    pids: list[int]
    cpu_s: float = 0.0
    at: float = 0.0

    def look(self) -> tuple[float | None, int, int]:
        """(CPU percent, resident bytes, threads); CPU is None at the first look and when all have gone."""
        cpu_s, rss, threads, alive = 0.0, 0, 0, False
        for pid in self.pids:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    cpu_s += times.user + times.system
                    rss += process.memory_info().rss
                    threads += process.num_threads()
                alive = True
            except psutil.Error:
                continue
        now = clock.now()
        percent = 100 * (cpu_s - self.cpu_s) / (now - self.at) if self.at and alive else None
        self.cpu_s, self.at = cpu_s, now
        return None if percent is None else max(0.0, percent), rss, threads


class Crew:
    """Starts the processes in the order in which they need each other, and ends them in the other."""

    def __init__(
        self, run: Path, target: Target, profile: Profile, seed: int, salt: str, stock: dict[str, int]
    ) -> None:
        self._run = run
        self._target = target
        self._profile = profile
        self._seed = seed
        self._salt = salt
        self._stock = stock
        self._edge: Child | None = None
        self._platform: Child | None = None
        self._engines: list[Child] = []
        self._control: httpx.Client | None = None
        self._counts: dict[int, dict[str, Any]] = {}
        self.base_url = target.base_url or ""

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        if self._control is not None:
            self._control.close()
        for child in (*self._engines, self._platform, self._edge):
            if child is not None:
                child.end()

    def pids(self) -> dict[str, list[int]]:
        """Part → process ids."""
        parts: dict[str, list[Child | None]] = {
            "engine": [*self._engines],
            "platform": [self._platform],
            "edge": [self._edge],
        }
        return {name: [child.pid for child in children if child is not None] for name, children in parts.items()}

    # Starting.

    def start_platform(self) -> None:
        """Start edge and platform where the target says that SurgeKit runs them. Raises ``RunError``."""
        if self._target.start is None:
            return
        supplier_key, gateway_key = secrets.token_hex(8), secrets.token_hex(8)
        token = secrets.token_hex(16)
        world = self._target.edge
        edge_file = self._run / "logs" / "edge.json"
        folder.write_json(
            edge_file,
            {
                "supplier": {
                    "latency_ms": {"median": world.supplier.latency_ms, "sigma": world.supplier.sigma},
                    "slots": world.supplier.slots,
                    "later_share": world.supplier.later_share,
                },
                "gateway": {"notify_delay_ms": {"median": world.gateway.notify_ms, "sigma": world.gateway.sigma}},
            },
        )
        self._edge = Child(
            "surgekit.edge",
            [
                "--log", str(self._run / "spool" / "edge.jsonl"), "--seed", str(self._seed), "--salt", self._salt,
                "--supplier-key", supplier_key, "--gateway-key", gateway_key, "--config", str(edge_file),
            ],
            self._run / "logs" / "edge.log",
            env={"SURGEKIT_CONTROL_TOKEN": token},
        )  # fmt: skip
        told = self._edge.ready()
        self._control = httpx.Client(
            base_url=told["control"], headers={"Authorization": f"Bearer {token}"}, timeout=5.0, trust_env=False
        )
        self._platform = Child(
            "surgekit.cardshop",
            [
                *cardshop_options(self._target.start.cardshop),
                "--seed-file", str(self._seed_file()), "--supplier-url", told["supplier_link"], "--supplier-key", supplier_key,
                "--gateway-url", told["gateway"], "--gateway-key", gateway_key,
            ],
            self._run / "logs" / "cardshop.log",
        )  # fmt: skip
        self.base_url = self._platform.ready()["url"]

    def _seed_file(self) -> Path:
        path = self._run / "logs" / "cardshop.json"
        accounts = self._target.accounts
        folder.write_json(
            path,
            {
                "seed": self._seed,
                "catalogue": [
                    {**product.model_dump(), "stock": self._stock.get(product.sku, product.stock)}
                    for product in self._target.catalogue
                ],
                "accounts": {
                    "prefix": accounts.prefix,
                    "count": self._profile.buyers.accounts,
                    "balance_fen": accounts.balance_fen,
                },
            },
        )
        return path

    def start_engines(self, shards: int, *, web: int | None) -> None:
        """Start an engine for each shard, ready to go. Raises ``RunError``."""
        for shard in range(shards):
            args = [str(self._run), "--shard", str(shard)]
            if web is not None and shard == 0:
                args += ["--web", str(web)]
            self._engines.append(Child("surgekit.engine", args, self._run / "logs" / f"engine-{shard}.log"))
        for engine in self._engines:
            engine.ready()

    def go(self, t0: float) -> None:
        """All engines start at ``t0`` on the host's clock."""
        for engine in self._engines:
            engine.tell(f"start {t0!r}")

    # Faults (the timeline's backend).

    def inject(self, name: str, settings: dict[str, Any]) -> None:
        self._ask("PUT", name, settings)

    def heal(self, name: str) -> None:
        self._ask("DELETE", name, None)

    def _ask(self, method: str, name: str, settings: dict[str, Any] | None) -> None:
        assert self._control is not None
        try:
            reply = self._control.request(method, f"/faults/{name}", json=settings)
        except httpx.HTTPError as error:
            raise OSError(f"the edge process does not answer: {error}") from None
        if reply.status_code != 200:
            raise OSError(reply.text.strip()[:300])

    # Watching.

    def watch(self, tempo: Tempo, timeline: Timeline, show: Show) -> Ended:
        """Until every engine has ended: collect progress, sample the processes, tell the terminal.

        Ctrl-C asks the engines to stop; a second one is not needed. Raises ``RunError`` when an engine says that it
        cannot go on (a full disk, say).
        """
        ended = Ended()
        samples = SpoolWriter(self._run / "spool" / "samples.jsonl")
        meters = {part: Meter(pids) for part, pids in self.pids().items()}
        running = dict(enumerate(self._engines))
        next_sample, stop_by = 0.0, float("inf")
        while running:
            try:
                if self._listen(running, ended, 0.1):
                    continue
                if tempo.now() >= next_sample:
                    next_sample = max(next_sample + 1.0, tempo.now() // 1 + 1)
                    self._sample(tempo.now(), meters, samples)
                    self._check_platform(tempo, ended)
                    show.progress(tempo.now(), self._total(), timeline.active())
                if tempo.now() > stop_by:
                    ended.how = "died"
                    break
            except KeyboardInterrupt:
                if not ended.aborted:
                    ended.aborted, stop_by = True, tempo.now() + STOP_S
                    ended.notes.append(f"stopped by hand at {tempo.now():.1f} s")
                    for engine in running.values():
                        engine.tell("stop")
            except OSError as error:
                raise RunError(f"{self._run}: cannot be written: {error.strerror}") from None
        samples.close()
        return ended

    def _listen(self, running: dict[int, Child], ended: Ended, wait_s: float) -> bool:
        """Take in what the engines said; whether there was anything."""
        heard = False
        for shard, engine in list(running.items()):
            try:
                told = engine.said.get_nowait()
            except queue.Empty:
                continue
            heard = True
            if told is None:
                del running[shard]
                ended.how = "died"
                ended.notes.append(f"the load engine was lost (shard {shard}): {engine.last_words()}")
            elif "done" in told:
                del running[shard]
                if not told["done"]:
                    raise RunError(f"the load engine gave up: {told['error']}")
            else:
                self._counts[shard] = told
        if not heard:
            time.sleep(wait_s)
        return heard

    def _total(self) -> dict[str, Any]:
        """The engines' figures together: counts add up, of the others the worst counts."""
        total: Counter[str] = Counter()
        worst: dict[str, float | None] = {}
        for told in self._counts.values():
            for name, value in told.items():
                if name in ("confirm_p99_ms", "slip_ms", "lag_ms", "t"):
                    worst[name] = max(value or 0.0, worst.get(name) or 0.0) if value is not None else worst.get(name)
                else:
                    total[name] += value
        return {**total, **worst}

    def _sample(self, t_s: float, meters: dict[str, Meter], samples: SpoolWriter) -> None:
        looks = {part: meter.look() for part, meter in meters.items()}
        total = self._total()
        samples.row(
            {
                "t_s": t_s, "in_flight": total.get("in_flight", 0), "slip_ms": total.get("slip_ms"),
                "lag_ms": total.get("lag_ms"), "cpu_engine": looks["engine"][0], "cpu_platform": looks["platform"][0],
                "cpu_edge": looks["edge"][0], "rss_engine": looks["engine"][1], "rss_platform": looks["platform"][1],
                "threads_platform": looks["platform"][2],
            }
        )  # fmt: skip
        samples.flush()

    def _check_platform(self, tempo: Tempo, ended: Ended) -> None:
        for name, child in (("platform", self._platform), ("edge process", self._edge)):
            if child is not None and child.gone() and not any(note.startswith(f"the {name} ") for note in ended.notes):
                ended.notes.append(f"the {name} was gone at {tempo.now():.1f} s: {child.last_words()}")

    # After the surge.

    def settle_and_read(
        self, platform: Platform, stock: SpoolWriter, tempo: Tempo, settle_s: float
    ) -> dict[str, str]:
        """Wait until nothing moves any more, then read stock and ledger.

        Returns witness → ``whole``, ``absent`` or ``moving`` (still changing when the patience for it was over),
        with the reason after a colon.
        """
        witnesses = {"edge": "absent: SurgeKit does not play this platform's supplier and gateway"}
        if self._edge is not None:
            witnesses["edge"] = "absent: the edge process was lost" if self._edge.gone() else "whole"
        rows: list[dict[str, Any]] = []
        if self._target.reads.ledger is None:
            witnesses["ledger"] = "absent: the target file describes no ledger read"
            time.sleep(settle_s)
        else:
            try:
                rows, moving = self._settled_ledger(platform, settle_s)
                witnesses["ledger"] = "moving: paid orders were still being worked on" if moving else "whole"
            except TargetError as error:
                witnesses["ledger"] = f"absent: {error}"
        try:
            found = platform.stock()
            for sku, figures in (found or {}).items():
                stock.row({"moment": "end", "sku": sku, "t_s": tempo.now(), **figures})
            witnesses["stock"] = "absent: the target file describes no stock read" if found is None else "whole"
        except TargetError as error:
            witnesses["stock"] = f"absent: {error}"
        if self._edge is not None:
            self._edge.end()  # it writes the last of its log as it ends
        try:
            stock.close()
            ledger = SpoolWriter(self._run / "spool" / "ledger.jsonl")
            for row in rows:
                ledger.row(row)
            ledger.close()
        except OSError as error:
            raise RunError(f"{self._run}: cannot be written: {error.strerror}") from None
        return witnesses

    def _settled_ledger(self, platform: Platform, settle_s: float) -> tuple[list[dict[str, Any]], bool]:
        """The ledger once it stands still, and whether it still moved when the time was up. Raises ``TargetError``."""
        began = clock.now()
        fewest, fell_at = None, began
        while True:
            rows = list(platform.ledger(self._salt))
            open_ = self._unsettled(rows)
            now = clock.now()
            if fewest is None or open_ < fewest:
                fewest, fell_at = open_, now
            if now - began >= settle_s and (open_ == 0 or now - fell_at >= max(STUCK_S, settle_s)):
                return rows, False
            if now - began >= SETTLE_MOST_S:
                return rows, open_ > 0
            time.sleep(1.0)

    def _unsettled(self, rows: Iterable[dict[str, Any]]) -> int:
        """Orders that are paid and neither delivered nor refunded, and payments of which the platform does not know yet."""
        paid = set(self._target.statuses.paid)
        waiting = {row["order_no"] for row in rows if row["status"] in paid}
        try:
            lines = (self._run / "spool" / "edge.jsonl").read_bytes().splitlines()
        except OSError:
            lines = []
        told, acked = set(), set()
        for line in lines:
            if b'"gateway"' not in line:
                continue
            try:
                row = orjson.loads(line)
            except json.JSONDecodeError:
                continue  # the last line may be under way
            if row["event"] == "payment":
                told.add(row["order_no"])
            elif row["event"] == "callback" and row["acked"]:
                acked.add(row["order_no"])
        return len(waiting | (told - acked))


def cardshop_options(start: CardshopStart) -> list[str]:
    """The reference platform's command line for a target's ``start``."""
    words = [
        "--port", str(start.port), "--strategy", start.strategy, "--workers", str(start.workers),
        "--pool", str(start.pool), "--pool-timeout", str(start.pool_timeout), "--reserve-s", str(start.reserve),
        "--backlog", str(start.backlog), "--supplier-timeout", str(start.supplier_timeout),
    ]  # fmt: skip
    if start.db is not None:  # else a temporary file of the platform's own: card codes stay out of the run folder
        words += ["--db", start.db]
    if start.fulfil is not None:
        words += ["--fulfil", start.fulfil]
    if start.dedupe is not None:
        words.append("--dedupe" if start.dedupe else "--no-dedupe")
    return words
