"""A third-party shop, surged by SurgeKit as a user does it, and its orders counted in its own database by somebody else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import duckdb

from . import oscar, vendure
from .shop import ROOT, Missing, Shop

HERE = Path(__file__).parent
PLENTY = 100_000
FROZEN_S = 4.0
"""Longer than the target files wait for a reply."""
CROWD_S, GATHER_S = 2.5, 2.0
"""When the crowd of ``freeze.yaml`` is there, and for how long it gathers: shorter than the target files wait."""
Meanwhile = Callable[[Shop, Path, threading.Event], None]


@dataclass(frozen=True, slots=True)
class Platform:
    """``counting``: order key and number of each order in the platform's own database that is more than a basket.

    ``peaks``: profile → orders/s at its peak, as much as this shop is given on a small machine.
    """

    name: str
    title: str
    module: ModuleType
    counting: str
    peaks: dict[str, float]


PLATFORMS = {
    "oscar": Platform(
        "oscar", "django-oscar 4.2.1", oscar, "SELECT guest_email AS email, number FROM order_order",
        {"even": 2.0, "flash": 8.0, "freeze": 8.0, "climb": 10.0},
    ),
    "vendure": Platform(
        "vendure", "Vendure 3.7.3", vendure,
        'SELECT c.emailAddress AS email, o.code AS number FROM "order" AS o JOIN customer AS c ON c.id = o.customerId'
        " WHERE o.orderPlacedAt IS NOT NULL OR o.state = 'ArrangingPayment'",
        {"even": 4.0, "flash": 6.0, "freeze": 6.0, "climb": 24.0},
    ),
}  # fmt: skip


def missing() -> list[str]:
    """The platforms that are not set up here."""
    return [name for name, platform in PLATFORMS.items() if not platform.module.is_set_up()]


@dataclass(frozen=True, slots=True)
class Blasted:
    """What a run told, and what the platform's own database has.

    ``theirs``: order key → numbers of its orders, counted in the database. ``ours``: order key → the order's number where SurgeKit knows
    it, of the orders that were accepted or, unknown at first, were found to exist when the platform was read. ``unknown``: orders whose end
    no buyer saw; ``resolved``: those of them that were not accepted before any buyer's eyes and exist. ``units``: sold, by its database.
    """

    platform: Platform
    profile: str
    result: dict[str, Any]
    theirs: dict[str, list[str]]
    ours: dict[str, str | None]
    accepted: int
    unknown: int
    resolved: int
    units: dict[str, int]
    said: str

    @property
    def equal(self) -> bool:
        """Whether every order is known on both sides: as many, of the same keys, one each, by the same numbers."""
        return (
            sum(map(len, self.theirs.values())) == self.accepted + self.resolved == len(self.ours)
            and {key: [number] for key, number in self.ours.items()} == self.theirs
        )

    def verdict(self, invariant: str) -> dict[str, Any]:
        return next(each for each in self.result["audit"] if each["invariant"] == invariant)


def blast(
    name: str, profile: str, folder: Path, *, stock: dict[str, int] | None = None, words: tuple[str, ...] = (), meanwhile: Meanwhile | None = None
) -> Blasted:
    """Start the shop, write its address and database into a copy of its target file, ``surgekit blast``, count.

    ``meanwhile`` runs beside the blast. Raises ``Missing`` where the platform is not set up.
    """
    platform = PLATFORMS[name]
    folder.mkdir(parents=True, exist_ok=True)
    with platform.module.running(folder / "shop", stock={"card-flash": PLENTY, **(stock or {})}) as shop:
        (folder / "target.yaml").write_text(_target(platform, shop), encoding="utf-8")
        run = folder / "run"
        asked = ["blast", "--profile", HERE / f"{profile}.yaml", "--peak", platform.peaks[profile], "--target", "target.yaml", "--out", run, *words]
        with _beside(shop, run, meanwhile):
            done = subprocess.run(
                [sys.executable, "-m", "surgekit", *map(str, asked)], cwd=folder, capture_output=True, text=True, timeout=240, check=False,
                env={**os.environ, "VENDURE_ADMIN_PASSWORD": "keeps-the-shop", "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        # 3: something else had the cores, so the rates prove nothing; the orders are counted all the same.
        if done.returncode not in (0, 3) or "Traceback" in done.stderr:
            raise AssertionError(f"the blast ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return _counted(platform, profile, shop, run, done.stdout)


def _target(platform: Platform, shop: Shop) -> str:
    text = (HERE / f"{platform.name}.yaml").read_text(encoding="utf-8")
    for pattern, value in ((r"(?m)^base_url: .*$", f"base_url: {shop.base_url}"), (r"sqlite:////\S+", f"sqlite:///{shop.database}")):
        text, changed = re.subn(pattern, lambda _, value=value: value, text)  # type: ignore[misc]
        assert changed == 1, pattern
    return text


@contextmanager
def _beside(shop: Shop, run: Path, meanwhile: Meanwhile | None) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=meanwhile, args=(shop, run, over)) if meanwhile is not None else None
    if thread is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread is not None:
            thread.join()


def frozen_in_the_crowd(shop: Shop, run: Path, over: threading.Event) -> None:
    """Stop the shop's process for a moment, so that the crowd gathers before it and then walks in step; and once more, for longer than
    buyers wait, as soon as the first of them have placed their orders: others are just about to."""
    begun = _surge_at(run, over)
    if begun is None or over.wait(max(0.0, begun + CROWD_S - monotonic())):
        return
    _stopped(shop, GATHER_S)
    before = len(shop.orders())
    while len(shop.orders()) < before + 3:
        if over.wait(0.005):
            return
    _stopped(shop, FROZEN_S)


def _stopped(shop: Shop, seconds: float) -> None:
    os.kill(shop.pid, signal.SIGSTOP)
    try:
        sleep(seconds)
    finally:
        os.kill(shop.pid, signal.SIGCONT)


def _surge_at(run: Path, over: threading.Event) -> float | None:
    """When the surge in ``run`` begins, by the monotonic clock."""
    while not over.is_set():
        with suppress(OSError, ValueError):
            begins = json.loads((run / "run.json").read_text()).get("t0")
            if begins:
                return float(begins)
        sleep(0.02)
    return None


def _counted(platform: Platform, profile: str, shop: Shop, run: Path, said: str) -> Blasted:
    theirs: dict[str, list[str]] = {}
    for row in shop.rows(platform.counting):
        theirs.setdefault(str(row["email"]).partition("@")[0], []).append(str(row["number"]))
    with duckdb.connect() as db:
        rows = db.execute(
            "SELECT order_key, order_no, accepted_s IS NOT NULL, seen = 'unknown', coalesce(reason LIKE '%read: %' AND reason NOT LIKE '%read: not there', FALSE)"
            f" FROM read_parquet('{run / 'orders.parquet'}')"
        ).fetchall()
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    return Blasted(
        platform, profile, result, theirs,
        ours={key: number for key, number, accepted, unknown, found in rows if accepted or (unknown and found)},
        accepted=result["orders"]["accepted"],
        unknown=sum(unknown for _, _, _, unknown, _ in rows),
        resolved=sum(unknown and found and not accepted for _, _, accepted, unknown, found in rows),
        units={sku: each["sold"] for sku, each in shop.stock().items()}, said=said,
    )  # fmt: skip


__all__ = ["PLATFORMS", "Blasted", "Missing", "Platform", "blast", "frozen_in_the_crowd", "missing"]
