"""The binary part of a spool, read a piece at a time, so that a long run takes no more memory than a short one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import duckdb
import numpy as np
import orjson
from numpy.typing import NDArray

from surgekit.eventlog import records
from surgekit.eventlog.records import BEGUN, NO_AMOUNT, NO_TEXT, ORDER, REQUEST
from surgekit.eventlog.schema import TABLES

ROWS = 1 << 18
"""Records a piece."""
LEAST_ROWS = 1024
"""Where there are many engines, a piece of each has so many at least."""
Rows = NDArray[np.void]


def load_requests(db: duckdb.DuckDBPyConnection, spool: Path) -> None:
    """Make the table ``requests``, in order of ``done_s``, ``seq`` and ``shard``. Raises ``OSError`` for a spool that is damaged."""
    _create(db, "requests", TABLES["requests"])
    shards = records.shards(spool, "requests")
    words = {shard: _Words(records.words(spool, shard)) for shard in shards}
    for of, rows in _in_order(spool, shards):
        told = {name: np.empty(len(rows), object) for name in ("step", "class", "reason")}
        for shard in shards:
            own = of == shard
            for name, part in zip(told, words[shard].of(rows["word"][own]), strict=True):
                told[name][own] = part
        db.register("piece", {"shard": of, **told, **{name: rows[name] for name in REQUEST.names or () if name != "word"}})
        db.execute("INSERT INTO requests BY NAME FROM piece")
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
    for shard in shards:
        words = _Words(records.words(spool, shard))
        texts = _Texts(records.texts(spool, shard))
        for rows in _pieces(records.orders(spool, shard), ORDER):
            plain = {name: rows[name] for name in ORDER.names or () if name not in ("text", "word", "spare")}
            told = dict(zip(("outcome", "reason", "status"), words.of(rows["word"]), strict=True))
            db.register("piece", plain | told | texts.of(rows["text"], told))
            db.execute(
                f"""
                INSERT INTO orders BY NAME SELECT * EXCLUDE (cards) REPLACE (nullif(amount_fen, {NO_AMOUNT}) AS amount_fen), {shard} AS shard,
                    CASE WHEN cards = '' THEN [] ELSE string_split(cards, chr(10)) END AS card_digests
                FROM piece
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


def _check(db: duckdb.DuckDBPyConnection, table: str, word: str) -> None:
    if db.execute(f"SELECT 1 FROM {table} WHERE {word} IS NULL LIMIT 1").fetchall():  # noqa: S608
        raise OSError(f"the words of {table} are damaged")


def _pieces(path: Path, kind: np.dtype[np.void], rows: int = 0) -> Iterator[Rows]:
    """The whole records of a file."""
    with path.open("rb") as file:
        left = path.stat().st_size // kind.itemsize
        while left > 0 and len(piece := np.fromfile(file, kind, min(left, rows or ROWS))):
            left -= len(piece)
            yield piece


def _in_order(spool: Path, shards: list[int]) -> Iterator[tuple[NDArray[np.int32], Rows]]:
    """All requests in order of ``done_s``, ``seq`` and shard, with the shard of each.

    Each file is nearly in order already, so only the end of each piece has to be held until it is known that nothing earlier
    comes any more. Files that are not in order come out right too, and take more memory.
    """
    size = max(LEAST_ROWS, ROWS // max(1, len(shards)))
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


class _Words:
    """The words of one shard, by their codes. Raises ``OSError`` for lines that are none."""

    def __init__(self, path: Path) -> None:
        words = records.read_words(path)
        self._beyond = max(words, default=-1) + 1
        self._parts = [np.full(self._beyond + 1, None, object) for _ in range(3)]
        for number, part in enumerate(self._parts):
            for code, word in words.items():
                part[code] = word[number]

    def of(self, codes: NDArray[np.uint32]) -> list[Any]:
        """The three parts of each of ``codes``; None where there is no such word."""
        codes = np.minimum(codes, self._beyond)
        return [part[codes] for part in self._parts]


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

    def of(self, text: NDArray[np.int64], told: Mapping[str, Any]) -> dict[str, Any]:
        """The columns ``order_no`` and ``cards`` of the next records; in ``told``, a reason and status for which there was no word.
        Raises ``OSError`` where they are not there."""
        columns = {name: np.full(len(text), None, object) for name in ("order_no", "cards")}
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
            for name in ("reason", "status"):
                told[name][those[number - self._next]] = self._words[number][name]
            del self._words[number]
        self._next += count
        self._numbers, self._cards = self._numbers[count:], self._cards[count:]
        return columns

    def _read_on(self) -> None:
        try:
            line = orjson.loads(next(self._lines))
            numbers, cards = line[::2], line[1::2]
            if dict in set(map(type, cards)):
                for at, each in enumerate(cards):
                    if isinstance(each, dict):
                        self._words[self._next + len(self._numbers) + at] = each
                        cards[at] = each["cards"]
            if set(map(type, numbers)) - {str, NoneType}:
                numbers = [None if each is None else str(each) for each in numbers]
            self._cards += ["\n".join(each) if each else "" for each in cards]
            self._numbers += numbers
        except (StopIteration, orjson.JSONDecodeError, TypeError, KeyError):
            raise OSError(f"{self._path.name} is damaged") from None


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
