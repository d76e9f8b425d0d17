"""The platform's own orders by HTTP: page by page, or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform.client import MOST_PAGE, PAGE_S
from surgekit.platform.session import Session
from surgekit.platform.verdict import ADVICE, beside, check_empty, verdict
from surgekit.target.reading import MISSING, compile_path, look
from surgekit.target.schema import LedgerRead

MOST_PAGES: Final = 100_000
MOST_ROWS: Final = 50_000_000
MOST_VALUES: Final = 2_000_000
"""Of one page, which may have all orders of a run: more than any reply to a buyer."""
MOST_S: Final = 600.0
"""For all pages."""


class HttpLedger:
    """``reads.ledger`` with ``request``, compiled. Raises ``ConfigError``."""

    def __init__(self, session: Session, read: LedgerRead) -> None:
        self._session = session
        self._read = read
        self._rows = compile_path(read.rows, "reads.ledger.rows")
        self._next = compile_path(read.next or "", "reads.ledger.next")
        self._no = read.columns["order_no"]
        self._no_path = compile_path(self._no.name, "reads.ledger.columns.order_no")
        self._by_page = "page" in session.reads["ledger"].needs

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row as the platform tells it. Raises ``TargetError``."""
        after: Any = 0
        before: list[Any] | None = None
        last: Any = MISSING
        until = clock.now() + MOST_S
        count = 0
        for page in range(1, MOST_PAGES + 1):
            if clock.now() > until:
                raise TargetError(f"reads.ledger: not at its end after {MOST_S:g} s and {page - 1:,} pages")
            data = self._session.get("ledger", {"after": after, "page": page}, most=MOST_PAGE, total_s=PAGE_S, most_values=MOST_VALUES).data
            rows = self._checked(data, last)
            last = data
            numbers = self._numbers(rows)
            if before is not None and rows and numbers == before:
                if page == 2:
                    raise TargetError("reads.ledger: page 2 is page 1 again, so nothing tells whether there is more; leave {page} out if there is one page")
                return  # behind its last page this platform gives it again
            yield from rows
            count += len(rows)
            if count > MOST_ROWS:
                raise TargetError(f"reads.ledger: more than {MOST_ROWS:,} rows; a run has fewer orders")
            if self._by_page:
                if not rows:
                    return
                before = numbers
                continue
            following = MISSING if self._read.next is None else look(data, self._next)
            if following is MISSING or following is None or following == after:
                return
            if isinstance(following, list | dict | bool):
                raise TargetError(f"reads.ledger: {self._read.next!r} is neither a number nor a text, so it leads to no page")
            after = following
        raise TargetError(f"reads.ledger: more than {MOST_PAGES:,} pages; do they ever end?")

    def _numbers(self, rows: list[dict[str, Any]]) -> list[Any]:
        """By what a page is known again: its orders' numbers, since something else in a row may change from one reading to the next."""
        found = [row.get(self._no.name, look(row, self._no_path)) for row in rows]
        return rows if MISSING in found else found

    def _checked(self, data: Any, last: Any) -> list[dict[str, Any]]:
        """The rows of a page. ``last``: the page before it, or ``MISSING``."""
        if data is MISSING:
            raise TargetError(f"{self._session.what['ledger']}: the body is not JSON")
        rows = look(data, self._rows)
        if rows is None:
            self._check_null(data, last)
            return []
        if not isinstance(rows, list):
            raise TargetError(f"reads.ledger: no list at {self._read.rows!r} in the reply")
        if not all(isinstance(row, dict) for row in rows):
            raise TargetError("reads.ledger: a row is not an object")
        if not rows:
            self._check_empty(data, last)
        return rows

    def _check_null(self, data: Any, last: Any) -> None:
        """Some platforms have null for no orders; and so have error pages behind HTTP 200."""
        if self._read.replies or (self._by_page and last is not MISSING and beside(data, self._rows) == beside(last, self._rows)):
            return
        raise TargetError(f"reads.ledger: null in place of a list at {self._read.rows!r}: no orders, or an error page? {ADVICE}")

    def _check_empty(self, data: Any, last: Any) -> None:
        if self._read.replies:
            return
        check_empty(data, self._rows, "reads.ledger")
        if last is not MISSING and (now := verdict(data, self._rows)) != (was := verdict(last, self._rows)):
            name = next(name for name in {**now, **was} if now.get(name, MISSING) != was.get(name, MISSING))
            raise TargetError(f"reads.ledger: an empty page, and its {name} is another than on the page before: the end, or an error? {ADVICE}")
