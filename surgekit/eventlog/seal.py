"""From spool to Parquet: the history of a run becomes final, with a row for every scheduled order."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import duckdb

from surgekit.errors import RunError
from surgekit.eventlog import folder
from surgekit.eventlog.complete import complete
from surgekit.eventlog.schema import SPOOLED, TABLES, literal, pattern

BEGUN = {"seq": "BIGINT", "begun_s": "DOUBLE"}
LOOKED = {"order_key": "VARCHAR"}
"""Keys of orders that were read one by one, where there is no ledger; the platform answered for each of them."""
_ORDER = {"orders": "ORDER BY intended_s, seq", "requests": "ORDER BY done_s, seq, shard"}


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
        with duckdb.connect(config={"threads": 2}) as db:
            for table in TABLES:
                _load(db, spool, table, TABLES[table], SPOOLED.get(table, f"{table}.jsonl"))
            _load(db, spool, "begun", BEGUN, "begun-*.jsonl")
            _load(db, spool, "looked", LOOKED, "looked.jsonl")
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
        with duckdb.connect(config={"threads": 2}) as db:
            for table in ("orders", "requests", "samples"):
                _load(db, run / "spool", table, TABLES[table], SPOOLED.get(table, f"{table}.jsonl"))
            _load(db, run / "spool", "begun", BEGUN, "begun-*.jsonl")
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


def _load(db: duckdb.DuckDBPyConnection, spool: Path, table: str, columns: dict[str, str], names: str) -> None:
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    db.execute(f"CREATE TABLE {table} ({typed})")
    files = [path for path in sorted(spool.glob(names)) if path.stat().st_size]
    if files:
        for path in files:
            _cut_to_whole_lines(path)
        listed = ", ".join(pattern(path) for path in files)
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        db.execute(
            f"INSERT INTO {table} SELECT * FROM read_json([{listed}], format='newline_delimited', columns={{{kinds}}})"  # noqa: S608
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
