"""The platform's own orders from its database, which is read and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from platform_world import Shop, here, platform

from surgekit.digest import card_digest
from surgekit.errors import ConfigError, ConsentError, TargetError
from surgekit.platform import Platform

Row = dict[str, Any]
START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC, when the run began."""
TABLE = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, no VARCHAR(40), contact VARCHAR(80), state INTEGER, price NUMERIC(10, 2), cards TEXT, made TIMESTAMP)
"""
ROWS = """
INSERT INTO orders VALUES
(1, 'N0', 'K0@example.com', 4, 5.00, 'z', '2025-12-31 12:00:00'),
(2, 'N1', 'K1@example.com', 4, 12.34, E'a\nb', '2026-01-01 08:00:05'),
(3, 'N2', 'K2@example.com', 1, 100, NULL, '2026-01-01 08:00:06')
"""
QUERY = "SELECT no, contact, state, price, cards, made FROM orders WHERE made >= :since AND contact LIKE 'K%@%' ORDER BY id;"
COLUMNS: Row = {
    "order_no": "no", "order_key": {"name": "contact", "regex": "^(.+)@"}, "status": "state", "amount_fen": {"name": "price", "as": "yuan"},
    "cards": {"name": "cards", "as": "lines"}, "created_s": {"name": "made", "as": "time"},
}  # fmt: skip
TOLD: list[Row] = [
    {"order_no": "N1", "order_key": "K1", "status": "4", "amount_fen": 1234, "card_digests": [card_digest("a", "s"), card_digest("b", "s")], "created_s": 5.0},
    {"order_no": "N2", "order_key": "K2", "status": "1", "amount_fen": 10000, "card_digests": [], "created_s": 6.0},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a shop?.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(TABLE)
        db.execute(ROWS.replace("E'a\nb'", "'a\nb'"))
    db.close()
    return path


@pytest.fixture
def server(postgres: str) -> Iterator[str]:
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(TABLE.encode())
        db.execute(ROWS.encode())
    yield postgres
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute("DROP TABLE orders")
        db.execute("DROP TABLE IF EXISTS taken")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A shop's database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{quote(str(request.getfixturevalue('file')))}"
    address: str = request.getfixturevalue("server")
    return address


def reader(url: str, query: str = QUERY, told: dict[str, str] | None = None, **more: Any) -> Platform:
    ledger = {"sql": {"url": url, "query": query}, "columns": COLUMNS, "timezone": "Asia/Shanghai", **more}
    return platform(here(1), {"ledger": ledger}, told, secrets={name: {"value": "x"} for name in told or {}})


def read(url: str, query: str = QUERY, **more: Any) -> list[Row]:
    with reader(url, query, **more) as found:
        return list(found.ledger("s", start_s=START))


def count(url: str) -> int:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///").replace("%20", " ").replace("%3F", "?")) as db:
            found = db.execute("SELECT count(*) FROM orders").fetchone()
        db.close()
    else:
        with psycopg.connect(url) as pg:
            found = pg.execute("SELECT count(*) FROM orders").fetchone()
    assert found is not None
    return int(found[0])


def test_the_rows_of_this_run_are_the_audits(url: str) -> None:
    """Times without a zone are in the ledger's: 08:00 in Shanghai is midnight, when the run began."""
    assert read(url) == TOLD


@pytest.mark.parametrize("zone", ["+08:00", "Asia/Shanghai"])
def test_an_offset_is_a_time_zone_too(url: str, zone: str) -> None:
    assert read(url, timezone=zone) == TOLD


def test_in_another_zone_the_same_rows_are_of_another_time(url: str) -> None:
    assert [row["created_s"] for row in read(url, timezone="UTC")] == [28805.0, 28806.0]


def test_times_that_have_a_zone_keep_it(server: str) -> None:
    query = QUERY.replace("made FROM", "made AT TIME ZONE 'Asia/Shanghai' AS made FROM").replace("made >=", "made AT TIME ZONE 'Asia/Shanghai' >=")
    for zone in ("Asia/Shanghai", "-03:30", "UTC"):
        assert [row["created_s"] for row in read(server, query, timezone=zone)] == [5.0, 6.0]


def test_seconds_since_1970_are_times(url: str) -> None:
    query = f"SELECT no, contact, state, {int(START) + 7} AS made FROM orders WHERE id = 2"
    assert [row["created_s"] for row in read(url, query)] == [7.0]


