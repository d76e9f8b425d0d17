"""After the surge: wait until nothing moves any more, then read what the platform thinks has happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from surgekit import clock
from surgekit.children import Child
from surgekit.errors import RunError, TargetError
from surgekit.eventlog.seal import unresolved
from surgekit.eventlog.writer import SpoolWriter
from surgekit.platform import Platform
from surgekit.platform.orders import Looked, still_open
from surgekit.target.schema import Target

SETTLE_MOST_S = 20.0
AGAIN_S = 3.0
"""So long a ledger that cannot be read is tried again."""
STUCK_S = 4.0
"""Paid orders whose number has not fallen for so long are stuck."""


def settle_and_read(
    run: Path, target: Target, edge: Child | None, platform: Platform, stock: SpoolWriter, now: Callable[[], float], *, salt: str, settle_s: float
) -> dict[str, str]:
    """Wait until nothing moves any more, then read stock and ledger; where there is no ledger, each order that nobody knows the
    end of, if the target file says how.

    Returns witness → ``whole``, ``absent``, ``part`` (some of the unknown orders could not be read) or ``moving`` (still changing
    when the patience for it was over), with the reason after a colon. ``orders`` is no more than a help in telling how unknown
    orders ended: what nobody asked about stays unseen, so that it never stands in for the ledger.
    """
    start_s = clock.utc().timestamp() - now()
    witnesses = {"edge": "absent: SurgeKit does not play this platform's supplier and gateway"}
    if edge is not None:
        witnesses["edge"] = "absent: the edge process was lost" if edge.gone() else "whole"
    rows: list[dict[str, Any]] = []
    looked: list[str] = []
    if target.reads.ledger is None:
        witnesses["ledger"] = "absent: the target file describes no ledger read"
        time.sleep(settle_s)
        if target.reads.order is not None:
            found, witnesses["orders"] = _settled_orders(unresolved(run), target, platform, salt, start_s)
            rows, looked = found.rows, found.keys
    else:
        try:
            rows, moving = _settled_ledger(run, target, platform, salt, settle_s, start_s)
            witnesses["ledger"] = "moving: paid orders were still being worked on" if moving else "whole"
        except TargetError as error:
            witnesses["ledger"] = f"absent: {error}"
    try:
        shelf = platform.stock()
        for sku, figures in (shelf or {}).items():
            stock.row({"moment": "end", "sku": sku, "t_s": now(), **figures})
        witnesses["stock"] = "absent: the target file describes no stock read" if shelf is None else "whole"
    except TargetError as error:
        witnesses["stock"] = f"absent: {error}"
    if edge is not None:
        edge.end()  # it writes the last of its log as it ends
    try:
        stock.close()
        _write(run, "looked", [{"order_key": key} for key in looked])
        _write(run, "ledger", rows)
    except OSError as error:
        raise RunError(f"{run}: cannot be written: {error.strerror}") from None
    return witnesses


def _write(run: Path, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """The spool of one table. Raises ``OSError``."""
    log = SpoolWriter(run / "spool" / f"{table}.jsonl")
    for row in rows:
        log.row(row)
    log.close()


def _settled_orders(keys: list[str], target: Target, platform: Platform, salt: str, start_s: float) -> tuple[Looked, str]:
    """What the platform says of each order, and how it went. Paid ones are asked about again while they still get on."""
    found = platform.orders(keys, salt, start_s=start_s)
    told = Looked(list(found.rows), list(found.keys), found.wrong)
    began = fell_at = clock.now()
    waiting = still_open(told.rows, target.statuses.paid)
    while waiting and clock.now() - fell_at < STUCK_S and clock.now() - began < SETTLE_MOST_S:
        time.sleep(1.0)
        again = platform.orders(sorted(waiting), salt, start_s=start_s)
        fresh = set(again.keys)
        told.rows = [row for row in told.rows if row["order_key"] not in fresh] + again.rows
        now_waiting = still_open(told.rows, target.statuses.paid)
        if len(now_waiting) < len(waiting):
            fell_at = clock.now()
        waiting = now_waiting
    if len(told.keys) == len(keys):
        return told, "whole"
    return told, f"part: {len(told.keys):,} of {len(keys):,} unknown orders were read: {told.wrong}"


def _settled_ledger(
    run: Path, target: Target, platform: Platform, salt: str, settle_s: float, start_s: float
) -> tuple[list[dict[str, Any]], bool]:
    """The ledger once it stands still, and whether it still moved when the time was up. Raises ``TargetError``."""
    began = clock.now()
    fewest, fell_at = None, began
    while True:
        try:
            rows = list(platform.ledger(salt, start_s=start_s))
        except TargetError:
            # A platform that was just overloaded, or throttles, may need a moment.
            if clock.now() - began >= AGAIN_S:
                raise
            time.sleep(1.0)
            continue
        open_ = _unsettled(run, target, rows)
        now = clock.now()
        if fewest is None or open_ < fewest:
            fewest, fell_at = open_, now
        if now - began >= settle_s and (open_ == 0 or now - fell_at >= max(STUCK_S, settle_s)):
            return rows, False
        if now - began >= SETTLE_MOST_S:
            return rows, open_ > 0
        time.sleep(1.0)


def _unsettled(run: Path, target: Target, rows: Iterable[dict[str, Any]]) -> int:
    """Orders that are paid and neither delivered nor refunded, and payments of which the platform does not know yet."""
    paid = set(target.statuses.paid)
    waiting = {row["order_no"] for row in rows if row["status"] in paid}
    try:
        lines = (run / "spool" / "edge.jsonl").read_bytes().splitlines()
    except OSError:
        lines = []
    told, acked = set(), set()
    for line in lines:
        if b'"gateway"' not in line:
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # the last line may be under way
        if row["event"] == "payment":
            told.add(row["order_no"])
        elif row["event"] == "callback" and row["acked"]:
            acked.add(row["order_no"])
    return len(waiting | (told - acked))
