"""The spool of an engine: three tables of fixed binary records, and two files of lines that they point into.

``requests-<shard>.bin``, ``orders-<shard>.bin`` and ``begun-<shard>.bin`` are records one after the other, in the order in
which things happened, little-endian, without a head. A last one that was cut short is none. ``words-<shard>.jsonl`` has a
line ``[code, a, b, c]`` for each word, always before the first record with its code: step, class and reason of a request;
outcome, reason and status of an order. ``texts-<shard>.jsonl`` has the number and the cards of each order that has one of
them, ``[number, cards, number, cards, …]``, some thousand a line, always before their records. Where a run has had too many
words, an object with ``cards``, ``reason`` and ``status`` is in the cards' place.
"""

from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import Any, Final

import numpy as np
import orjson

from surgekit.eventlog.writer import sayable

REQUEST: Final = np.dtype(
    [
        ("seq", "<i8"), ("due_s", "<f8"), ("sent_s", "<f8"), ("done_s", "<f8"), ("bytes", "<u4"), ("status", "<i4"),
        ("attempt", "<i4"), ("word", "<u4"),
    ]
)  # fmt: skip
ORDER: Final = np.dtype(
    [
        ("seq", "<i8"), ("intended_s", "<f8"), ("started_s", "<f8"), ("sent_s", "<f8"), ("accepted_s", "<f8"), ("paid_s", "<f8"),
        ("confirmed_s", "<f8"), ("ended_s", "<f8"), ("paused_s", "<f8"), ("browsed_s", "<f8"), ("amount_fen", "<i8"),
        ("text", "<i8"), ("attempts", "<i4"), ("errors", "<i4"), ("word", "<u4"), ("spare", "<u4"),
    ]
)  # fmt: skip
"""``text``: the how-manieth order in the texts it is, or ``NO_TEXT``."""
BEGUN: Final = np.dtype([("seq", "<i8"), ("begun_s", "<f8")])

PACK_REQUEST: Final = Struct("<qdddIiiI")
PACK_ORDER: Final = Struct("<qdddddddddqqiiII")
PACK_BEGUN: Final = Struct("<qd")

NO_TIME: Final = float("nan")
"""In a record, a time that there is not."""
NO_AMOUNT: Final = -(2**63)
NO_TEXT: Final = -1
MOST_CODES: Final = 1 << 16
OTHER: Final = "other"
"""The step or reason of a request where a run has had too many different ones to keep them all."""

Word = tuple[str | None, str | None, str | None]


def requests(spool: Path, shard: int) -> Path:
    return spool / f"requests-{shard}.bin"


def orders(spool: Path, shard: int) -> Path:
    return spool / f"orders-{shard}.bin"


def begun(spool: Path, shard: int) -> Path:
    return spool / f"begun-{shard}.bin"


def words(spool: Path, shard: int) -> Path:
    return spool / f"words-{shard}.jsonl"


def texts(spool: Path, shard: int) -> Path:
    return spool / f"texts-{shard}.jsonl"


def shards(spool: Path, table: str) -> list[int]:
    """The shards that have a file of ``table``: requests, orders or begun."""
    found = (path.stem.removeprefix(f"{table}-") for path in spool.glob(f"{table}-*.bin"))
    return sorted(int(number) for number in found if number.isdecimal())


def line(value: Any) -> bytes:
    """``value`` as a line of JSON, with odd texts and numbers as a table can hold them."""
    try:
        return orjson.dumps(value, str, orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return orjson.dumps(sayable(value), str, orjson.OPT_APPEND_NEWLINE)


def read_words(path: Path) -> dict[int, Word]:
    """Code → word, of the whole lines of a file of words. Empty where there is none. Raises ``OSError`` for lines that are none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        lines = map(orjson.loads, data[: data.rfind(b"\n") + 1].splitlines())
        words: dict[int, Word] = {code: (_text(a), _text(b), _text(c)) for code, a, b, c in lines}
        if not all(0 <= code < MOST_CODES for code in words):
            raise ValueError("codes")
        return words
    except (orjson.JSONDecodeError, TypeError, ValueError):
        raise OSError(f"{path.name} is damaged") from None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
