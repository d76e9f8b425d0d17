"""Run folders that were never sealed: the orders of one schedule, what an engine told of them, and the rows that they become."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import spool_story
from run_story import PROFILE, booked, order, plan

from surgekit.arrivals import Shard, schedule
from surgekit.profile import Profile

Row = dict[str, Any]
SCHEDULE = schedule(Profile.model_validate(PROFILE), ["game", "skin", "topup"], 1, Shard(0, 1))
DUE = dict(zip(SCHEDULE.seq.tolist(), SCHEDULE.intended_s.tolist(), strict=True))
"""The story's schedule: about twenty orders in 20 s."""


def told(seq: int, **more: Any) -> Row:
    """The line of an engine that saw order ``seq`` to its end."""
    return order(seq, at=DUE[seq], order_key=f"K-{seq:07d}") | more


def lost(seq: int, **more: Any) -> Row:
    return told(seq, outcome="unknown", seen="unknown", reason="timeout", order_no=None, accepted_s=None, paid_s=None) | more


def read_as(seq: int, status: str, **more: Any) -> Row:
    return booked(seq, status, order_key=f"K-{seq:07d}") | more


def spooled(run: Path, story: Row | None = None, **files: Iterable[Row]) -> Path:
    """A run folder that was never sealed. ``orders_0=…`` is what engine 0 told, ``ledger=…`` becomes ``spool/ledger.jsonl``."""
    (run / "spool").mkdir(parents=True)
    (run / "run.json").write_text(json.dumps(story or plan()), encoding="utf-8")
    engines: dict[int, dict[str, Iterable[Row]]] = {}
    for name, rows in files.items():
        table, _, shard = name.partition("_")
        if shard:
            engines.setdefault(int(shard), {})[table] = rows
        else:
            (run / "spool" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for number, tables in engines.items():
        spool_story.write(run / "spool", number, **tables)
    return run


def orders(run: Path) -> dict[int, Row]:
    """seq → row; and there is one row for each."""
    with duckdb.connect() as db:
        found = db.execute(f"SELECT * FROM '{run}/orders.parquet' ORDER BY seq")
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert [row["seq"] for row in rows] == sorted(DUE)
    return {row["seq"]: row for row in rows}


def ends(run: Path) -> dict[int, tuple[str, str | None]]:
    return {seq: (row["outcome"], row["reason"]) for seq, row in orders(run).items()}
