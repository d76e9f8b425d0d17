"""delay: the supplier does its work in time, and its answer comes late.

    request  ──────────────────▶ supplier
    reply    ◀── held ── ◀────── supplier

The reply is held, not the request: a platform that gives up waiting has bought all the same, as with a real slow
channel.
Replies on one connection keep their order, so a held reply also holds those behind it.
"""

from __future__ import annotations

from typing import Literal

from surgekit.edge import draws
from surgekit.edge.config import Spread
from surgekit.edge.faults.base import Fault


class Delay(Fault):
    """Holds each reply for a log-normal time. Removing the fault lets go of the replies that are held."""

    kind: Literal["delay"]
    delay_ms: Spread

    def hold_s(self, seed: int, name: str, index: int) -> float:
        """The delay of request ``index``: same seed and name, same delays in the same order."""
        return draws.seconds(self.delay_ms, seed, f"fault.delay.{name}", index)
