"""Reading replies: what a body says, as JSON, as a page and as text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from surgekit.errors import ConfigError
from surgekit.target import page
from surgekit.target.strict import MISSING as MISSING
from surgekit.target.strict import parsed as parsed

EVERY = "*"
"""In a path as it is written: each item of a list; compiled it is -1."""
Path = tuple[str | int, ...]
Names = tuple[str, ...]
"""A path without a position in it: one name inside another."""
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


# Not frozen: one is made for every request, and each field of a frozen class costs as much as the whole of another. Nobody changes one.
@dataclass(slots=True)
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


def names_of(path: Path) -> Names | None:
    """``path`` where it is nothing but names, at least one."""
    names = tuple(step for step in path if isinstance(step, str))
    return names if names and len(names) == len(path) else None


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


UNREAD: Final = object()


class Document:
    """A complete reply, read in as many ways as are asked for, each once. JSON of more than ``most_values`` values is none.

    ``json`` is ``data`` once that was asked for, and ``UNREAD`` before: a look at it is quicker than a call.
    """

    __slots__ = ("_most_values", "_page", "_text", "json", "reply")

    def __init__(self, reply: Reply, most_values: int = MOST_VALUES) -> None:
        self.reply = reply
        self.json: Any = UNREAD
        self._most_values = most_values
        self._text: str | None = None
        self._page: Any = UNREAD

    def read_json(self) -> Any:
        """Reads the body as JSON: ``json`` from then on."""
        body, most = self.reply.body, self._most_values
        if not body or (len(body) > most and sum(body.count(sign) for sign in b",[{") > most):
            self.json = MISSING
        else:
            self.json = parsed(body)
        return self.json

    @property
    def data(self) -> Any:
        """The body as JSON, or ``MISSING``."""
        return self.read_json() if self.json is UNREAD else self.json

    @property
    def text(self) -> str:
        """The body as text, by the charset that the reply names."""
        if self._text is None:
            self._text = self.reply.body[: 4 * MOST_TEXT].decode(self._charset(), "replace")[:MOST_TEXT]
        return self._text

    @property
    def page(self) -> page.Page | None:
        """The body as an HTML page, or None."""
        if self._page is UNREAD:
            self._page = page.parsed(self.text)
        found: page.Page | None = self._page
        return found

    def header(self, name: str) -> str | None:
        return (self.reply.headers or {}).get(name.lower())

    def _charset(self) -> str:
        """As the header names it, or else as the page does (HTML Living Standard, 13.2.3.2: within its first 1024 bytes)."""
        kind = self.header("content-type") or ""
        found = _CHARSET.search(kind) or _META.search(self.reply.body[:1024].decode("latin-1"))
        return _codec(found[1]) if found else "utf-8"


@lru_cache(maxsize=256)
def _codec(name: str) -> str:
    """What Python calls the charset ``name``, if a page can be in it."""
    try:
        name = codecs.lookup(name).name
        b"-".decode(name, "replace")  # some codecs are not for text
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name.replace("-", "_") in _NO_CHARSETS else name


Found = Callable[[Document], Any]


def finder(path: Path) -> Found:
    """What finds the value at ``path`` in the JSON of a document, as ``look`` does."""
    match path:
        case (str(name),):

            def one(document: Document) -> Any:
                data = document.json
                if data is UNREAD:
                    data = document.read_json()
                return data.get(name, MISSING) if type(data) is dict else MISSING

            return one
        case (str(outer), str(name)):

            def two(document: Document) -> Any:
                data = document.json
                if data is UNREAD:
                    data = document.read_json()
                inner = data.get(outer) if type(data) is dict else None
                return inner.get(name, MISSING) if type(inner) is dict else MISSING

            return two
        case _:
            return lambda document: look(document.data, path)
