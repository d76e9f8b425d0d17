"""From spool to Parquet: the history of a run becomes final, with a row for every scheduled order."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from surgekit.arrivals import Schedule, Shard, schedule
from surgekit.errors import RunError
from surgekit.eventlog import folder
from surgekit.eventlog.schema import SPOOLED, TABLES
from surgekit.profile import Profile
from surgekit.target import Target

CRASH_MARGIN_S = 1.0
"""An engine that died may have sent orders after its last flushed line: up to this much later."""


def seal(run: Path) -> None:
    """Write every table of ``run`` as Parquet, then drop the spool. Does nothing where that is done already.

    Orders that the engine reported keep their rows. Of the others the schedule knows: one that may have left before
    the engine ended is ``unknown``, one that provably had not is ``failed`` for the reason ``unsent``.
    Raises ``RunError``.
    """
    spool = run / "spool"
    if not spool.is_dir():
        return
    plan = folder.plan(run)
    try:
        with duckdb.connect(config={"threads": 2}) as db:
            for table in TABLES:
                _load(db, spool, table)
            _resolve(db, plan, _died_at(db, spool, plan))
            db.execute("UPDATE edge SET t = t - ?", [plan.get("t0") or 0.0])
            for table in TABLES:
                order = {"orders": "ORDER BY intended_s, seq", "requests": "ORDER BY done_s"}.get(table, "")
                half = run / f".{table}.parquet.part"
                db.execute(f"COPY (SELECT * FROM {table} {order}) TO '{_quoted(half)}' (FORMAT parquet)")  # noqa: S608
                half.replace(run / f"{table}.parquet")
    except (duckdb.Error, OSError) as error:
        for part in run.glob(".*.parquet.part"):
            part.unlink(missing_ok=True)
        raise RunError(f"{run}: the history cannot be sealed: {str(error).splitlines()[0]}") from None
    shutil.rmtree(spool)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _load(db: duckdb.DuckDBPyConnection, spool: Path, table: str) -> None:
    columns = TABLES[table]
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    db.execute(f"CREATE TABLE {table} ({typed})")
    files = [path for path in sorted(spool.glob(SPOOLED.get(table, f"{table}.jsonl"))) if path.stat().st_size]
    if files:
        _whole_lines(files)
        names = ", ".join(f"'{_quoted(path)}'" for path in files)
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        db.execute(
            f"INSERT INTO {table} SELECT * FROM read_json([{names}], format='newline_delimited', columns={{{kinds}}})"  # noqa: S608
        )


def _whole_lines(files: list[Path]) -> None:
    """Cut off a last line that a killed writer left unfinished."""
    for path in files:
        with path.open("r+b") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - (1 << 20)))
            tail = file.read()
            if tail and not tail.endswith(b"\n"):
                file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)


def _died_at(db: duckdb.DuckDBPyConnection, spool: Path, plan: Mapping[str, Any]) -> float:
    """Until when orders may have left that no line tells of; before the start where the engine ended in order."""
    files = [path for path in sorted(spool.glob("begun-*.jsonl")) if path.stat().st_size]
    db.execute("CREATE TABLE begun (seq BIGINT, begun_s DOUBLE)")
    if files:
        _whole_lines(files)
        names = ", ".join(f"'{_quoted(path)}'" for path in files)
        db.execute(
            "INSERT INTO begun SELECT * FROM read_json"  # noqa: S608
            f"([{names}], format='newline_delimited', columns={{'seq': 'BIGINT', 'begun_s': 'DOUBLE'}})"
        )
    if plan.get("engine_ended") == "in_order":
        return -1.0
    if plan.get("t0") is None:
        return -1.0
    last = db.execute(
        "SELECT max(t) FROM (SELECT max(begun_s) t FROM begun UNION ALL SELECT max(done_s) FROM requests"
        " UNION ALL SELECT max(t_s) FROM samples)"
    ).fetchone()
    return (last[0] if last and last[0] is not None else 0.0) + CRASH_MARGIN_S


def _resolve(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], died_at: float) -> None:
    """Complete the orders from the schedule, then resolve unknown ones by what the platform's ledger says."""
    db.execute("ALTER TABLE orders RENAME TO told")
    profile, target = Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"])
    shards = [schedule(profile, target.skus, plan["seed"], Shard(k, plan["shards"])) for k in range(plan["shards"])]
    db.register("due", _columns(shards, plan["run_id"]))
    db.execute("UPDATE told SET seen = outcome")
    columns = ", ".join(
        f"coalesce(t.{name}, d.{name}) AS {name}" if name in _FROM_SCHEDULE
        else f"coalesce(t.{name}, CASE WHEN {_UNSENT} THEN 'failed' ELSE 'unknown' END) AS {name}" if name in ("outcome", "seen")
        else f"CASE WHEN t.seq IS NOT NULL THEN t.reason WHEN {_UNSENT} THEN 'unsent' ELSE 'engine_died' END AS reason" if name == "reason"
        else f"coalesce(t.{name}, CASE WHEN {_UNSENT} THEN NULL ELSE greatest($died, d.intended_s) END) AS {name}" if name == "ended_s"
        else f"coalesce(t.{name}, []) AS {name}" if name == "card_digests"
        else f"coalesce(t.{name}, 0) AS {name}" if name in ("attempts", "errors", "paused_s", "browsed_s")
        else f"t.{name}"
        for name in TABLES["orders"]
    )  # fmt: skip
    db.execute(
        f"CREATE TABLE orders AS SELECT {columns} FROM due d LEFT JOIN told t USING (seq) LEFT JOIN begun b USING (seq)",  # noqa: S608
        {"died": died_at},
    )
    if (plan.get("witnesses") or {}).get("ledger") == "whole":
        _resolve_by_ledger(db, target)


