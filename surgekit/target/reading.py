"""Reading replies: what a body says, and what an order is told by it."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target import page
from surgekit.target.pattern import Pattern
from surgekit.target.schema import ReplyRule

EVERY = "*"
"""In a path as it is written: each item of a list; compiled it is -1."""
Path = tuple[str | int, ...]
MISSING = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]{1,9}|\*)\]|\[\"([^\"]*)\"\]|\['([^']*)'\]")
MOST_TEXT = 1 << 20
"""Characters of a body that patterns look at."""
MOST_ITEMS = 100_000
MOST_VALUES = 150_000
"""Commas and opening brackets of a JSON body that is read at all: each value takes up to a hundred times the room that it has there."""
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Python knows these by such names; a page is in none of them, and some take hours over a long one."""
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:\-]{1,40})", re.IGNORECASE)
_META = re.compile(r"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request, or why nothing did.

    ``error`` is None for a complete reply, else a word such as ``timeout`` or ``reset``. ``effect_free`` says that the
    request provably never reached the platform. ``sent_s`` and ``done_s`` are seconds from the run's start.
    Header names are in lower case. ``url`` is where the reply came from in the end, ``cookies`` what the visitor has after it.
    """

    status: int
    body: bytes
    sent_s: float | None
    done_s: float
    error: str | None = None
    effect_free: bool = False
    headers: Mapping[str, str] | None = None
    url: str = ""
    cookies: Mapping[str, str] | None = None


def compile_path(text: str, where: str) -> Path:
    """``data.items[0].code``, ``items[*].code`` or ``$.data["a.b"]`` → its steps; the empty path is the whole body."""
    rest = text.removeprefix("$").removeprefix(".")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ConfigError(f"{where}: {text!r} is not a path; write data.order_no, data.items[0].code or data.items[*].code")
        index = match[2]
        if index == EVERY:
            steps.append(-1)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(next(name for name in (match[1], match[3], match[4]) if name is not None))
        at = match.end()
    return tuple(steps)


def look(data: Any, path: Path) -> Any:
    """The value at ``path``, or ``MISSING``. With ``[*]`` in the path: a list of the values that are there."""
    for number, step in enumerate(path):
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step, MISSING)
        elif isinstance(data, list) and step == -1:
            found = (look(item, path[number + 1 :]) for item in data[:MOST_ITEMS])
            return [each for each in found if each is not MISSING]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return MISSING
        if data is MISSING:
            return MISSING
    return data


def parsed(body: bytes) -> Any:
    """The body as JSON, or ``MISSING``.

    Stricter than Python: a name given twice in one object, NaN, and numbers beyond float are no JSON that two readers
    would read alike, so nothing may be concluded from them.
    """
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return MISSING


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _finite(word: str) -> float:
    value = float(word)
    if math.isinf(value):
        raise ValueError(word)
    return value


class Document:
    """A complete reply, read in as many ways as are asked for, each once. JSON of more than ``most_values`` values is none."""

    __slots__ = ("_data", "_most_values", "_page", "_text", "reply")

    def __init__(self, reply: Reply, most_values: int = MOST_VALUES) -> None:
        self.reply = reply
        self._most_values = most_values
        self._data: tuple[Any] | None = None
        self._text: str | None = None
        self._page: tuple[page.Page | None] | None = None

    @property
    def data(self) -> Any:
        """The body as JSON, or ``MISSING``."""
        if self._data is None:
            body = self.reply.body
            readable = bool(body) and sum(body.count(sign) for sign in b",[{") <= self._most_values
            self._data = (parsed(body),) if readable else (MISSING,)
        return self._data[0]

    @property
    def text(self) -> str:
        """The body as text, by the charset that the reply names."""
        if self._text is None:
            self._text = self.reply.body[: 4 * MOST_TEXT].decode(self._charset(), "replace")[:MOST_TEXT]
        return self._text

    @property
    def page(self) -> page.Page | None:
        """The body as an HTML page, or None."""
        if self._page is None:
            self._page = (page.parsed(self.text),)
        return self._page[0]

    def header(self, name: str) -> str | None:
        return (self.reply.headers or {}).get(name.lower())

    def _charset(self) -> str:
        """As the header names it, or else as the page does (HTML Living Standard, 13.2.3.2: within its first 1024 bytes)."""
        found = _CHARSET.search(self.header("content-type") or "") or _META.search(self.reply.body[:1024].decode("latin-1"))
        try:
            name = codecs.lookup(found[1]).name if found else "utf-8"
            b"-".decode(name, "replace")  # some codecs are not for text
        except (LookupError, ValueError):
            return "utf-8"
        return "utf-8" if name.replace("-", "_") in _NO_CHARSETS else name


class Classifier:
    """The reply rules of a step, compiled."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Sequence[ReplyRule], where: str) -> None:
        self._rules = [_Rule(rule, f"{where}.replies[{number}]") for number, rule in enumerate(rules)]

    def classify(self, document: Document) -> tuple[ReplyClass, str | None]:
        """The class, and a reason where the order did not get on: error word, ``http_500``, ``odd_reply``…"""
        reply = document.reply
        if reply.error is not None:
            return (ReplyClass.NOT_SENT if reply.effect_free else ReplyClass.UNKNOWN), reply.error
        for rule in self._rules:
            if rule.fits(document):
                return rule.kind, None if rule.kind is ReplyClass.OK else rule.kind.value
        if reply.status >= 400:
            return ReplyClass.UNKNOWN, f"http_{reply.status}"
        return ReplyClass.UNKNOWN, "odd_reply" if reply.body else "empty_reply"


class _Rule:
    __slots__ = ("_allowed", "_content_type", "_css", "_header", "_location", "_matches", "_path", "_statuses", "kind")

    def __init__(self, rule: ReplyRule, where: str) -> None:
        self.kind = rule.class_
        self._statuses = None if rule.status is None else {rule.status} if isinstance(rule.status, int) else set(rule.status)
        self._content_type = None if rule.content_type is None else rule.content_type.lower()
        self._path = None if rule.path is None else compile_path(rule.path, f"{where}.path")
        self._allowed: list[Any] | None = rule.in_
        if self._allowed is None and "equals" in rule.model_fields_set:
            self._allowed = [rule.equals]
        self._css = None if rule.css is None else page.selector(rule.css)
        self._header = rule.header
        self._location = None if rule.location is None else Pattern(rule.location)
        self._matches = None if rule.matches is None else Pattern(rule.matches)

    def fits(self, document: Document) -> bool:
        return (
            self._status_fits(document.reply.status)
            and self._headers_fit(document)
            and (self._allowed is None or self._path is None or self._is_allowed(look(document.data, self._path)))
            and (self._css is None or self._stands_there(document, self._css))
            and (self._matches is None or self._css is not None or self._says(document, self._matches))
        )

    def _status_fits(self, status: int) -> bool:
        if self._statuses is not None:
            return status in self._statuses
        # A success and an error in one reply contradict each other, unless the target file says that they go together.
        return not (self.kind is ReplyClass.OK and status >= 400)

    def _headers_fit(self, document: Document) -> bool:
        kind = (document.header("content-type") or "").partition(";")[0].strip().lower()
        if self._content_type is not None and kind != self._content_type:
            return False
        return self._location is None or self._location.found(document.header("location") or "")

    def _is_allowed(self, value: Any) -> bool:
        # 0 and False are equal in Python; on the wire they are not.
        assert self._allowed is not None
        return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in self._allowed)

    def _stands_there(self, document: Document, css: page.Selector) -> bool:
        """Whether the page has such an element, and one with the text where that is asked for too."""
        if document.page is None:
            return False
        texts = document.page.texts(css)
        return any(self._matches is None or self._matches.found(text) for text in texts)

    def _says(self, document: Document, pattern: Pattern) -> bool:
        if self._header is not None:
            return pattern.found(document.header(self._header) or "")
        if self._path is None or self._allowed is not None:
            return pattern.found(document.text)
        value = look(document.data, self._path)
        if value is MISSING:
            return False
        return pattern.found((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:MOST_TEXT])
