"""Templates, compiled once into pieces: constant bytes and holes.

A hole is ``{name}``; ``{{`` and ``}}`` stand for themselves. In JSON, a string that is one hole keeps the value's
type (``"{order.qty}"`` becomes ``3``); inside a longer string it becomes text. Nothing is evaluated: a name is looked
up, and that is all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from surgekit.errors import ConfigError

Values = Mapping[str, Any]
Piece = bytes | tuple[str, Callable[[Any], bytes]]
_HOLE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_.]*)\}|[{}]")


# Values may come from replies, and JSON can carry half a surrogate pair, which no encoding has: it becomes "?".
_ODD: Final = "replace"


def _header(value: Any) -> bytes:
    # A line break in a value would start a header of its own.
    return re.sub(r"[\r\n\0]", " ", str(value)).encode(errors=_ODD)


def _url(value: Any) -> bytes:
    # Keeps what has a meaning in a URL; a space or a line break would end the request line.
    return quote(str(value), safe="!#$%&'()*+,/:;=?@[]~", errors=_ODD).encode()


def _path(value: Any) -> bytes:
    word = quote(str(value), safe="", errors=_ODD)
    # A segment of dots only would climb to another path.
    return word.replace(".", "%2E").encode() if word in (".", "..") else word.encode()


def _query(value: Any) -> bytes:
    return quote_plus(str(value), errors=_ODD).encode()


def _json_value(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors=_ODD)


def _json_inside(value: Any) -> bytes:
    return json.dumps(str(value), ensure_ascii=False)[1:-1].encode(errors=_ODD)


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
            found.append((match[1], hole))
        else:
            raise ConfigError(f"{where}: a lone {word} in {text!r}; write {word * 2} for the character itself")
        at = match.end()
    found.append(constant(text[at:]))
    return found


def url_template(text: str, where: str) -> Template:
    """A path and query; values are percent-encoded, except where one hole is the whole URL."""
    whole = re.fullmatch(r"\{([a-z][a-z0-9_.]*)\}", text)
    if whole:
        return Template([(whole[1], _url)])
    return Template(_pieces(text, _url, _path, where))


def header_template(text: str, where: str) -> Template:
    """A header's value; line breaks in values become spaces."""
    return Template(_pieces(text, _header, _header, where))


def form_template(fields: Mapping[str, str], where: str) -> Template:
    """``application/x-www-form-urlencoded``, for a body or a query."""
    pieces: list[Piece] = []
    for name, text in fields.items():
        if pieces:
            pieces.append(b"&")
        pieces += [_query(name), b"=", *_pieces(text, _query, _query, where)]
    return Template(pieces)


def json_template(data: Any, where: str) -> Template:
    """A JSON body."""
    return Template(_json_pieces(data, where))


def _json_pieces(data: Any, where: str) -> list[Piece]:
    if isinstance(data, str):
        whole = re.fullmatch(r"\{([a-z][a-z0-9_.]*)\}", data)
        if whole:
            return [(whole[1], _json_value)]
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
