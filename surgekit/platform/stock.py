"""What the platform says of its stock: figures, or no more than "there is some" and "there is none"."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any, Final

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform.columns import text, whole
from surgekit.platform.session import Pace, Session
from surgekit.platform.sql import SqlRead
from surgekit.platform.verdict import ADVICE, check_empty, complaint
from surgekit.target.extract import Extractor
from surgekit.target.pattern import Pattern
from surgekit.target.reading import MISSING, compile_path, look
from surgekit.target.schema import Product, StockRead

MOST_S: Final = 300.0
"""For reading all products, one by one."""
MOST_ROWS: Final = 100_000
SKU: Final = "sku"
"""The column of a query that is the SKU where nothing else is said."""
IN_STOCK, SOLD_OUT = "in_stock", "sold_out"
Figures = dict[str, Any]
"""``total`` and ``unsold``: units, None where the platform does not say; ``word``: ``in_stock``, ``sold_out`` or None."""


class Stock:
    """``reads.stock``, compiled. Raises ``ConfigError``, or ``ConsentError`` for a database that is not on this machine."""

    def __init__(self, session: Session, read: StockRead, zone: tzinfo) -> None:
        self._session = session
        self._read = read
        self._at_first: dict[str, int] = {}
        self._sql = None if read.sql is None else SqlRead(session, read.sql, zone, "reads.stock.sql")
        self._sku = read.sku or SKU
        self._items = compile_path(read.items or "", "reads.stock.items")
        self._value = None if read.value is None else Extractor(read.value, "reads.stock.value")
        self._words = None if read.words is None else (Pattern(read.words.in_stock), Pattern(read.words.sold_out))

    def figures(self) -> dict[str, Figures]:
        """SKU → figures. Raises ``TargetError`` where the platform cannot tell."""
        if self._sql is not None:
            found = self._of_rows(list(self._sql.rows(clock.utc().timestamp(), most=MOST_ROWS)))
        elif self._value is not None:
            found = self._each(self._value)
        else:
            found = self._together()
        if self._read.fixed:
            for sku, each in found.items():
                if each["unsold"] is not None:
                    each["total"] = self._at_first.setdefault(sku, each["unsold"])
        return found

    def close(self) -> None:
        if self._sql is not None:
            self._sql.close()

    def _of_rows(self, rows: list[dict[str, Any]]) -> dict[str, Figures]:
        read = self._read
        if rows:
            for name in (self._sku, read.total, read.unsold):
                if name is not None and name not in rows[0]:
                    raise TargetError(f"reads.stock.sql: the query has no column {name!r}; there are {', '.join(map(str, rows[0]))}")
        known = set(self._session.target.skus)
        return {sku: self._of_item(sku, row) for row in rows if (sku := text(row[self._sku]) or "") in known}

    def _together(self) -> dict[str, Figures]:
        read = self._read
        data = self._session.get("stock").data
        items = look(data, self._items)
        pairs: Iterable[tuple[Any, Any]]
        if isinstance(items, dict):
            pairs = items.items()
        elif isinstance(items, list) and read.sku is not None:
            path = compile_path(read.sku, "reads.stock.sku")
            pairs = [(look(item, path), item) for item in items]
            if items and all(sku is MISSING for sku, _ in pairs):
                raise TargetError(f"reads.stock: no item has a field {read.sku!r}, which sku names")
        elif isinstance(items, list):
            raise TargetError(f"reads.stock: a list at {read.items!r}; say with sku which field is the SKU")
        else:
            raise TargetError(f"reads.stock: neither a mapping nor a list at {read.items!r} in the reply")
        known, found = set(self._session.target.skus), {}
        for key, item in pairs:
            sku = "" if key is MISSING else text(key) or ""
            if sku in known and isinstance(item, dict):
                found[sku] = self._of_item(sku, item)
        if not found and not read.replies:
            check_empty(data, self._items, "reads.stock")
        return found

    def _of_item(self, sku: str, item: dict[str, Any]) -> Figures:
        read = self._read
        names = [name for name in (read.total, read.unsold) if name is not None]
        told = {name: whole(_field(item, name)) for name in names}
        if None in told.values():
            both = f"{' and '.join(names)} are not both whole numbers" if len(names) > 1 else f"{names[0]} is not a whole number"
            raise TargetError(f"reads.stock: {sku}: {both} of at most 64 bits")
        return {"total": None if read.total is None else told[read.total], "unsold": told[read.unsold], "word": None}

    def _each(self, value: Extractor) -> dict[str, Figures]:
        pace, until = Pace(self._session.target.reads.rate), clock.now() + MOST_S
        found: dict[str, Figures] = {}
        # Goods of a supplier have no stock here, and some platforms show none for them.
        products = [each for each in self._session.target.catalogue if each.supply == "stock"]
        for product in products:
            pace.turn()
            if clock.now() > until:
                raise TargetError(f"reads.stock: {len(found)} of {len(products)} products were read in {MOST_S:g} s; raise reads.rate")
            found[product.sku] = self._of_page(product, value)
        return found

    def _of_page(self, product: Product, value: Extractor) -> Figures:
        own = {"order.sku": product.sku, **{f"product.{name}": each for name, each in product.vars.items()}}
        document = self._session.get("stock", own)
        found = value.value(document)
        assert self._read.value is not None
        if found is MISSING or (found is None and not self._read.value.optional):
            raise TargetError(f"reads.stock: {product.sku}: the reply has nothing where value says, or nothing of that form")
        wrong = complaint(document.data, ()) if found is None and not self._read.replies else None
        if wrong is not None:
            raise TargetError(f"reads.stock: {product.sku}: nothing where value says, and beside it {wrong}, which looks like an error; {ADVICE}")
        if found is None:  # optional, and not there: nobody says
            return {"total": None, "unsold": None, "word": None}
        number = whole(found)
        if number is not None:
            return {"total": None, "unsold": number, "word": None}
        said = text(found) or ""
        if self._words is None:
            raise TargetError(f"reads.stock: {product.sku}: {said[:60]!r} is not a whole number; explain it with words")
        some, none = (pattern.found(said) for pattern in self._words)
        if some == none:
            raise TargetError(f"reads.stock: {product.sku}: {said[:60]!r} fits {'both' if some else 'neither'} of words.in_stock and words.sold_out")
        return {"total": None, "unsold": None if some else 0, "word": IN_STOCK if some else SOLD_OUT}


def _field(item: dict[str, Any], name: str) -> Any:
    return item[name] if name in item else look(item, compile_path(name, "reads.stock"))
