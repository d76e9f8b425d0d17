"""Where one HTTP/1.1 message ends and the next begins. No I/O: bytes in, parts out.

    feed(b"POST /order …\\r\\n\\r\\nsku=a")  ->  [Part(head), Part(body)]

Only an unfinished head is kept back; all other bytes come out in the call that brought them in. Joined, the parts are
exactly what was fed: nothing is normalised. Bytes that are not HTTP/1.x are handed through as they are ("opaque").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

HEAD_LIMIT = 64 * 1024
_HEAD_END = re.compile(rb"\n\r?\n")
_REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*\bchunked[ \t]*\r?\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\nconnection:[ \t]*close\b", re.IGNORECASE)


class Head(NamedTuple):
    """``method`` of a request ("" in a reply), ``status`` of a reply (0 in a request)."""

    method: str
    status: int
    closes: bool

    @property
    def interim(self) -> bool:
        """A 1xx reply: the real one is still to come."""
        return 100 <= self.status < 200


class Part(NamedTuple):
    """``data`` is what was on the wire, ``body`` the payload in it, ``head`` is set where a message begins."""

    data: bytes
    body: bytes = b""
    head: Head | None = None
    ends: bool = False


class _At(Enum):
    HEAD = auto()
    BODY = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    UNTIL_CLOSE = auto()
    OPAQUE = auto()


class Framer:
    """Finds the borders in one direction of one connection.

    ``asked`` is None for requests. For replies it gives the method of the request that is being answered, because
    a reply to HEAD has no body whatever its head says.
    """

    def __init__(self, asked: Callable[[], str] | None = None) -> None:
        self._asked = asked
        self._at = _At.HEAD
        self._head = bytearray()
        self._line = bytearray()
        self._left = 0

    @property
    def until_close(self) -> bool:
        """The message under way ends where the connection ends."""
        return self._at is _At.UNTIL_CLOSE

    @property
    def opaque(self) -> bool:
        """What came is not HTTP/1.x, or no longer."""
        return self._at is _At.OPAQUE

    def rest(self) -> bytes:
        """The unfinished head at the end of the connection."""
        kept, self._head = bytes(self._head), bytearray()
        return kept

    def feed(self, data: bytes) -> list[Part]:
        """Cut ``data`` into parts."""
        parts: list[Part] = []
        at = 0
        while at < len(data):
            if self._at in (_At.UNTIL_CLOSE, _At.OPAQUE):
                parts.append(Part(data[at:], data[at:]))
                break
            if self._at is _At.HEAD:
                at = self._feed_head(data, at, parts)
            elif self._at in (_At.BODY, _At.CHUNK):
                at = self._feed_body(data, at, parts)
            else:
                at = self._feed_line(data, at, parts)
        return parts

    def _feed_head(self, data: bytes, at: int, parts: list[Part]) -> int:
        before = len(self._head)
        if before == 0 and self._asked is None and data[at] in b"\r\n":  # blank lines before a request are allowed
            parts.append(Part(data[at : at + 1]))
            return at + 1
        self._head += data[at:]
        end = _HEAD_END.search(self._head, max(0, before - 3))
        if end is None:
            if len(self._head) > HEAD_LIMIT or not self._may_be_http():
                self._at = _At.OPAQUE
                parts.append(Part(self.rest()))
            return len(data)
        head = bytes(self._head[: end.end()])
        self._head.clear()
        parts.append(self._begin(head))
        return at + len(head) - before

    def _may_be_http(self) -> bool:
        """A reply that does not begin as one must not be kept back in the hope of a head."""
        return self._asked is None or self._head[:5] == b"HTTP/"[: len(self._head)]

    def _begin(self, raw: bytes) -> Part:
        request = _REQUEST_LINE.match(raw) if self._asked is None else None
        reply = _STATUS_LINE.match(raw) if self._asked is not None else None
        if request is None and reply is None:
            self._at = _At.OPAQUE
            return Part(raw)
        closes = _CLOSE.search(raw) is not None
        length = _LENGTH.search(raw)
        if request is not None:
            head = Head(request[1].decode(), 0, closes)
            bodiless, open_ended = False, False
        else:
            assert reply is not None
            assert self._asked is not None
            head = Head("", int(reply[1]), closes)
            bodiless = head.interim or head.status in (204, 304) or self._asked() == "HEAD"
            open_ended = True
        if head.status == 101:
            self._at = _At.OPAQUE
            return Part(raw, head=head, ends=True)
        if not bodiless:
            if _CHUNKED.search(raw):
                self._at = _At.CHUNK_SIZE
                return Part(raw, head=head)
            if length is None and open_ended:
                self._at = _At.UNTIL_CLOSE
                return Part(raw, head=head)
            if length is not None and int(length[1]) > 0:
                self._at, self._left = _At.BODY, int(length[1])
                return Part(raw, head=head)
        self._at = _At.HEAD
        return Part(raw, head=head, ends=True)

    def _feed_body(self, data: bytes, at: int, parts: list[Part]) -> int:
        piece = data[at : at + self._left]
        self._left -= len(piece)
        ends = False
        if self._left == 0:
            ends = self._at is _At.BODY
            self._at = _At.HEAD if ends else _At.CHUNK_END
        parts.append(Part(piece, piece, ends=ends))
        return at + len(piece)

    def _feed_line(self, data: bytes, at: int, parts: list[Part]) -> int:
        """One line of the chunked framing: a size, the line end after a chunk, or a trailer."""
        newline = data.find(b"\n", at)
        if newline < 0:
            self._line += data[at:]
            parts.append(Part(data[at:]))
            return len(data)
        line = bytes(self._line + data[at:newline]).strip()
        self._line.clear()
        ends = False
        if self._at is _At.CHUNK_SIZE:
            try:
                self._left = int(line.split(b";")[0], 16)
            except ValueError:
                self._at = _At.OPAQUE
            else:
                self._at = _At.CHUNK if self._left > 0 else _At.TRAILER
        elif self._at is _At.CHUNK_END:
            self._at = _At.CHUNK_SIZE
        elif not line:  # the empty line after the trailers
            self._at, ends = _At.HEAD, True
        parts.append(Part(data[at : newline + 1], ends=ends))
        return newline + 1
