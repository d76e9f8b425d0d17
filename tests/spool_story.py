"""The binary spool of an engine, written from rows and read as rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from surgekit.engine.history.spool import Log
from surgekit.engine.order.buyer import Told
from surgekit.eventlog import records
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read

Row = dict[str, Any]
_TOLD = Told.__dataclass_fields__
OK = Read(ReplyClass.OK, None)


def order_of(seq: int = 0, **told: Any) -> Order:
    given = {
        "seq": seq, "shard": 0, "intended_s": 0.0, "sku": "game", "qty": 1, "buyer": 0, "buyer_class": "retail", "pay_by": "balance",
        "phase": "only", "browses": False, "double_click": False, "think_quote_s": 0.0, "think_pay_s": 0.0,
    }  # fmt: skip
    return Order(**(given | told))


@contextmanager
def opened(folder: Path, **told: Any) -> Iterator[Log]:
    """A log, closed in the end."""
    log = Log(folder, 0, **told)
    try:
        yield log
    finally:
        log.close()


def request(log: Log, seq: int, *, step: str = "submit", read: Read = OK, status: Any = 200) -> None:
    """Have ``log`` write one request of order ``seq``."""
    log.request(order_of(seq), step, Reply(status, bytes(5), 1.0, 2.0), read, 0.5, 1)


def tell(log: Log, *, begun: Iterable[Row] = (), requests: Iterable[Row] = (), orders: Iterable[Row] = ()) -> None:
    """Have ``log`` write these rows, as an engine would."""
    for row in begun:
        log.begun(row["seq"], row["begun_s"])
    for row in requests:
        body = bytes(row.get("bytes", 0))
        reply = Reply(row.get("status", 200), body, row["sent_s"], row["done_s"])
        log.request(order_of(row["seq"]), row["step"], reply, Read(ReplyClass(row["class"]), row.get("reason")), row["due_s"], row["attempt"])
    for row in orders:
        told = Told(**{name: row[name] for name in _TOLD if name in row} | {"outcome": Outcome(row["outcome"])})
        log.order(order_of(row["seq"], intended_s=row["intended_s"]), "", told)


def write(spool: Path, shard: int = 0, **tables: Iterable[Row]) -> None:
    """The files of an engine that told of these rows: ``orders``, ``requests`` and ``begun``."""
    log = Log(spool, shard)
    tell(log, **tables)
    log.close()


def rows(spool: Path, table: str, shard: int = 0, *, run_id: str = "K") -> list[Row]:
    """The whole records of ``requests``, ``orders`` or ``begun``, in the order in which they were written."""
    kind = {"requests": records.REQUEST, "orders": records.ORDER, "begun": records.BEGUN}[table]
    data = getattr(records, table)(spool, shard).read_bytes()
    words = records.read_words(records.words(spool, shard))
    found = [_row(each, kind) for each in np.frombuffer(data, kind, len(data) // kind.itemsize).tolist()]
    if table == "requests":
        return [row | dict(zip(("step", "class", "reason"), words[row.pop("word")], strict=True)) | {"shard": shard} for row in found]
    if table == "orders":
        texts = records.texts(spool, shard).read_bytes()
        entries = [entry for line in texts[: texts.rfind(b"\n") + 1].splitlines() for entry in orjson.loads(line)]
        return [_order(row, words[row["word"]], entries) | {"order_key": f"{run_id}-{row['seq']:07d}", "shard": shard} for row in found]
    return found


def seqs(folder: Path, table: str = "requests") -> list[int]:
    return [row["seq"] for row in rows(folder, table)]


def _row(values: tuple[Any, ...], kind: np.dtype[np.void]) -> Row:
    return {name: None if isinstance(each, float) and math.isnan(each) else each for name, each in zip(kind.names or (), values, strict=True)}


def _order(row: Row, word: records.Word, entries: list[Any]) -> Row:
    at = row.pop("text")
    number, cards = (None, None) if at == records.NO_TEXT else entries[2 * at : 2 * at + 2]
    told = dict(zip(("outcome", "reason", "status"), word, strict=True))
    if isinstance(cards, dict):
        told |= {"reason": cards["reason"], "status": cards["status"]}
        cards = cards["cards"]
    if row["amount_fen"] == records.NO_AMOUNT:
        row["amount_fen"] = None
    return row | told | {"order_no": number, "card_digests": cards or []}
