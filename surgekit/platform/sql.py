"""Reading from the platform's database: one SELECT in a read-only transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from surgekit.errors import ConfigError, TargetError
from surgekit.platform.database import engine
from surgekit.platform.session import Session
from surgekit.platform.times import since
from surgekit.target.schema import Sql

MOST_ROWS: Final = 50_000_000
BATCH: Final = 1000
_UNWANTED = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TO_FILE = re.compile(r"\binto\s+(?:out|dump)file\b", re.IGNORECASE)


class SqlRead:
    """One query. ``where``: ``reads.ledger.sql``, ``reads.stock.sql``. Raises ``ConfigError``, or ``ConsentError`` for a database that
    is not on this machine. ``since``: it asks only for what is new enough."""

    def __init__(self, session: Session, read: Sql, zone: tzinfo, where: str) -> None:
        self._where = where
        self._query = text(_one(read.query, where))
        binds = sorted(set(self._query.compile().params) - {"since"})
        if binds:
            raise ConfigError(f"{where}.query: nothing gives :{binds[0]}; known: :since (write \\: for a colon before a word)")
        self.since = "since" in self._query.compile().params
        self._zone = zone
        self._engine: Engine = engine(read.url, session.known, zone, f"{where}.url")
        password = self._engine.url.password
        self._hidden = sorted({each for each in (*session.secrets.values(), str(password or "")) if each}, key=len, reverse=True)

    def close(self) -> None:
        self._engine.dispose()

    def rows(self, start_s: float | None, *, most: int = MOST_ROWS) -> Iterator[dict[str, Any]]:
        """Each row as column → value, streamed. ``start_s``: the run's start, UNIX time. Raises ``TargetError``."""
        began = since(start_s or 0.0, self._zone)
        moment: Any = f"{began:%Y-%m-%d %H:%M:%S}" if self._engine.name == "sqlite" else began
        given = {"since": moment} if self.since else {}
        try:
            with self._engine.connect() as conn:
                if self._engine.name == "mysql":
                    conn.exec_driver_sql("START TRANSACTION READ ONLY")
                found = conn.execution_options(stream_results=True, yield_per=BATCH).execute(self._query, given)
                if not found.returns_rows:
                    raise TargetError(f"{self._where}: the query gives no rows")
                for number, row in enumerate(found.mappings()):
                    if number >= most:
                        raise TargetError(f"{self._where}: more than {most:,} rows; narrow the query with :since")
                    yield dict(row)
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise TargetError(f"{self._where}: the database says: {self._why(error)}") from None

    def try_out(self, start_s: float) -> None:
        """Whether it can be read at all, before there is anything to read. Raises ``TargetError``."""
        rows = self.rows(start_s)
        try:
            next(rows, None)
        finally:
            rows.close()  # type: ignore[attr-defined]  # a generator

    def _why(self, error: BaseException) -> str:
        """The first line of what the database said, without a password in it."""
        inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        args = [each for each in inner.args if isinstance(each, str)]
        lines = (args[0] if args else type(inner).__name__).strip().splitlines()
        told = lines[0] if lines else type(inner).__name__
        for hidden in self._hidden:
            told = told.replace(hidden, "…")
        return told


def _one(query: str, where: str) -> str:
    """The query without what stands behind it. Raises ``ConfigError`` where it is more than one SELECT."""
    written = query.strip().rstrip(";").strip()
    bare = _UNWANTED.sub(" ", written)
    if ";" in bare:
        raise ConfigError(f"{where}.query: one statement is wanted, and there is a ; in it")
    if re.match(r"\s*(select|with)\b", bare, re.IGNORECASE) is None or _TO_FILE.search(bare):
        raise ConfigError(f"{where}.query: a SELECT is wanted that reads and does nothing else")
    return written
