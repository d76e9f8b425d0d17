"""What the controller says on the engine's standard input."""

from __future__ import annotations

import math


class Commands:
    """``start <clock>`` and ``stop``. Written by the lifeline's thread, read by the main greenlet."""

    def __init__(self) -> None:
        self.start: float | None = None
        self.stop = False

    def line(self, text: str) -> None:
        """Take in one line; an unknown one is nobody's."""
        word, _, rest = text.partition(" ")
        if word == "start":
            start = float(rest)
            if math.isfinite(start):  # no clock ever shows anything else
                self.start = start
        elif word == "stop":
            self.stop = True
