"""The framer: where messages begin and end, wherever the network cuts them."""

from __future__ import annotations

import pytest

from surgekit.edge.http1 import HEAD_LIMIT, Framer, Part

CHUNKED = (
    b"POST /b HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;x=1\r\nabcde\r\n1\r\n\n\r\n0\r\nTrailer: 1\r\n\r\n"
)
PLAIN = b"POST /order HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\r\nsku=a\r\n\r\nb=1"
GET = b"GET / HTTP/1.1\r\n\r\n"
REQUESTS = GET + PLAIN + b"\r\n" + CHUNKED + PLAIN + GET
REPLIES = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    b"HTTP/1.1 204 No Content\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
)


def messages(parts: list[Part]) -> list[tuple[bytes, bool]]:
    """(body, whole) of each message."""
    found: list[tuple[bytes, bool]] = []
    for part in parts:
        if part.head is not None:
            found.append((b"", False))
        if found:
            found[-1] = (found[-1][0] + part.body, found[-1][1] or part.ends)
    return found


def fed(framer: Framer, data: bytes, step: int) -> list[Part]:
    return [part for at in range(0, len(data), step) for part in framer.feed(data[at : at + step])]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 16, 61, 10_000])
def test_requests_are_found_however_they_are_cut(step: int) -> None:
    parts = fed(Framer(), REQUESTS, step)
    assert b"".join(part.data for part in parts) == REQUESTS
    body = b"sku=a\r\n\r\nb=1"
    assert messages(parts) == [(b"", True), (body, True), (b"abcde\n", True), (body, True), (b"", True)]
    assert [part.head.method for part in parts if part.head] == ["GET", "POST", "POST", "POST", "GET"]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 16, 61, 10_000])
def test_replies_are_found_however_they_are_cut(step: int) -> None:
    parts = fed(Framer(asked=lambda: "GET"), REPLIES, step)
    assert b"".join(part.data for part in parts) == REPLIES
    assert messages(parts) == [(b"", True), (b"abc", True), (b"", True), (b"xyz", True)]
    assert [part.head.interim for part in parts if part.head] == [True, False, False, False]


def test_a_reply_to_head_has_no_body() -> None:
    framer = Framer(asked=lambda: "HEAD")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert [whole for _, whole in messages(framer.feed(head + head))] == [True, True]


def test_a_reply_without_a_length_ends_with_the_connection() -> None:
    framer = Framer(asked=lambda: "GET")
    parts = framer.feed(b"HTTP/1.0 200 OK\r\n\r\nabc") + framer.feed(b"def")
    assert messages(parts) == [(b"abcdef", False)]
    assert framer.until_close


def test_after_an_upgrade_nothing_is_looked_at() -> None:
    framer = Framer(asked=lambda: "GET")
    parts = framer.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x00\x01HTTP/1.1 200 OK\r\n\r\n")
    assert len([part for part in parts if part.head]) == 1
    assert framer.opaque


@pytest.mark.parametrize(
    ("framer", "noise"),
    [
        (Framer(asked=lambda: "GET"), b"S"),
        (Framer(asked=lambda: "GET"), b"HTTX"),
        (Framer(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (Framer(), b"x" * (HEAD_LIMIT + 1)),
        (Framer(), b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\nrest"),
    ],
)
def test_what_is_not_http_passes_through_and_is_never_kept_back(framer: Framer, noise: bytes) -> None:
    assert b"".join(part.data for part in framer.feed(noise)) == noise
    assert framer.opaque


def test_an_unfinished_head_is_kept_and_given_back_at_the_end() -> None:
    framer = Framer()
    assert framer.feed(b"GET / HT") == []
    assert framer.rest() == b"GET / HT"
