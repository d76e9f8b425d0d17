"""Reading from the platform's database: one SELECT in a read-only transaction."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import tzinfo
from queue import SimpleQueue
from typing import Any, Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from surgekit import clock
from surgekit.errors import ConfigError, TargetError
from surgekit.platform.database import CONNECT_S, ender, engine
from surgekit.platform.session import Session
from surgekit.platform.times import since
from surgekit.target.schema import Sql

MOST_ROWS: Final = 50_000_000
BATCH: Final = 1000
AHEAD: Final = 2
"""So many batches are fetched before they are asked for."""
LEAVE_S: Final = CONNECT_S + 1.0
"""So long is a read waited for that was told to end: connecting and waiting for a lock are over by then."""
AGAIN_S: Final = 0.05
Batch = list[dict[str, Any]]
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
        self._open: set[_Apart] = set()
        self._hidden = sorted({each for each in (*session.secrets.values(), str(password or "")) if each}, key=len, reverse=True)

    def close(self) -> None:
        """Ends what is still being read, too."""
        for each in tuple(self._open):
            each.stop()
        self._engine.dispose()

    def rows(self, start_s: float | None, *, most: int = MOST_ROWS) -> Iterator[dict[str, Any]]:
        """Each row as column → value, streamed. ``start_s``: the run's start, UNIX time. Raises ``TargetError``."""
        began = since(start_s or 0.0, self._zone)
        moment: Any = f"{began:%Y-%m-%d %H:%M:%S}" if self._engine.name == "sqlite" else began
        given = {"since": moment} if self.since else {}
        work = _Apart(lambda it: self._read(it, given))
        self._open.add(work)
        number = 0
        try:
            for batch in work.batches():
                for row in batch:
                    if number >= most:
                        raise TargetError(f"{self._where}: more than {most:,} rows; narrow the query with :since")
                    number += 1
                    yield row
        finally:
            work.stop()
            self._open.discard(work)

    def _read(self, work: _Apart, given: dict[str, Any]) -> None:
        """In the thread of ``work``."""
        try:
            with self._engine.connect() as conn:
                work.end = ender(conn, lambda: work.over)
                self._fetch(conn, work, given)
        except (_OverError, SQLAlchemyError, OSError, ValueError) as error:
            if work.over:
                raise TargetError(f"{self._where}: closed while it was being read") from None
            raise TargetError(f"{self._where}: the database says: {self._why(error)}") from None

    def _fetch(self, conn: Connection, work: _Apart, given: dict[str, Any]) -> None:
        if self._engine.name == "mysql":
            conn.exec_driver_sql("START TRANSACTION READ ONLY")
        work.check()
        found = conn.execution_options(stream_results=True, yield_per=BATCH).execute(self._query, given)
        try:
            if not found.returns_rows:
                raise TargetError(f"{self._where}: the query gives no rows")
            for part in found.mappings().partitions(BATCH):
                work.give([dict(row) for row in part])
        finally:
            if work.over and self._engine.name == "mysql":
                conn.invalidate()  # closed in peace, it would read all the rest first
            else:
                found.close()

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


class _OverError(Exception):
    """The read was told to end."""


class _Apart:
    """A statement and the fetching of its rows, in a thread of their own.

    While SQLite is at work in the main thread, Ctrl-C and the kill file are raised inside its progress handler, and lost there. So the
    main thread only waits for batches here, and any wait of it can be interrupted. The queues are those that no interruption breaks.
    """

    def __init__(self, work: Callable[[_Apart], None]) -> None:
        self.over = False
        self.end: Callable[[], None] | None = None
        """Ends what the database is doing for it; None before it is connected."""
        self._work = work
        self._free: SimpleQueue[None] = SimpleQueue()
        self._told: SimpleQueue[Batch | BaseException | None] = SimpleQueue()
        for _ in range(AHEAD):
            self._free.put(None)
        self._thread = threading.Thread(target=self._run, name="sql-read", daemon=True)

    def batches(self) -> Iterator[Batch]:
        """What is given, in order. Raises what the thread raised. Whoever leaves early has to ``stop``."""
        self._thread.start()
        while (told := self._told.get()) is not None:
            if isinstance(told, BaseException):
                raise told
            self._free.put(None)
            yield told

    def stop(self) -> None:
        """The thread ends, or has ended. It is waited for, ``LEAVE_S`` at most."""
        self.over = True
        self._free.put(None)
        until = clock.now() + LEAVE_S
        while self._thread.is_alive() and clock.now() < until:
            self._thread.join(AGAIN_S)
            # Again and again: what was ended may have been the statement before.
            if self._thread.is_alive() and self.end is not None:
                with contextlib.suppress(Exception):
                    self.end()

    def check(self) -> None:
        """In the thread. Raises ``_OverError`` once it was told to end."""
        if self.over:
            raise _OverError

    def give(self, batch: Batch) -> None:
        """In the thread: hands over a batch, and waits until one is wanted."""
        self._free.get()
        self.check()
        self._told.put(batch)

    def _run(self) -> None:
        # Signals are the main thread's: here they would wake nobody.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        last: BaseException | None = None
        try:
            self._work(self)
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are read
            last = error
        self._told.put(last)


def _one(query: str, where: str) -> str:
    """The query without what stands behind it. Raises ``ConfigError`` where it is more than one SELECT."""
    written = query.strip().rstrip(";").strip()
    bare = _UNWANTED.sub(" ", written)
    if ";" in bare:
        raise ConfigError(f"{where}.query: one statement is wanted, and there is a ; in it")
    if re.match(r"\s*(select|with)\b", bare, re.IGNORECASE) is None or _TO_FILE.search(bare):
        raise ConfigError(f"{where}.query: a SELECT is wanted that reads and does nothing else")
    return written
