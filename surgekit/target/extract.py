"""What is kept of a reply: by JSON path, CSS, form field, header, cookie, redirect or pattern."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from surgekit.target import page
from surgekit.target.pattern import Pattern
from surgekit.target.reading import (
    MISSING,
    MOST_ITEMS,
    MOST_TEXT,
    UNREAD,
    Document,
    Found,
    compile_path,
    finder,
    look,
    names_of,
)
from surgekit.target.schema import Extract
from surgekit.target.template import fen

MOST_WHOLE, MOST_DIGITS = 2**63, 20


class Extractor:
    """One ``Extract``, compiled.

    ``value(document)``: what the reply has there; ``MISSING`` where it has nothing, or nothing of the form that is wanted. The default
    of an optional value stands in for what is missing.

    ``plain`` is (names, shape, default) where it is what stands under these names in the object that is the body, as it is or as ``shape`` has it
    (``MISSING``: not of that form); else None.
    """

    __slots__ = ("_asked", "_css", "_path", "_regex", "plain", "value")

    value: Found

    def __init__(self, asked: Extract, where: str) -> None:
        self._asked = asked
        self._path = None if asked.json_ is None else compile_path(asked.json_, where)
        self._css = None if asked.css is None else page.selector(asked.css)
        self._regex = None if asked.regex is None else Pattern(asked.regex)
        absent = asked.default if asked.optional else MISSING
        names = None if self._path is None or asked.regex is not None or asked.as_ not in _SHAPES else names_of(self._path)
        self.plain = None if names is None else (names, _SHAPES[asked.as_], absent)
        self.value = self._quick(absent) or self.general

    def general(self, document: Document) -> Any:
        """``value`` of whatever may be asked for."""
        found = self._shaped(self._picked(self._source(document)))
        if isinstance(found, str) and len(found) > MOST_TEXT:  # nothing that an order is told; and it would be sent on
            found = MISSING
        return self._asked.default if found is MISSING and self._asked.optional else found

    def _quick(self, absent: Any) -> Found | None:
        """``value`` in one go where that is possible: of JSON and of what is beside the body, as it is, as text or in fen."""
        asked = self._asked
        if asked.regex is not None or asked.as_ not in _SHAPES:
            return None
        if self._path is not None:
            if asked.as_ is None and len(self._path) == 1 and isinstance(self._path[0], str):
                return _named(self._path[0], absent)
            return _at(finder(self._path), _SHAPES[asked.as_] or _as_it_is, absent)
        if asked.as_ == "yuan":
            return None
        if asked.header is not None or asked.location:
            return _header_of((asked.header or "location").lower(), absent)
        return _cookie_of(asked.cookie, absent) if asked.cookie is not None else None

    def _source(self, document: Document) -> Any:
        asked = self._asked
        if self._path is not None:
            return look(document.data, self._path)
        if self._css is not None:
            if document.page is None:
                return MISSING
            texts = document.page.texts(self._css, asked.attr)
            return texts if asked.all else (texts[0] if texts else MISSING)
        found: str | None
        if asked.field is not None:
            found = None if document.page is None else document.page.field(asked.field)
        elif asked.header is not None:
            found = document.header(asked.header)
        elif asked.cookie is not None:
            found = (document.reply.cookies or {}).get(asked.cookie)
        elif asked.location:
            found = document.header("location")
        elif asked.url:
            found = document.reply.url
        else:
            found = document.text
        return MISSING if found is None else found

    def _picked(self, source: Any) -> Any:
        regex, asked = self._regex, self._asked
        if regex is None or source is MISSING:
            return source
        if asked.all:
            items = source if isinstance(source, list) else [source]
            return [each for item in items for each in regex.every(_text(item), MOST_ITEMS)][:MOST_ITEMS]
        if isinstance(source, list):
            return [each for each in (regex.first(_text(item)) for item in source) if each is not None]
        found = regex.first(_text(source))
        return MISSING if found is None else found

    def _shaped(self, value: Any) -> Any:
        kind = self._asked.as_
        if kind is None or kind == "text" or value is MISSING:
            return _text(value) if kind == "text" and value is not MISSING else value
        if kind == "lines":
            items = value if isinstance(value, list) else lines(_text(value))
            return [line for line in (_text(item).strip() for item in items) if line][:MOST_ITEMS]
        if isinstance(value, list):
            numbers = [shaped_number(each, kind) for each in value]
            return MISSING if not numbers or MISSING in numbers else numbers
        return shaped_number(value, kind)


def _named(name: object, absent: Any) -> Found:
    """What stands under ``name`` in the object that is the body. By far the most that is extracted is so simple."""

    def value(document: Document) -> Any:
        data = document.json
        if data is UNREAD:
            data = document.read_json()
        if type(data) is not dict:
            return absent
        found = data.get(name, absent)
        return absent if type(found) is str and len(found) > MOST_TEXT else found

    return value


def _at(find: Found, shape: Callable[[Any], Any], absent: Any) -> Found:
    def value(document: Document) -> Any:
        found = find(document)
        shaped = MISSING if found is MISSING else shape(found)
        return absent if shaped is MISSING else shaped

    return value


def _as_it_is(found: Any) -> Any:
    return MISSING if type(found) is str and len(found) > MOST_TEXT else found


def _as_text(found: Any) -> Any:
    text = found if type(found) is str else _text(found)
    return text if len(text) <= MOST_TEXT else MISSING


def _in_fen(found: Any) -> Any:
    if type(found) is list:
        numbers = [shaped_number(each, "yuan") for each in found]
        return numbers if numbers and MISSING not in numbers else MISSING
    return shaped_number(found, "yuan")


_SHAPES: Final[dict[str | None, Callable[[Any], Any] | None]] = {None: None, "text": _as_text, "yuan": _in_fen}


def _header_of(name: str, absent: Any) -> Found:
    def value(document: Document) -> Any:
        headers = document.reply.headers
        found = None if headers is None else headers.get(name)
        return absent if found is None or len(found) > MOST_TEXT else found

    return value


def _cookie_of(name: str, absent: Any) -> Found:
    def value(document: Document) -> Any:
        cookies = document.reply.cookies
        found = None if cookies is None else cookies.get(name)
        return absent if found is None or len(found) > MOST_TEXT else found

    return value


_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def lines(text: str) -> list[str]:
    """The lines of ``text``. Many PHP shops keep several cards with ``<br>`` between them, in JSON and in the database too."""
    return _BREAK.sub("\n", text).splitlines()


def shaped_number(value: Any, kind: str) -> Any:
    """``value`` as ``whole`` or ``yuan`` (in fen); ``MISSING`` where it is no such number, or one of more than 64 bits."""
    if isinstance(value, bool) or value is None:
        return MISSING
    if kind == "yuan":
        number = fen(value)
    else:
        try:
            exact = Decimal(_text(value).strip().replace(",", ""))
            number = int(exact) if exact.is_finite() and exact.adjusted() < MOST_DIGITS and exact == exact.to_integral_value() else None
        except InvalidOperation:
            return MISSING
    return MISSING if number is None or abs(number) >= MOST_WHOLE else number


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)
