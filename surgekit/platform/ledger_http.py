"""The platform's own orders by HTTP: page by page, or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform.client import MOST_PAGE, PAGE_S
from surgekit.platform.session import Session
from surgekit.target.reading import MISSING, Document, compile_path, look
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
        assert read.request is not None
        self._session = session
        self._read = read
        self._asked = session.read(read.request, read.headers, "reads.ledger", ("after", "page"))
        self._rows = compile_path(read.rows, "reads.ledger.rows")
        self._next = compile_path(read.next or "", "reads.ledger.next")
        self._by_page = "{page}" in read.request

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row as the platform tells it. Raises ``TargetError``."""
        after: Any = 0
        before: list[Any] | None = None
        until = clock.now() + MOST_S
        count = 0
        for page in range(1, MOST_PAGES + 1):
            if clock.now() > until:
                raise TargetError(f"reads.ledger: not at its end after {MOST_S:g} s and {page - 1:,} pages")
            reply = self._session.get(self._asked, {"after": after, "page": page}, most=MOST_PAGE, total_s=PAGE_S)
            data = Document(reply, most_values=MOST_VALUES).data
            rows = self._checked(data)
            if before is not None and rows and rows == before:
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
                before = rows
                continue
            following = MISSING if self._read.next is None else look(data, self._next)
            if following is MISSING or following is None or following == after:
                return
            if isinstance(following, list | dict | bool):
                raise TargetError(f"reads.ledger: {self._read.next!r} is neither a number nor a text, so it leads to no page")
            after = following
        raise TargetError(f"reads.ledger: more than {MOST_PAGES:,} pages; do they ever end?")

    def _checked(self, data: Any) -> list[dict[str, Any]]:
        if data is MISSING:
            raise TargetError(f"{self._asked.what}: the body is not JSON")
        rows = look(data, self._rows)
        if rows is None and self._by_page:
            return []  # some platforms have null for an empty page
        if not isinstance(rows, list):
            raise TargetError(f"reads.ledger: no list at {self._read.rows!r} in the reply")
        if not all(isinstance(row, dict) for row in rows):
            raise TargetError("reads.ledger: a row is not an object")
        return rows
