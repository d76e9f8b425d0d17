"""From spool to Parquet: the history of a run becomes final, with a row for every scheduled order."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from surgekit.errors import RunError
from surgekit.eventlog import folder
from surgekit.eventlog.complete import complete
from surgekit.eventlog.pieces import load_alive, load_begun, load_orders, load_requests
from surgekit.eventlog.schema import BINARY, TABLES, literal, pattern

LOOKED = {"order_key": "VARCHAR"}
"""Keys of orders that were read one by one, where there is no ledger; the platform answered for each of them."""
_ORDER = {"orders": "ORDER BY intended_s, seq"}
"""Requests are in order already."""
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
    if (run / "orders.parquet").exists() and not any(path.stat().st_size for path in spool.iterdir()):
        # A spool without a line beside sealed tables tells nothing; sealing it would put "nothing was sent" in their place.
        shutil.rmtree(spool, ignore_errors=True)
        return
    plan = folder.plan(run)
    try:
        with _database(spool) as db:
            for table in TABLES.keys() - BINARY:
                _load(db, spool, table, TABLES[table])
            _load(db, spool, "looked", LOOKED)
            load_requests(db, spool)
            load_orders(db, spool)
            load_begun(db, spool)
            complete(db, plan)
            db.execute("UPDATE edge SET t = t - ?", [plan.get("t0") or 0.0])
            for table in TABLES:
                db.execute(f"COPY (SELECT * FROM {table} {_ORDER.get(table, '')}) TO {literal(_half(run, table))} (FORMAT parquet)")  # noqa: S608
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
    try:
        with _database(run / "spool") as db:
            _load(db, run / "spool", "samples", TABLES["samples"])
            load_alive(db, run / "spool")
            load_orders(db, run / "spool")
            load_begun(db, run / "spool")
            complete(db, plan, looked=False)
            return [key for (key,) in db.execute("SELECT order_key FROM orders WHERE outcome = 'unknown' ORDER BY seq").fetchall()]
    except (duckdb.Error, OSError) as error:
        raise RunError(f"{run}: the history cannot be read: {_first_line(error)}") from None


def _half(run: Path, table: str) -> Path:
    return run / f".{table}.parquet.part"


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0]


@contextlib.contextmanager
def _database(spool: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    beside = spool / "sealing"
    try:
        with duckdb.connect(config={"threads": 2, "memory_limit": MOST_MEMORY, "temp_directory": str(beside)}) as db:
            yield db
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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
