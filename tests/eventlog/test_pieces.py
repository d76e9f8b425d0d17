"""The binary spool, read a piece at a time: the same table as of the rows at once, in order, from any number of engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import spool_story
from hypothesis import given, settings
from hypothesis import strategies as st
from run_story import order, plan

from surgekit.eventlog import complete, pieces
from surgekit.eventlog.complete import _load_due
from surgekit.eventlog.schema import TABLES

Row = dict[str, Any]
TIMES = st.floats(0, 5).map(lambda at: round(at, 1))
REQUEST = st.builds(
    lambda seq, due, sent, done, step, word: {"seq": seq, "due_s": due, "sent_s": sent, "done_s": done, "step": step, "class": word[0], "reason": word[1],
                                             "status": seq * 7, "bytes": seq, "attempt": seq % 3},
    st.integers(0, 9), TIMES, st.none() | TIMES, TIMES, st.sampled_from(["submit", "poll"]),
    st.sampled_from([("ok", None), ("unknown", "timeout"), ("refused", "no")]),
)  # fmt: skip
ENGINES = st.lists(st.lists(REQUEST, max_size=40), max_size=4)


def table(db: duckdb.DuckDBPyConnection, name: str) -> list[Row]:
    names = list(TABLES[name])
    return [dict(zip(names, row, strict=True)) for row in db.execute(f"SELECT * FROM {name}").fetchall()]


@pytest.fixture
def db() -> Any:
    with duckdb.connect(config={"threads": 2}) as made:
        yield made


@settings(max_examples=40, deadline=None)
@given(ENGINES, st.integers(1, 9))
def test_requests_of_all_engines_are_one_table_in_order_however_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, engines: list[list[Row]], size: int
) -> None:
    spool = tmp_path_factory.mktemp("spool")
    for shard, requests in enumerate(engines):
        spool_story.write(spool, shard, requests=requests)
    with pytest.MonkeyPatch.context() as patch, duckdb.connect() as db:
        patch.setattr(pieces, "ROWS", size)
        patch.setattr(pieces, "LEAST_ROWS", 1)
        pieces.load_requests(db, spool)
        found = table(db, "requests")
    told = [row | {"shard": shard} for shard, requests in enumerate(engines) for row in requests]

    def place(row: Row) -> Any:
        return row["done_s"], row["seq"], row["shard"]

    def whole(row: Row) -> Any:
        return place(row), row["step"], row["class"], row["due_s"], row["sent_s"] is not None, row["sent_s"] or 0.0

    assert [place(row) for row in found] == sorted(map(place, told))
    assert sorted(found, key=whole) == [{name: row[name] for name in TABLES["requests"]} for row in sorted(told, key=whole)]


def test_orders_of_more_than_a_piece_have_their_own_numbers_and_cards(tmp_path: Path, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "ROWS", 100)
    told = [order(n, cards=[f"{n}"] * (n % 3), order_no=f"N{n}" if n % 5 else None, status=f"s{n % 7}", amount_fen=n if n % 2 else None) for n in range(9_000)]
    spool_story.write(tmp_path, orders=told)
    pieces.load_orders(db, tmp_path)
    kept = ("seq", "order_no", "card_digests", "status", "amount_fen", "outcome", "reason", "confirmed_s", "sent_s", "attempts")
    assert [[row[name] for name in kept] for row in table(db, "orders")] == [[row[name] for name in kept] for row in told]


def test_what_is_no_text_becomes_one(tmp_path: Path, db: Any) -> None:
    """A locustfile may give any value for a number or a reason."""
    spool_story.write(tmp_path, orders=[order(1, order_no=5, reason=7), order(2, order_no=tmp_path), order(3)])
    pieces.load_orders(db, tmp_path)
    assert [(row["order_no"], row["reason"]) for row in table(db, "orders")] == [("5", "7"), (str(tmp_path), None), ("N3", None)]


def test_texts_that_outlived_their_orders_are_nobodys(tmp_path: Path, db: Any) -> None:
    """The engine died between the two."""
    spool_story.write(tmp_path, orders=[order(n) for n in range(5)])
    file = tmp_path / "orders-0.bin"
    file.write_bytes(file.read_bytes()[: 112 * 3 + 50])
    pieces.load_orders(db, tmp_path)
    assert [row["order_no"] for row in table(db, "orders")] == ["N0", "N1", "N2"]


@pytest.mark.parametrize(("name", "load"), [("texts-0.jsonl", pieces.load_orders), ("words-0.jsonl", pieces.load_orders), ("words-0.jsonl", pieces.load_requests)])
def test_records_without_what_they_point_to_are_damaged(tmp_path: Path, db: Any, name: str, load: Any) -> None:
    request = {"seq": 1, "due_s": 1.0, "sent_s": 1.0, "done_s": 1.0, "step": "submit", "class": "ok", "attempt": 1}
    spool_story.write(tmp_path, orders=[order(1)], requests=[request])
    (tmp_path / name).unlink()
    with pytest.raises(OSError, match="damaged"):
        load(db, tmp_path)


def test_how_long_the_engines_lived_is_read_without_their_requests(tmp_path: Path, db: Any) -> None:
    for shard, times in enumerate([[3.0, 1.0], [2.0], []]):
        requests = [{"seq": 1, "due_s": 0.0, "sent_s": 0.0, "done_s": at, "step": "submit", "class": "ok", "attempt": 1} for at in times]
        spool_story.write(tmp_path, shard, requests=requests)
    pieces.load_alive(db, tmp_path)
    assert db.execute("SELECT shard, done_s FROM requests ORDER BY shard").fetchall() == [(0, 3.0), (1, 2.0)]


def test_accepted_orders_are_counted_over_all_engines(tmp_path: Path) -> None:
    assert pieces.accepted(tmp_path) == 0
    spool_story.write(tmp_path, 0, orders=[order(1), order(2, accepted_s=None)])
    spool_story.write(tmp_path, 3, orders=[order(3)])
    assert pieces.accepted(tmp_path) == 2


def test_the_schedule_in_pieces_is_the_schedule(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys as the engine makes them, also beyond seven digits."""
    monkeypatch.setattr(complete, "PIECE", 7)
    from surgekit.arrivals import Shard, schedule
    from surgekit.eventlog.folder import shape

    profile, target = shape(plan())
    parts = [schedule(profile, target.skus, 1, Shard(k, 2)) for k in range(2)]
    parts[1].seq[-1] = 123_456_789
    _load_due(db, parts, "it's")
    found = db.execute("SELECT seq, shard, intended_s, order_key, sku, qty, buyer_class, phase FROM due").fetchall()
    wanted = [
        (each.seq, each.shard, each.intended_s, f"it's-{each.seq:07d}", each.sku, each.qty, each.buyer_class, each.phase) for part in parts for each in part.orders()
    ]
    assert found == wanted
