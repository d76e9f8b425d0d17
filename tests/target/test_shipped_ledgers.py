"""The ledger queries of the shipped shops over a handful of rows: what a status becomes, whose the cards are, what was charged.

DuckDB stands in for MySQL and PostgreSQL: the queries keep to what all of them read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from surgekit.target import load

ACG = """
CREATE TABLE acg_order (id INT, owner INT, trade_no TEXT, request_no TEXT, contact TEXT, amount DECIMAL(10,2), commodity_id INT, card_num INT,
                        create_time TIMESTAMP, status INT, delivery_status INT, secret TEXT);
CREATE TABLE acg_commodity (id INT, code TEXT);
CREATE TABLE acg_bill (owner INT, amount DECIMAL(10,2), type INT, log TEXT);
INSERT INTO acg_commodity VALUES (1, 'CODE1');
INSERT INTO acg_order VALUES
    (1, 0, '100', NULL, 'old',   9.90, 1, 1, '2026-11-24 23:59:59', 1, 1, 'OLD'),
    (2, 7, '101', 'k1', 'k1',    9.90, 1, 2, '2026-11-25 10:00:00', 1, 1, 'A' || chr(10) || 'B'),
    (3, 7, '102', 'k2', 'k2',    9.90, 1, 1, '2026-11-25 10:00:01', 1, 1, '很抱歉，有人在你付款之前抢走了商品，请联系客服。'),
    (4, 7, '103', 'k3', 'k3',    9.90, 1, 1, '2026-11-25 10:00:02', 1, 0, NULL),
    (5, 7, '104', 'k4', 'k4',    9.90, 1, 1, '2026-11-25 10:00:03', 0, 0, NULL);
INSERT INTO acg_bill VALUES (7, 9.90, 0, '商品下单[101]'), (7, 9.90, 0, '商品下单[102]'), (7, 9.90, 1, '商品下单[103]'), (8, 9.90, 0, '商品下单[104]');
"""
DUJIAOKA = """
CREATE TABLE orders (id INT, order_sn TEXT, email TEXT, goods_id INT, buy_amount INT, status INT, actual_price DECIMAL(10,2), info TEXT,
                     created_at TIMESTAMP, deleted_at TIMESTAMP);
INSERT INTO orders VALUES
    (1, 'OLD', 'old@example.invalid', 1, 1,  4, 9.90, 'OLD', '2026-11-24 23:59:59', NULL),
    (2, 'S1',  'k1@example.invalid',  1, 2,  4, 9.90, 'A' || chr(13) || chr(10) || 'B', '2026-11-25 10:00:00', NULL),
    (3, 'S2',  'k2@example.invalid',  1, 1,  6, 9.90, '库存可使用卡密不足，请联系管理员核查', '2026-11-25 10:00:01', NULL),
    (4, 'S3',  'k3@example.invalid',  1, 1, -1, 9.90, NULL, '2026-11-25 10:00:02', NULL),
    (5, 'S4',  'k4@example.invalid',  1, 1,  1, 9.90, NULL, '2026-11-25 10:00:03', NULL),
    (6, 'S5',  'k5@example.invalid',  1, 1,  4, 9.90, 'GONE', '2026-11-25 10:00:04', '2026-11-25 11:00:00');
"""
NEXT = """
CREATE TABLE orders (id INT, order_no TEXT, parent_id INT, guest_email TEXT, status TEXT, total_amount DECIMAL(20,2), refunded_amount DECIMAL(20,2),
                     created_at TIMESTAMP, deleted_at TIMESTAMP);
CREATE TABLE order_items (order_id INT, sku_id INT, quantity INT);
CREATE TABLE fulfillments (order_id INT, status TEXT, payload TEXT);
CREATE TABLE payments (order_id INT, status TEXT, amount DECIMAL(20,2), deleted_at TIMESTAMP);
CREATE TABLE downstream_order_refs (order_id INT, downstream_order_no TEXT);
INSERT INTO orders VALUES
    (1, 'D1', NULL, 'k1@example.invalid', 'completed', 9.90, 0, '2026-11-25 10:00:00', NULL), (2, 'D1-01', 1, 'k1@example.invalid', 'completed', 9.90, 0, '2026-11-25 10:00:00', NULL),
    (3, 'D2', NULL, 'k2@example.invalid', 'canceled',  9.90, 0, '2026-11-25 10:00:01', NULL), (4, 'D2-01', 3, 'k2@example.invalid', 'canceled',  9.90, 0, '2026-11-25 10:00:01', NULL),
    (5, 'D0', NULL, 'old@example.invalid', 'completed', 9.90, 0, '2026-11-24 10:00:01', NULL), (6, 'D0-01', 5, 'old@example.invalid', 'completed', 9.90, 0, '2026-11-24 10:00:01', NULL);
