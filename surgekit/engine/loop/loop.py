"""The engine's own event loop: coroutines, sockets and timers, in one thread and without a library in between.

A coroutine of this loop waits by ``await`` of one of three things: ``Loop.sleep_until``, ``Task.wait``, or whatever keeps
``loop.current`` and later calls its ``resume``, as a connection does for its reply. Nothing else can suspend it, so between two
of them it has the loop to itself.

The thread may be one of many, but everything in here belongs to that one. Others call ``call`` and nothing else.
"""

from __future__ import annotations

import contextlib
import heapq
import os
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from surgekit import clock
from surgekit.engine.loop.poll import MOST_AT_ONCE, Poller, best
from surgekit.engine.loop.tasks import Result, Task, Timer, suspended

AT_A_STRETCH = 4
"""Sockets that are served before the loop looks whether anything is due: an order that is waits for so many replies. Not where a look found
``MOST_AT_ONCE``: then it waits for all of those, and the replies come first."""
LONG_S = 0.005
"""A reply that waits in line for so long before it is served looks that much later than it was."""


def _nothing() -> None:
    """Nobody wants to do anything."""


class Loop:
    """``run`` it in the thread that it shall have."""

    def __init__(self, poller: Poller | None = None, now: Callable[[], float] = clock.now) -> None:
        """``now`` has to be the clock that ``poller`` wakes up by: the monotonic one, unless somebody makes time up."""
        self.poller = poller or best()
        self.now = now
        self.current: Task[Any] | None = None
        self.tasks: set[Task[Any]] = set()
        self.late_s = 0.0
        """By how much a timer was late at worst, since somebody set this to 0: the lag of the loop."""
        self._sockets: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = count()
        self._soon: deque[Callable[[], None]] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        self.looks = self.full = 0
        """How often it looked at its sockets, and how often more were ready than it serves at once: then replies wait for it."""
        self.long_s = 0.0
        """Time that it spent serving what one look had found, where that took longer than ``LONG_S``: then they wait too."""
        self.before_looking: Callable[[], None] = _nothing
        """Called each time before it looks at its sockets."""
        self._ended = False
        self._bell, self._rung = os.pipe()
        for fd in (self._bell, self._rung):
            os.set_blocking(fd, False)
        self.listen(self._bell, self._answer)

    # Sockets.

    def listen(self, fd: int, ready: Callable[[int], None], *, writing: bool = False) -> None:
        """Call ``ready`` with what can be done with ``fd``, as long as it can."""
        self.poller.add(fd, writing=writing)
        self._sockets[fd] = ready

    def want(self, fd: int, *, writing: bool) -> None:
        self.poller.change(fd, writing=writing)

    def forget(self, fd: int) -> None:
        """Before ``fd`` is closed. What is ready of it already is passed over."""
        if self._sockets.pop(fd, None) is not None:
            self.poller.remove(fd)

    # Tasks and timers.

    def spawn(
        self, coro: Coroutine[Any, Any, Result], among: set[Task[Any]] | None = None, on_over: Callable[[Task[Result]], None] | None = None
    ) -> Task[Result]:
        """Start ``coro``, which runs to its first wait before this returns. It is ``among`` others until it is over; then ``on_over`` is told."""
        task = Task(self, coro, self.tasks if among is None else among, on_over)
        task._among.add(task)
        task.resume()
        return task

    def running(self) -> Task[Any]:
        """The task that asks."""
        assert self.current is not None, "only a coroutine of this loop can wait"
        return self.current

    async def sleep_until(self, at: float) -> None:
        """Until ``at`` on the loop's clock; not at all where that has passed."""
        if at <= self.now():
            return
        me = self.running()
        timer = Timer(me.resume)
        heapq.heappush(self._timers, (at, next(self._number), timer))
        me.leave = timer.cancel
        await suspended()
        me.leave = None

    def at(self, when: float, work: Callable[[], None]) -> Timer:
        """Call ``work`` at ``when`` on the loop's clock."""
        timer = Timer(work)
        heapq.heappush(self._timers, (when, next(self._number), timer))
        return timer

    async def pause(self) -> None:
        """Let everything else have its turn."""
        me = self.running()
        timer = Timer(me.resume)
        self._soon.append(timer.fire)
        me.leave = timer.cancel
        await suspended()
        me.leave = None

    def soon(self, work: Callable[[], None]) -> None:
        """Call ``work`` as soon as what runs now has come to an end."""
        self._soon.append(work)

    def call(self, work: Callable[[], object]) -> None:
        """The one thing that other threads may do: have ``work`` called in here."""
        self._calls.append(work)
        with contextlib.suppress(OSError):  # it is ringing already, or the loop has gone
            os.write(self._rung, b"!")

    def _answer(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell, 4096)
        while self._calls:
            self._calls.popleft()()

    # Running.

    def run(self) -> None:
        """Until ``end`` is called."""
        self._ended = False
        while not self._ended:
            self.turn()

    def run_until(self, coro: Coroutine[Any, Any, Result]) -> Result:
        """Run ``coro`` to its end, and everything else meanwhile. Raises what it raised."""
        task = self.spawn(coro, on_over=self._last)
        while not task.over:
            self._ended = False
            self.turn()
        if task.error is not None:
            raise task.error
        return task.result

    def end(self) -> None:
        self._ended = True

    def _last(self, _task: Task[Any]) -> None:
        """Nobody waits for anything else, so the turn does not go on to sleep."""
        self._ended = True

    def turn(self) -> None:
        """What is due, then the sockets that are ready; sleeps in between where nothing is either."""
        clock, before_looking, wait = self.now, self.before_looking, self.poller.wait
        timers = self._timers
        self._fire(clock())
        soon = self._soon
        for _ in range(len(soon)):  # and not what those add, or sockets would never be looked at
            soon.popleft()()
        before_looking()
        if self._ended:
            return
        due = 0.0 if soon else timers[0][0] if timers else None
        sockets = self._sockets
        found = wait(due, clock())
        woke = clock()
        self.looks += 1
        left = AT_A_STRETCH
        if len(found) >= MOST_AT_ONCE:
            self.full += 1
            left = -1  # replies wait in line: more orders now, and there would be ever more of them
        for fd, events in found:
            ready = sockets.get(fd)
            if ready is not None:
                ready(events)
            left -= 1
            if not left:
                left = AT_A_STRETCH
                if timers and timers[0][0] <= clock():
                    self._fire(clock())
                    before_looking()
        took = clock() - woke
        if took > LONG_S:
            self.long_s += took

    def _fire(self, now: float) -> None:
        """All that is due. What becomes due meanwhile has to wait: sockets have their turn first."""
        timers, until = self._timers, now
        while timers and timers[0][0] <= until:
            when, _, timer = heapq.heappop(timers)
            work = timer.work
            if work is not None:
                if now - when > self.late_s:
                    self.late_s = now - when
                work()
                now = self.now()

    def close(self) -> None:
        """Cut what is still there, and close the loop's own descriptors. Not from inside."""
        for task in list(self.tasks):
            task.cut()
        self.forget(self._bell)
        os.close(self._bell)
        rung, self._rung = self._rung, -1  # the number may soon be somebody else's
        os.close(rung)
        self.poller.close()
