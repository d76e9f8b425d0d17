"""What the tests need of any shop that was not written here: start it, read its database, end it."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

START_S = 60.0
"""A shop that does not answer by then never will."""
END_S = 5.0
"""A shop that has not ended by then is killed."""
ROOT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """The platform is not set up on this machine; the message says with which command it can be."""


def cache() -> Path:
    """Where the platforms are installed: ``$SURGEKIT_THIRDPARTY``, or ``.thirdparty`` in the root of the repository."""
    return Path(os.environ.get("SURGEKIT_THIRDPARTY") or ROOT / ".thirdparty").resolve()


@dataclass(frozen=True, slots=True)
class Shop:
    """A running shop. ``database`` is its own SQLite file, only ever read here."""

    base_url: str
    database: Path
    log: Path
    process: subprocess.Popen[bytes]
    orders_sql: str
    stock_sql: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Read the platform's database, in a connection that cannot write."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30.0)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    def orders(self) -> list[dict[str, Any]]:
        """Placed orders, oldest first: ``number``, ``total`` (minor units), ``email``, ``status``, ``units``."""
        return self.rows(self.orders_sql)

    def stock(self) -> dict[str, dict[str, int]]:
        """SKU → the platform's own ``on_hand``, ``allocated`` and ``left``, its ``product`` id, and units ``sold`` by its orders.

        More ``sold`` than there was is an oversell even where ``left`` says 0.
        """
        return {row.pop("sku"): row for row in self.rows(self.stock_sql)}

    def ended(self) -> bool:
        """Whether the shop's process has ended."""
        return self.process.poll() is not None

    def end(self) -> None:
        """End the shop: it ends by itself when its standard input closes; if it does not, it is killed."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(END_S)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    words: Sequence[str | Path], env: Mapping[str, str], cwd: Path, made: Callable[[subprocess.Popen[bytes]], Shop], path: str
) -> Iterator[Shop]:
    """Run ``words`` until the block is left. The shop has started when ``path`` is answered with 200."""
    log = cwd / "shop.log"
    with log.open("ab") as out:
        # The shop watches its standard input and ends with it, so that it cannot outlive whoever started it.
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for whoever started it
        )
    shop = made(process)
    try:
        _wait(shop, path)
        yield shop
    finally:
        shop.end()


def _wait(shop: Shop, path: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = monotonic() + START_S
    while monotonic() < deadline:
        if shop.ended():
            break
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError), opener.open(shop.base_url + path, timeout=10.0):
            return
        sleep(0.1)
    words = shop.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"the shop did not start: {words}")
