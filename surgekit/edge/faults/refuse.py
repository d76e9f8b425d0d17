"""refuse: nobody is there.

    connect  ──▶ reset at once
    live connections: cut with a reset, whatever was under way on them

What had been forwarded before the cut still takes effect at the supplier; the platform cannot know.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from surgekit.edge.faults.base import Fault


class Refuse(Fault):
    """Resets every connection of the link, old and new."""

    kind: Literal["refuse"]
    cuts_connections: ClassVar[bool] = True
