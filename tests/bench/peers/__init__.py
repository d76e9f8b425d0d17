"""Load generators, one a module, each driven as its own users drive it.

A peer is a module with

``NAME``                 what it is called in tables
``OPEN``                 whether arrivals wait for nobody: it is given a rate. Otherwise it sends as fast as it gets replies
``NOTE``                 what a reader of its figures has to know
``found()``              None where it can be run, or else what is missing
``words(folder, load)``  its command line; its files are written to ``folder``, where it is then run
``figures(folder, load)``  what it says of itself afterwards; its standard output is in ``folder / "out"``

and, where orders are to leave at known times, ``due_s(folder, load)``: those times, ascending, from any zero. ``period_s(load)``
in its place where each connection has a grid of its own. ``scheduled(folder, load)`` where ``due_s`` has the times of sent orders only: how many
there were to be. ``own_slip_s(folder)``: how late each order left by its own stamps, of just before it was handed to the kernel.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Flow = Literal["order", "submit"]
"""``order``: submit, then look the order up at once. ``submit``: the first of these requests only."""


@dataclass(frozen=True, slots=True)
class Load:
    """``rate`` in orders/s, for peers that are open. ``clients``: how many users or connections, for those that are not.
    ``longest_s``: what an order may take, for tools that need a buyer for each one that is under way."""

    port: int
    flow: Flow
    seconds: float
    rate: float = 100.0
    clients: int = 32
    seed: int = 7
    longest_s: float = 0.02

    @property
    def each(self) -> int:
        """Requests an order."""
        return 2 if self.flow == "order" else 1


@dataclass(frozen=True, slots=True)
class Figures:
    """What a tool says of itself. Latencies in ms, of the order's submission where it tells requests apart. ``unsent``: orders that it
    knows that it did not send. ``verdict``: whether it would itself use the run, where it says so."""

    requests: int
    errors: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    unsent: int = 0
    verdict: str | None = None

    @property
    def void(self) -> bool:
        """Whether the tool itself would not use the run."""
        return (self.verdict or "").startswith("void")


class Peer(Protocol):
    NAME: str
    OPEN: bool
    NOTE: str

    def found(self) -> str | None: ...
    def words(self, folder: Path, load: Load) -> list[str]: ...
    def figures(self, folder: Path, load: Load) -> Figures: ...


NAMES = ("surgekit", "k6", "fasthttp", "wrk", "wrk2", "vegeta", "bare_c")


def peer(name: str) -> Any:
    """The module: a ``Peer``, perhaps with ``due_s``."""
    return importlib.import_module(f"tests.bench.peers.{name}")


def missing() -> dict[str, str]:
    """Name → why it cannot be run here."""
    return {name: why for name in NAMES if (why := peer(name).found()) is not None}
