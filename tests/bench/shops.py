"""Servers to load, each in a process of its own that ends with the ``with``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tests.bench.machine import on
from tests.bench.native import built

ROOT = Path(__file__).resolve().parents[2]
RECORD = np.dtype([("ns", "<i8"), ("connection", "<u4"), ("key", "S28")])


@dataclass(frozen=True, slots=True)
class Counts:
    """What arrived. ``first_ns``, ``last_ns``: CLOCK_MONOTONIC, 0 where nothing has. ``refused``: neither an order nor a look at one."""

    orders: int
    looks: int
    refused: int
    first_ns: int
    last_ns: int
    connections: int

    @property
    def requests(self) -> int:
        return self.orders + self.looks


class CheapShop:
    """Accepts any order at ``POST /orders`` (201), and has delivered it when it is looked at (``GET /orders/ORDER_NO``, 200)."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, kind: str) -> None:
        self._process, self._folder, self.kind = process, folder, kind
        self.port: int = json.loads(_pipe(process.stdout).readline())["port"]

    def counts(self) -> Counts:
        """Read from memory that the server shares, so that asking costs it nothing."""
        told = np.fromfile(self._folder / "counters", dtype="<i8", count=6)
        return Counts(*(int(number) for number in told))

    def reset(self) -> None:
        self._say("reset")

    def records(self) -> np.ndarray[Any, Any]:
        """Each order's arrival in the order of arrival: ``ns`` of CLOCK_MONOTONIC, ``connection``, ``key``."""
        self._say(f"dump {self._folder / 'records'}")
        return np.fromfile(self._folder / "records", dtype=RECORD)

    def _say(self, words: str) -> None:
        pipe = _pipe(self._process.stdin)
        pipe.write(words + "\n")
        pipe.flush()
        if _pipe(self._process.stdout).readline().strip() != "done":
            raise RuntimeError(f"the server did not do: {words}")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def cheap_shop(core: int = -1, records: int = 0, *, native: bool = True) -> Iterator[CheapShop]:
    """``records``: for so many orders it keeps when they arrived. ``native``: in C, where that can be compiled."""
    program = built("server") if native else None
    words = [str(program)] if program else [sys.executable, "-m", "tests.bench.order_server"]
    with tempfile.TemporaryDirectory(prefix="surgekit-shop-") as name:
        with on(core):
            process = subprocess.Popen(
                [*words, f"{name}/counters", str(records)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        try:
            yield CheapShop(process, Path(name), "C" if program else "Python")
        finally:
            _over(process)


@contextmanager
def served(module: str, *words: str, core: int = -1) -> Iterator[int]:
    """A server that is a module of this folder, prints ``{"port": …}`` and ends with its standard input; its port."""
    with on(core):
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}", *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        yield json.loads(_pipe(process.stdout).readline())["port"]
    finally:
        _over(process)


def _over(process: subprocess.Popen[str]) -> None:
    _pipe(process.stdin).close()
    _pipe(process.stdout).close()
    process.kill()
    process.wait()
