"""A lean HTTP client for callbacks: one request, one reply, connections kept alive. Never sends anything twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from surgekit.clock import now
from surgekit.edge.http1 import Framer
from surgekit.safety import Origin, Permit, allowed

_IDLE_S = 2.0
_BODY_LIMIT = 64 * 1024
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "x-surge-run"})
"""Headers that the client writes, whatever it is given."""

THIS_MACHINE: Final = Permit(Origin("http", "127.0.0.1", 80, ("127.0.0.1",)), "loopback")
"""Where callbacks may go when nothing else was permitted."""


class UnansweredError(Exception):
    """There was no reply. The message is one word for the event log."""


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float


class Client:
    """``send`` may be called by many tasks at once; each has a connection to itself while it waits.

    ``permit`` says where requests may go; ``run_id`` marks each of them in X-Surge-Run. ``tls``: whom to believe; by
    default those whom the machine believes.
    """

    def __init__(
        self, timeout_s: float = 10.0, *, permit: Permit = THIS_MACHINE, run_id: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self._timeout_s = timeout_s
        self._permit = permit
        self._run_id = run_id
        self._tls = tls
        self._idle: dict[Origin, list[_Connection]] = {}

    def permits(self, url: str) -> bool:
        """Whether a request may go there."""
        return allowed(self._permit, url) is not None

    async def send(
        self, method: str, url: str, body: bytes | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> tuple[int, bytes]:
        """The status and body of the reply. A body without Content-Type among ``headers`` is a form.

        Raises UnansweredError: timeout, unreachable, tls, reset, bad_url or not_permitted.
        """
        try:
            place, head = self._head(method, url, body, list(headers))
        except ValueError as error:
            raise UnansweredError("bad_url") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(place, method, head + (body or b""))
        except TimeoutError as error:
            raise UnansweredError("timeout") from error

    def _head(self, method: str, url: str, body: bytes | None, headers: list[tuple[str, str]]) -> tuple[Origin, bytes]:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        plain = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme not in ("http", "https") or not parts.hostname or not plain or parts.port == 0:
            raise ValueError(url)
        # Whoever signs a request chooses where it is called back. Callbacks go to the platform, or about this machine if the
        # platform is on it, by the addresses that were checked and not by a name that is looked up once more.
        place = allowed(self._permit, url)
        if place is None:
            raise UnansweredError("not_permitted")
        given = {name.lower() for name, _ in headers}
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in given:
            lines.append(f"Host: {place.netloc}")
        if "user-agent" not in given:
            lines.append("User-Agent: surgekit-edge")
        if self._run_id:
            lines.append(f"X-Surge-Run: {self._run_id}")
        if body is not None:
            if "content-type" not in given:
                lines.append("Content-Type: application/x-www-form-urlencoded")
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _OURS]
        return place, "\r\n".join([*lines, "", ""]).encode(errors="replace")

    async def _exchange(self, place: Origin, method: str, request: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connect(place)
        kept = False
        try:
            writer.write(request)
            status, body, kept = await _reply(reader, method)
        except OSError as error:
            raise UnansweredError("reset") from error
        finally:
            if kept:
                self._idle.setdefault(place, []).append(_Connection(reader, writer, now()))
            else:
                writer.transport.abort()
        return status, body

    async def _connect(self, place: Origin) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        idle = self._idle.get(place, [])
        while idle:
            reader, writer, since = idle.pop()
            # An old connection may be closing at the other end this very moment, and a callback is not sent twice.
            if now() - since < _IDLE_S and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        tls, name = None, None
        if place.scheme == "https":
            tls, name = self._context(), place.host
        problem: OSError | None = None
        for address in place.addresses:  # localhost is ::1 and 127.0.0.1, and most servers listen on one of them only
            try:
                return await asyncio.open_connection(address, place.port, ssl=tls, server_hostname=name)
            except ssl.SSLError as error:
                raise UnansweredError("tls") from error
            except OSError as error:
                problem = error
        raise UnansweredError("unreachable") from problem

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def close(self) -> None:
        """Drop the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.transport.abort()
        self._idle.clear()


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
