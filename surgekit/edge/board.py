"""The faults that are active on a link right now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from surgekit.edge.faults.base import Fault


class Hold(NamedTuple):
    """One fault's hold on one reply: over after ``seconds``, or when ``gone`` is set because the fault was removed."""

    fault: str
    seconds: float
    gone: asyncio.Event


@dataclass
class _Active:
    fault: Fault
    requests: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Board:
    """Faults by name. ``on_cut`` is called with a fault's name when it lets no connection live."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._active: dict[str, _Active] = {}
        self.on_cut: Callable[[str], None] = lambda _name: None

    def put(self, name: str, fault: Fault) -> None:
        """Inject ``fault``. The same fault again changes nothing; another one under this name takes its place."""
        old = self._active.get(name)
        if old is not None and old.fault == fault:
            return
        self.remove(name)
        self._active[name] = _Active(fault)
        if fault.cuts_connections:
            self.on_cut(name)

    def remove(self, name: str) -> bool:
        """Heal. Whether there was such a fault: to heal twice is no error."""
        old = self._active.pop(name, None)
        if old is not None:
            old.gone.set()
        return old is not None

    def active(self) -> list[dict[str, Any]]:
        """Each active fault with its name, its fields, and how many requests it has seen."""
        return [
            {"name": name, **one.fault.model_dump(), "requests": one.requests} for name, one in self._active.items()
        ]

    def cutter(self) -> str | None:
        """The name of a fault that lets no connection live, if there is one."""
        return next((name for name, one in self._active.items() if one.fault.cuts_connections), None)

    def holds(self) -> tuple[Hold, ...]:
        """A request was read: what holds its reply."""
        if not self._active:
            return ()
        found = []
        for name, one in self._active.items():
            seconds = one.fault.hold_s(self._seed, name, one.requests)
            one.requests += 1
            if seconds > 0:
                found.append(Hold(name, seconds, one.gone))
        return tuple(found)
