"""One connection: a state machine over a socket that never waits, plain or TLS.

    open ─▶ idle ─▶ exchange: send, then feed what comes to a ``Response`` until it is whole ─▶ idle ─▶ …
                                                             └─ anything odd ─▶ closed

Every wait ends at a deadline, however many bytes come meanwhile: a peer that sends a byte now and then is not waited for without end.
TLS (``tls``) has no socket of its own, so that its greeting and its half records are waited for by the same rule.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from surgekit.engine.http.heads import Broken, Head, Heads
from surgekit.engine.http.response import Response
from surgekit.engine.http.tls import BLOCK, Tls
from surgekit.engine.loop import Loop, Timer, suspended
from surgekit.engine.loop.poll import WRITE
from surgekit.engine.loop.real import real

CONTINUE_S = 1.0
"""So long is a body held back for a 100 Continue that was asked for (RFC 9110, 10.1.1: not indefinitely)."""
FRESH_S = 0.02
"""The loop hears of a peer that closes; a connection that has been idle for longer than a turn of the loop may take is looked at before it is used."""
OUT_OF_SOCKETS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})
_socket = real("_socket", "socket")
_NEVER = float("inf")

Answer = tuple[Head, bytes, float]
"""(head, decoded body, when it was complete on the loop's clock)"""


class Waiting(Protocol):
    """Whoever waits for a reply."""

    def resume(self, got: Any) -> None: ...


def _resumed(waits: Waiting, head: Head, body: bytes, done: float) -> None:
    waits.resume((head, body, done))


class _GoOn(Broken):
    """The peer wants the body."""


class Connection:
    """One at a time may use it. ``reusable``: the last reply left it fit for another request; ``idle_since``: on the loop's clock."""

    __slots__ = (
        "_by", "_deadline", "_expect", "_fd", "_heads", "_known", "_loop", "_method", "_now", "_on", "_quick", "_raw", "_recv", "_response", "_rings", "_sending", "_sock", "_task", "_timer",
        "_tls", "_write", "closed", "idle_since", "pool", "reusable",
    )  # fmt: skip

    def __init__(self, loop: Loop, heads: Heads, sock: Any) -> None:
        self._loop = loop
        self._now = loop.now
        self._heads = heads
        self._known = heads.known
        self._sock = sock
        self._fd: int = sock.fileno()
        self._recv, self._write = sock.recv, sock.send
        self._tls: Tls | None = None
        self._task: Waiting | None = None
        self._on: Callable[[Any, Head, bytes, float], None] = _resumed
        self._response: Response | None = None
        self._method = "GET"
        self._quick = self._raw = self._sending = self._expect = False
        self._deadline = self._by = 0.0
        self._timer: Timer | None = None
        self._rings = _NEVER
        self.pool: deque[Connection] | None = None
        """Where it lies while it is idle; it takes itself out when it is closed."""
        self.idle_since = 0.0
        self.reusable = self.closed = False
        loop.listen(self._fd, self._ready, writing=True)

    # Opening.

    async def opened(self, address: str, port: int, deadline: float) -> None:
        """Connect to an address literal; no name is looked up. Raises ``OSError``, ``TimeoutError`` at the deadline among them."""
        target = (address, port)
        error = self._sock.connect_ex(target)
        while error in _UNDER_WAY:
            await self._wait(deadline)
            error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == 0:
                # What woke us may have been meant for an earlier socket of this number.
                with contextlib.suppress(OSError):
                    self._sock.getpeername()
                    break
                error = errno.EINPROGRESS
        if error:
            raise OSError(error, "cannot connect") if error != errno.ECONNREFUSED else ConnectionRefusedError(error, "refused")
        # On one machine, a connection to a port where nobody listens can meet itself: the kernel picks the very same
        # port for this end, and what is sent comes back. It was refused all the same.
        if self._sock.getsockname()[:2] == self._sock.getpeername()[:2]:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connected to itself")
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.want(self._fd, writing=False)

    async def shake_hands(self, context: ssl.SSLContext, host: str, deadline: float) -> None:
        """Speak TLS from here on, with a peer that proves to be ``host``. Raises ``OSError``."""
        tls = Tls(context, host)
        data: bytes | None = None
        try:
            while not tls.greeted(data):
                await self._push(tls.going(), deadline)
                data = await self._received(deadline)
        except ssl.SSLError:
            with contextlib.suppress(OSError):  # the alert that tells the peer why; it may have gone
                self._write(tls.going())
            raise
        await self._push(tls.going(), deadline)
        self._tls = tls

    async def _received(self, deadline: float) -> bytes:
        while True:
            try:
                return self._recv(BLOCK)  # type: ignore[no-any-return]
            except BlockingIOError:
                await self._wait(deadline)

    async def _push(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._write(rest) :]
            except BlockingIOError:
                self._loop.want(self._fd, writing=True)
                await self._wait(deadline)
                self._loop.want(self._fd, writing=False)

    async def _wait(self, deadline: float) -> None:
        """Until something can be done with the socket. Raises ``TimeoutError``."""
        if self._now() >= deadline:
            raise TimeoutError
        me = self._loop.running()
        timer = self._loop.at(deadline, me.resume)
        self._raw, self._task, me.leave = True, me, self.close
        try:
            await suspended()
        finally:
            self._raw, self._task, me.leave = False, None, None
            timer.cancel()
        if self._now() >= deadline:
            raise TimeoutError

    # One exchange.

    async def exchange(self, data: bytes, method: str, deadline: float, first: float = _NEVER) -> Answer:
        """Hand ``data`` to the kernel, and wait for the reply: for its first byte until ``first``, for all of it until ``deadline``. Raises ``Broken``. Where
        it does, or where ``reusable`` is false then, the connection is closed."""
        me = self._loop.running()
        left = self.begin(data, method, deadline, first, me)
        me.leave = self.close
        got = (await self.rest(left, me) if left else None) or await suspended()
        me.leave = None
        if isinstance(got, Broken):
            raise got.again()
        return got

    def begin(
        self, data: bytes, method: str, deadline: float, first: float, waits: Waiting, on: Callable[[Any, Head, bytes, float], None] = _resumed
    ) -> bytes:
        """The beginning of ``exchange``: what the kernel did not take is for ``rest``. ``waits`` is resumed with an ``Answer`` or a ``Broken``; for most
        answers ``on`` is called instead, with ``waits`` and its three parts. Whoever does not want the reply any more closes the connection. Raises
        ``Broken``."""
        self._method = method
        self.reusable = False
        try:
            if self._tls is not None:
                data = self._tls.records(data)
            write = self._write
            sent = write(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            raise Broken("reset", silent=True) from None
        self._deadline = self._by = deadline
        if first < deadline:
            self._deadline = deadline = first
        if self._rings > deadline:
            self._ring(deadline)
        self._task, self._on = waits, on
        self._quick = self._tls is None and self._response is None and method != "HEAD" and sent == len(data)
        return b"" if sent == len(data) else data[sent:]

    async def rest(self, data: bytes, waits: Waiting) -> Answer | Broken | None:
        """The kernel did not take all at once. The reply may come before it has: then nobody wants the rest. None: it is all on its way, and ``waits`` hears
        of the reply."""
        rest = memoryview(data)
        self._task, self._sending = self._loop.running(), True
        self._loop.want(self._fd, writing=True)
        while rest:
            got: Answer | Broken | None = await suspended()
            if got is not None:
                return got
            try:
                rest = rest[self._write(rest) :]
            except BlockingIOError:
                continue
            except OSError:
                # What the peer said before it closed is there to be read all the same.
                break
        self._task, self._sending = waits, False
        self._say_more()
        self._loop.want(self._fd, writing=False)
        return None

    async def exchange_expecting(self, head: bytes, body: bytes, method: str, deadline: float) -> Answer:
        """As ``exchange``, with the body held back until the peer says 100 Continue, or says nothing for ``CONTINUE_S``."""
        self._response, self._expect = Response(self._heads, method=method), True
        hold = self._loop.at(self._now() + CONTINUE_S, self._go_on)
        try:
            answer = await self.exchange(head, method, deadline)
            self.close()  # the peer may still wait for the body
            return answer
        except _GoOn:
            return await self.exchange(body, method, deadline)
        finally:
            self._expect = False
            hold.cancel()

    def _go_on(self) -> None:
        if self._expect and self._task is not None:
            self._expect = False
            self._task.resume(_GoOn("continue"))

    # What the loop calls.

    def _ready(self, events: int) -> None:
        """Something can be read or, where that was asked for, written."""
        if self._quick:  # the whole of a plain reply is waited for, which most often comes in one piece
            self._quick = False
            recv, on = self._recv, self._on  # what is called as an attribute is looked up as a method first, which takes several times as long
            try:
                data = recv(BLOCK)
            except BlockingIOError:
                self._quick = True
                return
            except OSError:
                data = None
            if not data:
                self._take(data)
                return
            raw, mark, body = data.partition(b"\r\n\r\n")
            head = self._known.get(raw)
            if head is not None and mark and len(body) + 4 == head.behind:  # as ``Heads.whole`` does with what it knows, without the call
                self._heads.hits += 1
            else:
                whole = self._heads.whole(data)
                if whole is None:
                    self._take(data)
                    return
                head, body = whole
            task, self._task = self._task, None
            self.reusable = not head.close
            if head.close:
                self.close()
            now = self._now
            on(task, head, body, now())
            return
        task = self._task
        if task is not None and (self._raw or (self._sending and events & WRITE)):
            task.resume(None)
            return
        self._readable(events)

    def _readable(self, _events: int) -> None:
        try:
            data = self._recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = None
        ended = not data
        if self._tls is not None and data is not None:
            try:
                data, ended = self._tls.fed(data)
            except ssl.SSLError:
                self._say_more()
                if self._task is None:
                    self.close()
                else:
                    self._over(Broken("tls"))
                return
            self._say_more()
            if not data and not ended:  # no whole record yet, or one that is between TLS and its peer, such as a session's ticket
                return
        idle = self._task is None
        if idle:  # and the peer closes, or says what nobody asked for
            self.close()
        elif data and ended:
            # The end comes behind what was said; it is told once that has been taken in.
            self._take(data, last=True)
            if self._task is not None:
                self._take(b"")
        else:
            self._take(data)

    def _say_more(self) -> None:
        """Send what TLS has to say by itself, a new key or an alert: small enough to fit. Not in the middle of a record, which it would break."""
        if self._tls is not None and not self._sending and (data := self._tls.going()):
            with contextlib.suppress(OSError):
                self._write(data)

    def _take(self, data: bytes | None, *, last: bool = False) -> None:
        """Feed a block of the reply, ``b""`` for the peer's end, None for a broken connection. ``last``: the peer has ended behind it."""
        response = self._response
        if response is None:
            if data and self._method != "HEAD":
                whole = self._heads.whole(data)
                if whole is not None:
                    head, body = whole
                    self.reusable = not (head.close or self._sending or last)
                    self._over((head, body, self._now()))
                    return
            response = self._response = Response(self._heads, method=self._method)
        if data:
            self._deadline = self._by  # the first byte is there
        try:
            if data is None:
                raise Broken("reset", silent=not response.size)
            if data:
                if not response.feed(data):
                    if self._expect and 100 in response.interim:
                        self._go_on()
                    return
            else:
                response.ended()
        except Broken as broken:
            self._over(broken)
            return
        if response.done:
            assert response.head is not None
            self.reusable = response.reusable and bool(data) and not (self._sending or last)
            self._over((response.head, response.body, self._now()))

    def _over(self, got: Answer | Broken) -> None:
        """The exchange has ended; whoever waits for it goes on."""
        task, self._task, self._response, self._quick = self._task, None, None, False
        assert task is not None
        if not self.reusable:
            self.close()
        task.resume(got)

    def _ring(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = self._loop.at(when, self._expire), when

    def _expire(self) -> None:
        """The one timer of this connection. It is set once for many exchanges, and set again where it was too early, or would be too late."""
        self._timer, self._rings = None, _NEVER
        now = self._now()
        if self.closed:
            return
        if self._task is None:
            if self.idle_since and now >= self._deadline:
                self.close()
            elif self.idle_since:
                self._ring(self._deadline)
        elif now < self._deadline:
            self._ring(self._deadline)
        else:
            self.reusable = False
            self._over(Broken("timeout" if self._deadline == self._by else "first_byte_timeout"))

    # Between two.

    def idle(self, pool: deque[Connection], since: float, until: float) -> None:
        """Idle in ``pool`` from now on, and closed at ``until`` or a little later if nobody wants it."""
        self.idle_since, self._deadline, self.pool = since, until, pool
        pool.append(self)

    def idle_at_first(self, pool: deque[Connection], since: float, until: float) -> None:
        """``idle``, of a connection that has carried nothing yet, so that its timer was never set."""
        self.idle(pool, since, until)
        self._ring(until)

    def quiet(self, now: float) -> bool:
        """Whether the peer has said nothing since the last reply. A connection that is not quiet has been closed, or carries what nobody asked for."""
        if now - self.idle_since >= FRESH_S:
            self._readable(0)
        return not self.closed

    def close(self) -> None:
        """At once, without a farewell. May be called again."""
        if self.closed:
            return
        self.closed, self.reusable, self._task = True, False, None
        self._loop.forget(self._fd)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.pool is not None:
            with contextlib.suppress(ValueError):
                self.pool.remove(self)
            self.pool = None
        with contextlib.suppress(OSError):
            self._sock.close()


def new(loop: Loop, heads: Heads, address: str) -> Connection:
    """A connection that is not open yet, for an address of this family. Raises ``OSError`` where there are no sockets left."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = _socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    return Connection(loop, heads, sock)
