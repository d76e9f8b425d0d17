"""A run's own orders in a ledger: kept whatever time stands beside them, and proof of a time zone that is not the ledger's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from platform_world import Shop, platform

from surgekit import clock
from surgekit.errors import TargetError

Row = dict[str, Any]
START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC, when the run began; it is read a minute later."""
COLUMNS = {"order_no": "no", "order_key": "key", "status": "state", "created_s": "at"}


@pytest.fixture(autouse=True)
def a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc", lambda: datetime.fromtimestamp(START + 60, UTC))


def written(at_s: float, zone: str) -> str:
    """A time of the run as a platform in ``zone`` writes it."""
    return f"{datetime.fromtimestamp(START + at_s, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def rows(*ages: float, zone: str, key: str = "run1-000000") -> list[Row]:
    return [{"no": f"N{number}", "key": f"{key}{number}", "state": "paid", "at": written(age, zone)} for number, age in enumerate(ages)]


def read(found: list[Row], **ledger: Any) -> list[str]:
    reads = {"ledger": {"request": "GET /ledger", "columns": COLUMNS, **ledger}}
    with Shop(lambda _: found) as shop, platform(shop.place, reads) as made:
        return [row["order_no"] for row in made.ledger("salt", start_s=START)]


@pytest.mark.parametrize(
    ("there", "given", "says"),
    [("UTC", "Asia/Shanghai", r"by Asia/Shanghai this run's own orders were made 8 h before the run began; \+00:00 would fit"),
     ("Asia/Shanghai", "UTC", r"by UTC this run's own orders were made 8 h after now; \+08:00 would fit"),
     ("Asia/Kathmandu", "UTC", r"5\.75 h after now; \+05:45 would fit"), ("America/St_Johns", "UTC", r"3\.5 h before the run began; -03:30 would fit"),
     ("Asia/Tokyo", "Asia/Shanghai", r"1 h after now; \+09:00 would fit"), ("Pacific/Kiritimati", "Etc/GMT+12", r"26 h after now; \+14:00 would fit")],
)  # fmt: skip
def test_a_wrong_time_zone_is_told_by_its_name_and_by_how_much(there: str, given: str, says: str) -> None:
    with pytest.raises(TargetError, match=rf"reads\.ledger\.timezone: .*{says}"):
        read(rows(1, 20, 58, zone=there), timezone=given)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/St_Johns"])
def test_the_right_time_zone_is_right_and_older_orders_of_others_are_left_out(zone: str) -> None:
    old = rows(-100, -28_800, zone=zone, key="other-")
    assert read([*rows(-30, 1, 58, zone=zone), *old], timezone=zone) == ["N0", "N1", "N2"]


def test_a_check_just_before_the_run_leaves_no_strangers_behind() -> None:
    """Clocks may differ by a little, so somebody else's order of a moment before may be one of a moment after; ours is not."""
    check = [{**row, "no": "C1", "key": "a1b2c3-0000000"} for row in rows(-8, zone="UTC")]
    assert read([*check, *rows(-8, zone="UTC", key="somebody-"), *rows(1, zone="UTC")]) == ["N0", "N0"]


def test_orders_of_others_say_nothing_of_the_time_zone() -> None:
    assert read([*rows(1, zone="UTC"), *rows(3600, zone="UTC", key="run2-")]) == ["N0", "N0"]


@pytest.mark.parametrize("age", [-400.0, 500.0])
def test_a_clock_that_is_minutes_off_is_no_time_zone_and_hides_no_order_of_ours(age: float) -> None:
    assert read(rows(age, age + 5, zone="UTC")) == ["N0", "N1"]


def test_a_day_without_its_time_hides_no_order_of_ours() -> None:
    """All were made at midnight then, which for any run but a late one is before it, and may be whole quarters of an hour before."""
    for zone, midnight in (("UTC", "2026-01-01"), ("Asia/Shanghai", "2026-01-01 00:00:00")):
        day = [{**row, "at": midnight} for row in rows(1, 2, zone=zone)]
        assert read(day, timezone=zone) == ["N0", "N1"]


def test_nothing_is_compared_where_no_start_is_known() -> None:
    reads = {"ledger": {"request": "GET /ledger", "columns": COLUMNS}}
    with Shop(lambda _: rows(1, zone="Asia/Tokyo")) as shop, platform(shop.place, reads) as made:
        assert len(list(made.ledger("salt"))) == 1


def shop_db(path: Path, found: Iterable[Row]) -> str:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE orders (no TEXT, key TEXT, state TEXT, at TEXT)")
        db.executemany("INSERT INTO orders VALUES (:no, :key, :state, :at)", found)
    db.close()
    return f"sqlite:///{path}"


def by_sql(url: str, columns: Row | None = None, zone: str = "Asia/Shanghai") -> list[str]:
    sql = {"url": url, "query": "SELECT no, key, state, at FROM orders WHERE at >= :since ORDER BY no"}
    reads = {"ledger": {"sql": sql, "timezone": zone, "columns": columns or COLUMNS}}
    with Shop(lambda _: {}) as shop, platform(shop.place, reads) as made:
        return [row["order_no"] for row in made.ledger("salt", start_s=START)]


def test_a_query_that_asks_for_too_new_orders_is_no_empty_ledger(tmp_path: Path) -> None:
    """In a zone to the east, :since is hours later than any order that is written in UTC."""
    url = shop_db(tmp_path / "shop.db", rows(1, 2, zone="UTC"))
    with pytest.raises(TargetError, match=r"reads\.ledger\.timezone: by Asia/Shanghai .* 8 h before the run began; \+00:00 would fit"):
        by_sql(url)
    untimed = {name: column for name, column in COLUMNS.items() if name != "created_s"}
    with pytest.raises(TargetError, match=r"reads\.ledger\.timezone: :since leaves out 2 of this run's own orders"):
        by_sql(url, untimed)
    assert by_sql(url, untimed, "UTC") == ["N0", "N1"]


def test_a_long_run_whose_last_orders_only_are_new_enough_is_no_whole_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc", lambda: datetime.fromtimestamp(START, UTC) + timedelta(hours=2))
    url = shop_db(tmp_path / "shop.db", rows(1, 7000, zone="Asia/Shanghai"))
    untimed = {name: column for name, column in COLUMNS.items() if name != "created_s"}
    with pytest.raises(TargetError, match=r":since leaves out 1 of this run's own orders"):
        by_sql(url, untimed, "Asia/Tokyo")
    assert by_sql(url, untimed) == ["N0", "N1"]


def test_where_nothing_of_the_run_is_there_an_empty_ledger_is_one(tmp_path: Path) -> None:
    assert by_sql(shop_db(tmp_path / "shop.db", rows(-28_000, zone="UTC", key="other-"))) == []
