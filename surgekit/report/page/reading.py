"""Reading a result that may be old, half-written or void, and saying its numbers.

A report must come out of whatever is there, so these functions answer None or an empty value for what is missing or
of another type, and never raise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from surgekit.report.words import Lang, phrase, phrase_or

DASH = "—"


def num(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> Sequence[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list."""
    return [item for item in listing(value) if isinstance(item, Mapping)]


def said(value: object, lang: Lang) -> str:
    """Text of the run's own: plain, or ``{"en": …, "zh": …}`` (the other language rather than nothing)."""
    if isinstance(value, Mapping):
        chosen = value.get(lang) or value.get("en") or value.get("zh")
        return said(chosen, lang) if not isinstance(chosen, Mapping) else ""
    return "" if value is None else str(value)


def clipped(text: str, limit: int = 200) -> str:
    """``text``, cut with an ellipsis: one absurd value must not swell the page."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(value: float | None) -> str:
    """1,234 or 12.3 or 0.05: as many digits as mean something to a reader."""
    if value is None:
        return DASH
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.3g}"


def percent(share: float | None) -> str:
    """5 % from 0.05."""
    if share is None:
        return DASH
    value = share * 100
    return (
        f"{value:.0f}%"
        if value == round(value) or value >= 99.95
        else f"{value:.1f}%"
        if value >= 1
        else f"{value:.2g}%"
    )


def clock(seconds: float | None, lang: Lang) -> str:
    """A moment or a length of the run: 42.5 s, 2 min 05 s."""
    if seconds is None:
        return DASH
    if abs(seconds) < 120:
        return phrase("time.s", lang, s=number(round(seconds, 1)))
    minutes, rest = divmod(round(seconds), 60)
    return phrase("time.min", lang, m=minutes, s=f"{rest:02d}")


def millis(value: float | None, lang: Lang) -> str:
    """420 ms, 3.2 s."""
    if value is None:
        return DASH
    if abs(value) >= 120_000:
        return clock(value / 1000, lang)
    if abs(value) >= 1000:
        return phrase("time.s", lang, s=number(round(value / 1000, 2 if abs(value) < 10_000 else 1)))
    return phrase("time.ms", lang, ms=number(round(value, 1)))


NATURAL_UNIT = {"confirm_latency": "ms", "oversell": "units", "error_rate": "share"}
"""What a measure is counted in when its result does not say."""


def amount(value: object, unit: str, lang: Lang) -> str:
    """A limit or an observation in its own unit: ms, s, share (0..1), cards, orders, or any other word."""
    if isinstance(value, str):
        return clipped(value)
    given = num(value)
    if given is None:
        return DASH
    if unit == "ms":
        return millis(given, lang)
    if unit == "s":
        return clock(given, lang)
    if unit in ("share", "ratio", "fraction"):
        return percent(given)
    if unit in ("%", "percent"):
        return percent(given / 100)
    return f"{number(given)} {clipped(phrase_or(f'unit.{unit}', lang, unit), 30)}".strip()


def range_of(interval: object, lang: Lang) -> str:
    """The words for ``[lo, hi]``, either end of which may be open; empty when there is none."""
    ends = listing(interval)
    if len(ends) != 2:
        return ""
    low, high = num(ends[0]), num(ends[1])
    if low is not None and high is not None:
        return phrase("word.between", lang, lo=number(low), hi=number(high))
    if low is not None:
        return phrase("word.at_least", lang, lo=number(low))
    return phrase("word.at_most", lang, hi=number(high)) if high is not None else ""


def moment(value: object) -> str:
    """A UTC time stamp as people write it: 2026-05-01 12:00:00 UTC."""
    text = clipped(said(value, "en"), 40)
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)", text)
    return f"{match[1]} {match[2]} UTC" if match else text


def sentence(text: str) -> str:
    """The same with a capital first letter, for headings."""
    return text[:1].upper() + text[1:]
