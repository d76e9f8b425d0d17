"""Faults on the clock of the run: injected when due, healed when over, and each move written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from surgekit.chaos import faults
from surgekit.profile.schema import FaultPlan


class Backend(Protocol):
    """What carries a fault out. Both raise ``OSError`` with a sentence when they could not."""

    def inject(self, name: str, settings: dict[str, Any]) -> None: ...

    def heal(self, name: str) -> None: ...


class Timeline:
    """Runs the planned faults in a thread of its own. ``rows()`` is what became of each."""

    def __init__(self, plans: Sequence[FaultPlan], duration: float, backend: Backend | None, now: Callable[[], float]) -> None:
        self._backend = backend
        self._now = now
        self._halt = threading.Event()
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        moves: list[tuple[float, bool, int]] = []
        for number, plan in enumerate(plans):
            fault = faults.find(plan.fault)
            end = duration if plan.length is None else min(duration, plan.start + plan.length)
            self._rows.append(
                {
                    "name": fault.name, "edge": fault.edge, "kind": fault.kind, "planned_s": plan.start, "start_s": None,
                    "end_s": None, "injected": False, "healed": False, "note": None, "intensity": plan.intensity,
                    "id": f"{fault.name}-{number}",
                }
            )  # fmt: skip
            if plan.start < duration:
                moves += [(plan.start, True, number), (end, False, number)]
            else:
                self._rows[-1]["note"] = "starts after the end of the run"
        # Where one fault ends as another begins, the healing comes first.
        self._moves = sorted(moves)
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Heal whatever is still injected, and end."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for number, row in enumerate(self._rows):
            if row["injected"] and not row["healed"]:
                self._heal(number)

    def active(self) -> list[str]:
        """Names of the faults that are injected now."""
        with self._lock:
            return [row["name"] for row in self._rows if row["injected"] and not row["healed"]]

    def rows(self) -> list[dict[str, Any]]:
        """A row a planned fault, as in ``faults.parquet``."""
        with self._lock:
            return [{key: value for key, value in row.items() if key not in ("id", "intensity")} for row in self._rows]

    def _run(self) -> None:
        for at, starts, number in self._moves:
            left = at - self._now()
            if left > 0 and self._halt.wait(left):
                return
            if self._halt.is_set():
                return
            self._inject(number) if starts else self._heal(number)

    def _inject(self, number: int) -> None:
        row = self._rows[number]
        fault = faults.find(row["name"])
        assert self._backend is not None  # run.plan refuses faults for a platform whose world is not ours
        try:
            self._backend.inject(
                row["id"], {"link": fault.edge, "kind": fault.kind, **fault.settings(row["intensity"])}
            )
        except OSError as error:
            with self._lock:
                row["note"] = str(error)
            return
        with self._lock:
            row["injected"], row["start_s"] = True, self._now()

    def _heal(self, number: int) -> None:
        row = self._rows[number]
        if not row["injected"] or row["healed"]:
            return
        assert self._backend is not None
        try:
            self._backend.heal(row["id"])
        except OSError as error:
            with self._lock:
                row["note"] = str(error)
            return
        with self._lock:
            row["healed"], row["end_s"] = True, self._now()
