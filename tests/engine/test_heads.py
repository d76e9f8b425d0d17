"""Heads that are known, and any bytes at all: whichever way a reply is read, it means the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reply_story import BROKEN, CHUNKED, OK, TWO, WHOLE, heard

from surgekit.engine.http import heads
from surgekit.engine.http.response import MOST_HEAD, Head, Heads


def test_a_head_that_is_known_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    class Counted(Head):
        def __init__(self, raw: bytes) -> None:
            read.append(raw)
            super().__init__(raw)

    monkeypatch.setattr(heads, "Head", Counted)
    known = Heads()
    for _ in range(3):
        told = known.whole(TWO + b"\r\nok")
        assert told is not None
        assert (told[0].status, told[1]) == (200, b"ok")
        assert heard([TWO + b"\r\n", b"no"], known)[1] == b"no"
    assert read == [TWO[:-2]]


@pytest.mark.parametrize(
    "data",
    [b"", TWO, TWO + b"\r\no", TWO + b"\r\nokk", OK + b"\r\n", CHUNKED, CHUNKED + b"2\r\nok\r\n0\r\n", CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", CHUNKED + b"2\r\nokk\r\n0\r\n\r\n", CHUNKED + b"2\r\nok\r\n0\r\n\r.", CHUNKED + b"-2\r\nok\r\n0\r\n\r\n", TWO + b"Content-Encoding: gzip\r\n\r\nok",
     b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + TWO + b"\r\nok", b"junk\r\n\r\n", b"\r\n\r\n", OK + b"Content-Length: -1\r\n\r\n", OK + b"X: " + b"x" * MOST_HEAD + b"\r\nContent-Length: 0\r\n\r\n"],
)  # fmt: skip
def test_what_is_not_simply_one_whole_reply_is_left_to_be_fed(data: bytes) -> None:
    known = Heads()
    assert (known.whole(data), known.whole(data)) == (None, None)


def test_one_chunk_that_is_the_whole_reply_is_taken_at_once() -> None:
    told = Heads().whole(CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n")
    assert told is not None
    assert told[1] == b"0123456789"


def test_what_is_remembered_is_bounded() -> None:
    known = Heads()
    for number in range(20_000):
        assert known.whole(TWO + b"X: %d\r\n\r\nok" % number) is not None
        assert len(known.known) <= heads.MOST_KNOWN
    assert known.whole(TWO + b"X: " + b"x" * 3000 + b"\r\n\r\nok") is not None
    assert max(map(len, known.known)) <= heads.MOST_KNOWN_BYTES


def test_where_every_head_is_new_hardly_any_is_remembered_and_where_some_come_again_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_again(again: int) -> float:
        """The share of heads that had to be read, where ``again`` of a hundred are one and the same."""
        read = [0]
        monkeypatch.setattr(heads, "Head", lambda raw: (read.__setitem__(0, read[0] + 1), Head(raw))[1])
        known, stored, before = Heads(), 0, 0
        for number in range(30_000):
            known.whole((TWO + b"\r\nok") if number % 100 < again else TWO + b"X: %d\r\n\r\nok" % number)
            stored += len(known.known) > before
            before = len(known.known)
        if not again:
            assert stored < 0.1 * 30_000
        return read[0] / 30_000

    assert read_again(0) == 1
    assert read_again(50) < 0.51


# Any bytes, cut anywhere.

NAMES = st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Connection", b"Content-Encoding", b"Set-Cookie", b"X"])
VALUES = st.sampled_from([b"0", b"2", b"5", b"chunked", b"close", b"keep-alive", b"gzip", b"br", b"a=b", b"2, 2", b" 5 ", b"-1", b"a\r\n b", b"a\0b", b""])
HEADS = st.builds(
    lambda line, pairs: b"".join([line, *(b"%b: %b\r\n" % pair for pair in pairs), b"\r\n"]),
    st.sampled_from([OK, b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 503 Busy\r\n", b"HTTP/1.1 9 X\r\n"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
)
BODIES = st.sampled_from([b"", b"ok", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"2\r\nok\r\n3;x\r\nyes\r\n0\r\nT: 1\r\n\r\n", b"2\r\nokk", b"0\r\n\r\n"]) | st.binary(max_size=20)
STREAMS = st.lists(HEADS | BODIES, min_size=1, max_size=5).map(b"".join) | st.sampled_from([data for data, _ in (WHOLE | BROKEN).values()])
CUTS = st.lists(st.integers(0, 200), max_size=8)


@given(STREAMS, CUTS, st.sampled_from(["GET", "HEAD"]))
@example(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", [len(CHUNKED) - 1, len(CHUNKED) + 6, len(CHUNKED) + 9], "GET")
def test_however_it_is_cut_it_is_the_same(data: bytes, cuts: list[int], method: str) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    blocks = [data[one:two] for one, two in itertools.pairwise(places)]
    assert heard(blocks, method=method) == heard([data], method=method)


@given(STREAMS)
@example(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")
@example(TWO + b"\r\nok")
def test_the_short_way_and_the_long_way_mean_the_same(data: bytes) -> None:
    known = Heads()
    for _ in range(2):  # new, and known
        told = known.whole(data)
        if told is not None:
            head, body = told
            assert heard([data]) == (head.status, body, dict(head.headers), head.cookies, not head.close, ())
        assert heard([data], known) == heard([data])


@pytest.mark.parametrize("number", range(60))
def test_half_a_reply_is_not_whole_because_its_head_is_known(number: int) -> None:
    data = OK + b"Content-Length: %d\r\n\r\n" % number + b"x" * number
    known = Heads()
    assert known.whole(data) is not None
    assert [known.whole(data[:cut]) for cut in range(len(data))] == [None] * len(data)


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"HTTP/1.1 ", b"200", b" ", b"\r\n", b"\r", b"\n", b":", b"\0", b"0", b"Content-Length", b"Transfer-Encoding: chunked", b"gzip", b"\xff"]), max_size=30).map(b"".join), st.booleans())
def test_nothing_is_raised_but_broken(data: bytes, prefixed: bool) -> None:
    told = heard([OK + data] if prefixed else [data])
    assert isinstance(told[0], int) or told[0] in ("closed", "truncated", "garbage", "too_large", "coding")
    Heads().whole(data)
