"""JSON as any two readers would read it alike, and nothing else.

A name given twice in one object, NaN, and numbers beyond float are no JSON that two readers would read alike, so nothing may be
concluded from them. Python's own reader can be told so, and takes its time. A quicker one reads first, and its word counts only where
it is certain that the strict one would say the same.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import orjson

MISSING: Final = object()
"""Nothing is there. Not None, which is a value of JSON."""
_EXACT: Final = float(2**53)
"""From here on a float may be what the quick reader made of a whole number."""
_DEEP: Final = 64
"""Levels of lists and objects. Python's reader gives up somewhere beyond, depending on who calls it."""
_BLANKS: Final = b" \t\n\r"
_load = orjson.loads


def parsed(body: bytes) -> Any:
    """The body as JSON, or ``MISSING``. The types are exactly those of ``json``."""
    try:
        data = _load(body)
    except ValueError:  # among it what Python takes: UTF-16, a byte order mark, half a surrogate pair
        return strictly(body)
    if type(data) is dict and len(data) == body.count(b":"):  # what most replies are: one object of plain values
        for value in data.values():
            kind = type(value)
            if kind is not str and kind is not int:
                break
        else:
            return data
    names = _names(data)
    # Each member has a colon of its own, so that the body of an object with a name twice has more colons than its tree has names.
    # Where texts have colons too, those count that stand right behind a quotation mark, once the blanks are gone.
    if names == body.count(b":") or (names >= 0 and names == body.translate(None, _BLANKS).count(b'":')):
        return data
    return strictly(body)


def strictly(body: bytes) -> Any:
    """As ``parsed``, by Python's own reader."""
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return MISSING


def _names(data: Any) -> int:
    """How many names the objects in ``data`` have together; -1 where only the strict reader knows what ``data`` is."""
    level: list[Any] = [[data]]
    found = 0
    for _ in range(_DEEP):
        below: list[Any] = []
        for each in level:
            if type(each) is dict:
                found += len(each)
                each = each.values()  # noqa: PLW2901 - what is looked at of it
            for value in each:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float and not -_EXACT < value < _EXACT:
                    return -1
        if not below:
            return found
        level = below
    return -1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _finite(word: str) -> float:
    value = float(word)
    if math.isinf(value):
        raise ValueError(word)
    return value
