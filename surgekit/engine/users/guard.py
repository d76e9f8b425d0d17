"""Where code that is not ours may connect to, and when: a locustfile can open any socket it likes.

Every socket of this process's Python code connects and sends to this machine or to an address of the permit, and to nothing
else. The name of the platform means the addresses that were checked, and other names are not even looked up. Once the surge is
stopped, nothing that belongs to a user leaves any more, not even over a connection that is open. What libraries in C do by
themselves, and what other processes do that a locustfile starts, is beyond it.
"""

from __future__ import annotations

import contextvars
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import gevent

from surgekit.safety import Permit
from surgekit.safety.address import is_literal, is_localhost, is_loopback

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


class Traveller(Protocol):
    """Whoever is told that bytes are about to leave."""

    def leaving(self) -> None: ...


class RefusedError(PermissionError):
    """A connection to an address that is not permitted."""


_user: contextvars.ContextVar[Traveller | None] = contextvars.ContextVar("_user", default=None)


class Guard:
    """``who`` connects; ``quiet`` says whether the surge is stopped; ``refused`` hears the sentence about what was not permitted."""

    def __init__(self, permit: Permit, who: str, *, quiet: Callable[[], bool], refused: Callable[[str], None]) -> None:
        self._place = permit.place
        self._who = who
        self._quiet = quiet
        self._refused = refused

    def install(self) -> None:
        """For the whole process and for good, before any of the user's code runs."""
        for name in list(os.environ):
            if name.lower() in _PROXIES:  # a proxy on this machine would lead anywhere
                del os.environ[name]
        hub = gevent.get_hub()
        hub.resolver = _Names(hub.resolver, self)
        gevent.Greenlet.add_spawn_callback(_inherit)
        for kind, names in ((socket.socket, ("send", "sendall", "sendto", "sendmsg")), (ssl.SSLSocket, ("send", "sendall", "write"))):
            for name in names:
                setattr(kind, name, self._sending(getattr(kind, name)))
        for name, place in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
            setattr(socket.socket, name, self._connecting(getattr(socket.socket, name), place))
        socket.socket.sendmsg = self._addressing(socket.socket.sendmsg)  # type: ignore[method-assign]

    @contextmanager
    def watching(self, user: Traveller) -> Iterator[None]:
        """What runs in here, and every greenlet that it spawns, is a user's."""
        before = _user.set(user)
        try:
            yield
        finally:
            _user.reset(before)

    def name(self, host: str | bytes | None) -> list[str | None]:
        """What may be looked up for ``host``. Raises ``RefusedError``."""
        written = host.decode("latin-1") if isinstance(host, bytes) else host
        text = (written or "").lower()
        if text == self._place.host:
            return list(self._place.addresses)
        if not text or is_literal(text) or is_localhost(text) or text == socket.gethostname().lower():
            return [written]
        raise self._no(written or "")

    def check(self, address: str, port: object) -> None:
        """Raises ``RefusedError`` for an address that is neither of this machine nor permitted."""
        if not is_loopback(address) and address not in self._place.addresses:
            raise self._no(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")

    def _no(self, where: str) -> RefusedError:
        sentence = f"{self._who} wants to connect to {where}, which is not permitted: only this machine and {self._place.netloc} are"
        self._refused(sentence)
        return RefusedError(sentence)

    def _connecting(self, original: Callable[..., Any], at: int) -> Callable[..., Any]:
        def connect(sock: Any, *words: Any) -> Any:
            given = list(words)
            given[at] = self._checked(sock, given[at])
            return original(sock, *given)

        return connect

    def _addressing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """``sendmsg``, which may bring an address of its own: behind the data, what goes with it, and the flags."""

        def sendmsg(sock: Any, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None) -> Any:
            return original(sock, buffers, ancdata, flags, None if address is None else self._checked(sock, address))

        return sendmsg

    def _checked(self, sock: Any, address: Any) -> Any:
        """``address`` by number, so that what was checked is what is connected to."""
        if sock.family == socket.AF_UNIX:
            return address
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            raise self._no(repr(address))
        host, port, *rest = address
        if not (isinstance(host, str) and is_literal(host)):
            host, port, *rest = socket.getaddrinfo(host, port, sock.family, sock.type, sock.proto)[0][4]
        self.check(host.partition("%")[0], port)
        return (host, port, *rest)

    def _sending(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send(sock: Any, *words: Any, **more: Any) -> Any:
            user = _user.get()
            if user is not None:
                if self._quiet():
                    raise gevent.GreenletExit
                user.leaving()
            return original(sock, *words, **more)

        return send


def _inherit(greenlet: Any) -> None:
    """A greenlet that a user's code spawns is the user's too."""
    if _user.get() is not None:
        greenlet.gr_context = contextvars.copy_context()


class _Names:
    """gevent's resolver, which every look-up of the process goes through."""

    def __init__(self, inner: Any, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def getaddrinfo(self, host: Any, *words: Any, **more: Any) -> list[Any]:
        found: list[Any] = []
        wrong: OSError | None = None
        for each in self._guard.name(host):
            try:
                found += self._inner.getaddrinfo(each, *words, **more)
            except OSError as error:  # an IPv6 address where IPv4 is asked for
                wrong = error
        if not found and wrong is not None:
            raise wrong
        return found

    def gethostbyname(self, host: Any) -> Any:
        return self._inner.gethostbyname(self._guard.name(host)[0])

    def gethostbyname_ex(self, host: Any) -> Any:
        return self._inner.gethostbyname_ex(self._guard.name(host)[0])

    def gethostbyaddr(self, host: Any) -> Any:
        return self._inner.gethostbyaddr(self._near(host))

    def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        host, *rest = sockaddr
        return self._inner.getnameinfo((self._near(host), *rest), flags)

    def _near(self, host: Any) -> str | None:
        """What may be asked about ``host``. The name of an address is asked of somebody else too. Raises ``RefusedError``."""
        found = self._guard.name(host)[0]
        if found is not None and is_literal(found):
            self._guard.check(found.partition("%")[0], 0)
        return found
