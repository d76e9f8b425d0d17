"""What ``{name|filter}`` can do to a value."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote_plus

from surgekit.target import encode
from surgekit.target.encode import ODD, Raw, said

MOST_PLAIN: Final = 13
"""Digits of an amount of yuan that is looked for in a text."""


def _number(value: Any) -> int:
    try:
        return int(said(value).strip())
    except ValueError:
        return 0


def _yuan(value: Any) -> str:
    """1234 → 12.34"""
    fen = _number(value)
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _fen(value: Any) -> int:
    """12.34, ¥1,234.5 → 1234, 123450; what is no amount is 0."""
    amount = fen(value)
    return 0 if amount is None else amount


_MONEY = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]{1,8})?", re.ASCII)


def fen(value: Any) -> int | None:
    """An amount of yuan, as text or number, in fen; parts of a fen are rounded half up. None: no amount."""
    kind = type(value)
    if kind is str and len(value) < MOST_PLAIN and value.isascii():  # 12.34 at once, everything else by the book
        whole, _, part = value.partition(".")
        if len(part) == 2 and whole.isdigit() and part.isdigit():
            return int(whole) * 100 + int(part)
    if kind is int and 0 <= value < 10**MOST_PLAIN:
        return value * 100  # type: ignore[no-any-return]
    return any_fen(value)


def any_fen(value: Any) -> int | None:
    """``fen`` by the book."""
    found = _MONEY.search(said(value).replace(",", ""))
    if found is None or isinstance(value, bool):
        return None
    whole, _, part = found[0].lstrip("-").partition(".")
    rounded = int(whole) * 100 + (int((part + "000")[:3]) + 5) // 10
    return -rounded if found[0].startswith("-") else rounded


FILTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "yuan": _yuan,
    "fen": _fen,
    "int": _number,
    "text": said,
    "upper": lambda value: said(value).upper(),
    "lower": lambda value: said(value).lower(),
    "raw": lambda value: Raw(said(value)),
    "urldecode": lambda value: unquote_plus(said(value)),
    "url": lambda value: quote(said(value), safe="", errors=ODD),
    "md5": lambda value: hashlib.md5(encode.text(value), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(encode.text(value)).hexdigest(),
    "base64": lambda value: base64.b64encode(encode.text(value)).decode(),
    "base64url": lambda value: base64.urlsafe_b64encode(encode.text(value)).decode().rstrip("="),
}
"""By name; several in a row are applied from left to right."""
