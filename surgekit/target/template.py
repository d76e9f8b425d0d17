"""Templates, compiled once into pieces: constant bytes and holes.

A hole is ``{name}`` or ``{name|filter}``; ``{{`` and ``}}`` stand for themselves. In JSON, a string that is one hole keeps the
value's type (``"{order.qty}"`` becomes ``3``); inside a longer string it becomes text. Nothing is evaluated: a name is
looked up, a filter from a short list is applied, and that is all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote_plus

from surgekit.errors import ConfigError

Values = Mapping[str, Any]
Piece = bytes | tuple[str, Callable[[Any], bytes]]
_NAME = r"([a-z][a-z0-9_.]*)((?:\|[a-z0-9]+)*)"
_HOLE = re.compile(r"\{\{|\}\}|\{" + _NAME + r"\}|[{}]")
_WHOLE = re.compile(r"\{" + _NAME + r"\}")


# Values may come from replies, and JSON can carry half a surrogate pair, which no encoding has: it becomes "?".
_ODD: Final = "replace"


def _said(value: Any) -> str:
    """A value in the middle of a text: nothing for one that is not there, and the words of JSON for true and false."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list | dict) else str(value)


def _header(value: Any) -> bytes:
    # A line break in a value would start a header of its own.
    return re.sub(r"[\r\n\0]", " ", _said(value)).encode(errors=_ODD)


def _url(value: Any) -> bytes:
    # Keeps what has a meaning in a URL; a space or a line break would end the request line.
    return quote(_said(value), safe="!#$%&'()*+,/:;=?@[]~", errors=_ODD).encode()


def _path(value: Any) -> bytes:
    word = quote(_said(value), safe="", errors=_ODD)
    # A segment of dots only would climb to another path.
    return word.replace(".", "%2E").encode() if word in (".", "..") else word.encode()


class Raw(str):
    """A text that is put into a URL as it is, but for what no URL can have."""

    __slots__ = ()


def _path_or_raw(value: Any) -> bytes:
    return _url(value) if isinstance(value, Raw) else _path(value)


def _query(value: Any) -> bytes:
    # As in a form that is signed, and as PHP writes it.
    return quote_plus(str(int(value)) if isinstance(value, bool) else _said(value), errors=_ODD).encode()


def _json_value(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors=_ODD)


def _json_inside(value: Any) -> bytes:
    return json.dumps(_said(value), ensure_ascii=False)[1:-1].encode(errors=_ODD)


def _number(value: Any) -> int:
    try:
        return int(_said(value).strip())
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
    found = _MONEY.search(_said(value).replace(",", ""))
    if found is None or isinstance(value, bool):
        return None
    whole, _, part = found[0].lstrip("-").partition(".")
    rounded = int(whole) * 100 + (int((part + "000")[:3]) + 5) // 10
    return -rounded if found[0].startswith("-") else rounded


def _bytes(value: Any) -> bytes:
    return _said(value).encode(errors=_ODD)


FILTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "yuan": _yuan,
    "fen": _fen,
    "int": _number,
    "text": _said,
    "upper": lambda value: _said(value).upper(),
    "lower": lambda value: _said(value).lower(),
    "raw": lambda value: Raw(_said(value)),
    "urldecode": lambda value: unquote_plus(_said(value)),
    "url": lambda value: quote(_said(value), safe="", errors=_ODD),
    "md5": lambda value: hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(_bytes(value)).hexdigest(),
    "base64": lambda value: base64.b64encode(_bytes(value)).decode(),
    "base64url": lambda value: base64.urlsafe_b64encode(_bytes(value)).decode().rstrip("="),
}
"""What ``{name|filter}`` can do to a value; several in a row are applied from left to right."""


def _filtered(encode: Callable[[Any], Any], filters: str, where: str) -> Callable[[Any], Any]:
    """``encode`` after the named filters. Raises ``ConfigError``."""
    for word in reversed(filters.split("|")[1:]):
        if word not in FILTERS:
            raise ConfigError(f"{where}: no filter {word!r}; there are {', '.join(sorted(FILTERS))}")
        encode = _after(FILTERS[word], encode)
    return encode


