"""The bench of exactness finds nothing where nothing is wrong, and finds each thing that could be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tests.bench import exact
from tests.bench.shops import CheapShop, cheap_shop

KILLED = 1


@pytest.fixture(scope="module")
def shop() -> Iterator[CheapShop]:
    with cheap_shop(records=10_000) as made:
        yield made


@pytest.fixture(scope="module")
def found(shop: CheapShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("exact")

    class Second(Random):
        def randrange(self, *_: Any) -> int:  # type: ignore[override]
            return KILLED

    return folder / "run", exact._one(folder, shop, 3, 2, Second(3), 1.5)


def test_with_a_worker_killed_every_order_is_told_of_once_as_the_server_counted(found: tuple[Path, dict[str, Any]]) -> None:
    _, row = found
    assert {name: row[name] for name in exact.WRONG} == dict.fromkeys(exact.WRONG, 0)
    assert row["scheduled"] == row["sent"] + row["unsent"] + row["unknown"]
    assert row["unsent"] > 0
    assert row["sent"] <= row["server"] <= row["sent"] + row["unknown"]


def test_of_a_worker_that_joined_and_was_killed_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    with cheap_shop(records=10_000) as shop:
        row = exact._one(tmp_path, shop, 5, 1, Random(5), 1.5, remote=True)
    assert {name: row[name] for name in exact.WRONG} == dict.fromkeys(exact.WRONG, 0)
    assert (row["workers"], row["joined"], row["killed"]) == (2, 1, 1)
    assert row["scheduled"] == row["sent"] + row["unsent"] + row["unknown"]
    assert row["unknown"] > 0
    assert row["sent"] <= row["server"] <= row["sent"] + row["unknown"]
    with duckdb.connect() as db:
        (told,) = db.execute(f"SELECT count(*) FROM '{tmp_path}/run/orders.parquet' WHERE shard = 1 AND outcome = 'confirmed'").fetchone() or (0,)
    assert told > 0  # what it had sent to the master before is kept


@pytest.mark.parametrize(
    ("hurt", "wrong"),
    [
        ("DELETE FROM orders WHERE seq = (SELECT min(seq) FROM orders WHERE shard = 0)", {"lost", "miscounted"}),
        ("INSERT INTO orders SELECT * FROM orders WHERE seq = (SELECT min(seq) FROM orders WHERE shard = 0)", {"double"}),
        ("UPDATE orders SET outcome = 'failed', reason = 'unsent', accepted_s = NULL WHERE seq = (SELECT min(seq) FROM orders WHERE shard = 0)", {"lost", "miscounted"}),
        ("UPDATE orders SET outcome = 'unknown', reason = 'engine_died' WHERE seq = (SELECT min(seq) FROM orders WHERE shard = 0)", {"lost"}),
        ("UPDATE orders SET outcome = 'failed', reason = 'http_500' WHERE seq = (SELECT min(seq) FROM orders WHERE shard = 0)", {"lost"}),
        ("UPDATE orders SET accepted_s = 1, reason = NULL WHERE seq = (SELECT min(seq) FROM orders WHERE reason = 'unsent')", {"invented"}),
    ],
)
def test_what_is_wrong_with_a_history_is_found(found: tuple[Path, dict[str, Any]], shop: CheapShop, tmp_path: Path, hurt: str, wrong: set[str]) -> None:
    run, _ = found
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE orders AS FROM '{run}/orders.parquet'")
        db.execute(hurt)
        db.execute(f"COPY orders TO '{tmp_path}/orders.parquet' (FORMAT parquet)")
        db.execute(f"COPY (FROM '{run}/requests.parquet') TO '{tmp_path}/requests.parquet' (FORMAT parquet)")
    told = exact.compared(tmp_path, json.loads((run / "run.json").read_bytes()), shop, KILLED)
    assert {name for name in exact.WRONG if told[name]} - {"miscounted"} == wrong - {"miscounted"}


def test_a_shard_without_any_row_of_a_request_is_miscounted(found: tuple[Path, dict[str, Any]], shop: CheapShop, tmp_path: Path) -> None:
    run, _ = found
    with duckdb.connect() as db:
        db.execute(f"COPY (FROM '{run}/orders.parquet') TO '{tmp_path}/orders.parquet' (FORMAT parquet)")
        db.execute(f"COPY (FROM '{run}/requests.parquet' WHERE shard = {KILLED}) TO '{tmp_path}/requests.parquet' (FORMAT parquet)")
    told = exact.compared(tmp_path, json.loads((run / "run.json").read_bytes()), shop, KILLED)
    assert told["miscounted"] > 100
    assert {name for name in exact.WRONG if told[name]} == {"miscounted"}
