"""HTML pages: what a CSS selector finds, and what stands in a form's field. Whatever comes, a page is read or is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from lxml import etree
from lxml.cssselect import CSSSelector

MOST_HTML = 2 << 20
"""Characters of a page that are read. No page of an order flow is longer, and reading takes the load generator's time."""
MOST_TAGS = 60_000
"""Angle brackets of a page that is read at all: a tree takes much more room and time than its text."""
MOST_FOUND = 10_000
Selector = Callable[[Any], Sequence[Any]]


@lru_cache(maxsize=4096)
def selector(text: str) -> Selector:
    """A compiled selector; the text was checked with the target file."""
    found: Selector = CSSSelector(text, translator="html")
    return found


class Page:
    """A parsed page."""

    __slots__ = ("_root",)

    def __init__(self, root: Any) -> None:
        self._root = root

    def found(self, what: Selector) -> list[Any]:
        """The elements that ``what`` finds, in the page's order."""
        return list(what(self._root)[:MOST_FOUND])

    def texts(self, what: Selector, attr: str | None = None) -> list[str]:
        """Of each element found: its text without the white space around it, or an attribute where it has that."""
        if attr is not None:
            return [str(each.get(attr)) for each in self.found(what) if each.get(attr) is not None]
        return [text_of(each) for each in self.found(what)]

    def field(self, name: str) -> str | None:
        """The value of the form control ``name`` as a browser would send it; None: there is none."""
        found: Sequence[Any] = self._root.xpath("//*[self::input or self::textarea or self::select or self::button][@name=$name]", name=name)
        if not found:
            return None
        first = next((each for each in found if each.get("checked") is not None), found[0])
        if first.tag == "textarea":
            return text_of(first)
        if first.tag == "select":
            options = first.xpath(".//option[@selected]") or first.xpath(".//option")
            return None if not options else str(options[0].get("value", text_of(options[0])))
        return str(first.get("value", ""))


def text_of(element: Any) -> str:
    """All text in an element, white space around it removed; ``<br>`` begins a new line."""
    if next(element.iter("br"), None) is None:
        return "".join(str(part) for part in element.itertext() if part is not None).strip()
    said: list[str | None] = []
    for event, each in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if event == "start":
            said.append("\n" if each.tag == "br" else each.text)
        elif each is not element:
            said.append(each.tail)
    return "".join(part for part in said if part).strip()


def parsed(text: str) -> Page | None:
    """The page, or None where there is nothing that could be one."""
    # As bytes of a known encoding: a page that claims another one in its head is not asked.
    raw = text[:MOST_HTML].replace("\0", " ").encode("utf-8", "replace")
    if not raw.strip() or raw.count(b"<") > MOST_TAGS:
        return None
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.LxmlError, ValueError):
        return None
    return None if root is None else Page(root)
