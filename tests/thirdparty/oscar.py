"""django-oscar, a shop in Python with server-rendered pages: forms with CSRF fields, redirects, cookies, errors as HTML."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from .shop import Missing, Shop, cache, free_port, started

PACKAGES = ("django-oscar==4.2.1", "Django==5.2.*", "django-treebeard==7.*", "waitress==3.0.2", "sorl-thumbnail>=12.10,<13")
Transactions = Literal["immediate", "deferred", "none"]
PROJECT = Path(__file__).parent / "djangoshop"
CARDS: tuple[dict[str, Any], ...] = (
    {"sku": "card-10", "title": "Game card 10", "price": "10.00", "stock": 1_000_000},
    {"sku": "card-50", "title": "Game card 50", "price": "49.50", "stock": 1_000_000},
    {"sku": "card-flash", "title": "Flash sale card", "price": "1.00", "stock": 5},
)
"""Product ids 1, 2, 3. ``running(stock=…)`` changes how many there are."""

ORDERS = """
SELECT o.number,
       CAST(ROUND(o.total_incl_tax * 100) AS INTEGER) AS total,
       o.guest_email AS email,
       o.status,
       (SELECT SUM(l.quantity) FROM order_line AS l WHERE l.order_id = o.id) AS units,
       (SELECT GROUP_CONCAT(l.partner_sku) FROM order_line AS l WHERE l.order_id = o.id) AS sku,
       (SELECT GROUP_CONCAT(l.product_id) FROM order_line AS l WHERE l.order_id = o.id) AS product,
       o.date_placed AS placed_at
FROM order_order AS o
ORDER BY o.id
"""
STOCK = """
SELECT s.partner_sku AS sku,
       s.product_id AS product,
       s.num_in_stock AS on_hand,
       COALESCE(s.num_allocated, 0) AS allocated,
       s.num_in_stock - COALESCE(s.num_allocated, 0) AS left,
       (SELECT COALESCE(SUM(l.quantity), 0) FROM order_line AS l WHERE l.stockrecord_id = s.id) AS sold
FROM partner_stockrecord AS s
ORDER BY s.product_id
"""


def home() -> Path:
    return cache() / "oscar"


def python() -> Path:
    return home() / "venv" / "bin" / "python"


def _env(shop_home: Path, **more: str) -> dict[str, str]:
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO", "PYTHON"))}
    return {**keep, "SHOP_HOME": str(shop_home), "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}


def set_up() -> None:
    """Install django-oscar into a virtual environment of its own and make a filled database. Repeatable."""
    filled = home() / "filled"
    if not python().exists():
        venv.create(home() / "venv", with_pip=True)
    subprocess.run([python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    making = home() / "making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    subprocess.run([python(), "-W", "ignore", PROJECT / "shop_fill.py"], env=_env(making, SHOP_CARDS=json.dumps(CARDS)), cwd=making, check=True)
    shutil.rmtree(filled, ignore_errors=True)
    making.rename(filled)


def is_set_up() -> bool:
    return python().exists() and (home() / "filled" / "shop.sqlite3").exists()


@contextmanager
def running(
    tmp: Path, *, stock: Mapping[str, int] | None = None, threads: int = 8, transactions: Transactions = "immediate"
) -> Iterator[Shop]:
    """The shop with an own database in ``tmp``. ``stock``: SKU → units, instead of those of ``CARDS``.

    ``transactions`` of a request: ``immediate`` takes SQLite's write lock first, so that requests queue; ``deferred``
    takes it when it first writes, and two who read before they write make one of them fail ("database is locked");
    ``none``, Django's default, commits every statement, so that a buyer can come between the stock check and the
    allocation of another. Raises ``Missing`` where the platform is not set up.
    """
    if not is_set_up():
        raise Missing("django-oscar is not set up; run: python -m tests.thirdparty.setup oscar")
    tmp.mkdir(parents=True, exist_ok=True)
    database = tmp / "shop.sqlite3"
    shutil.copyfile(home() / "filled" / "shop.sqlite3", database)
    with closing(sqlite3.connect(database)) as db, db:
        for sku, units in (stock or {}).items():
            changed = db.execute("UPDATE partner_stockrecord SET num_in_stock = ? WHERE partner_sku = ?", (units, sku)).rowcount
            assert changed == 1, f"no card {sku!r}"
    port = free_port()

    def made(process: subprocess.Popen[bytes]) -> Shop:
        return Shop(f"http://127.0.0.1:{port}", database, tmp / "shop.log", process, ORDERS, STOCK)

    words = [python(), PROJECT / "shop_serve.py", str(port), str(threads)]
    with started(words, _env(tmp, SHOP_TRANSACTIONS=transactions), tmp, made, "/catalogue/") as shop:
        yield shop


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as running_shop:
        print(running_shop.base_url, running_shop.database, flush=True)
        sys.stdin.read()
