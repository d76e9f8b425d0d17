"""Reading a run folder: one DuckDB connection with a view for each table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from surgekit.errors import RunError
from surgekit.eventlog import folder
from surgekit.eventlog.schema import TABLES, pattern
from surgekit.eventlog.seal import seal


@contextmanager
def opened(run: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the sealed history of ``run``; what a dead run left behind is sealed first.

    A table that is missing or broken is there, but empty; ``missing(db)`` names such tables. Raises ``RunError``.
    """
    folder.plan(run)  # says what is wrong where this is no run folder at all
    seal(run)
    with duckdb.connect(config={"threads": 2}) as db:
        db.execute("CREATE TABLE missing_tables (name VARCHAR, why VARCHAR)")
        for table, columns in TABLES.items():
            path = run / f"{table}.parquet"
            wanted = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns.items())
            try:
                db.execute(f"CREATE VIEW {table} AS SELECT {wanted} FROM read_parquet({pattern(path)})")  # noqa: S608
                # Every value is read once: a file that is broken in the middle is found now and not half-way through a check.
                db.execute(f"SELECT bit_xor(hash(row)) FROM (SELECT {table} AS row FROM {table})")  # noqa: S608
            except duckdb.Error as error:
                why = f"cannot be read: {str(error).partition(chr(10))[0]}" if path.exists() else "is missing"
                db.execute("INSERT INTO missing_tables VALUES (?, ?)", [table, why])
                db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT {_empty(columns)} WHERE false")
        if "orders" in missing(db):
            raise RunError(f"{run}/orders.parquet {missing(db)['orders']}; without it nothing can be said of this run")
        yield db


def missing(db: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Table → why it cannot be read."""
    return dict(db.execute("SELECT name, why FROM missing_tables").fetchall())


def _empty(columns: Mapping[str, str]) -> str:
    return ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns.items())