def _after(first: Callable[[Any], Any], then: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: then(first(value))


class Template:
    """A text with holes. ``render(values)`` → bytes; a missing name raises ``KeyError``."""

    __slots__ = ("names", "pieces")

    def __init__(self, pieces: Iterable[Piece]) -> None:
        joined: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += piece
            else:
                joined.append(piece)
        self.pieces = joined
        self.names = frozenset(piece[0] for piece in joined if isinstance(piece, tuple))

    def render(self, values: Values) -> bytes:
        return b"".join([piece if isinstance(piece, bytes) else piece[1](values[piece[0]]) for piece in self.pieces])


def _pieces(text: str, constant: Callable[[Any], bytes], hole: Callable[[Any], bytes], where: str) -> list[Piece]:
    found: list[Piece] = []
    at = 0
    for match in _HOLE.finditer(text):
        found.append(constant(text[at : match.start()]))
        word = match[0]
        if word in ("{{", "}}"):
            found.append(constant(word[0]))
        elif match[1]:
            found.append((match[1], _filtered(hole, match[2], where)))
        else:
            raise ConfigError(f"{where}: a lone {word} in {text!r}; write {word * 2} for the character itself")
        at = match.end()
    found.append(constant(text[at:]))
    return found


def url_template(text: str, where: str) -> Template:
    """A path and query; values are percent-encoded, except that of a hole at the very beginning, which is a URL by itself, and of one
    with the filter ``raw``, which may be several parts of a path and its query."""
    first = _WHOLE.match(text)
    begins = [] if first is None else [(first[1], _filtered(_url, first[2], where))]
    return Template([*begins, *_pieces(text[0 if first is None else first.end() :], _url, _path_or_raw, where)])


def header_template(text: str, where: str) -> Template:
    """A header's value; line breaks in values become spaces."""
    return Template(_pieces(text, _header, _header, where))


def text_template(text: str, where: str) -> Template:
    """A body that is text, as it is."""
    return Template(_pieces(text, _bytes, _bytes, where))


def form_template(fields: Mapping[str, Any], where: str) -> Template:
    """``application/x-www-form-urlencoded``, for a body or a query; nested as PHP reads it: ``a[b]=1``, ``c[]=2``, ``d[0][e]=3``."""
    pieces: list[Piece] = []
    for name, text in flat(fields):
        if pieces:
            pieces.append(b"&")
        pieces += [_query(name), b"=", *_pieces(text, _query, _query, where)]
    return Template(pieces)


def flat(fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(name, text) of each parameter. Nothing is sent for null; true and false are 1 and 0."""
    for name, value in fields.items():
        yield from _flat(str(name), value)


def _flat(name: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name}[{key}]", each)
    elif isinstance(value, list):
        # a[][x] would begin a new element each time, so only plain values can do without a number.
        bare = not any(isinstance(each, Mapping | list) for each in value)
        for number, each in enumerate(value):
            yield from _flat(f"{name}[]" if bare else f"{name}[{number}]", each)
    elif value is not None:
        yield name, str(int(value)) if isinstance(value, bool) else str(value)


def multipart_template(fields: Mapping[str, str], boundary: str, where: str) -> Template:
    """``multipart/form-data`` with a text field each."""
    pieces: list[Piece] = []
    for name, text in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{quote(name, safe=" []-_.")}"\r\n\r\n'
        pieces += [head.encode(), *_pieces(text, _bytes, _bytes, where), b"\r\n"]
    return Template([*pieces, f"--{boundary}--\r\n".encode()])


def has_holes(value: Any) -> bool:
    """Whether ``value`` is a text with at least one hole in it."""
    return isinstance(value, str) and any(match[1] for match in _HOLE.finditer(value))


class Data:
    """A structure of lists, mappings and texts with holes. ``render(values)`` → the same with values in the holes; a text that is
    one hole keeps the value's type."""

    __slots__ = ("_made", "names")

    def __init__(self, data: Any, where: str) -> None:
        self.names: frozenset[str] = frozenset()
        self._made = self._compiled(data, where)

    def _compiled(self, data: Any, where: str) -> Callable[[Values], Any]:
        if isinstance(data, Mapping):
            made = {str(name): self._compiled(value, where) for name, value in data.items()}
            return lambda values: {name: each(values) for name, each in made.items()}
        if isinstance(data, list):
            parts = [self._compiled(value, where) for value in data]
            return lambda values: [each(values) for each in parts]
        if not isinstance(data, str):
            return lambda _values: data
        whole = _WHOLE.fullmatch(data)
        if whole:
            name, filtered = whole[1], _filtered(_same, whole[2], where)
            self.names |= {name}
            return lambda values: filtered(values[name])
        text = text_template(data, where)
        self.names |= text.names
        return lambda values: text.render(values).decode()

    def render(self, values: Values) -> Any:
        """The structure; a missing name raises ``KeyError``."""
        return self._made(values)


def _same(value: Any) -> Any:
    return value


def json_template(data: Any, where: str) -> Template:
    """A JSON body."""
    return Template(_json_pieces(data, where))


def _json_pieces(data: Any, where: str) -> list[Piece]:
    if isinstance(data, str):
        whole = _WHOLE.fullmatch(data)
        if whole:
            return [(whole[1], _filtered(_json_value, whole[2], where))]
        return [b'"', *_pieces(data, _json_inside, _json_inside, where), b'"']
    if isinstance(data, Mapping):
        pieces: list[Piece] = [b"{"]
        for number, (name, value) in enumerate(data.items()):
            pieces += [b"," if number else b"", _json_value(str(name)), b":", *_json_pieces(value, where)]
        return [*pieces, b"}"]
    if isinstance(data, list):
        pieces = [b"["]
        for number, value in enumerate(data):
            pieces += [b"," if number else b"", *_json_pieces(value, where)]
        return [*pieces, b"]"]
    try:
        return [json.dumps(data, ensure_ascii=False, allow_nan=False).encode()]
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {data!r} has no form in JSON; put it into quotes") from None
