"""Forms and JSON as they go over the wire, and forms as PHP reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote_plus

from surgekit.errors import ConfigError

MOST_FIELDS = 1_000
"""Fields of a form that are read, as PHP's ``max_input_vars``."""
MOST_LEVELS = 32
_NESTED = re.compile(r"([^\[]+)((?:\[[^\]]*\])+)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_ODD: Final = "replace"  # half a surrogate pair has no encoding: it is sent, and so signed, as a question mark


def php_text(value: Any) -> str:
    """A value as PHP puts it into a form: true → 1, false → 0, 99.90 → 99.9, 1e20 → 1.0E+20."""
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.14G}"
    mantissa, exponential, power = text.partition("E")
    if not exponential:
        return text
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{power[0]}{power[1:].lstrip('0')}"


def form_quoted(text: str) -> str:
    """As PHP's ``urlencode``: a blank becomes +, and ``~`` is encoded too."""
    return quote_plus(text, errors=_ODD).replace("~", "%7E")


def percent_quoted(text: str) -> str:
    """As RFC 3986: only letters, digits and ``-_.~`` stay."""
    return quote(text, safe="", errors=_ODD)


def is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def flat(name: str, value: Any, *, bare_lists: bool = False) -> Iterator[tuple[str, str]]:
    """``a``, ``{b: [1, 2]}`` → ``a[b][0]``, 1 … in PHP's way. ``bare_lists``: lists of plain values as ``a[b][]``."""
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(f"{name}[{key}]", inner, bare_lists=bare_lists)
    elif is_list(value):
        # a[][x] would begin a new element each time, so only plain values can do without a number.
        bare = bare_lists and not any(isinstance(inner, Mapping) or is_list(inner) for inner in value)
        for number, inner in enumerate(value):
            yield from flat(f"{name}[]" if bare else f"{name}[{number}]", inner, bare_lists=bare_lists)
    else:
        yield name, php_text(value)


def sent_pairs(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of a form, in the order and the words in which they are sent."""
    for name, value in data.items():
        yield from flat(str(name), value, bare_lists=True)


def render_form(data: Mapping[str, Any]) -> bytes:
    """``application/x-www-form-urlencoded`` in PHP's way: ``a[b]=1&c[]=2``, percent-encoded; null is left out."""
    return "&".join([f"{form_quoted(name)}={form_quoted(value)}" for name, value in sent_pairs(data)]).encode()


def render_json(data: Any) -> bytes:
    """Compact JSON in UTF-8. Raises ``ConfigError`` for what JSON cannot carry."""
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(errors=_ODD)
    except (TypeError, ValueError):
        raise ConfigError(f"{str(data)[:80]!r} has no form in JSON") from None


def parse_form(raw: bytes) -> dict[str, Any]:
    """A form or query as PHP reads it: ``a[b]=1&c[]=2`` → ``{a: {b: 1}, c: [2]}``, every value as text.

    Of a name that comes twice the last one counts. Never raises: what is not a form is read as names without values.
    """
    pairs: list[tuple[str, str]] = []
    for piece in raw.split(b"&", MOST_FIELDS)[:MOST_FIELDS]:
        name, _, value = piece.partition(b"=")
        if name:
            text = name.decode(errors="replace"), value.decode(errors="replace")
            pairs.append((unquote_plus(text[0]), unquote_plus(text[1])))
    return folded(pairs)


def folded(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Pairs of names and values, nested where a name says so. Unlike PHP, dots and blanks in names are kept."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        match = _NESTED.match(name)
        if match is None:
            found[name] = value
            continue
        level, word = found, match[1]
        for step in match[2][1:-1].split("][")[:MOST_LEVELS]:
            inner = level.get(word)
            if not isinstance(inner, dict):
                inner = level[word] = {}
            level, word = inner, step or _next(inner)
        level[word] = value
    return {name: _listed(value) for name, value in found.items()}


def _next(level: dict[str, Any]) -> str:
    """The number that PHP gives an element without a name: one more than the highest."""
    if not level or next(reversed(level)) == str(len(level) - 1):
        return str(len(level))  # nearly always, and without looking at each
    return str(max((int(word) for word in level if _NUMBER.fullmatch(word)), default=-1) + 1)


def _listed(value: Any) -> Any:
    """Mappings that are numbered from 0 become lists, as PHP has it."""
    if not isinstance(value, dict):
        return value
    inner = {word: _listed(each) for word, each in value.items()}
    return list(inner.values()) if list(inner) == [str(number) for number in range(len(inner))] else inner
