"""How late do orders leave?

An order is one request here (a submission), so that all tools send the same. Arrivals are Poisson's for surgekit and the bare
loop; k6, vegeta and wrk2 have an even grid only, which is the easier one. Three loads: 1,800 orders/s; 80 % of the most that one core of
surgekit's holds, for all that can hold so much; and 80 % of what each of the others holds itself, since what a stall of the machine leads to
depends on how busy the generator is anyway. Measured for all tools alike by the kernel's stamps of when the bytes were handed to it
(``lateness``; where the server is in Python, by when that read them), and relative to the least late order of the round, since nobody knows a tool's
zero; for surgekit and the bare loop their own stamps stand beside it, which have a zero and are taken just before the bytes are handed over. Rounds are
interleaved, a figure is the median of them, and a round in which the host took processor time away is thrown away and done again. A round in which a tool
did not send its schedule, or that it calls void itself, has no figures.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.bench.drive import drive
from tests.bench.ladder import FURTHER, higher
from tests.bench.lateness import COMPLETE, QUANTILES, figures, late_by_connection_s, late_s
from tests.bench.machine import cores, on, shared_by, stolen_s
from tests.bench.peers import Load, missing, peer
from tests.bench.shops import CheapShop, cheap_shop

RATE = 1800.0
SHARE = 0.8
ROUNDS = 5
REDONE = 5
"""No more rounds than so many are done again; then the ones with the least time stolen are taken, and the result says so."""
SECONDS = 10.0
QUICK_S = 3.0
LONGEST_S = 0.05
"""k6 has the least slip with few buyers: what it cannot send in time with them it drops, and that counts for it (``lateness``)."""
STOLEN = 0.002
"""Share of a round's time, over all cores, that may be stolen in it. The kernel counts it in hundredths of a second."""
NAMES = ("surgekit", "bare_c", "k6", "vegeta", "wrk2")
Round = dict[str, dict[str, Any]]
FAILED = {"server": dict.fromkeys(QUANTILES), "own": dict.fromkeys(QUANTILES), "arrived": 0, "errors": 0, "unsent": 0, "busy": None}
"""Of a tool that came to no end, as they do when a load is too much for them."""


def run(quick: bool) -> dict[str, Any]:
    generator, server = cores()
    absent = {name: why for name, why in missing().items() if name in NAMES}
    names = [name for name in NAMES if name not in absent]
    seconds = QUICK_S if quick else SECONDS
    with on(server):
        with cheap_shop(server) as shop:
            step = Load(shop.port, "submit", 2.0 if quick else 3.0, longest_s=LONGEST_S)
            most = {name: higher(peer(name), step, shop, generator, 1 if quick else FURTHER)[-1][0].rate for name in (names[:2] if quick else names)}
        loads = _loads(names, most)
        with cheap_shop(server, records=math.ceil(max(max(rates.values()) for _, rates in loads) * seconds * 1.2) + 1000) as shop:
            kept = [_rounds(rates, seconds, shop, generator, 1 if quick else ROUNDS) for _, rates in loads]
            kind = shop.kind
    told = [(name, rate, rounds) for (_, rates), (rounds, _) in zip(loads, kept, strict=True) for name, rate in rates.items()]
    return {
        "rows": [_row(name, rate, "server", rounds) for name, rate, rounds in told],
        "own_stamps": [_row(name, rate, "own", rounds) for name, rate, rounds in told if hasattr(peer(name), "own_slip_s")],
        "loads": [{"is": said, "rates": rates, **stolen} for (said, rates), (_, stolen) in zip(loads, kept, strict=True)],
        "most": {name: round(rate, 1) for name, rate in most.items()},
        "counts": [
            {"load": rate, "tool": name, **{what: [each[name][what] for each in rounds] for what in ("due", "arrived", "errors", "unsent", "busy", "verdict")}}
            for name, rate, rounds in told
        ],
        "notes": {name: peer(name).NOTE for name in names},
        "missing": absent,
        "server": kind,
        "cores": shared_by(generator, server),
    }  # fmt: skip


def _loads(names: list[str], most: dict[str, float]) -> list[tuple[str, dict[str, float]]]:
    """(what it is, tool → orders/s)."""
    shared = float(round(SHARE * most["surgekit"]))
    return [
        ("as asked", dict.fromkeys(names, RATE)),
        (f"{SHARE:.0%} of the most that a core of surgekit's holds", {name: shared for name in names if most.get(name, 0.0) >= shared}),
        (f"{SHARE:.0%} of the most that it holds itself", {name: float(round(SHARE * rate)) for name, rate in most.items() if name != "surgekit"}),
    ]


