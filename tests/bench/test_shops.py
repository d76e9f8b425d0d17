"""The cheap shop counts exactly, in C and in Python."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.native import built
from tests.bench.shops import CheapShop, cheap_shop


@pytest.fixture(params=["C", "Python"])
def shop(request: pytest.FixtureRequest) -> Iterator[CheapShop]:
    if request.param == "C" and built("server") is None:
        pytest.skip("no C compiler")
    with cheap_shop(records=3, native=request.param == "C") as shop:
        assert shop.kind == request.param
        yield shop


def asked(conn: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
    conn.request(method, path, body)
    reply = conn.getresponse()
    return reply.status, json.loads(reply.read())


def test_an_order_is_accepted_and_then_delivered(shop: CheapShop) -> None:
    conn = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
    for number in ("1", "2"):
        assert asked(conn, "POST", "/orders", b'{"order":"a"}') == (201, {"ok": 1, "order_no": number, "status": "created"})
    assert asked(conn, "GET", "/orders/2") == (200, {"ok": 1, "order_no": "2", "status": "delivered"})
    assert asked(conn, "GET", "/orders/3")[0] == 404
    assert asked(conn, "GET", "/")[0] == 404
    counts = shop.counts()
    assert (counts.orders, counts.looks, counts.refused, counts.requests, counts.connections) == (2, 1, 2, 3, 1)
    conn.close()


def test_arrivals_are_stamped_on_the_monotonic_clock_with_key_and_connection(shop: CheapShop) -> None:
    one, two = (http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5) for _ in range(2))
    before = time.monotonic_ns()
    for conn, body in ((one, b'{"order":"c5-0000001"}'), (two, b'{"order": 17, "qty": 1}'), (one, b"{}"), (one, b'{"order":"one too many"}')):
        asked(conn, "POST", "/orders", body)
    records = shop.records()
    assert [bytes(key) for key in records["key"]] == [b"c5-0000001", b"17", b""]
    assert records["connection"].tolist() == [0, 1, 0]
    assert before < records["ns"][0] < records["ns"][1] < records["ns"][2] < time.monotonic_ns()
    assert before < shop.counts().first_ns < time.monotonic_ns()
    one.close()
    two.close()


def test_a_reset_forgets_what_was_before(shop: CheapShop) -> None:
    conn = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
    asked(conn, "POST", "/orders", b'{"order":"before"}')
    shop.reset()
    assert shop.counts().requests == shop.counts().first_ns == 0
    asked(conn, "POST", "/orders", b'{"order":"after"}')
    assert [bytes(key) for key in shop.records()["key"]] == [b"after"]
    conn.close()


def test_requests_that_come_in_pieces_or_together_are_the_same(shop: CheapShop) -> None:
    conn = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
    conn.connect()
    order = b'POST /orders HTTP/1.1\r\ncontent-length: 13\r\n\r\n{"order":"a"}'
    for piece in (order[:9], order[9:40], order[40:50], order[50:] + order + order[:20], order[20:]):
        conn.sock.sendall(piece)
        time.sleep(0.01)
    data = b""
    while data.count(b"created") < 3:
        data += conn.sock.recv(65536)
    assert data.count(b"HTTP/1.1 201 Created") == shop.counts().orders == 3
    conn.close()
