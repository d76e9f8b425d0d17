"""One connection through a link: two pumps, and the exchanges that are under way between them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from surgekit.clock import now
from surgekit.edge.board import Board, Hold
from surgekit.edge.http1 import Framer
from surgekit.edge.log import EventLog

_BLOCK = 64 * 1024
_FORM_LIMIT = 16 * 1024
_MOST_PATH = 120
_ORDER_NO = re.compile(rb"(?:^|&)out_(?:order|trade)_no=([^&]*)")


@dataclass(slots=True)
class Exchange:
    """One request, read at ``read_at`` (seconds on the clock), and the holds on its reply. ``path``: without its query, where keys may stand."""

    method: str
    path: str
    read_at: float
    holds: tuple[Hold, ...]
    form: bytearray = field(default_factory=bytearray)
    status: int = 0

    def order_no(self) -> str | None:
        """The platform's number, if the body is a form that has one."""
        found = _ORDER_NO.search(self.form)
        return unquote_plus(found[1].decode("utf-8", "replace")) if found else None


class Relay:
    """Passes bytes both ways until both sides have ended."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
        board: Board,
        log: EventLog,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._up_reader, self._up_writer = up_reader, up_writer
        self._board, self._log = board, log
        self._waiting: deque[Exchange] = deque()

    async def run(self) -> None:
        """Returns when both sides ended in good order, raises OSError when one of them broke off."""
        requests = asyncio.create_task(self._requests())
        replies = asyncio.create_task(self._replies())
        try:
            await asyncio.gather(requests, replies)
        finally:
            requests.cancel()
            replies.cancel()
            await asyncio.gather(requests, replies, return_exceptions=True)
            while self._waiting:
                self._note(self._waiting.popleft(), "cut", self._board.cutter())

    async def _requests(self) -> None:
        framer = Framer()
        reading: Exchange | None = None
        while data := await self._reader.read(_BLOCK):
            for part in framer.feed(data):
                if part.head is not None:
                    reading = Exchange(part.head.method, _path(part.data), now(), self._board.holds())
                    self._waiting.append(reading)
                if reading is not None:
                    if part.body and len(reading.form) < _FORM_LIMIT:
                        reading.form += part.body
                    if part.ends:
                        reading.read_at = now()
            self._up_writer.write(data)
            await self._up_writer.drain()
        _end(self._up_writer)

    async def _replies(self) -> None:
        framer = Framer(asked=lambda: self._waiting[0].method if self._waiting else "")
        while data := await self._up_reader.read(_BLOCK):
            ready = b""
            for part in framer.feed(data):
                if part.head is not None and not part.head.interim and self._waiting:
                    await self._send(ready)
                    ready = b""
                    await self._hold(self._waiting[0])
                    self._waiting[0].status = part.head.status
                ready += part.data
                if part.ends and self._waiting and self._waiting[0].status:  # a 1xx reply leaves it at 0
                    await self._send(ready)
                    ready = b""
                    self._answered()
            await self._send(ready)
        await self._send(framer.rest())
        if framer.until_close and self._waiting:
            self._answered()
        _end(self._writer)

    async def _send(self, data: bytes) -> None:
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _hold(self, exchange: Exchange) -> None:
        for hold in exchange.holds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hold.gone.wait(), hold.seconds)

    def _answered(self) -> None:
        exchange = self._waiting.popleft()
        self._note(exchange, str(exchange.status))

    def _note(self, exchange: Exchange, status: str, cutter: str | None = None) -> None:
        self._log.write(
            "link",
            "forward",
            order_no=exchange.order_no(),
            status=status,
            took_s=now() - exchange.read_at,
            fault=",".join(hold.fault for hold in exchange.holds) or cutter,
            detail=f"{exchange.method} {exchange.path}",
        )


def _path(head: bytes) -> str:
    """The path of a request, out of its head."""
    return head.lstrip().split(b" ", 2)[1].partition(b"?")[0].decode("ascii", "replace")[:_MOST_PATH]


def _end(writer: asyncio.StreamWriter) -> None:
    """Pass on a half-close."""
    with contextlib.suppress(OSError):
        if not writer.is_closing():
            writer.write_eof()
