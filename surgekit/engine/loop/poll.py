"""What the loop sleeps on: its sockets, and the moment at which the next thing is due.

On Linux that is epoll with a timerfd in it, which wakes up within some 50 µs of the moment; epoll's own time-out counts in whole
milliseconds. Elsewhere it is whatever ``selectors`` has, with the coarser timer of the system.

The process that this runs in is patched by gevent, which takes ``epoll`` away and replaces ``select``. The loop blocks a thread of its
own, so it needs the originals.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import sys
from typing import Protocol

from surgekit.engine.loop.real import real

MOST_AT_ONCE = 64
"""Sockets that one look finds at most. There are to be more of
them than orders that leave in a turn (``surge.MOST_IN_TURN``), or an engine that has fallen behind would send and send, and never read: each order
would need a connection of its own, and those cost more than all the rest."""
SPIN_S = 0.00004
"""What is due so soon is not worth going to sleep for: falling asleep and waking up takes as long, and whoever wakes up finds the processor's caches
cold, which doubles what the next reply costs."""
READ, WRITE = 1, 4
"""As epoll has them. Whatever else epoll tells (an error, a hang-up) is found out by reading."""

Events = list[tuple[int, int]]
"""(file descriptor, ``READ`` | ``WRITE``)"""


class Poller(Protocol):
    """Descriptors are looked at for reading always, and for writing where ``writing`` was asked for."""

    exact: bool
    """Whether it wakes up well within a millisecond of the moment."""

    def add(self, fd: int, *, writing: bool = False) -> None: ...

    def change(self, fd: int, *, writing: bool) -> None: ...

    def remove(self, fd: int) -> None: ...

    def wait(self, due: float | None, now: float) -> Events:
        """What is ready, at most ``MOST_AT_ONCE``; nothing at the moment ``due`` of the monotonic clock. None: however long it takes."""

    def close(self) -> None: ...


class Epoll:
    """Linux."""

    exact = True

    def __init__(self) -> None:
        self._epoll = real("select", "epoll")()
        self._poll = self._epoll.poll
        self._timer = _TimerFd()
        # Once per expiry, so that nobody has to read it.
        self._epoll.register(self._timer.fd, READ | 1 << 31)

    def add(self, fd: int, *, writing: bool = False) -> None:
        self._epoll.register(fd, READ | WRITE if writing else READ)

    def change(self, fd: int, *, writing: bool) -> None:
        self._epoll.modify(fd, READ | WRITE if writing else READ)

    def remove(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def wait(self, due: float | None, now: float) -> Events:
        poll = self._poll
        if due is not None and due - now <= SPIN_S:
            return poll(0, MOST_AT_ONCE)  # type: ignore[no-any-return]
        self._timer.set(due)
        return poll(-1, MOST_AT_ONCE)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._epoll.close()
        self._timer.close()

    @property
    def fd(self) -> int:
        """Readable when ``wait`` would return at once."""
        return int(self._epoll.fileno())

    def arm(self, due: float | None) -> None:
        """Have ``fd`` become readable at ``due``, for whoever waits for it by other means."""
        self._timer.set(due)


class _TimerFd:
    """``timerfd_create(2)``; Python has it from 3.13 on."""

    def __init__(self) -> None:
        # PyDLL: these calls do not wait, so the interpreter's lock need not be given away for them.
        libc = ctypes.PyDLL(None, use_errno=True)
        self.fd = libc.timerfd_create(1, os.O_NONBLOCK | os.O_CLOEXEC)  # 1: CLOCK_MONOTONIC, which is the loop's clock
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "no timer to be had (timerfd_create)")
        self._spec = (ctypes.c_long * 4)()  # struct itimerspec: an interval that is not wanted, then seconds and nanoseconds
        self._settime = libc.timerfd_settime
        self._settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        self._at = ctypes.addressof(self._spec)
        self._armed: float | None = None

    def set(self, due: float | None) -> None:
        """Expire at ``due``; None: never."""
        if due == self._armed:
            return
        self._armed = due
        spec = self._spec
        whole = 0 if due is None else int(due)
        spec[2] = whole
        # Never 0, which would switch it off.
        spec[3] = 0 if due is None else int((due - whole) * 1e9) or 1
        self._settime(self.fd, 1, self._at, None)  # 1: the moment is absolute

    def close(self) -> None:
        os.close(self.fd)


class Selector:
    """Every other system."""

    exact = False

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._last = -1

    def add(self, fd: int, *, writing: bool = False) -> None:
        self._selector.register(fd, _wanted(writing))

    def change(self, fd: int, *, writing: bool) -> None:
        self._selector.modify(fd, _wanted(writing))

    def remove(self, fd: int) -> None:
        self._selector.unregister(fd)

    def wait(self, due: float | None, now: float) -> Events:
        found = self._selector.select(None if due is None else max(0.0, due - now))
        if len(found) > MOST_AT_ONCE:  # each in turn, or the others would never be served
            found.sort(key=lambda pair: (pair[0].fd <= self._last, pair[0].fd))
            found = found[:MOST_AT_ONCE]
            self._last = found[-1][0].fd
        both = {selectors.EVENT_READ: READ, selectors.EVENT_WRITE: WRITE}
        return [(key.fd, sum(word for kind, word in both.items() if events & kind)) for key, events in found]

    def close(self) -> None:
        self._selector.close()


def _wanted(writing: bool) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)


def best() -> Poller:
    """The best that there is here."""
    return Epoll() if sys.platform.startswith("linux") else Selector()
