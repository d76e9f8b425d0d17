"""HTTP/1.1 over gevent sockets, told apart by what could have reached the platform.

A general client hides what a load test must know: it re-sends on a closed connection (a second order!), and it does
not say whether bytes had left before something broke. Here each failure is one of two kinds: *effect-free*, the
request provably never reached the platform, or *unknown*.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from surgekit.errors import SurgeKitError
from surgekit.safety import Origin, origin, resolved
from surgekit.target.plan import Request
from surgekit.target.reading import Reply

MOST_BODY = 8 << 20
"""No reply of an order flow is larger; a body beyond this is an error and is not read on."""


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    idle_since: float
    used: bool = False


class Broken(Exception):
    """A request that got no complete reply. ``word`` is for the history."""

    def __init__(self, word: str, *, effect_free: bool = False) -> None:
        super().__init__(word)
        self.word = word
        self.effect_free = effect_free


class _Parser:
    """One response, fed block by block."""

    def __init__(self) -> None:
        self._http = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.size = 0
        self.has_headers = False
        self.done = False
        self.status = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._http.get_status_code()
        self.has_headers = True

    def on_body(self, block: bytes) -> None:
        self.size += len(block)
        self.body.append(block)

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim reply such as 100 Continue; the real one follows
            self.headers.clear()
            self.has_headers = False
        else:
            self.done = True

    def feed(self, block: bytes) -> None:
        try:
            self._http.feed_data(block)
        except httptools.HttpParserUpgrade:
            raise Broken("garbage") from None
        except httptools.HttpParserError:
            # Bytes after a complete reply are the next reader's problem: the connection is closed, the reply stands.
            if not self.done:
                raise Broken("garbage") from None

    def ended(self) -> None:
        """The peer closed. That ends a reply without a length, and breaks any other."""
        if not self.has_headers:
            raise Broken("closed" if not self.headers else "truncated")
        if "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower():
            raise Broken("truncated")
        self.done = True

    def keeps_alive(self) -> bool:
        return bool(self._http.should_keep_alive()) and self.headers.get("connection", "").lower() != "close"


class Client:
    """Sends requests to one platform (and to the absolute URLs that its replies name, on this machine only)."""

    def __init__(
        self,
        base: Origin,
        *,
        connect_s: float,
        reply_s: float,
        keep_alive_s: float,
        now: Callable[[], float],
        run_id: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._base = base
        self._connect_s = connect_s
        self._reply_s = reply_s
        self._keep_alive_s = keep_alive_s
        self._now = now
        self._run_id = run_id.encode()
        self._tls = tls or ssl.create_default_context()
        self._idle: dict[Origin, list[_Connection]] = {}
        self._origins: dict[str, Origin] = {}

    def send(self, request: Request) -> Reply:
        """One request, one reply. Never raises for what the network or the platform does."""
        sent: list[float] = []
        try:
            place, path = self._place(request.url)
            return self._exchange(place, path, request, sent)
        except Broken as broken:
            return Reply(0, b"", sent[0] if sent else None, self._now(), broken.word, broken.effect_free)

    def _place(self, url: bytes) -> tuple[Origin, bytes]:
        if url.startswith(b"/"):
            return self._base, url
        text = url.decode("utf-8", "replace")
        try:
            parts = urlsplit(text)
            key = f"{parts.scheme}://{parts.netloc}"
            if key not in self._origins:
                # A reply could name any host; it is held to the same rule as the target itself.
                self._origins[key] = resolved(origin(text))
        except (SurgeKitError, ValueError):
            raise Broken("bad_url", effect_free=True) from None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return self._origins[key], path.encode()

    def _exchange(self, place: Origin, path: bytes, request: Request, sent: list[float]) -> Reply:
        data = self._rendered(place, path, request)
        connection = self._checkout(place)
        try:
            try:
                connection.sock.settimeout(self._reply_s)
                connection.sock.sendall(data)
                sent.append(self._now())
                reply = self._receive(place, connection, sent[0])
            except Broken as broken:
                # A server may close an idle connection at the very moment it is used again. Asking again is
                # allowed for a read; an order is never sent twice by the client.
                if not (connection.used and broken.word in ("closed", "reset") and request.method == "GET"):
                    raise
                connection.sock.close()
                connection = self._connect(place)
                connection.sock.sendall(data)
                reply = self._receive(place, connection, sent[0])
        except TimeoutError:
            connection.sock.close()
            raise Broken("timeout") from None
        except OSError:
            connection.sock.close()
            raise Broken("reset") from None
        except BaseException:
            connection.sock.close()
            raise
        return reply

    def _rendered(self, place: Origin, path: bytes, request: Request) -> bytes:
        head = [
            b"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: surgekit\r\nAccept: */*\r\nX-Surge-Run: %s\r\n"
            % (request.method.encode(), path, place.netloc.encode(), self._run_id)
        ]
        head += [b"%s: %s\r\n" % pair for pair in request.headers]
        if request.body or request.method != "GET":
            head.append(b"Content-Length: %d\r\n" % len(request.body))
        return b"".join([*head, b"\r\n", request.body])

    def _checkout(self, place: Origin) -> _Connection:
        idle = self._idle.setdefault(place, [])
        oldest = self._now() - self._keep_alive_s
        while idle:
            connection = idle.pop()
            # Readable while idle means that the server has closed it (or sent what nobody asked for).
            if connection.idle_since >= oldest and not _readable(connection.sock):
                return connection
            connection.sock.close()
        return self._connect(place)

    def _connect(self, place: Origin) -> _Connection:
        word = "connect_failed"
        for address in place.addresses:
            try:
                sock = socket.create_connection((address, place.port), timeout=self._connect_s)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if place.scheme == "https":
                    sock = self._tls.wrap_socket(sock, server_hostname=place.host)
                return _Connection(sock, self._now())
            except ConnectionRefusedError:
                word = "connect_refused"
            except TimeoutError:
                word = "connect_timeout"
            except ssl.SSLError:
                word = "tls"
            except OSError as error:
                word = "no_sockets" if error.errno in (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL) else "connect_failed"
        raise Broken(word, effect_free=True)

    def _receive(self, place: Origin, connection: _Connection, sent_s: float) -> Reply:
        parser = _Parser()
        deadline = sent_s + self._reply_s
        while not parser.done:
            left = deadline - self._now()
            if left <= 0:
                raise Broken("timeout")
            connection.sock.settimeout(left)
            try:
                block = connection.sock.recv(65536)
            except TimeoutError:
                raise Broken("timeout") from None
            except OSError:
                raise Broken("reset") from None
            if block:
                parser.feed(block)
            else:
                parser.ended()
            if parser.size > MOST_BODY:
                raise Broken("too_large")
        done_s = self._now()
        if block and parser.keeps_alive():
            connection.idle_since, connection.used = done_s, True
            self._idle[place].append(connection)
        else:
            connection.sock.close()
        return Reply(parser.status, b"".join(parser.body), sent_s, done_s, headers=parser.headers)


def _readable(sock: socket.socket) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))
