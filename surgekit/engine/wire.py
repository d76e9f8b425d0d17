"""A byte stream under one total deadline, plain or TLS.

A socket's own time-out begins anew with every block, so a peer that sends a byte now and then is waited for without
end. Here every wait gets what is left until a deadline. TLS runs over memory buffers for the same reason: its handshake
and its half records then are waited for by the same rule as everything else.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

BLOCK = 65536
Result = TypeVar("Result")


class Wire:
    """A connection. Every method that waits raises ``TimeoutError`` at its deadline and ``OSError`` when it breaks.

    Deadlines are on the clock ``now``. ``used``: a reply came over it, so it may be stale; ``idle_since``: since when.
    """

    __slots__ = ("_incoming", "_now", "_outgoing", "_sock", "_tls", "idle_since", "used")

    def __init__(self, sock: socket.socket, now: Callable[[], float]) -> None:
        self._sock = sock
        self._now = now
        self._tls: ssl.SSLObject | None = None
        self._incoming = self._outgoing = None  # type: ssl.MemoryBIO | None
        self.idle_since = 0.0
        self.used = False

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: float) -> None:
        """Speak TLS from here on, with a peer that proves to be ``host``."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._pump(self._tls.do_handshake, deadline)

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the kernel."""
        if self._tls is None:
            self._send_plain(data, deadline)
            return
        rest = memoryview(data)
        while rest:
            block = rest[:BLOCK]
            rest = rest[self._pump(lambda block=block: self._tls.write(block), deadline) :]  # type: ignore[misc]

    def recv(self, deadline: float) -> bytes:
        """The next bytes, or ``b""`` when the peer has ended the stream."""
        tls = self._tls
        if tls is None:
            return self._recv_plain(deadline)
        try:
            return self._pump(lambda: tls.read(BLOCK), deadline)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def quiet(self) -> bool:
        """Whether the peer has said nothing since the last reply. A connection that is not quiet has been closed, or
        carries what nobody asked for."""
        self._sock.settimeout(0)
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()

    def _left(self, deadline: float) -> float:
        left = deadline - self._now()
        if left <= 0:
            raise TimeoutError
        return left

    def _send_plain(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._left(deadline))
            rest = rest[self._sock.send(rest) :]

    def _recv_plain(self, deadline: float) -> bytes:
        self._sock.settimeout(self._left(deadline))
        return self._sock.recv(BLOCK)

    def _pump(self, work: Callable[[], Result], deadline: float) -> Result:
        """Do TLS ``work``, carrying bytes between its buffers and the socket until it has what it needs."""
        assert self._incoming is not None
        assert self._outgoing is not None
        while True:
            try:
                result = work()
            except ssl.SSLWantReadError:
                self._send_plain(self._outgoing.read(), deadline)
                block = self._recv_plain(deadline)
                if block:
                    self._incoming.write(block)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):  # the alert that tells the peer why; it may have gone
                    self._send_plain(self._outgoing.read(), deadline)
                raise
            else:
                self._send_plain(self._outgoing.read(), deadline)
                return result


def dial(address: str, port: int, now: Callable[[], float], deadline: float) -> Wire:
    """A connection to an address literal; no name is looked up. Raises ``TimeoutError`` or ``OSError``."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        left = deadline - now()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        sock.connect((address, port))
        # On one machine, a connection to a port where nobody listens can meet itself: the kernel picks the very same
        # port for this end, and what is sent comes back. It was refused all the same.
        if sock.getsockname()[:2] == sock.getpeername()[:2]:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connected to itself")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return Wire(sock, now)
