"""What the small shops here have in common: HTTP as PHP shops speak it, one SQLite file, and an ear for epay notices.

They are imitations of behaviour, written from the shops' public contracts, to be loaded with the target files that ship. ``careful`` has the
one weakness taken out that the original is known for.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from surgekit import clock

EPAY_KEY = "k3y-of-the-shop"
SHANGHAI = timezone(timedelta(hours=8))


class Store:
    """One SQLite file. Statements take turns; what stands between two of them does not, and that is where races live."""

    def __init__(self, path: Path, tables: str) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(tables)

    def run(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._db.execute(sql, args).fetchall()

    def changed(self, sql: str, *args: Any) -> int:
        """How many rows an UPDATE touched."""
        with self._turn:
            return self._db.execute(sql, args).rowcount


class Shop(BaseHTTPRequestHandler):
    """A request handler with the store at its class. Subclasses have ``get`` and ``post``."""

    protocol_version = "HTTP/1.1"
    store: ClassVar[Store]
    careful: ClassVar[bool]
    TABLES: ClassVar[str] = ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
        pass

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        self.get(place.path, dict(parse_qsl(place.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        self.post(self.path, dict(parse_qsl(body, keep_blank_values=True)))

    def get(self, path: str, query: dict[str, str]) -> None:
        raise NotImplementedError

    def post(self, path: str, form: dict[str, str]) -> None:
        raise NotImplementedError

    def say(self, body: str, status: int = 200, kind: str = "text/html; charset=UTF-8", **headers: str) -> None:
        raw = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    @property
    def home(self) -> str:
        return f"http://{self.headers['Host']}"


def now() -> str:
    """The time as PHP writes it into MySQL."""
    return clock.utc().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def signed(told: dict[str, str]) -> bool:
    """Whether an epay notice is the gateway's."""
    text = "&".join(f"{name}={told[name]}" for name in sorted(told) if name not in ("sign", "sign_type") and told[name])
    return hashlib.md5((text + EPAY_KEY).encode(), usedforsecurity=False).hexdigest() == told.get("sign")


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def serving(shop: type[Shop], folder: Path, *, careful: bool = False) -> Iterator[tuple[str, Store]]:
    """The shop on a port of its own: (its address, its store)."""
    store = Store(folder / "shop.db", shop.TABLES)
    handler = type("Handler", (shop,), {"store": store, "careful": careful})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
