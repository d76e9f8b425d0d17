"""Compressed replies: what comes out, and that it is never without end."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reply_story import OK, body_of, heard

from surgekit.engine.http.decoding import MOST_MEMBERS, decoded
from surgekit.engine.http.response import MOST_REPLY, Broken, Heads, Response

TEXT = b'{"order": 1, "pay": "/pay/1"}' * 9


def reply(body: bytes, coding: str) -> bytes:
    return OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding.encode(), len(body), body)


def bare(data: bytes) -> bytes:
    """Deflate without the zlib format around it."""
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


GZIP = gzip.compress(TEXT, mtime=0)

SOUND = {
    "gzip": (GZIP, "gzip"),
    "x-gzip": (GZIP, "X-GZip"),
    "gzip in two parts": (gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0), "gzip"),
    "gzip with padding": (GZIP + bytes(512), "gzip"),
    "gzip with nothing in it first": (gzip.compress(b"", mtime=0) + GZIP, "gzip"),
    "deflate": (zlib.compress(TEXT), "deflate"),
    "bare deflate": (bare(TEXT), "deflate"),
    "one upon the other": (gzip.compress(zlib.compress(TEXT), mtime=0), "deflate, gzip"),
    "in two headers": (gzip.compress(zlib.compress(TEXT), mtime=0), "deflate\r\nContent-Encoding: gzip"),
    "identity": (TEXT, "identity"),
    "identity beside gzip": (GZIP, "identity, gzip"),
    "none that is named": (TEXT, ""),
}

FLIPPED = GZIP[:20] + bytes([GZIP[20] ^ 255]) + GZIP[21:]
WRONG = {
    "another coding": (TEXT, "br", "coding"),
    "zstd": (TEXT, "zstd", "coding"),
    "another beside gzip": (GZIP, "br, gzip", "coding"),
    "so many": (GZIP, "gzip, gzip, gzip, gzip, gzip", "coding"),
    "gzip that is cut": (GZIP[:-1], "gzip", "truncated"),
    "gzip of which only the header is there": (GZIP[:10], "gzip", "truncated"),
    "a second part that is cut": (GZIP + GZIP[:12], "gzip", "truncated"),
    "deflate that is cut": (zlib.compress(TEXT)[:-1], "deflate", "truncated"),
    "bare deflate that is cut": (bare(TEXT)[:-1], "deflate", "truncated"),
    "gzip that is none": (TEXT, "gzip", "garbage"),
    "gzip with a bit wrong": (FLIPPED, "gzip", "garbage"),
    "gzip with a wrong sum": (GZIP[:-8] + b"\1\2\3\4" + GZIP[-4:], "gzip", "garbage"),
    "gzip and something else": (GZIP + b"x", "gzip", "garbage"),
    "gzip with padding and something else": (GZIP + bytes(9) + b"x", "gzip", "garbage"),
    "deflate that is none": (b"\xff" * 9, "deflate", "garbage"),
    "deflate and something else": (zlib.compress(TEXT) + b"x", "deflate", "garbage"),
    "a bomb": (gzip.compress(bytes(30_000_000), mtime=0), "gzip", "too_large"),
    "a bomb in a bomb": (gzip.compress(gzip.compress(bytes(30_000_000), mtime=0), mtime=0), "gzip, gzip", "too_large"),
    "a bomb in parts": (gzip.compress(bytes(3_000_000), mtime=0) * 3, "gzip", "too_large"),
    "parts without end": (gzip.compress(b"", mtime=0) * (MOST_MEMBERS + 1), "gzip", "too_large"),
}


@pytest.mark.parametrize(("body", "coding"), SOUND.values(), ids=SOUND)
def test_a_compressed_reply_reads_as_it_was_meant(body: bytes, coding: str) -> None:
    data = reply(body, coding)
    assert body_of(data) == TEXT
    assert heard([data[at : at + 1] for at in range(len(data))]) == heard([data])


@pytest.mark.parametrize(("body", "coding", "word"), WRONG.values(), ids=WRONG)
def test_what_does_not_unpack_is_named(body: bytes, coding: str, word: str) -> None:
    assert heard([reply(body, coding)]) == (word, False)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
def test_nothing_is_nothing_in_any_coding(coding: str) -> None:
    """A redirect that says gzip, as servers send it."""
    assert body_of(reply(b"", coding)) == b""


def test_chunks_are_joined_before_they_are_unpacked() -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in GZIP)
    assert body_of(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n") == TEXT


def test_one_chunk_in_a_coding_is_no_plain_reply() -> None:
    data = OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(GZIP), GZIP)
    assert (Heads().whole(data), body_of(data)) == (None, TEXT)


def test_what_comes_out_may_be_as_large_as_a_reply_and_no_larger() -> None:
    assert len(decoded(gzip.compress(bytes(MOST_REPLY), mtime=0), "gzip")) == MOST_REPLY
    with pytest.raises(Broken, match="too_large"):
        decoded(gzip.compress(bytes(MOST_REPLY + 1), mtime=0), "gzip")


def test_a_bomb_takes_no_more_room_than_the_largest_reply() -> None:
    data = reply(gzip.compress(bytes(200_000_000), mtime=0), "gzip")
    tracemalloc.start()
    with pytest.raises(Broken, match="too_large"):
        Response(Heads()).feed(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MOST_REPLY


def test_many_parts_are_not_copied_again_for_each_of_them() -> None:
    """Eight megabytes for each of a thousand parts would be seconds."""
    data = gzip.compress(b"", mtime=0) * (MOST_MEMBERS - 1) + gzip.compress(zlib.compress(b"", 0) * 1_000_000, 0, mtime=0)[:8_000_000]
    began = time.monotonic()
    with pytest.raises(Broken, match="truncated"):
        decoded(data, "gzip")
    assert time.monotonic() - began < 2


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "gzip, deflate", "deflate, gzip"]), st.data())
def test_nothing_is_raised_but_broken(body: bytes, coding: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GZIP)))
    for made in (body, GZIP[:at] + body + GZIP[at:], zlib.compress(GZIP)[:at] + body):
        told = body_of(reply(made, coding))
        assert isinstance(told, bytes) or told in ("truncated", "garbage", "too_large")
