"""From a platform's row to the audit's: its names, forms and units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from surgekit.digest import card_digests
from surgekit.errors import TargetError
from surgekit.platform.times import unix_s
from surgekit.target import template
from surgekit.target.extract import lines as apart
from surgekit.target.pattern import Pattern
from surgekit.target.reading import MISSING, MOST_ITEMS, compile_path, look
from surgekit.target.schema import Column

MOST_FIELDS = 30
"""Named in a message."""
NEEDED = ("order_no", "order_key", "status")
"""Columns without which a ledger says nothing."""
_TEXTS = frozenset({"order_no", "order_key", "sku", "status"})


class Columns:
    """``columns`` of a read, compiled. Remembers which of the needed ones no row had. Raises ``ConfigError``."""

    def __init__(self, columns: Mapping[Any, Column], zone: tzinfo, where: str) -> None:
        self._columns = {str(name): _Column(column, f"{where}.{name}") for name, column in columns.items()}
        self._zone = zone
        self._where = where
        self._unseen = {name for name in NEEDED if name in self._columns}
        self._fields: set[str] = set()

    def told(self, row: Mapping[str, Any], salt: str, start_s: float | None) -> dict[str, Any]:
        """One row of the table ``ledger``, card codes as digests. ``start_s``: the run's start, UNIX time."""
        if len(self._fields) < 1000:
            self._fields.update(map(str, row))
        told: dict[str, Any] = {}
        for name, column in self._columns.items():
            found = column.pick(row)
            if found is not MISSING:
                self._unseen.discard(name)
            value = None if found is MISSING else column.shaped(_plain(found))
            if name == "cards":
                told["card_digests"] = card_digests(_cards(value, column.kind), salt)
            elif name == "created_s":
                at = unix_s(value, self._zone, start_s)
                told[name] = None if at is None or start_s is None else round(at - start_s, 3)
            else:
                told[name] = text(value) if name in _TEXTS else whole(value)
        return told

    def check(self) -> None:
        """Raises ``TargetError`` where rows came and none had a needed field: with a misspelt name every order would pass for one
        that the platform never had, so for one without effect."""
        if self._fields and self._unseen:
            name = next(each for each in NEEDED if each in self._unseen)
            column = self._columns[name].name
            known = ", ".join(sorted(self._fields)[:MOST_FIELDS])
            raise TargetError(f"{self._where}.{name}: no row has a field {column!r}; there are {known}")


class _Column:
    __slots__ = ("_path", "_regex", "kind", "name")

    def __init__(self, column: Column, where: str) -> None:
        self.name = column.name
        self.kind = column.as_
        self._path = compile_path(column.name, where)
        self._regex = None if column.regex is None else Pattern(column.regex)

    def pick(self, row: Mapping[str, Any]) -> Any:
        return row[self.name] if self.name in row else look(row, self._path)

    def shaped(self, value: Any) -> Any:
        if self._regex is not None and value is not None:
            if isinstance(value, list):
                value = [found for found in (self._regex.first(text(each) or "") for each in value) if found is not None]
            else:
                value = self._regex.first(text(value) or "")
        if self.kind == "yuan":
            odd = value is None or isinstance(value, bool | list | dict) or (isinstance(value, float) and abs(value) >= 1e13)
            return None if odd else template.fen(text(value))
        return text(value) if self.kind == "text" else value


def _plain(value: Any) -> Any:
    """What a database's driver gives, in the types that JSON has; times stay times."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  (the ledger's zone is added later)
    return list(value) if isinstance(value, tuple) else value


def text(value: Any) -> str | None:
    """``value`` as text; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def whole(value: Any) -> int | None:
    """``value`` as a number that a table can hold: no fraction, no truth value, no more than 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(value.strip().replace(",", "") if isinstance(value, str) else value)
        if not number.is_finite() or number.adjusted() > 20 or number != number.to_integral_value():
            return None
    except (InvalidOperation, ValueError):
        return None
    found = int(number)
    return found if -(2**63) <= found < 2**63 else None


def _cards(value: Any, kind: str | None) -> list[str]:
    if isinstance(value, str) and kind in (None, "list") and value.lstrip().startswith("["):
        try:  # a list in a database is a text there
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        value = found if isinstance(found, list) else value
    if isinstance(value, list):
        lines = [text(each) or "" for each in value[:MOST_ITEMS]]
        if kind == "lines":
            lines = [line for each in lines for line in apart(each)]
    else:
        lines = apart(text(value) or "")
    return [line.strip() for line in lines if line.strip()][:MOST_ITEMS]
