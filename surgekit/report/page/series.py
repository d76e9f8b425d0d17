"""The run second by second, made fit to draw: columns of one length, no NaN, thinned when the run was long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgekit.report.page.reading import clipped, listing, mapping, mappings, num, said
from surgekit.report.words import Lang

Values = list[float | None]

COLUMNS = (
    "offered", "sent", "confirmed", "p50_ms", "p99_ms", "late_share", "error_share",
    "in_flight", "stock_left", "oversold", "rejected",
)  # fmt: skip
MOST_POINTS = 900
"""More would be finer than the pixels of a chart, and the page has to stay small."""


@dataclass(frozen=True)
class Span:
    """A phase or a fault window: name, and seconds from the run's start."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Mark:
    """The moment a measure broke."""

    measure: str
    at_s: float


@dataclass(frozen=True)
class Frame:
    """All columns over one time axis. ``cpu.<process>`` columns hold percent. ``step_s`` seconds stand in one point.
    ``stock_of`` names the product whose stock is shown; empty where it is all of them."""

    t: list[float]
    columns: dict[str, Values]
    phases: list[Span]
    faults: list[Span]
    marks: list[Mark]
    step_s: int
    stock_of: str = ""

    def has(self, name: str) -> bool:
        """Whether the column holds at least one number."""
        return any(value is not None for value in self.columns.get(name, ()))

    def top(self, name: str, span: Span | None = None) -> tuple[float, float] | None:
        """The first highest value of a column as (value, seconds), in a span or anywhere."""
        best: tuple[float, float] | None = None
        for at, value in zip(self.t, self.columns.get(name, ()), strict=False):
            inside = span is None or span.start_s <= at < span.end_s
            if inside and value is not None and (best is None or value > best[0]):
                best = (value, at)
        return best


def frame(series: Mapping[str, Any], lang: Lang) -> Frame:
    """Read a series, whatever is missing in it. Never raises."""
    raw = {name: listing(series.get(name)) for name in COLUMNS}
    for process, values in mapping(series.get("cpu")).items():
        raw[f"cpu.{clipped(str(process), 40)}"] = listing(values)
    given = [num(value) for value in listing(series.get("t"))]
    length = len(given) or max((len(values) for values in raw.values()), default=0)
    t = [float(index) if index >= len(given) or (at := given[index]) is None else at for index in range(length)]
    columns: dict[str, Values] = {}
    for name, values in raw.items():
        whole: Values = [num(value) for value in values[:length]]
        columns[name] = whole + [None] * (length - len(whole))
    step = max(1, -(-length // MOST_POINTS))
    return Frame(
        t=t[::step],
        columns={name: thinned(values, step, rule_for(name)) for name, values in columns.items()},
        phases=spans(series.get("phases"), lang),
        faults=spans(series.get("faults"), lang),
        marks=marks(series.get("marks")),
        step_s=step,
        stock_of=clipped(said(series.get("stock_sku"), lang), 60),
    )


def spans(value: object, lang: Lang) -> list[Span]:
    """The phases or fault windows that have both ends, in order of time."""
    found = []
    for item in mappings(value):
        start, end = num(item.get("start_s")), num(item.get("end_s"))
        if start is not None and end is not None and end > start:
            found.append(Span(clipped(said(item.get("name"), lang), 80), start, end))
    return sorted(found, key=lambda span: span.start_s)


def marks(value: object) -> list[Mark]:
    """The breaking points that have a time, in order of time."""
    found = []
    for item in mappings(value):
        at = num(item.get("at_s"))
        if at is not None:
            found.append(Mark(clipped(said(item.get("measure"), "en"), 80), at))
    return sorted(found, key=lambda mark: mark.at_s)


Rule = Callable[[Sequence[float]], float]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def rule_for(column: str) -> Rule:
    """How several seconds become one point: rates by their mean, everything else by its worst second.

    Quantiles of different seconds cannot be merged, and a mean would hide the very second that broke.
    """
    if column in ("offered", "sent", "confirmed", "rejected"):
        return mean
    return min if column == "stock_left" else max


def thinned(values: Values, step: int, rule: Rule) -> Values:
    """One point for each ``step`` values; None where all of them are."""
    points: Values = []
    for start in range(0, len(values), step):
        present = [value for value in values[start : start + step] if value is not None]
        points.append(tidy(rule(present)) if present else None)
    return points


def tidy(value: float) -> float:
    """The value with no more digits than a chart can show."""
    if value == int(value):
        return int(value)
    return round(value, 4 if abs(value) < 1 else 2 if abs(value) < 100 else 1)
