"""The database: one engine with a bounded pool, and what differs between SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from surgekit.errors import ConfigError, RunError

LOCK_WAIT_S = 3.0
"""How long a statement waits for somebody else's lock before it fails, on either database."""


class Store:
    """Connections for reading and transactions for writing, out of one pool of ``pool`` connections.

    Whoever finds the pool empty waits ``pool_timeout`` seconds, then gets ``sqlalchemy.exc.TimeoutError``.
    """

    def __init__(self, url: str, *, pool: int, pool_timeout: float) -> None:
        self.engine, self.is_postgres = _engine(url, pool, pool_timeout)
        if self.is_postgres:
            self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        else:
            self._reader = self.engine.execution_options(reads_only=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose every statement sees what is committed by then. No locks are held."""
        with self._reader.connect() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back when the block raises."""
        with self.engine.begin() as conn:
            yield conn

    def rebuild(self, meta: MetaData) -> None:
        """Drop the shop's tables and make them anew. Raises ``RunError`` if the database cannot be used."""
        try:
            with self.engine.begin() as conn:
                meta.drop_all(conn)
                meta.create_all(conn)
        except (SQLAlchemyError, OSError) as problem:
            address = self.engine.url.render_as_string()
            raise RunError(f"the database {address} cannot be used: {why(problem)}") from None

    def close(self) -> None:
        """Give the connections back to the database."""
        self.engine.dispose()


def why(problem: BaseException) -> str:
    """The first line of a database error, without SQLAlchemy's wrapping and links."""
    inner = problem.orig if isinstance(problem, DBAPIError) and problem.orig is not None else problem
    lines = str(inner.args[0] if inner.args else inner).strip().splitlines()
    return lines[0] if lines else type(inner).__name__


def _engine(url: str, pool: int, pool_timeout: float) -> tuple[Engine, bool]:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(f"--db {url!r} is not a database URL; use sqlite:///FILE or postgresql://…") from None
    is_postgres = parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg")
    if not is_postgres and (parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:")):
        raise ConfigError(f"--db {parsed.render_as_string()} is not supported; use sqlite:///FILE or postgresql://…")
    options: dict[str, Any] = {
        "poolclass": QueuePool,
        "pool_size": pool,
        "max_overflow": 0,
        "pool_timeout": pool_timeout,
        "pool_use_lifo": True,
    }
    args: dict[str, Any] = {"timeout": LOCK_WAIT_S, "check_same_thread": False}
    if not is_postgres:
        engine = create_engine(parsed, connect_args=args, **options)
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine, False
    args = {"connect_timeout": 5, "options": f"-c lock_timeout={LOCK_WAIT_S * 1000:.0f}"}
    try:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), connect_args=args, **options), True
    except ModuleNotFoundError:
        raise ConfigError("PostgreSQL needs psycopg: pip install 'surgekit[postgres]'") from None


def _tune_sqlite(dbapi: sqlite3.Connection, _record: Any) -> None:
    dbapi.isolation_level = None  # the driver starts no transaction of its own; _begin_immediate does
    dbapi.execute("PRAGMA journal_mode=WAL")
    dbapi.execute("PRAGMA synchronous=NORMAL")
    dbapi.execute("PRAGMA wal_autocheckpoint=4000")


def _begin_immediate(conn: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for the lock in SQLite: it fails at once when
    # somebody else has written in between. So every writing transaction takes the lock when it begins.
    if not conn.get_execution_options().get("reads_only"):
        conn.exec_driver_sql("BEGIN IMMEDIATE")
