"""Reading a reply at a glance: one object that has what the first rule asks for, and the values under their names. Most replies are like that.

Each step's reader is a function made for it, with all that it has to know at hand. Whatever is not as expected it leaves to the rules and extractors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from surgekit.target.reading import MISSING, MOST_VALUES
from surgekit.target.strict import parsed

Glance = Callable[[int, bytes], dict[str, Any] | None]
Kept = tuple[str, Any, Any, bool]
"""(its name, where it stands, what there is where it does not, whether nothing can go on without it)"""
_load: Final = orjson.loads


def reader(firsts: Mapping[int, tuple[str, Any]], kept: Sequence[Kept]) -> Glance:
    """Status and body → what is kept of a reply that is ok; None where that takes a longer look. ``firsts``: for each status, what has to stand where
    for the reply to be ok. No text in a body of ``MOST_VALUES`` is too long to keep."""
    if not firsts:
        return _never
    first_of = firsts.get
    take = _one(kept[0]) if len(kept) == 1 else _several(tuple(kept))

    def at_once(status: int, body: bytes) -> dict[str, Any] | None:
        first = first_of(status)
        if first is None or not 0 < len(body) <= MOST_VALUES:
            return None
        try:
            data = _load(body)
        except ValueError:
            data = parsed(body)
        else:
            # As ``parsed`` does with the commonest body, without the call.
            if type(data) is dict and len(data) == body.count(b":"):
                for value in data.values():
                    kind = type(value)
                    if kind is not str and kind is not int:
                        data = parsed(body)
                        break
            else:
                data = parsed(body)
        if type(data) is not dict:
            return None
        value = data.get(first[0])
        if value != first[1] or type(value) is bool:
            return None
        return take(data)

    return at_once


def _never(_status: int, _body: bytes) -> None:
    return None


def _one(only: Kept) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    key, where, default, must = only

    def take(data: dict[str, Any]) -> dict[str, Any] | None:
        value = data.get(where, default)
        if value is MISSING or (must and (value is None or value == "")):
            return None
        return {key: value}

    return take


def _several(kept: tuple[Kept, ...]) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    def take(data: dict[str, Any]) -> dict[str, Any] | None:
        values = {}
        for key, where, default, must in kept:
            values[key] = value = data.get(where, default)
            if value is MISSING or (must and (value is None or value == "")):
                return None
        return values

    return take
