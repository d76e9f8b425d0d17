"""What the controller says to a master or a worker on its standard input, a line each, beside what any engine is told."""

from __future__ import annotations

import shutil
from collections import deque

from surgekit.engine.commands import Commands


class Words(Commands):
    """``join HOST:PORT`` for a worker; ``own SHARD PID`` and ``gone SHARD HOW`` for a master. Written by the lifeline's thread, read by the main greenlet."""

    def __init__(self) -> None:
        super().__init__()
        self.join: str | None = None
        self.gone: deque[tuple[int, str]] = deque()
        self.own: dict[int, int] = {}
        """Shard → the process that the controller has started for it."""
        self.folder: str | None = None
        """Of a history that is not to stay on this machine."""

    def line(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word == "join":
            self.join = rest
        elif word == "own":
            shard, _, pid = rest.partition(" ")
            self.own[int(shard)] = int(pid)
        elif word == "gone":
            shard, _, how = rest.partition(" ")
            self.gone.append((int(shard), how))
        else:
            super().line(text)

    def end(self) -> None:
        """The controller has ended, and this process does so at once."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
