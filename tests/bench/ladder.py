"""The rate at which a peer whose arrivals wait for nobody uses most of its core, and still sends all of them."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.drive import Driven, drive
from tests.bench.peers import Load
from tests.bench.shops import CheapShop

BUSY = (0.80, 0.92)
"""Of the generator's core. At more, an open loop falls behind as soon as anything else wants the core for a moment."""
AIM = 0.86
HELD = 0.98
"""A rate is held where so much of it got through in the window (Poisson arrivals of two seconds differ by less)."""
FIRST = {"surgekit": 1000.0, "k6": 1500.0, "vegeta": 3000.0, "wrk2": 15000.0, "bare_c": 15000.0}
"""Where to begin, in orders/s."""
UNSENT = 0.01
"""Share of the orders that a tool may leave out, as k6 does where it has no buyer free for a moment. Tables show how many."""
STEPS = 6
MOST = 200_000.0


def held(driven: Driven, load: Load) -> bool:
    few = driven.figures.unsent <= UNSENT * load.rate * load.seconds
    return driven.rate >= HELD * load.rate * load.each and not driven.figures.errors and few


def climbed(peer: Any, load: Load, shop: CheapShop, core: int = -1) -> tuple[Load, float]:
    """(``load`` at the highest rate found, what a whole core would hold: that rate over the share that it used), in orders/s.

    Each step goes to where the last one says that the aim is; one that was not held goes a tenth below what got through.
    """
    rate, best, whole = FIRST.get(peer.NAME, 1000.0), 0.0, 0.0
    for _ in range(STEPS):
        tried = dataclasses.replace(load, rate=float(round(rate)))
        with tempfile.TemporaryDirectory(prefix="surgekit-ladder-") as folder:
            driven = drive(peer, tried, shop, Path(folder), core)
        busy = max(driven.busy, 0.01)
        if held(driven, tried):
            if tried.rate > best:
                best, whole = tried.rate, tried.rate / min(busy, 1.0)
            if BUSY[0] <= busy:
                break
            rate = min(tried.rate * min(AIM / busy, 6.0), MOST)
        else:
            rate = min(driven.rate / load.each, tried.rate) * 0.9
            if rate <= best * 1.02:
                break
    if not best:  # nothing was held: what got through at last is all that there is
        best = whole = max(rate, 1.0)
    return dataclasses.replace(load, rate=float(round(best))), whole


MORE = 1.12
FURTHER = 5


def keenest(peer: Any, load: Load, shop: CheapShop, core: int = -1, further: int = FURTHER) -> Load:
    """``load`` at the rate at which a processor second buys most: on from ``climbed``, as long as the rate is held and the tool itself calls its run
    valid. Who is nearly busy all the time finds more replies at each look."""
    best, _ = climbed(peer, load, shop, core)
    keen, tried = 0.0, best
    for _ in range(further + 1):
        with tempfile.TemporaryDirectory(prefix="surgekit-ladder-") as folder:
            driven = drive(peer, tried, shop, Path(folder), core)
        if not held(driven, tried) or (driven.figures.verdict or "").startswith("void"):
            break
        if driven.per_cpu_s > keen:
            best, keen = tried, driven.per_cpu_s
        tried = dataclasses.replace(tried, rate=float(round(min(tried.rate * MORE, MOST))))
    return best
