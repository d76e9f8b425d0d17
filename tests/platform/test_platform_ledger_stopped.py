"""A read of the database that is interrupted ends at once, and what interrupted it is not lost."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from platform_world import here, platform

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.platform import Platform
from surgekit.platform.database import ender
from surgekit.platform.sql import SqlRead
from surgekit.safety import kill

NUMBERS = "WITH RECURSIVE n(no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n{until}) "
SLOW = NUMBERS.replace("no + 1", "(no + 1) % 1000").format(until="") + "SELECT max(no) AS no, '' AS contact, 1 AS state FROM n"
"""Without a row, and without an end."""
MANY = NUMBERS.format(until=" WHERE no < 5500") + "SELECT no, 'K@' AS contact, 1 AS state FROM n"
COLUMNS = {"order_no": "no", "order_key": "contact", "status": "state"}


@pytest.fixture(autouse=True)
def bounded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A read that cannot be stopped ends by itself; nobody is left behind by any."""
    monkeypatch.setattr("surgekit.platform.database.STATEMENT_S", 5.0)
    yield
    assert readers() == []


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        address: str = request.getfixturevalue("postgres")
        return address
    sqlite3.connect(tmp_path / "shop.db").close()
    (tmp_path / "shop.db").touch()
    return f"sqlite:///{tmp_path}/shop.db"


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "sql-read"]


def reader(url: str, query: str) -> Platform:
    return platform(here(1), {"ledger": {"sql": {"url": url, "query": query}, "columns": COLUMNS}})


def read(found: Platform) -> SqlRead:
    assert found._by_sql is not None
    return found._by_sql


@contextmanager
def soon(act: Any) -> Iterator[list[float]]:
    """``act`` in 0.3 s; the list has when."""
    at: list[float] = []

    def now() -> None:
        at.append(clock.now())
        act()

    timer = threading.Timer(0.3, now)
    timer.start()
    try:
        yield at
    finally:
        timer.join()


def test_ctrl_c_ends_a_slow_read(url: str) -> None:
    with reader(url, SLOW) as found, soon(lambda: os.kill(os.getpid(), signal.SIGINT)) as at:
        with pytest.raises(KeyboardInterrupt):
            list(found.ledger("s"))
        assert clock.now() - at[0] < 2.0
        assert readers() == []


def test_the_kill_file_ends_a_slow_read(url: str, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with reader(url, SLOW) as found, soon(stop.touch) as at:
        with pytest.raises(kill.KilledError, match="stopped by the kill file"), kill.heeded(stop):
            list(found.ledger("s"))
        assert clock.now() - at[0] < 2.0
        assert readers() == []


def test_rows_come_in_their_order_and_only_a_few_ahead_of_who_reads(url: str) -> None:
    with reader(url, MANY) as found:
        assert [row["no"] for row in read(found).rows(0.0)] == list(range(1, 5501))


@pytest.mark.parametrize("how", ["close", "platform"])
def test_whoever_leaves_early_leaves_nobody_behind(url: str, how: str) -> None:
    with reader(url, MANY) as found:
        rows = read(found).rows(0.0)
        assert next(rows)["no"] == 1
        assert len(readers()) == 1
        began = clock.now()
        if how == "close":
            rows.close()  # type: ignore[attr-defined]  # a generator
        else:
            read(found).close()
            with pytest.raises(TargetError, match="closed while it was being read"):
                list(rows)
        assert readers() == []
        assert clock.now() - began < 2.0


def test_what_is_without_an_end_is_not_read_ahead_without_one(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    (tmp_path / "shop.db").touch()
    with reader(f"sqlite:///{tmp_path}/shop.db", MANY.replace(" WHERE no < 5500", "")) as found:
        rows = read(found).rows(0.0)
        next(rows)
        (work,) = read(found)._open
        with pytest.raises(TimeoutError):
            wait_for(lambda: work._told.qsize() > 3, 0.3)
        rows.close()  # type: ignore[attr-defined]  # a generator


def wait_for(told: Any, most_s: float) -> None:
    until, tick = clock.now() + most_s, threading.Event()
    while not told():
        if clock.now() > until:
            raise TimeoutError
        tick.wait(0.01)


def test_mysql_is_cut_off_in_the_middle_of_a_wait() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        made = SimpleNamespace(_sock=ours)
        conn: Any = SimpleNamespace(connection=SimpleNamespace(driver_connection=made), dialect=SimpleNamespace(name="mysql"))
        with soon(ender(conn, lambda: True)) as at:
            assert ours.recv(1) == b""
            assert clock.now() - at[0] < 2.0
        made._sock = None
        ender(conn, lambda: True)()
