"""From spool to Parquet: the history of a run becomes final, with a row for every scheduled order."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from surgekit.errors import RunError
from surgekit.eventlog import folder
from surgekit.eventlog.complete import complete
from surgekit.eventlog.pieces import load_alive, load_begun, load_orders, load_requests
from surgekit.eventlog.schema import BINARY, TABLES, literal, pattern

T = TypeVar("T")
LOOKED = {"order_key": "VARCHAR"}
"""Keys of orders that were read one by one, where there is no ledger; the platform answered for each of them."""
MOST_MEMORY = "400MiB"
"""What takes more goes to files beside the spool for a while."""


def seal(run: Path) -> None:
    """Write every table of ``run`` as Parquet, then drop the spool. Does nothing where that is done already.

    Raises ``RunError``; the spool is then kept whole, and no table is half-written.
    """
    spool, done = run / "spool", run / ".spool-sealed"
    if not spool.is_dir():
        if done.is_dir():
            shutil.rmtree(done, ignore_errors=True)
        return
    if (run / "orders.parquet").exists() and not any(path.stat().st_size for path in spool.iterdir() if path.is_file()):
        # A spool without a line beside sealed tables tells nothing; sealing it would put "nothing was sent" in their place.
        shutil.rmtree(spool, ignore_errors=True)
        return
    plan = folder.plan(run)
    try:
        _with_database(spool, lambda db: _write(db, run, plan))
        # All or nothing: only when there was room for every table does the first one get its name.
        for table in TABLES:
            _half(run, table).replace(run / f"{table}.parquet")
        # By its name the spool says that nothing is sealed yet; so it loses that first, in one step, and its files after.
        spool.rename(done)
    except (duckdb.Error, OSError) as error:
        raise RunError(f"{run}: the history cannot be sealed: {_first_line(error)}") from None
    finally:
        for table in TABLES:
            with contextlib.suppress(OSError):
                _half(run, table).unlink()
    shutil.rmtree(done, ignore_errors=True)


def unresolved(run: Path) -> list[str]:
    """Keys of the orders whose end nobody knows, as far as the spool of ``run`` tells once the engines have ended.

    Raises ``RunError``. Nothing is sealed by it.
    """
    plan = {**folder.plan(run), "witnesses": {}}

    def look(db: duckdb.DuckDBPyConnection) -> list[str]:
        _load(db, run / "spool", "samples", TABLES["samples"])
        load_alive(db, run / "spool")
        load_orders(db, run / "spool")
        load_begun(db, run / "spool")
        complete(db, plan, looked=False)
        return [key for (key,) in db.execute("SELECT order_key FROM orders WHERE outcome = 'unknown' ORDER BY seq").fetchall()]

    try:
        return _with_database(run / "spool", look)
    except (duckdb.Error, OSError) as error:
        raise RunError(f"{run}: the history cannot be read: {_first_line(error)}") from None


def _write(db: duckdb.DuckDBPyConnection, run: Path, plan: Mapping[str, Any]) -> None:
    """Every table, under the name of a half-written one."""
    spool = run / "spool"
    for table in TABLES.keys() - BINARY:
        _load(db, spool, table, TABLES[table])
    _load(db, spool, "looked", LOOKED)
    load_requests(db, spool)
    load_orders(db, spool)
    load_begun(db, spool)
    complete(db, plan)
    rows = {
        "edge": f"SELECT * REPLACE (t - CAST('{plan.get('t0') or 0.0!r}' AS DOUBLE) AS t) FROM edge",  # noqa: S608
        "orders": "SELECT * FROM orders ORDER BY intended_s, seq",
    }  # requests are in order already
    for table in TABLES:
        db.execute(f"COPY ({rows.get(table, f'SELECT * FROM {table}')}) TO {literal(_half(run, table))} (FORMAT parquet)")  # noqa: S608


def _with_database(spool: Path, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """What ``work`` gives with an empty database. It is done again with all the memory that there is, should little not do."""
    config: dict[str, Any] = {"threads": 2, "temp_directory": str(spool / "sealing")}
    try:
        with duckdb.connect(config={**config, "memory_limit": MOST_MEMORY}) as db:
            return work(db)
    except duckdb.OutOfMemoryException:
        with duckdb.connect(config=config) as db:
            return work(db)
    finally:
        shutil.rmtree(spool / "sealing", ignore_errors=True)


def _half(run: Path, table: str) -> Path:
    return run / f".{table}.parquet.part"


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0]


def _load(db: duckdb.DuckDBPyConnection, spool: Path, table: str, columns: dict[str, str]) -> None:
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    db.execute(f"CREATE TABLE {table} ({typed})")
    path = spool / f"{table}.jsonl"
    if path.exists() and path.stat().st_size:
        _cut_to_whole_lines(path)
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        db.execute(
            f"INSERT INTO {table} SELECT * FROM read_json({pattern(path)}, format='newline_delimited', columns={{{kinds}}})"  # noqa: S608
        )


def _cut_to_whole_lines(path: Path) -> None:
    """Cut off a last line that a killed writer left unfinished."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 20)))
        tail = file.read()
    if tail and not tail.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
