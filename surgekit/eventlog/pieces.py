"""The binary part of a spool, read a piece at a time, so that a long run takes no more memory than a short one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import orjson
from numpy.typing import NDArray

from surgekit.eventlog import records
from surgekit.eventlog.records import BEGUN, NO_AMOUNT, NO_TEXT, ORDER, REQUEST
from surgekit.eventlog.schema import TABLES

ROWS: Final = 1 << 18
"""Records a piece."""
Rows = NDArray[np.void]


def load_requests(db: duckdb.DuckDBPyConnection, spool: Path) -> None:
    """Make the table ``requests``, in order of ``done_s``, ``seq`` and ``shard``. Raises ``OSError`` for a spool that is damaged."""
    _create(db, "requests", TABLES["requests"])
    shards = records.shards(spool, "requests")
    _load_words(db, spool, shards)
    for of, rows in _in_order(spool, shards):
        db.register("piece", {"shard": of, **{name: rows[name] for name in REQUEST.names or ()}})
        db.execute(
            "INSERT INTO requests SELECT p.seq, p.shard, w.a, p.attempt, p.due_s, p.sent_s, p.done_s, p.status, w.b, w.c, p.bytes"
            " FROM piece p LEFT JOIN words w ON p.word = w.code AND p.shard = w.shard"
        )
        db.unregister("piece")
    _check(db, "requests", "step")


def load_alive(db: duckdb.DuckDBPyConnection, spool: Path) -> None:
    """Make the table ``requests`` of no more than the last one of each shard: how long the engines lived."""
    _create(db, "requests", TABLES["requests"])
    for shard in records.shards(spool, "requests"):
        last = max((float(rows["done_s"].max()) for rows in _pieces(records.requests(spool, shard), REQUEST)), default=None)
        if last is not None:
            db.execute("INSERT INTO requests (shard, done_s) VALUES (?, ?)", [shard, last])


def load_orders(db: duckdb.DuckDBPyConnection, spool: Path) -> None:
    """Make the table ``orders`` of what engines told; what the schedule knows is NULL. Raises ``OSError`` for a spool that is damaged."""
    _create(db, "orders", TABLES["orders"])
    shards = records.shards(spool, "orders")
    _load_words(db, spool, shards)
    for shard in shards:
        texts = _Texts(records.texts(spool, shard))
        for rows in _pieces(records.orders(spool, shard), ORDER):
            plain = {name: rows[name] for name in ORDER.names or () if name not in ("text", "spare")}
            db.register("piece", plain | texts.of(rows["text"]))
            db.execute(
                f"""
                INSERT INTO orders BY NAME SELECT p.seq, {shard} AS shard, started_s, sent_s, accepted_s, paid_s, confirmed_s, ended_s, paused_s,
                    browsed_s, w.a AS outcome, coalesce(p.reason, w.b) AS reason, coalesce(p.status, w.c) AS status, order_no,
                    nullif(amount_fen, {NO_AMOUNT}) AS amount_fen, attempts, errors,
                    CASE WHEN cards = '' THEN [] ELSE string_split(cards, chr(10)) END AS card_digests
                FROM piece p LEFT JOIN words w ON p.word = w.code AND w.shard = {shard}
                """  # noqa: S608
            )
            db.unregister("piece")
    _check(db, "orders", "outcome")


def accepted(spool: Path) -> int:
    """How many orders the engines say were accepted, as far as they have told."""
    parts = (rows for shard in records.shards(spool, "orders") for rows in _pieces(records.orders(spool, shard), ORDER))
    return sum(int(np.count_nonzero(~np.isnan(rows["accepted_s"]))) for rows in parts)


def load_begun(db: duckdb.DuckDBPyConnection, spool: Path) -> None:
    """Make the table ``begun``: which orders had left, as far as was told."""
    _create(db, "begun", {"seq": "BIGINT", "begun_s": "DOUBLE"})
    for shard in records.shards(spool, "begun"):
        for rows in _pieces(records.begun(spool, shard), BEGUN):
            db.register("piece", {name: rows[name] for name in BEGUN.names or ()})
            db.execute("INSERT INTO begun SELECT seq, begun_s FROM piece")
            db.unregister("piece")


def _create(db: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    db.execute(f"CREATE TABLE {table} ({typed})")


def _load_words(db: duckdb.DuckDBPyConnection, spool: Path, shards: Iterable[int]) -> None:
    """Make the table ``words``: shard, code, and the three parts."""
    db.execute("CREATE OR REPLACE TEMP TABLE words (shard INTEGER, code UINTEGER, a VARCHAR, b VARCHAR, c VARCHAR)")
    for shard in shards:
        words = records.read_words(records.words(spool, shard))
        if words:
            parts = {name: _texts([word[number] for word in words.values()]) for number, name in enumerate("abc")}
            db.register("piece", {"code": np.fromiter(words, np.uint32), **parts})
            db.execute(f"INSERT INTO words SELECT {shard}, code, a, b, c FROM piece")  # noqa: S608
            db.unregister("piece")


def _check(db: duckdb.DuckDBPyConnection, table: str, word: str) -> None:
    if db.execute(f"SELECT 1 FROM {table} WHERE {word} IS NULL LIMIT 1").fetchall():  # noqa: S608
        raise OSError(f"the words of {table} are damaged")


def _pieces(path: Path, kind: np.dtype[np.void], rows: int = ROWS) -> Iterator[Rows]:
    """The whole records of a file."""
    with path.open("rb") as file:
        left = path.stat().st_size // kind.itemsize
        while left > 0 and len(piece := np.fromfile(file, kind, min(left, rows))):
            left -= len(piece)
            yield piece


def _in_order(spool: Path, shards: list[int]) -> Iterator[tuple[NDArray[np.int32], Rows]]:
    """All requests in order of ``done_s``, ``seq`` and shard, with the shard of each.

    Each file is nearly in order already, so only the end of each piece has to be held until it is known that nothing earlier
    comes any more. Files that are not in order come out right too, and take more memory.
    """
    size = max(1024, ROWS // max(1, len(shards)))
    paths = {shard: records.requests(spool, shard) for shard in shards}
    least = {shard: _least(paths[shard], size) for shard in shards}
    pieces = {shard: _pieces(paths[shard], REQUEST, size) for shard in shards}
    held: list[Rows] = []
    of: list[NDArray[np.int32]] = []
    new = 0
    while any(least.values()) or new:
        ahead = {shard: bounds[-1] for shard, bounds in least.items() if bounds}
        if ahead and new < ROWS:
            shard = min(ahead, key=ahead.__getitem__)
            least[shard].pop()
            held.append(next(pieces[shard]))
            of.append(np.full(len(held[-1]), shard, np.int32))
            new += len(held[-1])
            continue
        rows, whose = np.concatenate(held), np.concatenate(of)
        early = ~(rows["done_s"] >= min(ahead.values(), default=np.inf))
        held, of, new = [rows[~early]], [whose[~early]], 0
        rows, whose = rows[early], whose[early]
        order = np.lexsort((whose, rows["seq"], rows["done_s"]))
        yield whose[order], rows[order]


def _least(path: Path, size: int) -> list[float]:
    """Of each piece, the last one first: the least ``done_s`` that is in it or in a later one."""
    found = [float(np.fmin.reduce(rows["done_s"])) for rows in _pieces(path, REQUEST, size)]
    return np.fmin.accumulate(found[::-1]).tolist() if found else []


def _texts(values: list[str | None]) -> Any:
    """``values`` as DuckDB takes them for VARCHAR."""
    return np.asarray(values, dtype=object)


class _Texts:
    """The file of texts of one shard, read on as its orders are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _lines(path)
        self._next = 0
        self._numbers: list[str | None] = []
        self._cards: list[str] = []
        self._words: dict[int, Mapping[str, Any]] = {}
        """Reason and status of those orders, by their how-manieth it is, for which there was no word."""

    def of(self, text: NDArray[np.int64]) -> dict[str, Any]:
        """The columns ``order_no``, ``cards``, ``reason`` and ``status`` of the next records. Raises ``OSError`` where they are not there."""
        columns = {name: np.full(len(text), None, object) for name in ("order_no", "cards", "reason", "status")}
        columns["cards"][:] = ""
        those = np.flatnonzero(text != NO_TEXT)
        count = len(those)
        if not count:
            return columns
        if text[those[0]] != self._next or text[those[-1]] != self._next + count - 1:
            raise OSError(f"{self._path.name} is damaged")
        while len(self._numbers) < count:
            self._read_on()
        columns["order_no"][those] = self._numbers[:count]
        columns["cards"][those] = self._cards[:count]
        for number in [each for each in self._words if each < self._next + count]:
            told, at = self._words.pop(number), those[number - self._next]
            columns["reason"][at], columns["status"][at] = told["reason"], told["status"]
        self._next += count
        self._numbers, self._cards = self._numbers[count:], self._cards[count:]
        return columns

    def _read_on(self) -> None:
        try:
            told = orjson.loads(next(self._lines))
            numbers, cards = told[::2], told[1::2]
            if dict in set(map(type, cards)):
                for at, each in enumerate(cards):
                    if isinstance(each, dict):
                        self._words[self._next + len(self._numbers) + at] = each
                        cards[at] = each["cards"]
            self._cards += ["\n".join(each) if each else "" for each in cards]
            self._numbers += numbers
        except (StopIteration, orjson.JSONDecodeError, TypeError, KeyError):
            raise OSError(f"{self._path.name} is damaged") from None


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
