"""One HTTP/1.1 reply, fed block by block. No I/O: bytes in, a reply or ``Broken`` out.

    Response(heads).feed(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")  ->  True

Wherever the blocks are cut, what comes of them is the same, and costs no more than so much for each byte. Most replies are
one block, with a head that was there before: for those there is ``Heads.whole``.
"""

from __future__ import annotations

import re

from surgekit.engine.http.decoding import decoded
from surgekit.engine.http.heads import MOST_HEAD, MOST_HEADERS, MOST_REPLY, Broken, Head, Heads

__all__ = ["MOST_HEAD", "MOST_REPLY", "Broken", "Head", "Heads", "Response"]

MOST_INTERIM = 100
"""Replies such as 100 Continue before the one that counts."""
MOST_CHUNK_LINE = 4096
MOST_TRAILERS = 64 << 10
"""Bytes behind the last chunk."""

_START = b"HTTP/1."
_HEX = frozenset(b"0123456789abcdefABCDEF")
_CHUNK = re.compile(rb"0*+([0-9a-fA-F]{0,16})[\t ]*+(?:;[\t -~\x80-\xff]*+)?")
_PLAIN_CHUNK = re.compile(rb"([0-9a-fA-F]{1,7})\r\n")
_TRAILER = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:|[\t ])[\t -~\x80-\xff]*+")

_HEAD, _LENGTH, _CHUNK_LINE, _CHUNK_DATA, _CHUNK_END, _TRAILERS, _UNTIL_CLOSE, _DONE = range(8)


