"""What the terminal and Locust's statistics want to know of a run under way, worked out of whole blocks of its history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from surgekit.engine.history.histogram import Histogram, Recent
from surgekit.engine.loop.real import real
from surgekit.engine.order.buyer import BROKEN
from surgekit.eventlog.records import MOST_CODES, ORDER, OTHER, REQUEST
from surgekit.model import Outcome, ReplyClass

MOST_STEPS: Final = 256
"""So many steps have figures of their own; a locustfile may give each request another name."""
_BROKEN, _FAILED, _NO_SOCKETS, _UNSENT, _REFUNDED, _LATE = 1, 2, 4, 8, 16, 32
_OUTCOMES: Final = [each.value for each in Outcome]
_COUNTED: Final = ("requests", "errors", "no_sockets", "orders", "unsent", "sent", "accepted", "bad", "refunded", *_OUTCOMES)


@dataclass(slots=True)
class StepFigures:
    """The requests of one step. Latencies in ms, from when each should have left."""

    count: int = 0
    errors: int = 0
    """What a buyer sees as an error page."""
    bytes: int = 0
    latency: Histogram = field(default_factory=Histogram)
    failures: Counter[str] = field(default_factory=Counter)
    """Reason → how often, of the errors and of what was refused."""


class Live:
    """Fed by the writer's thread with blocks of records, asked by any other."""

    def __init__(self) -> None:
        self._lock = real("_thread", "allocate_lock")()
        self._names = [OTHER]
        self._numbers = {OTHER: 0}
        self._step = np.zeros(MOST_CODES, np.uint16)
        self._marks = np.zeros(MOST_CODES, np.uint8)
        self._outcome = np.zeros(MOST_CODES, np.uint8)
        self._reasons: dict[int, str] = {}
        self._figures: dict[int, StepFigures] = {}
        self._counts = Counter(dict.fromkeys(_COUNTED, 0))
        self._recent = Recent()

    def request_word(self, code: int, step: str, kind: str, reason: str | None) -> None:
        """``code`` will stand for this in records of requests. Called before any block has it."""
        number = self._numbers.get(step, 0)
        if not number and len(self._names) < MOST_STEPS and step != OTHER:
            number = self._numbers[step] = len(self._names)
            self._names.append(step)
        self._step[code] = number
        marks = _BROKEN | _FAILED if kind in BROKEN else _FAILED if kind == ReplyClass.REFUSED else 0
        self._marks[code] = marks | (_NO_SOCKETS if reason == "no_sockets" else 0)
        if marks:
            self._reasons[code] = str(reason or kind)

    def order_word(self, code: int, outcome: str, reason: str | None) -> None:
        """``code`` will stand for this in records of orders. Called before any block has it."""
        self._outcome[code] = _OUTCOMES.index(outcome)
        self._marks[code] = {"unsent": _UNSENT, "refunded": _REFUNDED, "deadline": _LATE}.get(reason or "", 0)

    def requests(self, block: bytes | memoryview) -> None:
        rows = np.frombuffer(block, REQUEST)
        words = rows["word"].astype(np.intp)
        steps, marks = self._step[words], self._marks[words]
        late_ms = (rows["done_s"] - rows["due_s"]) * 1000.0
        order = np.argsort(steps, kind="stable")
        ordered = steps[order]
        begins = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()]
        failed = Counter(words[marks & _FAILED != 0].tolist())
        with self._lock:
            self._counts["requests"] += len(rows)
            self._counts["errors"] += int(np.count_nonzero(marks & _BROKEN))
            self._counts["no_sockets"] += int(np.count_nonzero(marks & _NO_SOCKETS))
            for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
                part = order[begin:end]
                step = int(ordered[begin])
                figures = self._figures.get(step)
                if figures is None:
                    figures = self._figures[step] = StepFigures()
                figures.count += end - begin
                figures.errors += int(np.count_nonzero(marks[part] & _BROKEN))
                figures.bytes += int(rows["bytes"][part].sum(dtype=np.int64))
                figures.latency.add_many(late_ms[part])
            for code, count in failed.items():
                self._figures[int(self._step[code])].failures[self._reasons[code]] += count

    def orders(self, block: bytes | memoryview) -> None:
        rows = np.frombuffer(block, ORDER)
        marks, outcomes = self._marks[rows["word"]], self._outcome[rows["word"]]
        sent = marks & _UNSENT == 0
        confirmed = ~np.isnan(rows["confirmed_s"])
        end = np.where(confirmed, rows["confirmed_s"], rows["ended_s"])
        known = (confirmed | (marks & _LATE != 0)) & ~np.isnan(end)
        latency = (end - rows["intended_s"] - rows["paused_s"])[known]
        told = {
            **dict(zip(_OUTCOMES, np.bincount(outcomes[sent], minlength=len(_OUTCOMES)).tolist(), strict=True)),
            "orders": len(rows), "unsent": int(np.count_nonzero(~sent)), "sent": int(np.count_nonzero(~np.isnan(rows["sent_s"]))),
            "accepted": int(np.count_nonzero(~np.isnan(rows["accepted_s"]))), "bad": int(np.count_nonzero(rows["errors"])),
            "refunded": int(np.count_nonzero(marks & _REFUNDED)),
        }  # fmt: skip
        with self._lock:
            self._counts.update(told)
            self._recent.add_many(latency, np.fmax(end, rows["ended_s"])[known])

    def take(self) -> dict[str, StepFigures]:
        """Step → its figures since the last call."""
        with self._lock:
            taken, self._figures = self._figures, {}
            return {self._names[step]: figures for step, figures in taken.items()}

    def totals(self) -> dict[str, int]:
        """Since the start: requests, errors, no_sockets; orders that have ended, unsent, sent, accepted, bad, refunded, and those of each outcome."""
        with self._lock:
            return dict(self._counts)

    def recent(self, now_s: float) -> bytes:
        """How long the orders of the last five seconds took, for the way to another process (``Histogram.to_bytes``)."""
        with self._lock:
            whole = self._recent.whole(now_s)
        return whole.to_bytes()

    def confirm_ms(self, q: float, now_s: float) -> float | None:
        """The quantile ``q`` of how long the orders of the last five seconds took."""
        with self._lock:
            return self._recent.quantile_ms(q, now_s)
