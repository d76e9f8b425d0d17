"""Single orders by their keys, where a platform has no ledger: each order whose end nobody saw is looked up once it is over.

Looking up is all that is done: an unknown order is never submitted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from surgekit import clock
from surgekit.errors import ConfigError, TargetError
from surgekit.model import ReplyClass
from surgekit.platform.columns import Columns
from surgekit.platform.session import Pace, Session
from surgekit.platform.verdict import ADVICE, check_empty
from surgekit.target.reading import MISSING, Document, compile_path, look
from surgekit.target.schema import OrderRead, order_columns
from surgekit.target.step import TELLING

MOST_S: Final = 180.0
"""For reading all of them once."""
MOST_FAILED: Final = 20
"""So many failures in a row, and the platform is let be."""
NONE: Final = frozenset({ReplyClass.REFUSED, ReplyClass.SOLD_OUT})
"""Replies that say: there is no such order."""


@dataclass(slots=True)
class Looked:
    """``rows``: of the table ``ledger``. ``keys``: those that the platform answered for; a key without a row is not there.
    ``wrong``: the first thing that went wrong, None where nothing did."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    wrong: str | None = None


class Orders:
    """``reads.order``, compiled. Raises ``ConfigError``."""

    def __init__(self, session: Session, read: OrderRead, zone: tzinfo) -> None:
        self._failed: set[str] = set()
        self._session = session
        self._read = read
        self._what = session.what["order"]
        self._rows = compile_path(read.rows, "reads.order.rows")
        self._zone = zone
        self._named = order_columns(session.target.reads)
        for needed in ("order_no", "status"):
            if needed not in self._named:
                raise ConfigError(f"reads.order.{'extract' if read.extract else 'columns'}: {needed} must be named too")
        self._columns()

    def _columns(self) -> Columns:
        return Columns(self._named, self._zone, "reads.order.columns")

    def one(self, key: str, salt: str, start_s: float | None) -> list[dict[str, Any]]:
        """The platform's orders of ``key``; none, where it says that there is none. Raises ``TargetError``."""
        document, meant = self._session.ask("order", {"order.key": key})
        reply = document.reply
        if meant.kind in NONE:
            return []
        if meant.kind not in TELLING:
            if not self._read.replies:
                raise TargetError(f"{self._what}: HTTP {reply.status}")
            raise TargetError(f"{self._what}: the reply (HTTP {reply.status}) means {meant.kind.value} ({meant.reason})")
        rows = _spread({"status": None, **meant.values}) if self._read.extract else self._listed(document)
        if not rows and meant.kind is not ReplyClass.OK:
            raise TargetError(f"{self._what}: the reply means {meant.kind.value}, and there is no order in it")
        if not rows:
            return []
        columns = self._columns()
        told = [columns.told(row, salt, start_s) for row in rows]
        if meant.kind is ReplyClass.PAID_UNDELIVERED:
            told = [self._undelivered(row) for row in told]
        columns.check()
        if any(row["status"] is None for row in told):
            raise TargetError("reads.order: an order without a status")
        if "order_key" not in self._named:
            return [{**row, "order_key": key} for row in told]
        mine = [row for row in told if row["order_key"] == key]
        if told and not mine:
            # A platform that passes over what it was asked for tells nothing of the order.
            raise TargetError("reads.order: the reply has orders of other keys only")
        return mine

    def _undelivered(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row`` where the reply says: paid, and no card. What stands in a card's place is none then."""
        words = self._session.target.statuses
        if not words.paid:
            raise TargetError("reads.order: the reply means paid_undelivered, and statuses has no word for paid")
        gone = row["status"] in (*words.refunded, *words.failed)
        return {**row, "status": row["status"] if gone else words.paid[0], "card_digests": []}

    def _listed(self, document: Document) -> list[dict[str, Any]]:
        """The orders in a reply; none where it says that there are none."""
        data, by_rules = document.data, bool(self._read.replies)
        found = look(data, self._rows) if data is not MISSING else MISSING
        if found is None and by_rules:
            return []
        if found is None:
            raise TargetError(f"reads.order: null at {self._read.rows!r}: no such order, or an error page? {ADVICE}")
        rows = [found] if isinstance(found, dict) else found
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TargetError(f"reads.order: neither an order nor a list of orders at {self._read.rows!r} in the reply")
        if not rows and not by_rules:
            if "rows" not in self._read.model_fields_set:
                raise TargetError(f"reads.order: an empty list as the whole reply: no such order, or an error page? give rows, or {ADVICE}")
            check_empty(data, self._rows, "reads.order")
        return rows

    def look_up(self, keys: Iterable[str], salt: str, start_s: float | None, *, most_s: float = MOST_S) -> Looked:
        """Read every order of ``keys`` once, not faster than ``reads.rate``."""
        # Those that failed before come last: one that always fails must not keep the others from being asked.
        keys = sorted(keys, key=lambda key: key in self._failed)
        told, pace, until, failed = Looked(), Pace(self._session.target.reads.rate), clock.now() + most_s, 0
        for key in keys:
            pace.turn()
            if clock.now() > until:
                told.wrong = told.wrong or f"the time of {most_s:g} s was over; raise reads.rate"
                break
            try:
                rows = self.one(key, salt, start_s)
            except TargetError as error:
                told.wrong = told.wrong or str(error)
                self._failed.add(key)
                failed += 1
                if failed >= MOST_FAILED:
                    break
                continue
            failed = 0
            self._failed.discard(key)
            told.rows += rows
            told.keys.append(key)
        return told


def _spread(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The one order of a page, or each of several where the extracted values are lists. Raises ``TargetError`` where it is not clear
    which values belong together."""
    several = {name: len(value) for name, value in values.items() if isinstance(value, list) and name != "cards"}
    if not several:
        return [values]
    if isinstance(values.get("cards"), list):
        several["cards"] = len(values["cards"])
    counts, given = set(several.values()), {name for name, value in values.items() if value is not None}
    if len(counts) > 1 or given - set(several) or 0 in counts:
        told = ", ".join(f"{several.get(name, 'one')} {name}" for name in sorted(given))
        raise TargetError(f"reads.order.extract: of several orders each value is a list, and all are of one length; found were {told}")
    return [{name: value[number] if value is not None else None for name, value in values.items()} for number in range(counts.pop())]
