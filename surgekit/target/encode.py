"""How a value is written into each kind of place, so that it stays inside its hole.

Each place has two writers of the same bytes: one by the book for whatever may come, and in front of it one that knows what most
values are, a short text or a whole number, and is done with those at once.
"""

from __future__ import annotations

import json
import re
from string import ascii_letters, digits
from typing import Any, Final
from urllib.parse import quote, quote_plus

import orjson

# Values may come from replies, and JSON can carry half a surrogate pair, which no encoding has: it becomes "?".
ODD: Final = "replace"
_WORD: Final = f"{ascii_letters}{digits}_.-~".encode()
"""What is itself in every part of a URL."""
_IN_URL: Final = "!#$%&'()*+,/:;=?@[]~"
_URL_CHARS: Final = _WORD + _IN_URL.encode()
_dumps = orjson.dumps


class Raw(str):
    """A text that is put into a URL as it is, but for what no URL can have."""

    __slots__ = ()


def said(value: Any) -> str:
    """A value in the middle of a text: nothing for one that is not there, and the words of JSON for true and false."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list | dict) else str(value)


# By the book.


def any_header(value: Any) -> bytes:
    # A line break in a value would start a header of its own.
    return re.sub(r"[\r\n\0]", " ", said(value)).encode(errors=ODD)


def any_url(value: Any) -> bytes:
    # Keeps what has a meaning in a URL; a space or a line break would end the request line.
    return quote(said(value), safe=_IN_URL, errors=ODD).encode()


def any_segment(value: Any) -> bytes:
    if isinstance(value, Raw):
        return any_url(value)
    word = quote(said(value), safe="", errors=ODD)
    # A segment of dots only would climb to another path.
    return word.replace(".", "%2E").encode() if word in (".", "..") else word.encode()


def any_query(value: Any) -> bytes:
    # As in a form that is signed, and as PHP writes it.
    return quote_plus(str(int(value)) if isinstance(value, bool) else said(value), errors=ODD).encode()


def any_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors=ODD)


def any_json_inside(value: Any) -> bytes:
    return json.dumps(said(value), ensure_ascii=False)[1:-1].encode(errors=ODD)


def any_text(value: Any) -> bytes:
    return said(value).encode(errors=ODD)


# At once where that can be. Exact types only: what is derived from text or numbers may say something else of itself.


def header(value: Any) -> bytes:
    """The value of a header, or a part of it."""
    kind = type(value)
    if kind is str:
        if "\r" in value or "\n" in value or "\0" in value:
            return any_header(value)
        return value.encode("utf-8", "replace")  # type: ignore[no-any-return]
    return b"%d" % value if kind is int else any_header(value)


def url(value: Any) -> bytes:
    """A whole URL, or the beginning of one."""
    if type(value) is str:
        raw: bytes = value.encode("utf-8", "replace")
        if not raw.translate(None, _URL_CHARS):
            return raw
    return any_url(value)


def segment(value: Any) -> bytes:
    """One segment of a path, or one value of the query behind it."""
    kind = type(value)
    if kind is str:
        raw: bytes = value.encode("utf-8", "replace")
        if len(raw) > 2 and not raw.translate(None, _WORD):
            return raw
    elif kind is int:
        return b"%d" % value
    return any_segment(value)


def query(value: Any) -> bytes:
    """A value of ``application/x-www-form-urlencoded``."""
    kind = type(value)
    if kind is str:
        raw: bytes = value.encode("utf-8", "replace")
        if not raw.translate(None, _WORD):
            return raw
    elif kind is int:
        return b"%d" % value
    return any_query(value)


def json_value(value: Any) -> bytes:
    """A value by itself in JSON."""
    kind = type(value)
    if kind is str or kind is int:
        try:
            return _dumps(value)
        except TypeError:  # half a surrogate pair, or a number of more than 64 bits
            pass
    return any_json(value)


def json_inside(value: Any) -> bytes:
    """A part of a text in JSON."""
    if type(value) is str:
        try:
            return _dumps(value)[1:-1]
        except TypeError:
            pass
    return any_json_inside(value)


def text(value: Any) -> bytes:
    """A part of a text that has no syntax."""
    return value.encode("utf-8", "replace") if type(value) is str else any_text(value)
