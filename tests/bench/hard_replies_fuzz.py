"""Mutated replies. ``case(number)`` is a pure function of its number: what is said, in which pieces, and how it ends.

``truth`` is what comes of it on paper: a second reader, short and slow, that was written from RFC 9112 and not from the client.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from dataclasses import dataclass
from functools import cache

from surgekit.target.reading import Reply
from tests.bench.fuzz_dice import Dice
from tests.bench.hard_replies_forms import CHUNKED, CONTINUE, JSON, OK, WHOLE, End, Say, Step, Wait

WORDS = frozenset({"closed", "truncated", "garbage", "too_large", "coding", "reset", "timeout"})
_FIRST = 1_000_000
"""Of this fuzzer's own dice; the numbers below belong to another."""
_CHUNKS = b"5;a=b\r\n" + JSON[:5] + b"\r\n%x\r\n" % (len(JSON) - 5) + JSON[5:] + b"\r\n0\r\nX-Sum: 1\r\n\r\n"


@cache
def _valid() -> tuple[bytes, ...]:
    def coded(body: bytes, coding: bytes) -> bytes:
        return OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)

    sound = OK + b"Server: nginx\r\nContent-Type: application/json\r\nSet-Cookie: sid=1; Path=/\r\nContent-Length: %d\r\n\r\n%b" % (len(JSON), JSON)
    return (
        sound, WHOLE, CHUNKED + _CHUNKS, OK + b"\r\n" + JSON, CONTINUE + sound, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + WHOLE,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy",
        OK + b"X: a\r\n b\r\nContent-Length:\r\n 2\r\n\r\nok", coded(gzip.compress(JSON, mtime=0), b"gzip"), coded(zlib.compress(JSON), b"deflate"), coded(gzip.compress(zlib.compress(JSON), mtime=0), b"deflate, gzip"),
        OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(gzip.compress(JSON, mtime=0)), gzip.compress(JSON, mtime=0)),
    )  # fmt: skip


