"""The kill file: once it is there, nothing leaves any more.

    refuse(path)          before anything is sent: it is there already
    heeded(path)          while things are set up: consent, preflight, logins. It ends what the main thread does, wherever that waits
    thrown(path)          during the surge, whose watch looks again and again
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from surgekit.errors import RunError

LOOK_S: Final = 0.1
"""So often is it looked for."""
_SIGNAL: Final = signal.SIGUSR1


class KilledError(RunError):
    """The kill file is there, and the surge has not begun."""

    exit_code = 105


class _Thrown(BaseException):
    """Goes through every ``except Exception`` on its way out."""


@dataclass(slots=True)
class _Switch:
    armed: bool = True
    thrown: bool = False
    sent: bool = False
    heard: bool = False


def thrown(path: Path | None) -> bool:
    """Whether the kill file is there. A link that leads nowhere counts: somebody made it."""
    return path is not None and os.path.lexists(path)


def refuse(path: Path | None) -> None:
    """Raises ``KilledError`` where the kill file is there."""
    if thrown(path):
        raise KilledError(f"the kill file {path} is there, so nothing is sent; remove it first")


@contextmanager
def heeded(path: Path | None) -> Iterator[None]:
    """As soon as the kill file is there, what runs in here ends with ``KilledError``, also in the middle of a wait.

    Only the main thread can be interrupted; another one is told before it begins and no more.
    """
    refuse(path)
    if path is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    switch, over, main = _Switch(), threading.Event(), threading.get_ident()

    def throw(*_: object) -> None:
        switch.heard = True
        if switch.armed:
            switch.armed, switch.thrown = False, True
            raise _Thrown

    def look() -> None:
        while not over.wait(LOOK_S):
            if thrown(path):
                switch.sent = True
                signal.pthread_kill(main, _SIGNAL)
                return

    before = signal.signal(_SIGNAL, throw)
    watcher = threading.Thread(target=look, name="kill-file", daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            switch.armed = False
        if switch.thrown:  # something in there kept it to itself
            raise _Thrown
    except (_Thrown, Exception):
        if not switch.thrown:
            raise
        raise KilledError(f"stopped by the kill file {path}") from None
    finally:
        over.set()
        watcher.join()
        while switch.sent and not switch.heard:  # the old handler would end the process
            time.sleep(0.001)
        signal.signal(_SIGNAL, before)