def test_a_misspelt_column_is_no_empty_ledger(url: str) -> None:
    with pytest.raises(TargetError, match=r"columns\.status: no row has a field 'state'; there are contact, no, s"):
        read(url, "SELECT no, contact, state AS s FROM orders")


WRITES = [
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT no, contact, state FROM gone",
    "WITH made AS (INSERT INTO orders (id, no) VALUES (9, 'N9') RETURNING *) SELECT no, contact, state FROM made",
    "WITH changed AS (UPDATE orders SET state = 9 RETURNING *) SELECT no, contact, state FROM changed",
    "SELECT no, contact, state INTO TEMPORARY taken FROM orders",
    "WITH a AS (SELECT 1) INSERT INTO orders (id, no) SELECT 9, 'N9' FROM a",
    "WITH a AS (SELECT 1) DELETE FROM orders",
]


@pytest.mark.parametrize("query", WRITES)
def test_a_query_that_writes_fails_and_changes_nothing(url: str, query: str) -> None:
    before = count(url)
    with pytest.raises(TargetError, match=r"reads\.ledger\.sql: the") as caught:
        read(url, query)
    assert "\n" not in str(caught.value)
    assert count(url) == before == 3


@pytest.mark.parametrize(
    "query", ["SELECT set_config('transaction_read_only', 'off', false)", "SELECT nextval('numbers')", "SELECT lo_create(0)",
              "SELECT no, contact, state FROM orders FOR UPDATE"],
)  # fmt: skip
def test_postgresql_itself_knows_that_it_is_read_only(server: str, query: str) -> None:
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE SEQUENCE IF NOT EXISTS numbers")
    with pytest.raises(TargetError, match=r"read-only|must be set before any query"):
        read(server, query)
    with psycopg.connect(server, autocommit=True) as db:
        found = db.execute("SELECT is_called FROM numbers").fetchone()
        db.execute("DROP SEQUENCE numbers")
    assert found == (False,)


@pytest.mark.parametrize(
    ("query", "says"),
    [("SELECT 1; DROP TABLE orders", "one statement"), ("SELECT 1; SELECT 2;", "one statement"), ("SELECT * FROM orders WHERE made > :until", "nothing gives :until"),
     ("SELECT no INTO OUTFILE '/tmp/x' FROM orders", "reads and does nothing else")],
)  # fmt: skip
def test_a_query_that_is_no_single_read_is_refused_on_paper(query: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        reader("sqlite:////nowhere.db", query)


def test_semicolons_and_colons_in_texts_are_texts(file: Path) -> None:
    """Comments too."""
    rows = read(f"sqlite:///{quote(str(file))}", "SELECT ';' AS x, '12:30' AS y, no, contact, state FROM orders -- a; b\nWHERE id = 2")
    assert [row["order_no"] for row in rows] == ["N1"]


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:pw@db.example.com/shop", "postgresql://u:pw@192.0.2.1/shop", "postgresql://u:pw@/shop?host=db.example.com",
     "postgresql://u:pw@127.0.0.1/shop?host=/tmp", "postgresql:///shop?host=/tmp,192.0.2.1", "postgresql:///shop?host=/tmp&host=192.0.2.1",
     "postgresql:///shop?host=@abstract", "mysql://u:pw@192.0.2.1/shop", "mysql://u:pw@2130706433/shop", "postgresql://u:pw@::ffff:127.0.0.1/shop",
     "postgresql://u:pw@[::ffff:127.0.0.1]/shop", "postgresql://u:pw@0.0.0.0/shop", "mysql:///shop?unix_socket=relative"],
)  # fmt: skip
def test_a_database_elsewhere_is_not_read(url: str) -> None:
    with pytest.raises((ConsentError, ConfigError)) as caught:
        reader(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [("postgresql:///shop", "name one host"), ("postgresql://u@127.0.0.1,192.0.2.1/shop", "name one host|not on this machine|not the address"),
     ("postgresql://u@127.0.0.1/shop?options=-c%20default_transaction_read_only=off", "no option options here"), ("postgresql://u@127.0.0.1/s?service=x", "no option service"),
     ("postgresql://u@127.0.0.1/s?hostaddr=192.0.2.1", "no option hostaddr"), ("mysql://u@127.0.0.1/s?read_default_file=/x", "no option read_default_file"),
     ("sqlite:////x.db?mode=rwc", "no option mode"), ("sqlite://", "a file is wanted"), ("sqlite:///:memory:", "a file is wanted"),
     ("postgresql://u@127.0.0.1:x/s", "not the address of a database")],
)  # fmt: skip
def test_an_address_that_could_mean_more_than_it_says_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        reader(url)


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE", "PGOPTIONS"])
def test_the_environment_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "192.0.2.1")
    with pytest.raises(ConfigError, match=f"{name} in the environment"):
        reader("postgresql://u@127.0.0.1/shop")


