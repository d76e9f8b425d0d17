"""Templates, compiled once into pieces: constant bytes and holes.

A hole is ``{name}`` or ``{name|filter}``; ``{{`` and ``}}`` stand for themselves. In JSON, a string that is one hole keeps the
value's type (``"{order.qty}"`` becomes ``3``); inside a longer string it becomes text. Nothing is evaluated: a name is
looked up, a filter from a short list is applied, and that is all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from surgekit.errors import ConfigError
from surgekit.target import encode
from surgekit.target.filters import FILTERS as FILTERS
from surgekit.target.filters import fen as fen

Values = Mapping[str, Any]
Piece = bytes | tuple[str, Callable[[Any], bytes]]
_NAME = r"([a-z][a-z0-9_.]*)((?:\|[a-z0-9]+)*)"
_HOLE = re.compile(r"\{\{|\}\}|\{" + _NAME + r"\}|[{}]")
_WHOLE = re.compile(r"\{" + _NAME + r"\}")


def _filtered(write: Callable[[Any], Any], filters: str, where: str) -> Callable[[Any], Any]:
    """``write`` after the named filters. Raises ``ConfigError``."""
    for word in reversed(filters.split("|")[1:]):
        if word not in FILTERS:
            raise ConfigError(f"{where}: no filter {word!r}; there are {', '.join(sorted(FILTERS))}")
        write = _after(FILTERS[word], write)
    return write


def _after(first: Callable[[Any], Any], then: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: then(first(value))


class Template:
    """A text with holes. ``render(values)`` → bytes; a missing name raises ``KeyError``."""

    __slots__ = ("names", "pieces", "render")

    render: Callable[[Values], bytes]

    def __init__(self, pieces: Iterable[Piece]) -> None:
        joined: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += piece
            else:
                joined.append(piece)
        self.pieces = joined
        self.names = frozenset(piece[0] for piece in joined if isinstance(piece, tuple))
        self.render = _renderer(joined)

    def fixed(self, values: Values) -> Template:
        """The same with those holes filled for good whose names are in ``values``."""
        return Template([piece[1](values[piece[0]]) if isinstance(piece, tuple) and piece[0] in values else piece for piece in self.pieces])

    @property
    def constant(self) -> bytes | None:
        """What it always is; None where it has holes."""
        return None if self.names else self.render({})


def _renderer(pieces: Sequence[Piece]) -> Callable[[Values], bytes]:
    """What fills the holes of ``pieces``. A loop over one or two holes takes longer than filling them, so few holes are written out."""
    text = b"".join([piece.replace(b"%", b"%%") if isinstance(piece, bytes) else b"%b" for piece in pieces])
    match [piece for piece in pieces if isinstance(piece, tuple)]:
        case []:
            constant = text % ()
            return lambda _values: constant
        case [(a, of_a)] if text == b"%b":
            return lambda values: of_a(values[a])
        case [(a, of_a)]:
            return lambda values: text % of_a(values[a])
        case [(a, of_a), (b, of_b)]:
            return lambda values: text % (of_a(values[a]), of_b(values[b]))
        case [(a, of_a), (b, of_b), (c, of_c)]:
            return lambda values: text % (of_a(values[a]), of_b(values[b]), of_c(values[c]))
        case [(a, of_a), (b, of_b), (c, of_c), (d, of_d)]:
            return lambda values: text % (of_a(values[a]), of_b(values[b]), of_c(values[c]), of_d(values[d]))
        case _:
            return _long(pieces)


def _long(pieces: Sequence[Piece]) -> Callable[[Values], bytes]:
    constants = [piece if isinstance(piece, bytes) else b"" for piece in pieces]
    holes = tuple((at, *piece) for at, piece in enumerate(pieces) if isinstance(piece, tuple))

    def rendered(values: Values) -> bytes:
        parts = constants.copy()
        for at, name, write in holes:
            parts[at] = write(values[name])
        return b"".join(parts)

    return rendered


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
    begins = [] if first is None else [(first[1], _filtered(encode.url, first[2], where))]
    return Template([*begins, *_pieces(text[0 if first is None else first.end() :], encode.url, encode.segment, where)])


def header_template(text: str, where: str) -> Template:
    """A header's value; line breaks in values become spaces."""
    return Template(_pieces(text, encode.header, encode.header, where))


def text_template(text: str, where: str) -> Template:
    """A body that is text, as it is."""
    return Template(_pieces(text, encode.text, encode.text, where))


def form_template(fields: Mapping[str, Any], where: str) -> Template:
    """``application/x-www-form-urlencoded``, for a body or a query; nested as PHP reads it: ``a[b]=1``, ``c[]=2``, ``d[0][e]=3``."""
    pieces: list[Piece] = []
    for name, text in flat(fields):
        if pieces:
            pieces.append(b"&")
        pieces += [encode.query(name), b"=", *_pieces(text, encode.query, encode.query, where)]
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
        pieces += [head.encode(), *_pieces(text, encode.text, encode.text, where), b"\r\n"]
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
            return [(whole[1], _filtered(encode.json_value, whole[2], where))]
        return [b'"', *_pieces(data, encode.json_inside, encode.json_inside, where), b'"']
    if isinstance(data, Mapping):
        pieces: list[Piece] = [b"{"]
        for number, (name, value) in enumerate(data.items()):
            pieces += [b"," if number else b"", encode.json_value(str(name)), b":", *_json_pieces(value, where)]
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
