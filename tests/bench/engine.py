"""How much load does a processor second of the generator buy?

The same flow for all: submit an order (JSON, 201), look it up at once (200), parse both replies, check what became of it,
record how long it took. The generator has one core, a cheap server the other. Requests are the server's own count; processor
time is that of the generator's whole process tree. Tools whose arrivals wait for nobody are given a little less than the rate, of those that they hold, at
which a processor second buys most (``ladder``); the others go as fast as they get replies, with so many users as serve them best. Rounds are interleaved, so
that a machine that changes its mind does so for all; the figure is the median. A round that a tool calls void itself does not count, and is done again.
"""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import Driven, drive
from tests.bench.ladder import FURTHER, crowded, higher, keenest
from tests.bench.machine import cores, on, shared_by
from tests.bench.peers import NAMES, Load, missing, peer
from tests.bench.shops import CheapShop, cheap_shop

ROUNDS = 5
AGAIN = 3
"""No more void rounds of a tool than so many are done again."""
NEAR = 0.95
"""Of that rate is what an open tool is given: at the very edge a stall of the machine makes a round void."""
SECONDS = 6.0
QUICK_PEERS = ("surgekit", "k6", "fasthttp")
QUICK_S = 3.0
AGAINST = ("k6", "fasthttp", "wrk2")


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
        void: dict[str, list[str]] = {name: [] for name in names}
        wanted = 1 if quick else ROUNDS
        for number in range(wanted + AGAIN):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                if name not in absent and len(rounds[name]) < wanted:
                    with _others_may_fail(name, absent):
                        driven = _driven(name, loads[name], shop, generator)
                        if driven.figures.void:
                            void[name].append(str(driven.figures.verdict))
                        else:
                            rounds[name].append(driven)
        kind = shop.kind
    absent |= {name: f"all of its {len(said)} rounds were void: {said[-1]}" for name, said in void.items() if said and not rounds[name] and name not in absent}
    rounds = {name: driven for name, driven in rounds.items() if driven}
    told = {name: round(statistics.median(each.per_cpu_s for each in driven), 1) for name, driven in rounds.items()}
    told_all = {name: round(statistics.median(each.per_cpu_s_all for each in driven), 1) for name, driven in rounds.items()}
    return {
        **{name: told.get(name) for name in ("surgekit", "k6", "fasthttp", "wrk2")},
        **{f"ratio_{name}": _ratio(told, name) for name in AGAINST},
        **{f"ratio_{name}_all": _ratio(told_all, name) for name in AGAINST},
        "rows": [_row(name, loads[name], driven, void[name]) for name, driven in rounds.items()],
        "rounds": wanted,
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
    step = Load(shop.port, "order", 2.0 if quick else 3.0)
    if not peer(name).OPEN:
        return dataclasses.replace(crowded(peer(name), step, shop, core), seconds=seconds)
    best = keenest(higher(peer(name), step, shop, core, 1 if quick else FURTHER))
    return dataclasses.replace(best, seconds=seconds, rate=float(round(NEAR * best.rate)))


def _driven(name: str, load: Load, shop: CheapShop, core: int) -> Driven:
    with tempfile.TemporaryDirectory(prefix="surgekit-engine-") as folder:
        return drive(peer(name), load, shop, Path(folder), core)


def _ratio(told: dict[str, float], name: str) -> float | None:
    return round(told["surgekit"] / told[name], 2) if told.get(name) and told.get("surgekit") else None


def _row(name: str, load: Load, driven: list[Driven], void: list[str]) -> dict[str, Any]:
    """``void``: what the tool said of its rounds that do not count. ``counted`` and ``said``: requests of all rounds by the server and by the tool itself, which closed ones leave unfinished at the end."""
    return {
        "tool": name,
        "asked_rate": round(load.rate * load.each) if peer(name).OPEN else None,
        "clients": None if peer(name).OPEN else load.clients,
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
        "void_rounds": void,
        "stolen_s": round(sum(each.stolen_s for each in driven), 2),
        "note": peer(name).NOTE,
    }


def table(result: dict[str, Any]) -> str:
    """Best first, and below it who shared which core."""
    rows = [
        [
            row["tool"], f"{row['per_cpu_s']:,.0f}", f"{row['per_cpu_s_all']:,.0f}", f"{row['rate']:,.0f}",
            f"{row['clients']} users" if row["asked_rate"] is None else f"{row['asked_rate']:,}", f"{row['busy']:.0%}", row["errors"], row["unsent"], row["note"],
        ]
        for row in sorted(result["rows"], key=lambda row: -row["per_cpu_s"])
    ]  # fmt: skip
    heads = ["tool", "requests per CPU-s", "start to end", "requests/s", "asked", "of its core", "errors", "unsent", "note"]
    lines = [tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True), ""]
    lines += [f"{row['tool']} says of its runs: {'; '.join(row['verdicts'])}" for row in result["rows"] if row["verdicts"]]
    lines += [f"{row['tool']}: {len(row['void_rounds'])} round(s) do not count: {'; '.join(sorted(set(row['void_rounds'])))}" for row in result["rows"] if row["void_rounds"]]
    lines += [f"{name}: {why}" for name, why in result["missing"].items()]
    for words, end in (("surgekit", ""), ("start to end", "_all")):
        ratios = [f"{result[f'ratio_{name}{end}']:g} × {name}" for name in AGAINST if result[f"ratio_{name}{end}"] is not None]
        lines.append(f"{words}: {', '.join(ratios) or 'nobody to be held against'}")
    lines.append(
        "requests per CPU-s: while the load is under way. What a tool does before and afterwards (surgekit's sealing of its history, its audit and its report) is "
        "outside of that window, and in the column 'start to end'"
    )
    lines.append(f"medians of {result['rounds']} interleaved round(s); {result['cores']}; the server is in {result['server']}")
    return "\n".join(lines)
