"""Code that is not ours runs in greenlets. Then the loop runs in one too, beside them, and each waits for the other by what is in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from surgekit.engine.loop import Cut, Loop, suspended
from surgekit.engine.loop.poll import MOST_AT_ONCE, Epoll, Events, Poller, Selector

COARSE_S = 0.001


class HubEpoll(Epoll):
    """Waits in gevent's hub, so that greenlets run meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._watcher = gevent.get_hub().loop.io(self.fd, 1)

    def wait(self, due: float | None, now: float) -> Events:
        gevent.sleep(0)
        events: Events = self._poll(0, MOST_AT_ONCE)
        if events or (due is not None and due <= now):
            return events
        self.arm(due)
        gevent.get_hub().wait(self._watcher)
        return self._poll(0, MOST_AT_ONCE)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._watcher.close()
        super().close()


class HubSelector(Selector):
    """Where there is no epoll: looks a thousand times a second."""

    def wait(self, due: float | None, now: float) -> Events:
        gevent.sleep(COARSE_S if due is None else min(COARSE_S, max(0.0, due - now)))
        return super().wait(now, now)


def poller() -> Poller:
    try:
        return HubEpoll()
    except AttributeError:
        return HubSelector()


async def served(loop: Loop, work: Callable[..., Any], *words: Any) -> Any:
    """Do ``work`` in a greenlet; what it returned. Raises what it raised, and ``Cut`` where it was killed. Is it cut, the greenlet is killed."""
    me = loop.running()
    greenlet = gevent.spawn(work, *words)

    def over(_greenlet: Any) -> None:
        loop.call(me.resume)

    def leave() -> None:
        greenlet.unlink(over)
        greenlet.kill(block=False)

    greenlet.link(over)
    me.leave = leave
    await suspended()
    me.leave = None
    if greenlet.exception is not None:
        raise greenlet.exception
    if isinstance(greenlet.value, gevent.GreenletExit):
        raise Cut
    return greenlet.value
