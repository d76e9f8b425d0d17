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
_ODD: Final = -(2**60)
"""Less than any number of names can make good."""
_BLANKS: Final = b" \t\n\r"
_load = orjson.loads


def parsed(body: bytes) -> Any:
    """The body as JSON, or ``MISSING``. The types are exactly those of ``json``."""
    try:
        data = _load(body)
        if type(data) is dict:
            names = len(data)
            for value in data.values():  # a flat object needs no more than this
                kind = type(value)
                if kind is not str and kind is not int and kind is not bool and value is not None:
                    names = _names(data, _DEEP)
                    break
        else:
            names = _names([data], _DEEP)
    except (ValueError, RecursionError):  # among it what Python takes: UTF-16, a byte order mark, half a surrogate pair
        return strictly(body)
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


def _names(data: Any, levels: int) -> int:
    """How many names the objects in ``data`` have together; less than none where only the strict reader knows what ``data`` is."""
    if type(data) is dict:
        found, inside = len(data), data.values()
    else:
        found, inside = 0, data
    for value in inside:
        kind = type(value)
        if kind is str or kind is int:
            continue
        if kind is dict or kind is list:
            if not levels:
                return _ODD
            found += _names(value, levels - 1)
        elif kind is float and not -_EXACT < value < _EXACT:
            return _ODD
    return found


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
