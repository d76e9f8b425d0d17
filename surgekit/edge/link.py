"""A link: a TCP proxy that knows where HTTP messages begin and end, and that can be broken while it runs.

    platform ══▶ link ══▶ stand-in        requests: passed on as they come, only read along
    platform ◀══ link ◀══ stand-in        replies: each may be held, at its first byte

One connection of the platform is one connection to the stand-in. Bytes are never changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from surgekit.edge.board import Board
from surgekit.edge.log import EventLog
from surgekit.edge.relay import Relay

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """Proxies ``listener`` to the port ``upstream`` of the same host, with the faults on ``board``."""

    def __init__(self, board: Board, log: EventLog, upstream: tuple[str, int]) -> None:
        self._board = board
        self._log = log
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._live: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        board.on_cut = self._cut_all

    async def start(self, listener: socket.socket) -> None:
        """Accept connections on ``listener``, a bound socket."""
        self._server = await asyncio.start_server(self._serve, sock=listener, backlog=1024)

    async def stop(self) -> None:
        """Stop accepting and drop what is under way."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._live)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = self._board.cutter()
        if name is not None:
            self._log.write("link", "refuse", status="reset", fault=name)
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        writers = self._live[task] = [writer]
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
            writers.append(up_writer)
            if writer.is_closing():  # cut while it was being connected
                return
            await Relay(reader, writer, up_reader, up_writer, self._board, self._log).run()
            for one in writers:
                one.close()
            for one in writers:  # a slow reader gets the rest of its reply before the socket goes
                await one.wait_closed()
        except OSError:  # one side is gone in a hurry: so is the other
            for one in writers:
                _reset(one)
        except asyncio.CancelledError:  # cut, or the link stops; asyncio's own callback trips over a cancelled handler
            pass
        finally:
            for one in writers:
                one.transport.abort()
            self._live.pop(task, None)

    def _cut_all(self, name: str) -> None:
        for task, writers in self._live.items():
            self._log.write("link", "refuse", status="cut", fault=name)
            for writer in writers:
                _reset(writer)
            task.cancel()  # it may be holding a reply that nobody can get any more


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, and without waiting for anything."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
