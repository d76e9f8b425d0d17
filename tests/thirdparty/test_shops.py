"""The third-party shops themselves, by a buyer written by hand: what SurgeKit says of them can be held against this."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType

import pytest

from . import oscar, vendure
from .buyers import SOLD_OUT, oscar_order, vendure_order
from .shop import ROOT, Missing, Shop

Order = Callable[..., str]
PLATFORMS = [
    pytest.param(
        module, order, id=name, marks=pytest.mark.skipif(not module.is_set_up(), reason=f"python -m tests.thirdparty.setup {name}")
    )
    for name, module, order in [("oscar", oscar, oscar_order), ("vendure", vendure, vendure_order)]
]


@pytest.mark.parametrize(("platform", "order"), PLATFORMS)
def test_the_database_tells_each_order_as_its_buyer_saw_it(platform: ModuleType, order: Order, tmp_path: Path) -> None:
    running: AbstractContextManager[Shop] = platform.running(tmp_path, stock={"card-flash": 3})
    with running as shop:
        first = order(shop.base_url, "one@example.com", 2, quantity=2)
        second = order(shop.base_url, "two@example.com", 3, quantity=3)
        assert order(shop.base_url, "three@example.com", 3) == SOLD_OUT
        told = [(row["number"], row["email"], row["sku"], row["units"], row["total"]) for row in shop.orders()]
        assert told == [(first, "one@example.com", "card-50", 2, 9900), (second, "two@example.com", "card-flash", 3, 300)]
        assert shop.stock()["card-flash"] == {"product": 3, "on_hand": 3, "allocated": 3, "left": 0, "sold": 3}
        assert not shop.ended()
    assert shop.ended()


@pytest.mark.parametrize(("platform", "order"), PLATFORMS)
def test_a_shop_ends_with_whoever_started_it(platform: ModuleType, order: Order, tmp_path: Path) -> None:
    script = (
        f"import os, signal, pathlib\nfrom tests.thirdparty import {platform.__name__.rpartition('.')[2]} as platform\n"
        f"with platform.running(pathlib.Path({str(tmp_path)!r})) as shop:\n"
        "    print(shop.pid, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, deadline = int(done.stdout), monotonic() + 5.0
    while _alive(pid):
        assert monotonic() < deadline, "the shop outlived its parent"
        sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def at_once(shop: Shop, order: Order, buyers: int) -> list[str]:
    """``buyers`` who all have the flash card in their baskets place their orders at the same moment."""
    gate = threading.Barrier(buyers, timeout=30.0)
    with ThreadPoolExecutor(buyers) as pool:
        waiting = [
            pool.submit(order, shop.base_url, f"b{number}@example.com", 3, before_placing=gate.wait) for number in range(buyers)
        ]
        return [each.result() for each in waiting]


@pytest.mark.skipif(not oscar.is_set_up(), reason="python -m tests.thirdparty.setup oscar")
def test_oscar_with_queued_transactions_sells_what_it_has(tmp_path: Path) -> None:
    with oscar.running(tmp_path, stock={"card-flash": 3}) as shop:
        got = at_once(shop, oscar_order, 8)
        assert got.count(SOLD_OUT) == 5
        assert shop.stock()["card-flash"]["sold"] == len(shop.orders()) == 3


@pytest.mark.skipif(not vendure.is_set_up(), reason="python -m tests.thirdparty.setup vendure")
def test_vendure_takes_money_for_more_than_it_has_and_its_stock_table_does_not_show_it(tmp_path: Path) -> None:
    with vendure.running(tmp_path, stock={"card-flash": 3}) as shop:
        got = at_once(shop, vendure_order, 8)
        assert SOLD_OUT not in got
        assert shop.stock()["card-flash"] == {"product": 3, "on_hand": 3, "allocated": 3, "left": 0, "sold": 8}
        assert sum(row["paid"] for row in shop.orders()) == 800


@pytest.mark.parametrize("platform", [oscar, vendure])
def test_a_platform_that_is_not_set_up_says_how(platform: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURGEKIT_THIRDPARTY", str(tmp_path / "nothing"))
    with pytest.raises(Missing, match=r"python -m tests\.thirdparty\.setup"), platform.running(tmp_path):
        pass