def test_mysql_without_its_driver_is_one_sentence() -> None:
    try:
        import pymysql  # type: ignore[import-untyped]  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ConfigError, match=r"MySQL needs PyMySQL: pip install .surgekit.mysql"):
            reader("mysql://u:{secret.db}@localhost/shop?charset=utf8mb4", told={"db": "x"})
    else:
        reader("mysql://u:{secret.db}@localhost/shop?charset=utf8mb4", told={"db": "x"})


SECRET = "p@ss:w/rd %41{}"


def test_a_password_may_have_any_characters_and_stands_in_no_message() -> None:
    """Nothing listens there, so the attempt fails; what the driver says of it has no password in it."""
    with (
        reader("postgresql://u:{secret.db}@127.0.0.1:1/shop", told={"db": SECRET}) as found,
        pytest.raises(TargetError, match=r"reads\.ledger\.sql: the database says") as caught,
    ):
        list(found.ledger("s", start_s=START))
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigError) as odd:
        reader("postgresql://u:{secret.db}@127.0.0.1:no/shop", told={"db": SECRET})
    assert SECRET not in str(odd.value)
    assert quote(SECRET, safe="") not in str(odd.value)


def test_a_password_arrives_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Row = {}

    def connect(*_: object, **given: Any) -> Any:
        seen.update(given)
        raise psycopg.OperationalError(f"no: {given['password']}\nsecond line")

    with reader("postgresql://u:{secret.db}@localhost/shop", told={"db": SECRET}) as found, monkeypatch.context() as patch:
        patch.setattr(psycopg, "connect", connect)
        with pytest.raises(TargetError, match=r"no: …$"):
            list(found.ledger("s"))
    assert seen["password"] == SECRET
    assert set(seen["host"].split(",")) <= {"127.0.0.1", "::1"}


def test_a_statement_without_an_end_comes_to_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr("surgekit.platform.database.STATEMENT_S", 0.3)
    query = "WITH RECURSIVE n(no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n) SELECT max(no) AS no, '' AS contact, 1 AS state FROM n"
    with pytest.raises(TargetError, match=r"interrupted|statement timeout"):
        read(url, query.replace("no + 1", "(no + 1) % 1000"))


def test_rows_without_an_end_come_to_one(file: Path) -> None:
    query = "WITH RECURSIVE n(no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n) SELECT no, 'K@' AS contact, 1 AS state FROM n"
    with reader(f"sqlite:///{quote(str(file))}", query) as found:
        assert found._by_sql is not None
        with pytest.raises(TargetError, match="more than 5,000 rows; narrow the query"):
            list(found._by_sql.rows(START, most=5000))


def test_a_database_that_cannot_be_read_is_said_before_the_surge(tmp_path: Path, url: str) -> None:
    with Shop(lambda _: "") as shop:
        for address, query in ((f"sqlite:///{tmp_path}/none.db", QUERY), (url, QUERY.replace("orders", "order_s"))):
            ledger = {"sql": {"url": address, "query": query}, "columns": COLUMNS}
            with platform(shop.place, {"ledger": ledger}) as found, pytest.raises(TargetError, match=r"reads\.ledger\.sql: the database says"):
                found.preflight()
        with platform(shop.place, {"ledger": {"sql": {"url": url, "query": QUERY}, "columns": COLUMNS}}) as found:
            found.preflight()
    assert not (tmp_path / "none.db").exists()


def test_texts_that_are_not_utf_8_are_read_all_the_same(file: Path) -> None:
    assert len(read(f"sqlite:///{quote(str(file))}", "SELECT CAST(x'ff4e31' AS TEXT) AS no, contact, state FROM orders WHERE id = 2")) == 1
