"""After the surge: wait until nothing moves any more, then read what the platform thinks has happened."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from surgekit import clock
from surgekit.children import Child
from surgekit.errors import RunError, TargetError
from surgekit.eventlog import folder
from surgekit.eventlog.pieces import accepted
from surgekit.eventlog.seal import unresolved
from surgekit.eventlog.writer import SpoolWriter
from surgekit.platform import Platform
from surgekit.platform.orders import MOST_S, Looked
from surgekit.safety import kill
from surgekit.target.schema import Statuses, Target

SETTLE_MOST_S = 60.0
"""For a platform that still moves. One that does not is left long before."""
AGAIN_S = 3.0
"""So long a ledger that cannot be read is tried again, and orders are that could not be read one by one."""
STUCK_S = 4.0
"""Paid orders are stuck when nothing has moved for so long."""
STILL_S = 2.0
"""An order that the platform does not have, or that is only begun, may wait in the queue of a shop that was overloaded: it counts as
the platform tells it once nothing has moved for so long."""
BY_HAND_S = 10.0
"""For single orders after a surge that somebody stopped: who presses Ctrl-C wants to see the end of it."""
KILLED = "absent: the run was stopped by the kill file"


@dataclass(slots=True)
class _Read:
    """What was read, and ``witnesses`` as ``settle_and_read`` returns them. ``looked``: keys of orders that were read one by one."""

    witnesses: dict[str, str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    shelf: list[dict[str, Any]] = field(default_factory=list)


def settle_and_read(
    run: Path, target: Target, edge: Child | None, platform: Platform, stock: SpoolWriter, now: Callable[[], float], *, salt: str, settle_s: float,
    by_hand: bool = False, kill_file: Path | None = None,
) -> dict[str, str]:
    """Wait until nothing moves any more, then read stock and ledger; where there is no ledger, each order that nobody knows the
    end of, if the target file says how. ``by_hand``: somebody stopped the surge, so nobody waits, and each is read once. Once the kill
    file is there nothing is sent any more, so nothing is read.

    Returns witness → ``whole``, ``absent``, ``part`` (some of the unknown orders could not be read) or ``moving`` (still changing
    when the patience for it was over), with the reason after a colon. ``orders`` is no more than a help in telling how unknown
    orders ended: what nobody asked about stays unseen, so that it never stands in for the ledger.
    """
    start_s = clock.utc().timestamp() - now()
    read = _Read({"edge": "absent: SurgeKit does not play this platform's supplier and gateway"})
    if edge is not None and target.plays:
        read.witnesses["edge"] = "absent: the edge process was lost" if edge.gone() else "whole"
    for name in ("ledger", "stock"):
        if getattr(target.reads, name) is None:
            read.witnesses[name] = f"absent: the target file describes no {name} read"
    try:
        with kill.heeded(kill_file):
            _read_all(read, run, target, platform, now, salt, 0.0 if by_hand else settle_s, start_s, by_hand)
    except kill.KilledError:
        for name in ("ledger", "stock"):
            read.witnesses.setdefault(name, KILLED)
        if target.reads.ledger is None and target.reads.order is not None:
            read.witnesses.setdefault("orders", KILLED)
    if edge is not None:
        edge.end()  # it writes the last of its log as it ends
    try:
        for row in read.shelf:
            stock.row(row)
        stock.close()
        _write(run, "looked", [{"order_key": key} for key in read.looked])
        _write(run, "ledger", read.rows)
    except OSError as error:
        raise RunError(f"{run}: cannot be written: {error.strerror}") from None
    return read.witnesses


def _read_all(
    read: _Read, run: Path, target: Target, platform: Platform, now: Callable[[], float], salt: str, settle_s: float, start_s: float, by_hand: bool
) -> None:
    """Fill ``read``, a witness at a time: what was read whole before the kill file came stays so."""
    if target.reads.ledger is None:
        time.sleep(settle_s)
        if target.reads.order is not None:
            found, how = _settled_orders(unresolved(run), target.statuses, platform, salt, start_s, by_hand)
            read.rows, read.looked, read.witnesses["orders"] = found.rows, found.keys, how
    else:
        try:
            rows, moving = _settled_ledger(run, target, platform, salt, settle_s, start_s, by_hand)
            how = f"moving: orders were still being worked on{' as the run was stopped' if by_hand else ''}" if moving else "whole"
            read.rows, read.witnesses["ledger"] = rows, how
        except TargetError as error:
            read.witnesses["ledger"] = f"absent: {error}"
    try:
        if (shelf := platform.stock()) is not None:
            read.shelf = [{"moment": "end", "sku": sku, "t_s": now(), **figures} for sku, figures in shelf.items()]
            read.witnesses["stock"] = "whole"
    except TargetError as error:
        read.witnesses["stock"] = f"absent: {error}"


def _write(run: Path, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """The spool of one table. Raises ``OSError``."""
    log = SpoolWriter(run / "spool" / f"{table}.jsonl")
    for row in rows:
        log.row(row)
    log.close()


class _Stillness:
    """Whether a platform has come to rest, from what it says again and again. ``most_s``: the patience for it."""

    def __init__(self, stuck_s: float = STUCK_S, *, most_s: float = SETTLE_MOST_S) -> None:
        self._stuck_s = stuck_s
        self._most_s = most_s
        self.began = self._moved_at = clock.now()
        self._seen: object = None

    @property
    def left_s(self) -> float:
        """What there is of the patience."""
        return self.began + self._most_s - clock.now()

    def look(self, picture: object, *, stuck: bool, doubt: bool, failed: bool = False) -> bool | None:
        """True: it is at rest. False: patience is over and it still moves. None: look again.

        ``picture``: all that may still change. ``stuck``: it has orders in it that should get on. ``doubt``: it has orders in it
        that may have been read too early. ``failed``: there are some that could not be read.
        """
        now = clock.now()
        if picture != self._seen:
            self._seen, self._moved_at = picture, now
        if now - self._moved_at >= (self._stuck_s if stuck else AGAIN_S if failed else STILL_S if doubt else 0.0):
            return True
        return False if self.left_s <= 0 else None


def _settled_orders(keys: list[str], words: Statuses, platform: Platform, salt: str, start_s: float, by_hand: bool) -> tuple[Looked, str]:
    """What the platform says of each order, and how it went. What has not come to its end, or could not be read, is asked about again
    while anything moves."""
    found = platform.orders(keys, salt, start_s=start_s, most_s=BY_HAND_S if by_hand else MOST_S)
    told = Looked(list(found.rows), list(found.keys), found.wrong)
    still = _Stillness(most_s=0.0 if by_hand else SETTLE_MOST_S)
    while True:
        waiting, answered = _in_doubt(told.keys, told.rows, words), set(told.keys)
        failed = [key for key in keys if key not in answered]
        picture = ({(row["order_key"], row["order_no"], row["status"]) for row in told.rows}, failed)
        stuck = any(row["status"] in words.paid and row["order_key"] in waiting for row in told.rows)
        rest = still.look(picture, stuck=stuck, doubt=bool(waiting), failed=bool(failed))
        if rest is not None:
            break
        time.sleep(1.0)
        again = platform.orders([*sorted(waiting), *failed], salt, start_s=start_s, most_s=still.left_s)
        fresh = set(again.keys)
        told.rows = [row for row in told.rows if row["order_key"] not in fresh] + again.rows
        told.keys += [key for key in failed if key in fresh]
        told.wrong = (again.wrong or told.wrong) if len(told.keys) < len(keys) else None
    if not rest:
        # What is under way has no end yet: its order stays unknown.
        told.keys = sorted(set(told.keys) - waiting)
        told.rows = [row for row in told.rows if row["order_key"] not in waiting]
        told.wrong = told.wrong or "the others were still being worked on"
    if len(told.keys) == len(keys):
        return told, "whole"
    return told, f"part: {len(told.keys):,} of {len(keys):,} unknown orders were read: {told.wrong}"


def _settled_ledger(
    run: Path, target: Target, platform: Platform, salt: str, settle_s: float, start_s: float, by_hand: bool
) -> tuple[list[dict[str, Any]], bool]:
    """The ledger once it stands still, and whether it still moved when the time was up. Raises ``TargetError``."""
    unknown, ours = unresolved(run), f"{folder.plan(run)['run_id']}-"
    still = _Stillness(max(STUCK_S, settle_s), most_s=0.0 if by_hand else SETTLE_MOST_S)
    while True:
        try:
            rows = list(platform.ledger(salt, start_s=start_s))
        except TargetError:
            # A platform that was just overloaded, or throttles, may need a moment.
            if by_hand or clock.now() - still.began >= AGAIN_S:
                raise
            time.sleep(1.0)
            continue
        # Whoever else buys there meanwhile does not keep us waiting.
        own = [row for row in rows if str(row["order_key"]).startswith(ours)]
        open_ = _unsettled(run, target, own)
        mine = {(row["order_no"], row["status"]) for row in own}
        rest = still.look((open_, mine), stuck=bool(open_), doubt=bool(_in_doubt(unknown, rows, target.statuses)))
        if rest is not None and clock.now() - still.began >= settle_s:
            _check_keys(run, ours, rows)
            return rows, not rest
        time.sleep(1.0)


def _check_keys(run: Path, ours: str, rows: list[dict[str, Any]]) -> None:
    """Raises ``TargetError`` where orders were accepted and none of ``rows`` has a key of this run: then it is the wrong column rather
    than a platform that has lost them all, and every order would pass for one without effect."""
    key = re.compile(re.escape(ours) + "[0-9]{7,}")
    if any(key.fullmatch(str(row["order_key"])) for row in rows):
        return
    told = accepted(run / "spool")
    if told:
        raise TargetError(
            f"reads.ledger.columns.order_key: {told:,} orders were accepted, and none of the {len(rows):,} in the ledger has a key of this run;"
            " does it name the column that {order.key} goes to?"
        )


def _in_doubt(keys: Iterable[str], rows: Iterable[dict[str, Any]], words: Statuses) -> set[str]:
    """Those of ``keys`` that have no order, or one that has not come to its end and none that was delivered."""
    over = {*words.delivered, *words.refunded, *words.failed}
    told = list(rows)
    delivered = {row["order_key"] for row in told if row["status"] in words.delivered}
    open_ = {row["order_key"] for row in told if row["status"] not in over}
    return {key for key in keys if key not in delivered} - ({row["order_key"] for row in told} - open_)


def _unsettled(run: Path, target: Target, rows: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Orders that are paid and neither delivered nor refunded, and payments of which the platform does not know yet."""
    paid = set(target.statuses.paid)
    waiting = {row["order_no"] for row in rows if row["status"] in paid}
    told, acked = set(), set()
    for line in _lines(run / "spool" / "edge.jsonl"):
        if b'"gateway"' not in line:
            continue
        row = orjson.loads(line)
        if row["event"] == "payment":
            told.add(row["order_no"])
        elif row["event"] == "callback" and row["acked"]:
            acked.add(row["order_no"])
    return frozenset(waiting | (told - acked))


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a spool file; the last one may be under way."""
    try:
        yield from (line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n"))
    except OSError:
        return
