"""The bare loop of ``native/load.c``: about what the machine allows. Poisson arrivals, given as a file of times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.native import built
from tests.bench.peers import Figures, Load

NAME = "bare_c"
OPEN = True
NOTE = "a bare epoll loop in C that knows this server only; Poisson arrivals"
ROW = np.dtype([("due", "<i8"), ("before", "<i8"), ("after", "<i8"), ("done", "<i8")])


def found() -> str | None:
    return None if built("load") is not None else "no C compiler, or not Linux"


def words(folder: Path, load: Load) -> list[str]:
    draw = np.random.default_rng(load.seed)
    orders = round(load.rate * load.seconds)
    # Given their number, Poisson arrivals are so many independent moments.
    np.sort(draw.uniform(0, load.seconds * 1e9, orders)).astype("<i8").tofile(folder / "schedule")
    return [str(built("load")), str(load.port), "schedule", "sent", str(int(load.flow == "order"))]


def figures(folder: Path, load: Load) -> Figures:
    told = json.loads((folder / "out").read_text())
    rows = sent(folder)
    took_ms = (rows["done"] - rows["due"])[rows["done"] > 0] / 1e6
    p50, p99, p999 = np.quantile(took_ms, (0.5, 0.99, 0.999)) if len(took_ms) else (np.nan,) * 3
    unsent = int(np.count_nonzero(rows["after"] == 0))
    return Figures(told["requests"], told["errors"], float(p50), float(p99), float(p999), unsent)


def due_s(folder: Path, load: Load) -> np.ndarray[Any, Any]:
    """Of the orders that were sent."""
    rows = sent(folder)
    return np.asarray(rows["due"][rows["after"] > 0] / 1e9)


def scheduled(folder: Path, load: Load) -> int:
    return len(sent(folder))


def own_slip_s(folder: Path) -> np.ndarray[Any, Any]:
    """To just before it was handed to the kernel, which is where surgekit takes its own stamp."""
    rows = sent(folder)
    return np.asarray((rows["before"] - rows["due"])[rows["after"] > 0] / 1e9)


def sent(folder: Path) -> np.ndarray[Any, Any]:
    return np.fromfile(folder / "sent", dtype=ROW)
