"""A report as a browser would read it, and parts of its source."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from surgekit.report.words import Lang

LANGS: tuple[Lang, Lang] = ("en", "zh")
ALONE = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page as a browser would read it: elements in order, text, and whether each element was closed in turn."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def series(self) -> Any:
        places = [i for i, attrs in enumerate(a for t, a in self.tags if t == "script") if attrs.get("id") == "series"]
        return json.loads(self.scripts[places[0]])


def cut(source: str, name: str, tag: str) -> str:
    """The element with this id, as text."""
    start = source.rindex(f"<{tag}", 0, source.index(f'id="{name}"') + 1)
    depth = 0
    for match in re.finditer(rf"</?{tag}\b", source[start:]):
        depth += -1 if match[0].startswith("</") else 1
        if depth == 0:
            return source[start : start + match.end() + 1]
    raise AssertionError(f"{name} is not closed")