def _rounds(rates: dict[str, float], seconds: float, shop: CheapShop, core: int, wanted: int) -> tuple[list[Round], dict[str, Any]]:
    """(The rounds that count, what became of the others)."""
    done: list[tuple[float, Round]] = []
    for number in range(wanted + REDONE):
        names = [*rates]
        before, turn = stolen_s(), number % len(names)
        told = {
            name: _one(name, Load(shop.port, "submit", seconds, rates[name], seed=7 + number, longest_s=LONGEST_S), shop, core)
            for name in names[turn:] + names[:turn]
        }
        done.append((stolen_s() - before, told))
        if sum(stolen <= _bound(told) for stolen, told in done) == wanted:
            break
    kept = sorted(done, key=lambda each: each[0] > _bound(each[1]))[:wanted]
    if any(stolen > _bound(told) for stolen, told in kept):
        kept = sorted(done, key=lambda each: each[0])[:wanted]
    over = sum(stolen > _bound(told) for stolen, told in kept)
    return [told for _, told in kept], {
        "rounds": len(kept), "thrown_away": len(done) - len(kept), "kept_though_stolen": over, "stolen_s": [round(stolen, 2) for stolen, _ in done],
    }  # fmt: skip


def _bound(told: Round) -> float:
    return max(0.02, STOLEN * sum(each["took_s"] for each in told.values()))


def _one(name: str, load: Load, shop: CheapShop, core: int) -> dict[str, Any]:
    module = peer(name)
    with tempfile.TemporaryDirectory(prefix="surgekit-slip-") as at:
        folder = Path(at)
        try:
            driven = drive(module, load, shop, folder, core)
        except (RuntimeError, subprocess.SubprocessError) as error:
            if name == "surgekit":
                raise
            return {**FAILED, "due": round(load.rate * load.seconds), "took_s": load.seconds, "verdict": f"failed: {error}"}
        records = shop.records()
        if hasattr(module, "period_s"):
            late = late_by_connection_s(records["ns"], records["connection"], module.period_s(load))
            scheduled = round(load.rate * load.seconds)
        else:
            due = module.due_s(folder, load)
            late, scheduled = late_s(records["ns"], due), module.scheduled(folder, load) if hasattr(module, "scheduled") else len(due)
        own = module.own_slip_s(folder) if hasattr(module, "own_slip_s") else None
        if driven.figures.void or driven.counts.orders < COMPLETE * scheduled:
            late = own = None
    return {
        "server": figures(late), "own": figures(own), "due": scheduled, "arrived": driven.counts.orders, "errors": driven.figures.errors,
        "unsent": driven.figures.unsent, "busy": round(driven.busy, 3), "took_s": driven.took_s, "verdict": driven.figures.verdict,
    }  # fmt: skip


def _row(name: str, load: float, by: str, rounds: list[Round]) -> dict[str, Any]:
    row: dict[str, Any] = {"tool": name, "load": load}
    for quantile in QUANTILES:
        said = [each[name][by][quantile] for each in rounds]
        # A tool that did not send the load in most of the rounds has not sent it.
        held = [value for value in said if value is not None]
        row[quantile] = round(statistics.median(held), 4) if len(held) * 2 > len(said) else None
    return row


def table(result: dict[str, Any]) -> str:
    """By load; below it each tool's own stamps, and what was thrown away."""
    heads = ["orders/s", "tool", "by", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "arrived"]
    reached = {(each["load"], each["tool"]): sum(each["arrived"]) / max(1, sum(each["due"])) for each in result["counts"]}
    verdicts = {(each["load"], each["tool"]): [str(verdict) for verdict in each["verdict"] if verdict is not None] for each in result["counts"]}
    instead = {at: "void" if any(verdict.startswith("void") for verdict in said) else "not sent" for at, said in verdicts.items()}
    lines = [
        [
            f"{row['load']:,.0f}", row["tool"], by, *(instead[row["load"], row["tool"]] if row[name] is None else f"{row[name]:.3f}" for name in QUANTILES),
            f"{reached[row['load'], row['tool']]:.1%}",
        ]
        for rows, by in ((result["rows"], "server"), (result["own_stamps"], "itself"))
        for row in rows
    ]  # fmt: skip
    text = [tabulate(lines, headers=heads, tablefmt="simple", disable_numparse=True, colalign=("right", "left", "left", "right", "right", "right", "right", "right")), ""]
    text.append("by server: beyond the least late order of the round, whose own lateness nobody knows; by itself: from its schedule to its own stamp before sending")
    for each in result["loads"]:
        gone = f"{each['thrown_away']} thrown away for stolen time" + (f", {each['kept_though_stolen']} kept all the same" if each["kept_though_stolen"] else "")
        rates = [f"{rate:,.0f}" for rate in dict.fromkeys(each["rates"].values())]
        text.append(f"{', '.join(rates)} orders/s ({each['is']}): medians of {each['rounds']} round(s), {gone}")
    text += [f"{name} says of its runs at {load:,.0f} orders/s: {'; '.join(sorted(set(said)))}" for (load, name), said in verdicts.items() if said]
    text += [f"{name} holds about {rate:,.0f} orders/s" for name, rate in result["most"].items()]
    text += [f"{name}: {why}" for name, why in {**result["notes"], **result["missing"]}.items()]
    text.append(f"{result['cores']}; the server is in {result['server']}")
    return "\n".join(text)
