"""What of a request is signed: its parts, and the parameters as one text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from surgekit.errors import ConfigError
from surgekit.target.signing.forms import (
    flat,
    folded,
    form_quoted,
    is_list,
    percent_quoted,
    php_text,
    render_form,
    render_json,
    sent_pairs,
)
from surgekit.target.signing.schema import Fields, Place


@dataclass(frozen=True, slots=True)
class Parts:
    """A request as values. ``path`` is as it is sent, without the query.

    ``body`` and ``raw_query`` are the bytes of a request that came in, or a body that is neither form nor JSON. Where
    they are None, ``body_bytes()`` and ``query_text()`` are what must be sent, byte by byte.
    """

    method: str
    path: str
    host: str = ""
    query: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    json: Any = None
    body: bytes | None = None
    raw_query: str | None = None

    def body_bytes(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.form is not None:
            return render_form(self.form)
        return b"" if self.json is None else render_json(self.json)

    def query_text(self) -> str:
        return render_form(self.query).decode() if self.raw_query is None else self.raw_query

    def path_query(self) -> str:
        query = self.query_text()
        return f"{self.path}?{query}" if query else self.path


def found_in(parts: Parts, headers: Mapping[str, str], where: Place) -> Any:
    """The value at a place, or None."""
    if where.part == "header":
        return next((value for name, value in headers.items() if name.lower() == where.name.lower()), None)
    data = getattr(parts, where.part)
    return data.get(where.name) if isinstance(data, Mapping) else None


def put(parts: Parts, headers: dict[str, str], to: Place, value: str | int, where: str) -> Parts:
    """``parts`` with a value at a place; headers are added to ``headers``. Raises ``ConfigError``."""
    if to.part == "header":
        headers[to.name] = re.sub(r"[\r\n\0]", " ", str(value))  # a line break would start a header of its own
        return parts
    if to.part == "query":
        return replace(parts, query={**parts.query, to.name: str(value)}, raw_query=None)
    if parts.body is not None and getattr(parts, to.part) is None:
        raise ConfigError(
            f"{where}: {to.name} goes into a {to.part} body, but the request's body is neither form nor JSON"
        )
    if to.part == "form":
        if parts.json is not None:
            raise ConfigError(f"{where}: {to.name} goes into the form, but the request has a JSON body")
        return replace(parts, form={**(parts.form or {}), to.name: str(value)}, body=None)
    if parts.form is not None or not isinstance(parts.json, Mapping | None):
        raise ConfigError(f"{where}: {to.name} goes into a JSON object, but the request's body is none")
    return replace(parts, json={**(parts.json or {}), to.name: value}, body=None)


def without(parts: Parts, places: Iterable[Place]) -> Parts:
    """``parts`` without the values at these places; raw bytes stay as they are."""
    gone = frozenset(places)

    def left(part: str, data: Any) -> Any:
        names = {each.name for each in gone if each.part == part}
        if not names or not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if name not in names}

    return replace(
        parts, query=left("query", parts.query), form=left("form", parts.form), json=left("json", parts.json)
    )


def fields_text(spec: Fields, parts: Parts, where: str) -> bytes:
    """The parameters as one text, in UTF-8. Raises ``ConfigError`` where JSON is wanted and the body is no object."""
    data: dict[str, Any] = {}
    for source in spec.sources:
        data |= (
            _from_json(parts.json, where)
            if source == "json"
            else _as_received(getattr(parts, source) or {}, spec.nested)
        )
    if spec.only is not None:
        data = {name: data[name] for name in spec.only if name in data}
    else:
        data = {name: value for name, value in data.items() if name not in spec.exclude}
    pairs = list(_dotted(data)) if spec.nested == "dot" else list(data.items())
    if spec.sort == "deep":
        pairs = [(name, _sorted_inside(value)) for name, value in pairs]
    if spec.sort != "given":
        pairs.sort(key=_by_bytes)
    if spec.drop_empty:
        pairs = [(name, value) for name, value in pairs if value is not None and value != ""]
    text = spec.join.join([_pair(spec, name, value) for name, value in _plain(spec, pairs)])
    return cased(text.encode(errors="replace"), spec.case)


def cased(text: bytes, case: str) -> bytes:
    """ASCII letters in lower or upper case, and nothing else changed: as PHP does it."""
    return text.lower() if case == "lower" else text.upper() if case == "upper" else text


def _from_json(data: Any, where: str) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: they come from a JSON object, but the request's body is none")
    return {str(name): value for name, value in data.items()}


def _as_received(data: Mapping[str, Any], nested: str) -> dict[str, Any]:
    """A form or query as its receiver has it: every value as text. Only PHP makes ``a[b]`` an array."""
    return folded(sent_pairs(data)) if nested == "php" else _words(data)


def _words(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(name): _words(value) for name, value in data.items() if value is not None}
    if is_list(data):
        return [_words(value) for value in data if value is not None]
    return php_text(data)


def _dotted(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        inner = {str(number): each for number, each in enumerate(value)} if is_list(value) else value
        if isinstance(inner, Mapping):
            yield from _dotted(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _by_bytes(pair: tuple[str, Any]) -> bytes:
    return pair[0].encode(errors="surrogatepass")


def _sorted_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = ((str(name), _sorted_inside(each)) for name, each in value.items())
        return dict(sorted(inner, key=_by_bytes))
    return [_sorted_inside(each) for each in value] if is_list(value) else value


def _plain(spec: Fields, pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        if spec.nested == "php":
            yield from flat(name, value)
        elif isinstance(value, str):
            yield name, value
        elif value is None:
            yield name, ""
        elif isinstance(value, Mapping) or is_list(value):
            yield name, render_json(value).decode()
        else:
            yield name, json.dumps(value)


def _pair(spec: Fields, name: str, value: str) -> str:
    if spec.encode != "none":
        quoted = form_quoted if spec.encode == "form" else percent_quoted
        name, value = quoted(name), quoted(value)
    return value if spec.values_only else f"{name}{spec.pair}{value}"
