"""What do two workers on two cores hold, against one on one?

On a machine of two cores a server takes its part of them, so that what two workers reach there is the server's affair too. What tells how they
scale is what a request costs: the processor time of the whole tree (controller, master, workers), with one worker and with two, each worker at the
same part of its core. Two cores full of it hold twice the work of one as long as a request costs no more; whatever the workers share (the master, the
history's disk, the schedule) would show in it.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import Driven, drive
from tests.bench.ladder import climbed
from tests.bench.machine import cores, on
from tests.bench.peers import Load, surgekit
from tests.bench.shops import CheapShop, cheap_shop

ROUNDS, SECONDS, QUICK_S = 5, 6.0, 4.0
SHARE = 0.6
"""Of a core for each worker; the server needs some of the other, too."""
WANTED = 1.8


class Workers:
    """``surgekit blast --workers N``."""

    OPEN = True

    def __init__(self, count: int) -> None:
        self.NAME = "surgekit"
        self.NOTE = f"{count} workers"
        self._count = count
        self.figures = surgekit.figures

    def words(self, folder: Path, load: Load) -> list[str]:
        return [*surgekit.words(folder, load), "--workers", str(self._count)]


def run(quick: bool) -> dict[str, Any]:
    generator, server = cores()
    seconds = QUICK_S if quick else SECONDS
    with cheap_shop(server) as shop, on(server):
        load = Load(shop.port, "order", seconds)
        _, whole = climbed(surgekit, dataclasses.replace(load, seconds=2.0), shop, generator)
        loads = {1: dataclasses.replace(load, rate=round(SHARE * whole)), 2: dataclasses.replace(load, rate=round(2 * SHARE * whole))}
        rounds: dict[int, list[Driven]] = {1: [], 2: []}
        for _ in range(1 if quick else ROUNDS):
            for count, driven in rounds.items():
                driven.append(_driven(count, loads[count], shop, generator))
    rows = [_row(count, loads[count], driven) for count, driven in rounds.items()]
    ratio = 2 * rows[1]["per_cpu_s"] / rows[0]["per_cpu_s"]
    return {"ratio": round(ratio, 3), "wanted": WANTED, "rounds": 1 if quick else ROUNDS, "rows": rows}


def _driven(count: int, load: Load, shop: CheapShop, core: int) -> Driven:
    with tempfile.TemporaryDirectory(prefix="surgekit-scaling-") as folder:
        if count == 1:
            return drive(Workers(1), load, shop, Path(folder), core)
        with on(-1):
            return drive(Anywhere(count), load, shop, Path(folder))


class Anywhere(Workers):
    """Not on the one core that the bench itself has: on all of them."""

    def words(self, folder: Path, load: Load) -> list[str]:
        every = ",".join(str(core) for core in range(2))
        return ["taskset", "-c", every, *super().words(folder, load)]


def _row(count: int, load: Load, driven: list[Driven]) -> dict[str, Any]:
    return {
        "workers": count,
        "asked": load.rate * load.each,
        "rate": round(statistics.median(each.rate for each in driven)),
        "per_cpu_s": round(statistics.median(each.per_cpu_s for each in driven)),
        "busy": round(statistics.median(each.busy for each in driven), 2),
        "errors": sum(each.figures.errors for each in driven),
        "unsent": sum(each.figures.unsent for each in driven),
        "verdicts": sorted({each.figures.verdict for each in driven if each.figures.verdict is not None}),
    }


def table(result: dict[str, Any]) -> str:
    rows = [
        [row["workers"], f"{row['asked']:,.0f}", f"{row['rate']:,}", f"{row['busy']:.0%}", f"{row['per_cpu_s']:,}", row["errors"], row["unsent"], "; ".join(row["verdicts"])]
        for row in result["rows"]
    ]
    heads = ["workers", "asked rq/s", "rq/s", "of one core", "requests per CPU-s", "errors", "unsent", "says of itself"]
    return "\n".join(
        [
            tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True),
            "",
            f"two cores of two workers hold {result['ratio']:g} × one core of one worker (wanted: {result['wanted']:g});"
            f" medians of {result['rounds']} round(s), the server and the bench share the second core",
        ]
    )
