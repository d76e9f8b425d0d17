"""The command as a whole, at a small shop: what it prints, and what it finds."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CARD = "QB10-00001-AA345C725233"
FILE = """
schema: surgekit.target/1
name: small
base_url: http://127.0.0.1:{port}
catalogue: [{{sku: "1", name: Q币, price_fen: 990}}]
steps:
  submit:
    request: POST /buy
    form: {{id: "{{order.sku}}", contact: "{{order.key}}"}}
    replies: [{{class: ok, path: code, equals: 1}}]
    extract: {{order_no: no, amount_fen: {{json: money, as: yuan}}}}
  pay:
    balance:
      - request: POST /pay
        form: {{no: "{{order_no}}"}}
        replies: [{{class: ok, path: code, equals: {paid}}}]
  poll:
    request: GET /o?no={{order_no}}
    deadline: 2s
    every: 300ms
    replies: [{{class: ok, css: "#state"}}]
    extract: {{status: {{css: "#state"}}, cards: {{css: .km, as: lines, optional: true}}}}
statuses: {{delivered: [done], unpaid: [new]}}
reads:
  order:
    request: GET /find?key={{order.key}}
    replies: [{{class: ok, path: code, equals: 1}}]
    rows: list
    columns: {{order_no: no, status: state}}
"""


@contextmanager
def shop(state: str) -> Iterator[int]:
    """A shop whose orders all are ``state``, and whose submission has the card in it already; its port."""
    page = f"<html><head><style>{'.a{b:c}' * 200}</style></head><body><b id='state'>{state}</b>{f'<i class=km>{CARD}</i>' if state == 'done' else ''}</body></html>"
    said = {
        "/buy": json.dumps({"code": 1, "no": "N1", "money": "9.70", "goods": [CARD]}), "/pay": '{"code": 1, "msg": "ok"}', "/o": page,
        "/find": json.dumps({"code": 1, "list": [{"no": "N1", "state": state}]}),
    }  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = said.get(self.path.partition("?")[0], "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def checked(tmp_path: Path, state: str, paid: int) -> tuple[int, str]:
    with shop(state) as port:
        file = tmp_path / "small.yaml"
        file.write_text(FILE.format(port=port, paid=paid), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "surgekit", "targets", "check", str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert "Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stdout


def test_a_card_is_printed_nowhere_and_the_page_without_its_style(tmp_path: Path) -> None:
    status, text = checked(tmp_path, "done", 1)
    assert status == 0, text
    assert CARD not in text
    assert '"goods": ["<cards>"]' in text
    assert '<b id="state"> done <i class="km"> <cards>' in text
    assert ".a{" not in text
    assert "quoted 970 fen, the catalogue says 990" in text
    assert "finds this order, which is 'done'" in text


def test_the_step_that_no_rule_fits_is_named_and_its_polls_are_counted(tmp_path: Path) -> None:
    status, text = checked(tmp_path, "new", 77)
    assert status == 1
    words = " ".join(text.split())
    assert "pay: no rule fits this reply (HTTP 200)" in words
    assert "its last status was 'new', which is unpaid" in words
    assert "more like this)" in text
    assert text.count("poll: GET") <= 3
    assert "cards = nothing found" in text