INSERT INTO order_items VALUES (2, 1, 2), (4, 1, 1), (6, 1, 1);
INSERT INTO fulfillments VALUES (2, 'delivered', 'A' || chr(10) || 'B'), (6, 'delivered', 'OLD');
INSERT INTO payments VALUES (1, 'success', 9.90, NULL), (1, 'failed', 9.90, NULL), (3, 'pending', 9.90, NULL), (5, 'success', 9.90, NULL);
INSERT INTO downstream_order_refs VALUES (1, 'k1'), (3, 'k2');
"""


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def rows(db: duckdb.DuckDBPyConnection, name: str, tables: str) -> list[dict[str, Any]]:
    """The ledger of target ``name`` since midnight, by the audit's names; a column's ``regex`` is applied."""
    ledger = load(name).reads.ledger
    assert ledger is not None
    assert ledger.sql is not None
    db.execute(tables)
    found = db.execute(ledger.sql.query.replace(":since", "$since"), {"since": "2026-11-25 00:00:00"})
    told = [column[0] for column in found.description or ()]
    made = []
    for row in found.fetchall():
        values = dict(zip(told, row, strict=True))
        made.append({as_: _picked(values[column.name], column.regex) for as_, column in ledger.columns.items()})
    return made


def _picked(value: Any, regex: str | None) -> Any:
    found = re.search(regex, str(value)) if regex else None
    return found[1] if found else value


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(str(row[name]) if name.endswith("fen") else row[name] for name in names) for row in rows]


@pytest.mark.parametrize("name", ["acg-faka", "acg-faka-members"])
def test_an_apology_of_acg_faka_is_no_delivery(db: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(db, name, ACG)
    assert told(found, "order_key", "status", "cards", "charges", "charged_fen") == [
        ("k1", "delivered", "A\nB", 1, "9.90"), ("k2", "paid", None, 1, "9.90"), ("k3", "paid", None, 1, "9.90"), ("k4", "unpaid", None, 0, "0.00"),
    ]  # fmt: skip
    assert told(found, "order_no", "sku", "qty")[0] == ("101", 1, 2)


def test_a_dealers_charges_are_the_bills_of_its_own_account(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, "acg-faka-shared", ACG)
    assert told(found, "order_key", "status", "charges", "charged_fen") == [
        ("k1", "delivered", 1, "9.90"), ("k2", "paid", 1, "9.90"), ("k3", "paid", 0, "None"), ("k4", "unpaid", 0, "None"),
    ]  # fmt: skip
    assert {row["sku"] for row in found} == {"CODE1"}


def test_what_dujiaoka_calls_abnormal_was_charged_and_has_no_card(db: duckdb.DuckDBPyConnection) -> None:
    assert told(rows(db, "dujiaoka", DUJIAOKA), "order_key", "status", "cards", "charges", "charged_fen") == [
        ("k1", 4, "A\r\nB", 1, "9.90"), ("k2", 6, None, 1, "9.90"), ("k3", -1, None, 0, "0.00"), ("k4", 1, None, 0, "0.00"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["dujiao-next", "dujiao-next-upstream"])
def test_dujiao_nexts_order_is_the_parent_and_its_cards_are_the_childs(db: duckdb.DuckDBPyConnection, name: str) -> None:
    assert told(rows(db, name, NEXT), "order_no", "order_key", "qty", "status", "cards", "charges", "charged_fen") == [
        ("D1", "k1", 2, "completed", "A\nB", 1, "9.90"), ("D2", "k2", 1, "canceled", None, 0, "0.00"),
    ]  # fmt: skip
