"""Where a value that a request sends came from: an earlier reply's JSON, form field, meta tag, script, link, cookie or redirect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from surgekit.target import page
from surgekit.target.draft import names
from surgekit.target.draft.recording import Entry, telling

_FIELDS = page.selector("input[name], textarea[name]")
_METAS = page.selector("meta[content]")
_NUMBERED = re.compile(r"(?i)(订单号|订单编号|order\s*(?:no\.?|number|id|#))((?:\s|[:：#]|<[^<>]{0,200}>){0,20})([A-Za-z0-9][A-Za-z0-9\-]{3,60})")


@dataclass(frozen=True, slots=True)
class Source:
    """``extract`` in the target file's words; ``called``: the name there; ``told``: for a comment."""

    entry: Entry
    extract: dict[str, Any]
    called: str
    told: str


def found(value: str, name: str, before: Iterable[Entry]) -> Source | None:
    """The latest reply of ``before`` that gave ``value``. A value that could stand anywhere by chance counts only under the same name."""
    if not value or len(value) > 4000:
        return None
    sure = telling(value)
    for entry in reversed(list(before)):
        given = [each for each in _given(entry, value, sure) if sure or _same(each.called, name)]
        if given:
            return min(given, key=lambda each: not _same(each.called, name))
    return None


def _same(one: str, other: str) -> bool:
    return names.squeezed(one) == names.squeezed(other) or (names.role(one) is not None and names.role(one) == names.role(other)) or (
        names.role(other) == "order_no" and names.squeezed(one) in ("id", "no", "sn")
    )  # fmt: skip


def _given(entry: Entry, value: str, sure: bool) -> Iterable[Source]:
    for path in entry.by_value.get(value, [])[:50]:
        where = names.path_text(path)
        if where:
            called = next((step for step in reversed(path) if isinstance(step, str)), "value")
            yield Source(entry, {"json": where}, called, f"{where} of the reply")
    for name, each in entry.cookies.items():
        if each == value and re.fullmatch(r"[A-Za-z0-9_.\-]{1,80}", name):
            yield Source(entry, {"cookie": name}, name, f"the cookie {name}")
    yield from _in_location(entry, value)
    if sure and value in entry.said and entry.page is not None:
        yield from _in_page(entry, entry.page, value)


def _in_location(entry: Entry, value: str) -> Iterable[Source]:
    if value not in unquote(entry.location):
        return
    try:
        parts = urlsplit(entry.location)
    except ValueError:
        return
    steps = parts.path.split("/")
    for number, part in enumerate(steps):
        if unquote(part) == value and number:
            before = steps[number - 1] if not telling(unquote(steps[number - 1])) else ""
            yield Source(entry, {"location": True, "regex": f"{re.escape(before)}/([^/?&#]+)"}, "order_no", "the redirect's address")
    for name, each in parse_qsl(parts.query):
        if each == value and re.fullmatch(r"[A-Za-z0-9_\-]{1,60}", name):
            yield Source(entry, {"location": True, "regex": f"[?&]{name}=([^&#]+)"}, name, f"{name} in the redirect's address")


def _in_page(entry: Entry, shown: page.Page, value: str) -> Iterable[Source]:
    for each in shown.found(_FIELDS):
        name = str(each.get("name"))
        if each.get("value") == value and shown.field(name) == value and name.isprintable():
            yield Source(entry, {"field": name}, name, f"the form field {name}")
    for each in shown.found(_METAS):
        name = str(each.get("name") or "")
        if each.get("content") == value and re.fullmatch(r"[A-Za-z0-9_.:\-]{1,80}", name):
            yield Source(entry, {"css": f'meta[name="{name}"]', "attr": "content"}, name, f"the meta tag {name}")
    quoted = re.escape(value)
    script = re.search(rf"([A-Za-z_][A-Za-z0-9_\-]{{1,40}})[\"']?\s{{0,5}}[:=]\s{{0,5}}[\"']{quoted}[\"']", entry.said)
    if script is not None and not telling(script[1]):
        yield Source(entry, {"regex": rf"{re.escape(script[1])}[\"']?\s*[:=]\s*[\"']([^\"']+)[\"']"}, script[1], f"{script[1]} in the page")
    link = re.search(rf"(/[A-Za-z_\-]{{2,30}}/|[?&][A-Za-z_]{{2,30}}=){quoted}(?![A-Za-z0-9\-])", entry.said)
    if link is not None:
        yield Source(entry, {"regex": rf"{re.escape(link[1])}([^/?&#\"'<>\s]+)"}, "order_no", f"a link {link[1]}… in the page")
    label = next((each for each in _NUMBERED.finditer(entry.said) if each[3] == value), None)
    if label is not None:
        yield Source(entry, dict(NUMBER_IN_TEXT), "order_no", "the page's text")


NUMBER_IN_TEXT = {"regex": r"(?i)(?:订单号|订单编号|order\s*(?:no\.?|number|id|#))(?:\s|[:：#]|<[^<>]*>)*([A-Za-z0-9][A-Za-z0-9\-]{3,60})"}


def number_in_page(entry: Entry) -> str | None:
    """The order number that the page's text names."""
    match = _NUMBERED.search(entry.said)
    return match[3] if match is not None and any(each.isdigit() for each in match[3]) else None
