"""The rate at which a peer whose arrivals wait for nobody uses most of its core, and still sends all of them; and for a peer that waits, how many users."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.drive import Driven, drive
from tests.bench.machine import Cores
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


def climbed(peer: Any, load: Load, shop: CheapShop, core: Cores = -1) -> tuple[Load, float]:
    """(``load`` at the highest rate found, what a whole core would hold: that rate over the share that it used), in orders/s. A peer with ``CORES`` has so
    many, and the share is of all of them.

    Each step goes to where the last one says that the aim is; one that was not held goes a tenth below what got through.
    """
    rate, best, whole = FIRST.get(peer.NAME, 1000.0), 0.0, 0.0
    for _ in range(STEPS):
        tried = dataclasses.replace(load, rate=float(round(rate)))
        driven = _driven(peer, tried, shop, core)
        busy = max(driven.busy / getattr(peer, "CORES", 1), 0.01)
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


MORE = (1.12, 1.04)
"""Steps beyond that: the second where the first was too much."""
FURTHER = 10
Found = tuple[Load, Driven]


def higher(peer: Any, load: Load, shop: CheapShop, core: Cores = -1, further: int = FURTHER) -> list[Found]:
    """``load`` at each rate from ``climbed`` on that is held and at which the tool itself calls its run valid, up to the highest; at most ``further`` steps.
    A machine that stalls for a moment spoils a step, so each has a second chance. At least one rate, whatever became of it."""
    tried = climbed(peer, load, shop, core)[0]
    found = [(tried, _driven(peer, tried, shop, core))]
    steps = list(MORE)
    for _ in range(further):
        tried = dataclasses.replace(load, rate=float(round(min(found[-1][0].rate * steps[0], MOST))))
        for _ in range(2):
            driven = _driven(peer, tried, shop, core)
            fine = held(driven, tried) and not driven.figures.void
            if fine:
                found.append((tried, driven))
                break
        if not fine:
            del steps[0]
            if not steps:
                break
    return found


def keenest(found: list[Found]) -> Load:
    """The one at which a processor second buys most. Who is nearly busy all the time finds more replies at each look."""
    return max(found, key=lambda each: each[1].per_cpu_s)[0]


CROWDS = (8, 32, 128)
"""Users or connections of a peer that sends the next order when the last one was answered."""


def crowded(peer: Any, load: Load, shop: CheapShop, core: Cores = -1) -> Load:
    """``load`` with so many users, of ``CROWDS``, that a processor second buys most: it is their rate. One with errors only where all have some."""
    tried = [dataclasses.replace(load, clients=clients) for clients in CROWDS]
    found = [(each, _driven(peer, each, shop, core)) for each in tried]
    return keenest([each for each in found if not each[1].figures.errors] or found)


def _driven(peer: Any, load: Load, shop: CheapShop, core: Cores) -> Driven:
    with tempfile.TemporaryDirectory(prefix="surgekit-ladder-") as folder:
        return drive(peer, load, shop, Path(folder), core)
