"""How much load does a processor second of the generator buy?

The same flow for all: submit an order (JSON, 201), look it up at once (200), parse both replies, check what became of it,
record how long it took. The generator has one core, a cheap server the other. Requests are the server's own count; processor
time is that of the generator's whole process tree. Tools whose arrivals wait for nobody are given the rate, of those that they hold, at which
a processor second buys most (``ladder``); the others go as fast as they get replies. Rounds are interleaved, so that a machine that changes
its mind does so for all; the figure is the median.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import Driven, drive
from tests.bench.ladder import FURTHER, higher, keenest
from tests.bench.machine import cores, on, shared_by
from tests.bench.peers import NAMES, Load, missing, peer
from tests.bench.shops import CheapShop, cheap_shop

ROUNDS = 5
SECONDS = 6.0
QUICK_PEERS = ("surgekit", "k6", "fasthttp")
QUICK_S = 3.0
CLIENTS = 32


def run(quick: bool) -> dict[str, Any]:
    generator, server = cores()
    absent = missing()
    names = [name for name in (QUICK_PEERS if quick else NAMES) if name not in absent]
    with cheap_shop(server) as shop, on(server):
        loads: dict[str, Load] = {}
        rounds: dict[str, list[Driven]] = {name: [] for name in names}
        for name in names:
            with _others_may_fail(name, absent):
                loads[name] = _load(name, shop, QUICK_S if quick else SECONDS, generator, quick)
        for number in range(1 if quick else ROUNDS):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                if name not in absent:
                    with _others_may_fail(name, absent):
                        rounds[name].append(_driven(name, loads[name], shop, generator))
        kind = shop.kind
    rounds = {name: driven for name, driven in rounds.items() if driven}
    told = {name: round(statistics.median(each.per_cpu_s for each in driven), 1) for name, driven in rounds.items()}
    return {
        **{name: told.get(name) for name in ("surgekit", "k6", "fasthttp", "wrk2")},
        "ratio_k6": _ratio(told, "k6"),
        "ratio_fasthttp": _ratio(told, "fasthttp"),
        "ratio_wrk2": _ratio(told, "wrk2"),
        "rows": [_row(name, loads[name], driven) for name, driven in rounds.items()],
        "rounds": 1 if quick else ROUNDS,
        "server": kind,
        "cores": shared_by(generator, server),
        "missing": absent,
    }


@contextmanager
def _others_may_fail(name: str, absent: dict[str, str]) -> Iterator[None]:
    """A peer that came to no end is told of, and is not run again; what went before counts."""
    try:
        yield
    except (RuntimeError, subprocess.SubprocessError) as error:
        if name == "surgekit":
            raise
        absent[name] = f"failed: {error}"


def _load(name: str, shop: CheapShop, seconds: float, core: int, quick: bool) -> Load:
    load = Load(shop.port, "order", seconds, clients=CLIENTS)
    if not peer(name).OPEN:
        return load
    step = Load(shop.port, "order", 2.0 if quick else 3.0, clients=CLIENTS)
    return Load(shop.port, "order", seconds, rate=keenest(higher(peer(name), step, shop, core, 1 if quick else FURTHER)).rate, clients=CLIENTS)


def _driven(name: str, load: Load, shop: CheapShop, core: int) -> Driven:
    with tempfile.TemporaryDirectory(prefix="surgekit-engine-") as folder:
        return drive(peer(name), load, shop, Path(folder), core)


def _ratio(told: dict[str, float], name: str) -> float | None:
    return round(told["surgekit"] / told[name], 2) if told.get(name) else None


def _row(name: str, load: Load, driven: list[Driven]) -> dict[str, Any]:
    """``counted`` and ``said``: requests of all rounds by the server and by the tool itself, which closed ones leave unfinished at the end."""
    return {
        "tool": name,
        "asked_rate": round(load.rate * load.each) if peer(name).OPEN else None,
        "rate": round(statistics.median(each.rate for each in driven), 1),
        "busy": round(statistics.median(each.busy for each in driven), 3),
        "per_cpu_s": round(statistics.median(each.per_cpu_s for each in driven), 1),
        "per_cpu_s_rounds": [round(each.per_cpu_s, 1) for each in driven],
        "per_cpu_s_all": round(statistics.median(each.per_cpu_s_all for each in driven), 1),
        "errors": sum(each.figures.errors for each in driven),
        "unsent": sum(each.figures.unsent for each in driven),
        "counted": sum(each.counts.requests for each in driven),
        "said": sum(each.figures.requests for each in driven),
        "verdicts": sorted({each.figures.verdict for each in driven if each.figures.verdict is not None}),
        "stolen_s": round(sum(each.stolen_s for each in driven), 2),
        "note": peer(name).NOTE,
    }


def table(result: dict[str, Any]) -> str:
    """Best first, and below it who shared which core."""
    rows = [
        [
            row["tool"], f"{row['per_cpu_s']:,.0f}", f"{row['per_cpu_s_all']:,.0f}", f"{row['rate']:,.0f}",
            "-" if row["asked_rate"] is None else f"{row['asked_rate']:,}", f"{row['busy']:.0%}", row["errors"], row["unsent"], row["note"],
        ]
        for row in sorted(result["rows"], key=lambda row: -row["per_cpu_s"])
    ]  # fmt: skip
    heads = ["tool", "requests per CPU-s", "start to end", "requests/s", "asked", "of its core", "errors", "unsent", "note"]
    lines = [tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True), ""]
    lines += [f"{row['tool']} says of its runs: {'; '.join(row['verdicts'])}" for row in result["rows"] if row["verdicts"]]
    lines += [f"{name}: {why}" for name, why in result["missing"].items()]
    ratios = [f"{result[f'ratio_{name}']:g} × {name}" for name in ("k6", "fasthttp", "wrk2") if result[f"ratio_{name}"] is not None]
    lines.append(f"surgekit: {', '.join(ratios)}" if ratios else "surgekit: nobody to be held against is installed")
    lines.append(f"medians of {result['rounds']} interleaved round(s); {result['cores']}; the server is in {result['server']}")
    return "\n".join(lines)