class Response:
    """The reply to one request of ``method``.

    ``done``: it is complete. Then ``head`` and ``body``, decoded, are there. ``reusable``: the connection may carry the next
    request. ``size``: bytes so far, of whatever. ``interim``: the 1xx statuses that came before. One that has raised is spent.
    """

    __slots__ = ("_at", "_bodiless", "_body", "_heads", "_held", "_left", "_lines", "body", "done", "head", "interim", "reusable", "size")

    def __init__(self, heads: Heads, *, method: str = "GET") -> None:
        self._heads = heads
        self._bodiless = method == "HEAD"
        self._at = _HEAD
        self._held = bytearray()  # of a line or head that is not complete
        self._left = MOST_HEAD  # bytes: for heads, of the body or the chunk, for trailers
        self._lines = 0  # interim replies or trailers
        self._body = bytearray()  # a list of the blocks of a reply in chunks of two bytes would take ten times as much
        self.head: Head | None = None
        self.body = b""
        self.size = 0
        self.done = False
        self.reusable = False
        self.interim: tuple[int, ...] = ()

    def feed(self, data: bytes) -> bool:
        """Take in the next bytes; whether the reply is complete. Raises ``Broken``."""
        if self.done:  # what comes behind a reply nobody asked for
            self.reusable = self.reusable and not data
            self.size += len(data)
            return True
        room = MOST_REPLY - self.size
        self.size += len(data)
        beyond = len(data) > room
        if beyond:
            data = data[:room]
        at, end = 0, len(data)
        while at < end and self._at != _DONE:
            at = self._step(data, at, end)
        if self._at == _DONE:
            self.reusable = self.reusable and at == end and not beyond
            return True
        if beyond:
            raise Broken("too_large")
        return False

    def ended(self) -> None:
        """The peer closed. That completes a reply without a length, and breaks any other. Raises ``Broken``."""
        if self._at == _UNTIL_CLOSE:
            self._complete()
        if self.done:
            self.reusable = False
        elif self.size:
            raise Broken("truncated")
        else:
            raise Broken("closed", silent=True)

    def _step(self, data: bytes, at: int, end: int) -> int:
        """Read on from ``at`` (< ``end``), which takes one line or all that there is of a body; how far that went."""
        state = self._at
        if state in (_LENGTH, _CHUNK_DATA):
            block = data[at : at + self._left]
            self._body += block
            self._left -= len(block)
            if not self._left:
                if state == _LENGTH:
                    self._complete()
                else:
                    self._at = _CHUNK_END
            return at + len(block)
        if state == _CHUNK_LINE:
            if not self._held:
                at = self._chunks(data, at)
                if at == end:
                    return at
                if data[at] not in _HEX:  # the end of the line may never come
                    raise Broken("garbage")
            line, at = self._line(data, at, MOST_CHUNK_LINE)
            if line is not None:
                self._begin_chunk(line)
        elif state == _CHUNK_END:
            line, at = self._line(data, at, 0, "garbage")
            if line is not None:
                self._at = _CHUNK_LINE
        elif state == _TRAILERS:
            line, at = self._line(data, at, self._left)
            if line is not None:
                self._trailer(line)
        elif state == _HEAD:
            have = len(self._held)
            if have < len(_START) and not _START.startswith(bytes(self._held) + data[at : at + len(_START) - have]):
                raise Broken("garbage")
            line, at = self._line(data, at, self._left, mark=b"\r\n\r\n")
            if line is not None:
                self._begin(line)
        else:
            self._body += data[at:]
            at = end
        return at

    def _line(self, data: bytes, at: int, most: int, word: str = "too_large", mark: bytes = b"\r\n") -> tuple[bytes | None, int]:
        """The bytes up to ``mark``, at most ``most`` of them or ``word`` is raised; None while it has not come. And how far that went."""
        held = self._held
        had = len(held)
        if not had:
            found = data.find(mark, at, at + most + len(mark))
            if found >= 0:
                return data[at:found], found + len(mark)
        held += data[at : at + most + len(mark) - had]
        if had:
            found = held.find(mark, max(0, had - len(mark) + 1))
            if found >= 0:
                line = bytes(held[:found])
                held.clear()
                return line, at + found + len(mark) - had
        if _bare(held, had):  # whoever ends lines so may never send what is waited for
            raise Broken("garbage")
        if len(held) >= most + len(mark):
            raise Broken(word)
        return None, len(data)

    def _begin(self, raw: bytes) -> None:
        """What follows this head?"""
        head = self._heads.read(raw)
        if head.status < 200:  # the real one follows
            self._lines += 1
            self._left -= len(raw) + 4
            if head.status == 101:  # what follows is not HTTP, and nobody asked for it
                raise Broken("garbage")
            if self._lines > MOST_INTERIM:
                raise Broken("too_large")
            if head.status not in self.interim:
                self.interim += (head.status,)
            return
        self.head = head
        if self._bodiless or head.bodiless:
            self._complete()
        elif head.chunked:
            self._at = _CHUNK_LINE
        elif head.length is None:
            self._at = _UNTIL_CLOSE
        elif head.length > MOST_REPLY:  # it need not come before it is too much
            raise Broken("too_large")
        elif head.length:
            self._at, self._left = _LENGTH, head.length
        else:
            self._complete()

    def _chunks(self, data: bytes, at: int) -> int:
        """Take in the chunks that are simply there, for the sake of speed; where the first one is that is not."""
        while (found := _PLAIN_CHUNK.match(data, at)) is not None:
            begin = found.end()
            after = begin + int(found[1], 16)
            if after == begin or data[after : after + 2] != b"\r\n":
                break
            self._body += data[begin:after]
            at = after + 2
        return at

    def _begin_chunk(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise Broken("garbage")
        size = int(found[1] or b"0", 16)
        if len(self._body) + size > MOST_REPLY:
            raise Broken("too_large")
        if size:
            self._at, self._left = _CHUNK_DATA, size
        else:
            self._at, self._left, self._lines = _TRAILERS, MOST_TRAILERS, 0

    def _trailer(self, line: bytes) -> None:
        """They are no headers, and nobody waits for them; but they have to be what they are."""
        if not line:
            self._complete()
            return
        self._left -= len(line) + 2
        self._lines += 1
        if self._lines > MOST_HEADERS:
            raise Broken("too_large")
        if _TRAILER.fullmatch(line) is None:
            raise Broken("garbage")

    def _complete(self) -> None:
        assert self.head is not None
        self.body = decoded(bytes(self._body), self.head.coding) if self._body and self.head.coding else bytes(self._body)
        self._body.clear()
        self._held.clear()
        self._at, self.done, self.reusable = _DONE, True, not self.head.close


def _bare(held: bytearray, since: int) -> bool:
    """Whether a line feed without its carriage return is among the bytes of ``held`` from ``since`` on."""
    new = held[max(0, since - 1) :]
    feeds = new.count(b"\n")
    return feeds > 0 and feeds - (since > 0 and new[0] == 10) != new.count(b"\r\n")