_FROM_SCHEDULE = frozenset({"seq", "shard", "intended_s", "order_key", "sku", "qty", "buyer_class", "phase"})
_UNSENT = "(b.seq IS NULL AND d.intended_s > $died)"


def _columns(shards: list[Schedule], run_id: str) -> dict[str, Any]:
    def words(table: tuple[str, ...], index: Any) -> Any:
        return np.asarray(table, dtype=object)[index]

    return {
        "seq": np.concatenate([part.seq for part in shards]),
        "shard": np.concatenate([np.full(len(part), part.shard.index) for part in shards]),
        "intended_s": np.concatenate([part.intended_s for part in shards]),
        "order_key": np.asarray([f"{run_id}-{seq:07d}" for part in shards for seq in part.seq.tolist()], dtype=object),
        "sku": np.concatenate([words(part.skus, part.sku) for part in shards]),
        "qty": np.concatenate([part.qty for part in shards]),
        "buyer_class": np.concatenate([words(part.classes, part.buyer_class) for part in shards]),
        "phase": np.concatenate([words(part.phases, part.phase) for part in shards]),
    }


def _resolve_by_ledger(db: duckdb.DuckDBPyConnection, target: Target) -> None:
    """An order whose end the buyer did not see is what the platform's own record says, read after everything settled."""
    words = target.statuses
    db.execute(
        """
        CREATE TEMP TABLE ends AS
        SELECT order_key, bool_or(list_contains($delivered, status)) AS delivered,
               bool_or(list_contains($paid, status)) AS paid, bool_or(list_contains($refunded, status)) AS refunded,
               any_value(status) AS status, any_value(order_no) AS order_no
        FROM ledger GROUP BY order_key
        """,
        {"delivered": words.delivered, "paid": words.paid, "refunded": words.refunded},
    )
    db.execute(
        """
        UPDATE orders SET
            outcome = CASE WHEN e.delivered THEN 'confirmed' WHEN e.paid THEN 'unknown' ELSE 'failed' END,
            reason = orders.reason || CASE WHEN e.delivered THEN ', read: delivered' WHEN e.paid THEN ', read: still paid'
                     WHEN e.refunded THEN ', read: refunded' ELSE ', read: ' || e.status END,
            order_no = coalesce(orders.order_no, e.order_no)
        FROM ends e WHERE e.order_key = orders.order_key AND orders.outcome = 'unknown'
        """
    )
    db.execute(
        """
        UPDATE orders SET outcome = 'failed', reason = orders.reason || ', read: not there'
        WHERE outcome = 'unknown' AND order_key NOT IN (SELECT order_key FROM ledger WHERE order_key IS NOT NULL)
        """
    )
