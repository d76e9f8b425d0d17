"""HTML that cannot be broken by data.

:class:`Html` is text that is already safe. Everything else is escaped when it enters an element, so a section has to
go out of its way to let a ``<script>`` in a phase's name through.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class Html(str):
    """Text that is safe to stand in the page as it is."""

    __slots__ = ()


Kid = str | None
"""A child of an element: Html as it is, other text escaped, None left out."""

EMPTY = Html("")


def join(kids: Iterable[Kid]) -> Html:
    """The children one after another, each escaped unless it is Html."""
    return Html("".join(kid if isinstance(kid, Html) else html.escape(kid) for kid in kids if kid is not None))


def el(tag: str, *kids: Kid, **attributes: str | bool | None) -> Html:
    """One element. ``class_`` is class, ``data_x`` is data-x; True is a bare attribute; None and False leave it out."""
    parts = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        written = name.rstrip("_").replace("_", "-")
        parts.append(written if value is True else f'{written}="{html.escape(value)}"')
    return Html(f"<{' '.join(parts)}>{join(kids)}</{tag}>")


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether it holds numbers (aligned right)."""

    heading: str
    numeric: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[Kid]], caption: str | None = None) -> Html:
    """A table whose first column heads its rows. On a phone each cell shows its column's heading beside it."""
    head = el("tr", *[el("th", c.heading, scope="col", class_="n" if c.numeric else None) for c in columns])
    body = []
    for row in rows:
        cells = []
        for index, (column, cell) in enumerate(zip(columns, row, strict=True)):
            kind = "n" if column.numeric else None
            if index == 0:
                cells.append(el("th", cell, scope="row", class_=kind))
            else:
                # A phone stacks the cells, so it can leave out those with nothing to say.
                blank = "none" if cell == "—" else None
                classes = " ".join(name for name in (kind, blank) if name)
                cells.append(el("td", cell, class_=classes or None, data_heading=column.heading))
        body.append(el("tr", *cells))
    return el(
        "div",
        el("table", el("caption", caption) if caption else None, el("thead", head), el("tbody", *body)),
        class_="table",
    )


def embed_json(value: object) -> Html:
    """JSON that may stand inside a ``<script>`` element: no data can close it or break a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Html(text)
