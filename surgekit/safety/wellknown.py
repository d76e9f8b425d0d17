"""What one address says at ``/.well-known/surgekit-consent``.

The answer has to come from the very address that would be loaded: no name is looked up, no redirect is followed, no proxy
is asked, and there is an end to what is read and to how long is waited.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

import httptools

from surgekit.clock import now
from surgekit.errors import ConsentError
from surgekit.safety.address import Origin
from surgekit.safety.statement import WORD, AbsentError

PATH = "/.well-known/surgekit-consent"
MOST_BODY = 4096
MOST_REPLY = 32768
"""Bytes with headers and framing."""
PATIENCE_S = 5.0
"""For one address: connection, TLS and reply together."""

Dial = Callable[[str, int, float], socket.socket]
"""Address literal, port, seconds → a connected stream. Raises ``OSError``."""


def well_known_url(place: Origin) -> str:
    """Where the owner of ``place`` publishes."""
    return f"{place.scheme}://{place.netloc}{PATH}"


def dial(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to an address literal; no name is looked up. Raises ``OSError``."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect((address, port))
        if sock.getsockname()[:2] == sock.getpeername()[:2]:  # a port without a listener can meet itself on one machine
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connected to itself")
    except BaseException:
        sock.close()
        raise
    return sock


def read(place: Origin, address: str, *, dial: Dial, tls: ssl.SSLContext | None, patience_s: float = PATIENCE_S) -> list[str]:
    """The lines that ``address`` serves as ``place.host``.

    Raises ``AbsentError`` where it serves none (TLS was in order then), ``ConsentError`` where it does not prove to be
    ``place.host`` over TLS, and ``OSError`` where no connection comes about.
    """
    deadline = now() + patience_s
    sock = dial(address, place.port, patience_s)
    try:
        if place.scheme == "https":
            sock = _secured(sock, tls or ssl.create_default_context(), place, address, deadline)
        try:
            return _lines(_body(sock, place, deadline))
        except TimeoutError:
            raise AbsentError(f"has not answered in full within {patience_s:g} s") from None
        except OSError as error:
            raise AbsentError(f"broke off: {error}") from None
    finally:
        sock.close()


def _secured(sock: socket.socket, context: ssl.SSLContext, place: Origin, address: str, deadline: float) -> ssl.SSLSocket:
    secured = context.wrap_socket(sock, server_hostname=place.host, do_handshake_on_connect=False)
    try:
        secured.settimeout(_left(deadline))  # for the whole handshake, however many bytes it takes
        secured.do_handshake()
    except (OSError, ssl.CertificateError) as error:
        secured.close()
        why = getattr(error, "verify_message", None) or ("no answer in time" if isinstance(error, TimeoutError) else str(error))
        raise ConsentError(f"{address} does not prove over TLS to be {place.host}: {why}") from None
    return secured


def _left(deadline: float) -> float:
    left = deadline - now()
    if left <= 0:
        raise TimeoutError
    return left


class _Reply:
    """One response, fed block by block."""

    def __init__(self) -> None:
        self._http = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.status = 0
        self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._http.get_status_code()

    def on_body(self, block: bytes) -> None:
        self.body += block

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim reply; the real one follows
            self.headers.clear()
            self.status = 0
        else:
            self.done = True

    def feed(self, block: bytes) -> None:
        try:
            self._http.feed_data(block)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            if not self.done:
                raise AbsentError("does not speak HTTP") from None

    def ended(self) -> None:
        """The peer closed, which ends a reply without a length and breaks any other."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if framed or not self.status:
            raise AbsentError("broke off in its answer")
        self.done = True


def _body(sock: socket.socket, place: Origin, deadline: float) -> bytes:
    head = (f"GET {PATH} HTTP/1.1", f"Host: {place.netloc}", "User-Agent: surgekit", "Accept: text/plain", "Connection: close")
    sock.settimeout(_left(deadline))
    sock.sendall("\r\n".join([*head, "", ""]).encode("ascii"))
    reply, size = _Reply(), 0
    while not reply.done:
        sock.settimeout(_left(deadline))
        try:
            block = sock.recv(4096)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            block = b""
        size += len(block)
        if block:
            reply.feed(block)
        else:
            reply.ended()
        if reply.status not in (0, 200):  # no body makes an agreement of it
            location = reply.headers.get("location")
            further = "" if location is None else f" and redirects to {location[:100]!r}; redirects are not followed"
            raise AbsentError(f"answers HTTP {reply.status}{further}")
        if len(reply.body) > MOST_BODY or size > MOST_REPLY:
            raise AbsentError(f"answers with more than {MOST_BODY // 1024} KiB, which is no list of statements")
    return bytes(reply.body)


def _lines(body: bytes) -> list[str]:
    """Raises ``AbsentError`` for a page that has nothing to do with consent, such as a shop's front page for every path."""
    text = ""
    with contextlib.suppress(UnicodeDecodeError):
        text = body.decode("utf-8-sig")
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not any(line.startswith(WORD) for line in lines):
        raise AbsentError("answers with no statement")
    return lines
