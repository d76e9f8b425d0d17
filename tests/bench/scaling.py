"""What do two workers on two cores hold, against one on one?

For each the highest rate is found that it holds and calls valid itself, and a little less than that is measured in interleaved rounds. A round counts where
the rate that was asked for got through, without errors, and the run is valid; a ratio of anything else would be one of wishes, and is not told. Two
ratios stand beside one another. That of the rates is what the workers hold; on a machine of two cores the server has its part of the second one, so that it
cannot reach two there. That of the requests by processor second, of the whole tree (controller, master, workers), is what a request costs: whatever the
workers share (the master, the history's disk, the schedule) shows in it, and the server does not.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import Driven, drive
from tests.bench.ladder import FURTHER, held, higher
from tests.bench.machine import Cores, allowed, cores, on
from tests.bench.peers import Load, surgekit
from tests.bench.shops import CheapShop, cheap_shop

ROUNDS, SECONDS, QUICK_S = 5, 6.0, 4.0
NEAR = 0.93
"""Of the highest rate, so that a stall of the machine does not decide."""
WANTED = 1.8
COUNTS = (1, 2)


class Workers:
    """``surgekit blast --workers N``, with a core for each worker."""

    OPEN = True

    def __init__(self, count: int) -> None:
        self.NAME = "surgekit"
        self.NOTE = f"{count} workers"
        self.CORES = count
        self.figures = surgekit.figures

    def words(self, folder: Path, load: Load) -> list[str]:
        return [*surgekit.words(folder, load), "--workers", str(self.CORES)]


def run(quick: bool) -> dict[str, Any]:
    free, (_, server) = allowed(), cores()
    places: dict[int, Cores] = {count: frozenset(free[-count:]) if free else -1 for count in COUNTS}
    with cheap_shop(server) as shop, on(server):
        step = Load(shop.port, "order", 2.0 if quick else 3.0)
        loads = {count: _load(count, step, QUICK_S if quick else SECONDS, shop, places[count], 1 if quick else FURTHER) for count in COUNTS}
        rounds: dict[int, list[Driven]] = {count: [] for count in COUNTS}
        for _ in range(1 if quick else ROUNDS):
            for count, driven in rounds.items():
                driven.append(_driven(count, loads[count], shop, places[count]))
    rows = [_row(count, loads[count], driven) for count, driven in rounds.items()]
    why = [*_too_few(free), *(f"{row['workers']} worker(s): {why}" for row in rows if (why := _why_not(row)) is not None)]
    return {
        "ratio": None if why else round(rows[1]["rate"] / rows[0]["rate"], 3),
        "ratio_per_cpu_s": None if why else round(rows[1]["per_cpu_s"] / rows[0]["per_cpu_s"], 3),
        "why": why,
        "wanted": WANTED,
        "rounds": 1 if quick else ROUNDS,
        "rows": rows,
        "cores": _said(places, server),
    }


def _load(count: int, step: Load, seconds: float, shop: CheapShop, core: Cores, further: int) -> Load:
    best = higher(Workers(count), step, shop, core, further)[-1][0]
    return dataclasses.replace(best, seconds=seconds, rate=float(round(NEAR * best.rate)))


def _driven(count: int, load: Load, shop: CheapShop, core: Cores) -> Driven:
    with tempfile.TemporaryDirectory(prefix="surgekit-scaling-") as folder:
        return drive(Workers(count), load, shop, Path(folder), core)


def _too_few(free: list[int]) -> list[str]:
    return [f"there is one core for all of them: {free[0]}"] if len(free) == 1 else []


def _said(places: dict[int, Cores], server: int) -> str:
    if server < 0:
        return "nothing is pinned: this system does not let it"
    said = [f"{count} worker(s) on {', '.join(map(str, sorted(place)))}" for count, place in places.items() if isinstance(place, frozenset)]
    shared = [str(count) for count, place in places.items() if isinstance(place, frozenset) and server in place]
    return f"cores: {'; '.join(said)}; server and bench on {server}" + (f", which the {' and the '.join(shared)} worker(s) share with them" if shared else "")


def _row(count: int, load: Load, driven: list[Driven]) -> dict[str, Any]:
    """``held``: rounds that count. Figures are the medians of those, or of all where there is none."""
    good = [each for each in driven if held(each, load) and not each.figures.void]
    return {
        "workers": count,
        "asked": load.rate * load.each,
        "rate": round(statistics.median(each.rate for each in good or driven)),
        "per_cpu_s": round(statistics.median(each.per_cpu_s for each in good or driven)),
        "busy": round(statistics.median(each.busy for each in good or driven), 2),
        "held": len(good),
        "rounds": len(driven),
        "errors": sum(each.figures.errors for each in driven),
        "unsent": sum(each.figures.unsent for each in driven),
        "verdicts": sorted({each.figures.verdict for each in driven if each.figures.verdict is not None}),
    }


def _why_not(row: dict[str, Any]) -> str | None:
    """Why there is no figure to be told: the rate has to be held in most of the rounds."""
    if row["held"] * 2 > row["rounds"]:
        return None
    said = "; ".join(verdict for verdict in row["verdicts"] if verdict.startswith("void"))
    return (
        f"{row['asked']:,.0f} requests/s were held in {row['held']} of {row['rounds']} round(s) only ({row['rate']:,} got through, {row['errors']} errors, "
        f"{row['unsent']} unsent)" + (f"; it says: {said}" if said else "")
    )


def table(result: dict[str, Any]) -> str:
    rows = [
        [
            row["workers"], f"{row['asked']:,.0f}", f"{row['rate']:,}", f"{row['held']} of {row['rounds']}", f"{row['busy']:.0%}", f"{row['per_cpu_s']:,}",
            row["errors"], row["unsent"], "; ".join(row["verdicts"]),
        ]
        for row in result["rows"]
    ]  # fmt: skip
    heads = ["workers", "asked rq/s", "rq/s", "rounds held", "of one core", "requests per CPU-s", "errors", "unsent", "says of itself"]
    if result["ratio"] is None:
        told = [f"no ratio: {why}" for why in result["why"]]
    else:
        told = [
            f"two workers hold {result['ratio']:g} × the requests/s of one (wanted: {result['wanted']:g})",
            f"a processor second buys them {result['ratio_per_cpu_s']:g} × as many requests as one",
        ]
    return "\n".join([tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True), "", *told, f"medians of {result['rounds']} round(s); {result['cores']}"])
