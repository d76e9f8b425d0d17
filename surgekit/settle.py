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
from surgekit.eventlog import folder
from surgekit.eventlog.seal import unresolved
from surgekit.eventlog.writer import SpoolWriter
from surgekit.platform import Platform
from surgekit.platform.orders import Looked
from surgekit.target.schema import Statuses, Target

SETTLE_MOST_S = 60.0
"""For a platform that still moves. One that does not is left long before."""
AGAIN_S = 3.0
"""So long a ledger that cannot be read is tried again."""
STUCK_S = 4.0
"""Paid orders are stuck when nothing has moved for so long."""
STILL_S = 2.0
"""An order that the platform does not have, or that is only begun, may wait in the queue of a shop that was overloaded: it counts as
the platform tells it once nothing has moved for so long."""


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
    if edge is not None and target.plays:
        witnesses["edge"] = "absent: the edge process was lost" if edge.gone() else "whole"
    rows: list[dict[str, Any]] = []
    looked: list[str] = []
    if target.reads.ledger is None:
        witnesses["ledger"] = "absent: the target file describes no ledger read"
        time.sleep(settle_s)
        if target.reads.order is not None:
            found, witnesses["orders"] = _settled_orders(unresolved(run), target.statuses, platform, salt, start_s)
            rows, looked = found.rows, found.keys
    else:
        try:
            rows, moving = _settled_ledger(run, target, platform, salt, settle_s, start_s)
            witnesses["ledger"] = "moving: orders were still being worked on" if moving else "whole"
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


class _Stillness:
    """Whether a platform has come to rest, from what it says again and again."""

    def __init__(self, stuck_s: float = STUCK_S) -> None:
        self._stuck_s = stuck_s
        self.began = self._moved_at = clock.now()
        self._seen: object = None

    def look(self, picture: object, *, stuck: bool, doubt: bool) -> bool | None:
        """True: it is at rest. False: patience is over and it still moves. None: look again.

        ``picture``: all that may still change. ``stuck``: it has orders in it that should get on. ``doubt``: it has orders in it
        that may have been read too early.
        """
        now = clock.now()
        if picture != self._seen:
            self._seen, self._moved_at = picture, now
        if now - self._moved_at >= (self._stuck_s if stuck else STILL_S if doubt else 0.0):
            return True
        return False if now - self.began >= SETTLE_MOST_S else None


def _settled_orders(keys: list[str], words: Statuses, platform: Platform, salt: str, start_s: float) -> tuple[Looked, str]:
    """What the platform says of each order, and how it went. What has not come to its end is asked about again while it moves."""
    found = platform.orders(keys, salt, start_s=start_s)
    told = Looked(list(found.rows), list(found.keys), found.wrong)
    still = _Stillness()
    while True:
        waiting = _in_doubt(told.keys, told.rows, words)
        picture = {(row["order_key"], row["order_no"], row["status"]) for row in told.rows}
        rest = still.look(picture, stuck=any(row["status"] in words.paid and row["order_key"] in waiting for row in told.rows), doubt=bool(waiting))
        if rest is not None:
            break
        time.sleep(1.0)
        again = platform.orders(sorted(waiting), salt, start_s=start_s)
        fresh = set(again.keys)
        told.rows = [row for row in told.rows if row["order_key"] not in fresh] + again.rows
    if not rest:
        # What is under way has no end yet: its order stays unknown.
        told.keys = sorted(set(told.keys) - waiting)
        told.rows = [row for row in told.rows if row["order_key"] not in waiting]
        told.wrong = told.wrong or "the others were still being worked on"
    if len(told.keys) == len(keys):
        return told, "whole"
    return told, f"part: {len(told.keys):,} of {len(keys):,} unknown orders were read: {told.wrong}"


def _settled_ledger(
    run: Path, target: Target, platform: Platform, salt: str, settle_s: float, start_s: float
) -> tuple[list[dict[str, Any]], bool]:
    """The ledger once it stands still, and whether it still moved when the time was up. Raises ``TargetError``."""
    unknown, ours = unresolved(run), f"{folder.plan(run)['run_id']}-"
    still = _Stillness(max(STUCK_S, settle_s))
    while True:
        try:
            rows = list(platform.ledger(salt, start_s=start_s))
        except TargetError:
            # A platform that was just overloaded, or throttles, may need a moment.
            if clock.now() - still.began >= AGAIN_S:
                raise
            time.sleep(1.0)
            continue
        open_ = _unsettled(run, target, rows)
        # Whoever else buys there meanwhile does not keep us waiting.
        mine = {(row["order_no"], row["status"]) for row in rows if str(row["order_key"]).startswith(ours)}
        rest = still.look((open_, mine), stuck=bool(open_), doubt=bool(_in_doubt(unknown, rows, target.statuses)))
        if rest is not None and clock.now() - still.began >= settle_s:
            return rows, not rest
        time.sleep(1.0)


def _in_doubt(keys: Iterable[str], rows: Iterable[dict[str, Any]], words: Statuses) -> set[str]:
    """Those of ``keys`` without an order that has come to its end."""
    over = {*words.delivered, *words.refunded, *words.failed}
    return set(keys) - {row["order_key"] for row in rows if row["status"] in over}


def _unsettled(run: Path, target: Target, rows: Iterable[dict[str, Any]]) -> frozenset[str]:
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
    return frozenset(waiting | (told - acked))
