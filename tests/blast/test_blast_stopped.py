"""After a stop: the kill file lets nothing more leave, not even to read the truth; Ctrl-C has the platform read once."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from blast_tools import no_traceback, running, surge_under_way, tiny

from surgekit import clock

OK = "[{class: ok, path: code, equals: 1}]"
TARGET = """
schema: surgekit.target/1
name: never
base_url: http://127.0.0.1:{port}
catalogue: [{{sku: game, price_fen: 100, stock: 30}}]
steps:
  submit: {{request: POST /orders, json: {{key: "{{order.key}}"}}, replies: {ok}, extract: {{order_no: no}}}}
  poll: {{request: "GET /orders/{{order_no}}", replies: {ok}, extract: {{status: state}}}}
statuses: {{paid: [paid], delivered: [delivered]}}
reads:
  stock: {{request: GET /stock, items: "", unsold: left}}
  ledger: {{request: POST /ledger, form: {{page: all}}, replies: {ok}, rows: rows, columns: {{order_no: no, order_key: key, status: state}}}}
safety: {{kill_file: stop}}
"""


class Never:
    """A shop that takes every order and delivers none. ``heard``: (when, method and path) of each request."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str]] = []
        self.rows: list[dict[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                shop.heard.append((clock.now(), f"{self.command} {self.path}"))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sent = json.dumps(shop.answer(self.path, body)).encode()
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(sent) + sent)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def answer(self, path: str, body: bytes) -> Any:
        if path == "/stock":
            return {"game": {"left": 30}}
        if path == "/ledger":
            return {"code": 1, "rows": self.rows}
        if path == "/orders":
            self.rows.append({"no": f"N{len(self.rows)}", "key": json.loads(body)["key"], "state": "paid"})
            return {"code": 1, "no": self.rows[-1]["no"]}
        return {"code": 1, "state": "paid"}


@contextmanager
def surge(folder: Path) -> Iterator[tuple[Never, Any]]:
    shop = Never()
    threading.Thread(target=shop.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        (folder / "shop.yaml").write_text(TARGET.format(port=shop.server.server_port, ok=OK))
        with running("blast", "--profile", tiny(folder), "--target", folder / "shop.yaml", "--out", folder / "run", cwd=folder) as blast:
            surge_under_way(folder / "run", 2.5)
            yield shop, blast
    finally:
        shop.server.shutdown()
        shop.server.server_close()


def test_after_the_kill_file_nothing_leaves_not_even_a_read(tmp_path: Path) -> None:
    with surge(tmp_path) as (shop, blast):
        (tmp_path / "stop").touch()
        at = clock.now()
        out, _ = blast.communicate(timeout=60)
    no_traceback(out)
    assert blast.returncode == 105, out
    assert [what for when, what in shop.heard if when > at + 1.0] == []
    witnesses = json.loads((tmp_path / "run" / "run.json").read_text())["witnesses"]
    assert witnesses["ledger"] == witnesses["stock"] == "absent: the run was stopped by the kill file"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
def test_after_ctrl_c_ledger_and_stock_are_read_once_and_nobody_waits(tmp_path: Path, stop: signal.Signals) -> None:
    """The shop would move for ever: orders are paid and never delivered."""
    with surge(tmp_path) as (shop, blast):
        blast.send_signal(stop)
        at = clock.now()
        out, _ = blast.communicate(timeout=60)
    no_traceback(out)
    assert blast.returncode == 105, out
    assert [what for when, what in shop.heard if when > at and "/orders" not in what] == ["POST /ledger", "GET /stock"]
    witnesses = json.loads((tmp_path / "run" / "run.json").read_text())["witnesses"]
    assert (witnesses["ledger"], witnesses["stock"]) == ("moving: orders were still being worked on as the run was stopped", "whole")
