"""What a reply is, and what is none, whatever way its bytes come."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from reply_story import BROKEN, CHUNKED, OK, TWO, WHOLE, body_of, heard

from surgekit.engine.http.response import MOST_HEAD, MOST_REPLY, Head, Heads, Response


@pytest.mark.parametrize(("data", "body"), WHOLE.values(), ids=WHOLE)
def test_a_reply_is_read(data: bytes, body: bytes) -> None:
    assert body_of(data) == body


@pytest.mark.parametrize(("data", "word"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_reply_is_named(data: bytes, word: str) -> None:
    assert heard([data] if data else []) == (word, not data)


@pytest.mark.parametrize("data", [data for data, _ in (WHOLE | BROKEN).values()], ids=[*WHOLE, *BROKEN])
def test_byte_by_byte_it_is_the_same(data: bytes) -> None:
    one_block = heard([data])
    assert heard([data[at : at + 1] for at in range(len(data))]) == one_block


def test_what_cannot_be_a_reply_is_known_without_waiting_for_more() -> None:
    for data in (b"S", b"HTTP/2", CHUNKED + b"{", CHUNKED + b"2\r\nokk!", b"HTTP/1.1 200 OK\n", CHUNKED + b"2\n", CHUNKED + b"0\r\nX: y\n"):
        assert heard([data], closes=False) == ("garbage", False)


def test_of_headers_with_one_name_the_last_counts_and_of_cookies_each() -> None:
    head = Head(OK + b"X: 1\r\nSet-Cookie: a=1; Path=/\r\nx: \t2\r\n 3 \r\nset-cookie:b=2\r\nY:\r\nZ: \xe5")
    assert dict(head.headers) == {"x": "2 3", "set-cookie": "b=2", "y": "", "z": "å"}
    assert head.cookies == ["a=1; Path=/", "b=2"]


def test_a_reply_to_head_has_no_body_whatever_it_says() -> None:
    for rest in (b"Content-Length: 99999999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: br\r\n", b""):
        reply = Response(Heads(), method="HEAD")
        assert reply.feed(OK + rest + b"\r\n")
        assert (reply.body, reply.reusable) == (b"", True)


@pytest.mark.parametrize(
    ("data", "again"),
    [
        (TWO + b"\r\nok", True),
        (CHUNKED + b"0\r\n\r\n", True),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", True),
        (TWO + b"Connection: foo, bar\r\n\r\nok", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (TWO + b"Connection: keep-alive, Close\r\n\r\nok", False),
        (TWO + b"Connection: keep-alive\r\nconnection: close\r\n\r\nok", False),
        (TWO + b"\r\nok\r\n", False),
        (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok", False),
        (WHOLE["chunks beside a length"][0], False),
        (WHOLE["chunks in HTTP/1.0"][0].replace(b"OK\r\n", b"OK\r\nConnection: keep-alive\r\n"), False),
    ],
)
def test_a_connection_is_used_again_only_where_it_is_certain_where_the_reply_ended(data: bytes, again: bool) -> None:
    for blocks in ([data], [data[:-2], data[-2:]]):
        reply = Response(Heads())
        for block in blocks:
            reply.feed(block)
        assert (reply.done, reply.reusable) == (True, again)


def test_what_comes_after_a_reply_or_its_end_ends_the_connection_too() -> None:
    for then in ("more", "end"):
        reply = Response(Heads())
        assert reply.feed(TWO + b"\r\nok")
        assert reply.reusable
        if then == "more":
            assert reply.feed(b"x")
        else:
            reply.ended()
        assert (reply.reusable, reply.body) == (False, b"ok")


def test_whoever_waits_for_a_100_is_told_of_it() -> None:
    reply = Response(Heads())
    assert not reply.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert (reply.interim, reply.head) == ((100,), None)
    reply.feed(TWO + b"\r\nok")
    assert (reply.interim, reply.body) == ((100,), b"ok")


# Bounds.


def test_a_reply_may_be_as_large_as_it_may_be_and_no_larger() -> None:
    for head, tail in ((OK + b"Content-Length: %d\r\n\r\n", b""), (OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n", b"\r\n0\r\n\r\n"), (OK + b"X: %d\r\n\r\n", b"")):
        most = MOST_REPLY - len(head % MOST_REPLY) - len(tail)
        for more, fits in ((0, True), (1, False)):
            data = head % (most + more) + b"x" * (most + more) + tail
            for blocks in ([data], [data[: MOST_REPLY // 2], data[MOST_REPLY // 2 :]]):
                told = heard(blocks)
                assert (len(told[1]) if fits else told) == (most if fits else ("too_large", False))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        OK + b"X: " + b"x" * MOST_HEAD,
        OK + b"X: y\r\n" * 1001 + b"\r\n",
        OK + b"X: y\r\n" * 900 + b"X: " + b"x" * MOST_HEAD + b"\n",
        OK + b"X: y\r\n" + b" z\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 101,
        (b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 9000 + b"\r\n\r\n") * 30,
        CHUNKED + b"2;" + b"x" * 4096,
        CHUNKED + b"0" * 4098,
        CHUNKED + b"0\r\nX: " + b"x" * 70_000,
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 1001,
        CHUNKED + b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 70,
    ],
)
def test_nothing_that_a_peer_says_is_waited_for_without_end(data: bytes) -> None:
    assert heard([data], closes=False) == ("too_large", False)
    assert heard([data[at : at + 7] for at in range(0, len(data), 7)], closes=False) == ("too_large", False)


def test_what_is_behind_a_reply_does_not_count_for_it() -> None:
    assert body_of(TWO + b"\r\nok" + b"x" * MOST_REPLY) == b"ok"


@pytest.mark.parametrize(
    "data", [OK + b"X: " + b"x" * 250_000 + b"\r\nContent-Length: 0\r\n\r\n", OK + b"Content-Length: 250000\r\n\r\n" + b"x" * 250_000, CHUNKED + b"0\r\n" + (b"X: " + b"x" * 60 + b"\r\n") * 900 + b"\r\n"]
)
def test_single_bytes_cost_no_more_when_there_are_many(data: bytes) -> None:
    """To look through all that has come at each byte would take a minute; with less than that in the bound a busy machine is no fault."""
    began = time.monotonic()
    assert heard([data[at : at + 1] for at in range(len(data))])[0] == 200
    assert time.monotonic() - began < 5


def test_a_reply_in_tiny_chunks_takes_little_more_room_than_it_has_bytes() -> None:
    reply = Response(Heads())
    reply.feed(CHUNKED)
    tracemalloc.start()
    for _ in range(100):
        reply.feed(b"2\r\nab\r\n" * 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reply.feed(b"0\r\n\r\n")
    assert len(reply.body) == 200_000
    assert peak < 1_000_000