_TOKENS = (
    b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"\r\n ", b"0", b"-", b"f" * 17, b"0\r\n\r\n", b";", b",", b"\xff", b"Content-Length: 5\r\n", b"\r\nContent-Length: 2", b"Transfer-Encoding: chunked\r\n", b"\r\nTransfer-Encoding: gzip", b"\r\nContent-Encoding: br", b"Connection: close\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 No\r\n\r\n", b"\x1f\x8b\x08", b"9" * 30,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    data: bytes
    steps: tuple[Step, ...]
    end: End


def case(number: int) -> Case:
    dice = Dice(_FIRST + number)
    kind = dice.pick(("sound", "cut", "again", "spliced", "flipped", "without", "token", "token", "noise"))
    data = _mutated(dice, kind)
    end: End = "hold" if dice.chance(0.0005) else "reset" if dice.chance(0.03) else "close"
    return Case(kind, data, _pieces(dice, data), end)


def _mutated(dice: Dice, kind: str) -> bytes:
    data = dice.pick(_valid())
    for _ in range(1 if dice.chance(0.7) else 3):
        one, two = sorted((dice.below(len(data) + 1), dice.below(len(data) + 1)))
        if kind == "cut":
            data = data[:two]
        elif kind == "again":
            data = data[:two] + data[one:two] * dice.pick((1, 1, 2, 9)) + data[two:]
        elif kind == "spliced":
            other = dice.pick(_valid())
            data = data[:one] + other[dice.below(len(other)) :] + (data[two:] if dice.chance(0.5) else b"")
        elif kind == "flipped":
            changed = bytearray(data)
            for _ in range(dice.pick((1, 1, 2, 8)) if changed else 0):
                changed[dice.below(len(changed))] = dice.below(256)
            data = bytes(changed)
        elif kind == "without":
            data = data[:one] + data[min(two, one + dice.pick((1, 2, 9, 999))) :]
        elif kind == "token":
            data = data[:one] + dice.pick(_TOKENS) + data[one:]
        elif kind == "noise":
            data = data[:one] + dice.data(dice.below(60)) + data[two:]
    return data


def _pieces(dice: Dice, data: bytes) -> tuple[Step, ...]:
    """In one piece, in a few, or byte by byte as far as a segment goes; at times with a pause, so that each comes alone."""
    cuts = dice.pick((0, 0, 1, 3, 8))
    places = sorted({0, len(data), *(dice.below(len(data)) for _ in range(cuts) if data)})
    steps: list[Step] = []
    for one, two in itertools.pairwise(places):
        steps.append(Say(data[one:two]))
        if dice.chance(0.3):
            steps.append(Wait(0.001))
    return tuple(steps)


def wrong(made: Case, reply: Reply) -> bool:
    """Whether ``reply`` cannot come of ``made``: it is neither the true one nor, where there is none, a known word.

    A reset may overtake what was said before it, and who keeps silent may have been going to say more.
    """
    told = truth(made.data)
    if reply.error is None:
        return told != (reply.status, reply.body)
    return reply.error not in WORDS or (made.end == "close" and told is not None)


def truth(data: bytes) -> tuple[int, bytes] | None:
    """Status and body of the reply that ``data``, and then the end of the stream, are; None where they are none."""
    try:
        return _truth(data)
    except (ValueError, zlib.error):
        return None


def _truth(rest: bytes) -> tuple[int, bytes]:
    status, interim = 0, 0
    while status < 200:
        interim += 1
        head, mark, rest = rest.partition(b"\r\n\r\n")
        _must(mark != b"")
        line, *lines = head.split(b"\r\n")
        _must(re.fullmatch(rb"HTTP/1\.\d [1-9]\d\d( .*)?", line, re.DOTALL) is not None and _is_text(line))
        status = int(line[9:12])
        _must(status != 101 and interim <= 101)  # more than a hundred before it are too many
        headers = _headers(lines)
        lengths = {each.strip(b" \t") for name, value in headers if name == b"content-length" for each in value.split(b",")}
        _must(len(lengths) <= 1 and all(each.isdigit() for each in lengths))
    if status in (204, 304):
        return status, b""
    said = [value for name, value in headers if name == b"transfer-encoding"]
    transfer = [word for value in said for word in _list(value)]
    _must(bool(transfer) or not said)
    if transfer == [b"chunked"]:
        body = _dechunked(rest)
    else:
        _must(transfer in ([], [b"identity"]))
        length = None if transfer or not lengths else int(lengths.pop())
        _must(length is None or length <= len(rest))
        body = rest[:length]
    for coding in reversed([word for name, value in headers if name == b"content-encoding" for word in _list(value)]):
        if body and coding != b"identity":
            body = _unpacked(body, coding)
    return status, body


def _must(holds: bool) -> None:
    if not holds:
        raise ValueError


def _is_text(line: bytes) -> bool:
    return all(byte == 9 or (byte >= 32 and byte != 127) for byte in line)


def _list(value: bytes) -> list[bytes]:
    return [word.strip(b" \t").lower() for word in value.split(b",") if word.strip(b" \t")]


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        _must(_is_text(line))
        if line[:1] in (b" ", b"\t"):
            name, value = headers.pop() if headers else (b"", b"")
            _must(name != b"")
            headers.append((name, value + b" " + line))
        else:
            name, colon, value = line.partition(b":")
            _must(colon != b"" and re.fullmatch(rb"[\w!#$%&'*+.^`|~-]+", name) is not None)
            headers.append((name.lower(), value))
    return headers


def _dechunked(rest: bytes) -> bytes:
    body = b""
    while True:
        line, mark, rest = rest.partition(b"\r\n")
        said, _, _ = line.partition(b";")
        digits = said.rstrip(b" \t")
        _must(mark != b"" and _is_text(line) and re.fullmatch(rb"[0-9a-fA-F]+", digits) is not None)
        size = int(digits, 16)
        if not size:
            break
        _must(rest[size : size + 2] == b"\r\n")
        body, rest = body + rest[:size], rest[size + 2 :]
    trailers: list[bytes] = []
    while True:
        line, mark, rest = rest.partition(b"\r\n")
        _must(mark != b"")
        if not line:
            _headers([b"X:", *trailers])
            return body
        trailers.append(line)


def _unpacked(body: bytes, coding: bytes) -> bytes:
    _must(coding in (b"gzip", b"x-gzip", b"deflate"))
    if coding == b"deflate":
        try:
            return _one_stream(body, 15, b"")[0]
        except (ValueError, zlib.error):
            return _one_stream(body, -15, b"")[0]
    out = b""
    while body.strip(b"\0"):
        _must(body[:1] == b"\x1f")
        found, body = _one_stream(body, 31, body)
        out += found
    return out


def _one_stream(body: bytes, wbits: int, more: bytes) -> tuple[bytes, bytes]:
    stream = zlib.decompressobj(wbits)
    found = stream.decompress(body)
    _must(stream.eof and (more != b"" or not stream.unused_data))
    return found, stream.unused_data
