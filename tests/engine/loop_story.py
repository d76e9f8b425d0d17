"""A loop for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from surgekit.engine.loop import Loop
from surgekit.engine.loop.poll import Poller, Selector, best

POLLERS = {"best": best, "selector": Selector}


@contextmanager
def looped(poller: Callable[[], Poller] = best) -> Iterator[Loop]:
    """A loop that has to leave nothing behind: neither tasks nor descriptors."""
    before = open_fds()
    made = Loop(poller())
    yield made
    assert not made.tasks
    made.close()
    assert open_fds() == before


def open_fds() -> int:
    return len(list(Path("/dev/fd").iterdir()))
