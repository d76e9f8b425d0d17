"""A lean HTTP client for callbacks: one request, one reply, connections kept alive. Never sends anything twice."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from surgekit.clock import now
from surgekit.edge.http1 import Framer
from surgekit.safety import is_loopback

_IDLE_S = 2.0
_BODY_LIMIT = 64 * 1024


class UnansweredError(Exception):
    """There was no reply. The message is one word for the event log."""


class _Origin(NamedTuple):
    tls: bool
    host: str
    port: int


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float


class Client:
    """``send`` may be called by many tasks at once; each has a connection to itself while it waits."""

    def __init__(self, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._idle: dict[_Origin, list[_Connection]] = {}

    async def send(self, method: str, url: str, form: bytes | None = None) -> tuple[int, bytes]:
        """The status and body of the reply. Raises UnansweredError: timeout, unreachable, reset, bad_url or
        not_this_machine."""
        try:
            origin, head = _request_head(method, url, form)
        except ValueError as error:
            raise UnansweredError("bad_url") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(origin, method, head + (form or b""))
        except TimeoutError as error:
            raise UnansweredError("timeout") from error

    async def _exchange(self, origin: _Origin, method: str, request: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connect(origin)
        kept = False
        try:
            writer.write(request)
            status, body, kept = await _reply(reader, method)
        except OSError as error:
            raise UnansweredError("reset") from error
        finally:
            if kept:
                self._idle.setdefault(origin, []).append(_Connection(reader, writer, now()))
            else:
                writer.transport.abort()
        return status, body

    async def _connect(self, origin: _Origin) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        idle = self._idle.get(origin, [])
        while idle:
            reader, writer, since = idle.pop()
            # An old connection may be closing at the other end this very moment, and a callback is not sent twice.
            if now() - since < _IDLE_S and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        try:
            tls = ssl.create_default_context() if origin.tls else None
            # Whoever signs a request chooses where it is called back. The stand-ins call this machine and no other, by
            # the address that was checked and not by a name that is looked up once more.
            found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
            if not all(is_loopback(str(entry[4][0])) for entry in found):
                raise UnansweredError("not_this_machine")
            address = str(found[0][4][0])
            return await asyncio.open_connection(
                address, origin.port, ssl=tls, server_hostname=origin.host if origin.tls else None
            )
        except OSError as error:
            raise UnansweredError("unreachable") from error

    def close(self) -> None:
        """Drop the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.transport.abort()
        self._idle.clear()


def _request_head(method: str, url: str, form: bytes | None) -> tuple[_Origin, bytes]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError(url)
    tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", "User-Agent: surgekit-edge"]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
    head = "\r\n".join([*lines, "", ""]).encode()
    if " " in target:
        raise ValueError(url)
    return _Origin(tls, parts.hostname, parts.port or (443 if tls else 80)), head


async def _reply(reader: asyncio.StreamReader, method: str) -> tuple[int, bytes, bool]:
    """Status, body (cut at 64 KB), and whether the connection can be used again. Raises ConnectionError."""
    framer = Framer(asked=lambda: method)
    status, body, closes = 0, b"", False
    while data := await reader.read(_BODY_LIMIT):
        for part in framer.feed(data):
            if part.head is not None and not part.head.interim:
                status, closes = part.head.status, part.head.closes
            if len(body) < _BODY_LIMIT:
                body += part.body
            if part.ends and status:
                return status, body, not closes
        if not status and framer.opaque:
            break
    if status and framer.until_close:
        return status, body, False
    raise ConnectionResetError
