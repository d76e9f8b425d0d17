"""An engine whose orders are the tasks of a locustfile, and a small platform that remembers what reached it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engine_story import Engine

HEAD = "from locust import *\nfrom locust.exception import *\nfrom surgekit.adapter import order\nimport gevent, socket\n"


class Clerk(BaseHTTPRequestHandler):
    """``/slow`` takes a second and a half, ``/broken`` is a 500, ``/away`` leads to another host; everything else is a plain yes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.seen.append((time.monotonic(), self.path, dict(self.headers)))  # type: ignore[attr-defined]
        if self.path.startswith("/slow"):
            time.sleep(1.5)
        status = {"/broken": 500, "/away": 302}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        if status == 302:
            self.send_header("Location", "http://192.0.2.7/")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815


class Shop(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Clerk)
        self.seen: list[tuple[float, str, dict[str, str]]] = []

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no news."""

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in list(self.seen)]


class LocustEngine(Engine):
    """``source`` is the locustfile, with a class ``Buyer`` in it."""

    def __init__(self, folder: Path, port: int, source: str, **profile: Any) -> None:
        folder.mkdir(parents=True)
        file = folder / "locustfile.py"
        file.write_text(HEAD + source)
        super().__init__(folder / "run", port, **profile)
        del self.target["steps"]
        self.target["locust"] = {"file": str(file), "user": "Buyer"}
        (self.run / "run.json").write_text(json.dumps(self.plan))

    def orders(self) -> list[dict[str, Any]]:
        return sorted(self.rows("orders"), key=lambda row: row["seq"])

    def log(self) -> str:
        return (self.run / "engine.log").read_text()


@contextmanager
def locust_engine(folder: Path, source: str, **profile: Any) -> Iterator[tuple[LocustEngine, Shop]]:
    """An engine that is not started yet, and its platform; both are gone afterwards."""
    shop = Shop()
    thread = threading.Thread(target=shop.serve_forever)
    thread.start()
    made = LocustEngine(folder / "place", shop.server_address[1], source, **profile)
    try:
        yield made, shop
    finally:
        if hasattr(made, "child"):
            made.child.process.kill()
            made.child.end()
            assert made.child.process.stdout is not None
            made.child.process.stdout.close()
        shop.shutdown()
        shop.server_close()
        thread.join()


def played(folder: Path, source: str, **profile: Any) -> tuple[LocustEngine, Shop, dict[str, Any]]:
    """The whole surge of ``source``, and its last word."""
    with locust_engine(folder, source, **profile) as (story, shop):
        story.start()
        return story, shop, story.done()
