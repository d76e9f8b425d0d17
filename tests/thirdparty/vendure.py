"""Vendure, a headless shop on Node.js: GraphQL over one address, every reply HTTP 200, errors in the body."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from .shop import Missing, Shop, cache, free_port, started

PROJECT = Path(__file__).parent / "vendureshop"
CARDS: tuple[dict[str, Any], ...] = (
    {"sku": "card-10", "title": "Game card 10", "price": "10.00", "stock": 1_000_000},
    {"sku": "card-50", "title": "Game card 50", "price": "49.50", "stock": 1_000_000},
    {"sku": "card-flash", "title": "Flash sale card", "price": "1.00", "stock": 5},
)
"""Product variant ids 1, 2, 3. ``running(stock=…)`` changes how many there are."""

# A row in "order" is also a basket; orderPlacedAt tells which of them are orders.
ORDERS = """
SELECT o.code AS number,
       o.subTotalWithTax + o.shippingWithTax AS total,
       c.emailAddress AS email,
       o.state AS status,
       (SELECT SUM(l.quantity) FROM order_line AS l WHERE l.orderId = o.id) AS units,
       (SELECT GROUP_CONCAT(v.sku) FROM order_line AS l JOIN product_variant AS v ON v.id = l.productVariantId
        WHERE l.orderId = o.id) AS sku,
       (SELECT GROUP_CONCAT(l.productVariantId) FROM order_line AS l WHERE l.orderId = o.id) AS product,
       (SELECT COALESCE(SUM(p.amount), 0) FROM payment AS p WHERE p.orderId = o.id AND p.state = 'Settled') AS paid,
       o.orderPlacedAt AS placed_at
FROM "order" AS o
LEFT JOIN customer AS c ON c.id = o.customerId
WHERE o.orderPlacedAt IS NOT NULL
ORDER BY o.id
"""
STOCK = """
SELECT v.sku,
       v.id AS product,
       s.stockOnHand AS on_hand,
       s.stockAllocated AS allocated,
       s.stockOnHand - s.stockAllocated AS left,
       (SELECT COALESCE(SUM(l.quantity), 0) FROM order_line AS l JOIN "order" AS o ON o.id = l.orderId
        WHERE l.productVariantId = v.id AND o.orderPlacedAt IS NOT NULL) AS sold
FROM stock_level AS s
JOIN product_variant AS v ON v.id = s.productVariantId
ORDER BY v.id
"""


def home() -> Path:
    return cache() / "vendure"


def _env(**more: str) -> dict[str, str]:
    keep = {key: value for key, value in os.environ.items() if not key.startswith("NODE_")}
    return {**keep, "NODE_PATH": str(home() / "node_modules"), "NODE_ENV": "production", "VENDURE_DISABLE_TELEMETRY": "true", **more}


def node() -> str:
    found = shutil.which("node")
    if found is None:
        raise Missing("Vendure needs Node.js 20 or later, and there is none here")
    return found


def _headers() -> Path | None:
    """The root under which ``include/node`` has the headers of this Node.js, so that none need to be downloaded."""
    roots = [Path(node()).resolve().parents[1], Path("/usr"), Path("/usr/local")]
    return next((root for root in roots if (root / "include" / "node" / "node_version.h").exists()), None)


def set_up() -> None:
    """Install Vendure, compile its database driver from source, and make a filled database. Repeatable."""
    home().mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "package.json", home() / "package.json")
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    # Without scripts: the driver's own would look for a ready-made binary elsewhere. It is compiled below instead.
    subprocess.run(["npm", "install", "--ignore-scripts", "--no-package-lock", *quiet], cwd=home(), check=True)
    if not (home() / "node_modules/better-sqlite3/build/Release/better_sqlite3.node").exists():
        headers = _headers()
        env = _env(npm_config_build_from_source="true", **({"npm_config_nodedir": str(headers)} if headers else {}))
        subprocess.run(["npm", "rebuild", "better-sqlite3", *quiet], cwd=home(), env=env, check=True, stdout=subprocess.DEVNULL)
    making, filled = home() / "making", home() / "filled"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    words = [node(), str(PROJECT / "shop_fill.js"), str(making)]
    subprocess.run(words, env=_env(SHOP_CARDS=json.dumps(CARDS)), cwd=making, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(filled, ignore_errors=True)
    making.rename(filled)


def is_set_up() -> bool:
    return shutil.which("node") is not None and (home() / "filled" / "shop.sqlite3").exists()


@contextmanager
def running(tmp: Path, *, stock: Mapping[str, int] | None = None) -> Iterator[Shop]:
    """The shop with an own database in ``tmp``. ``stock``: SKU → units, instead of those of ``CARDS``.

    Raises ``Missing`` where the platform is not set up.
    """
    if not is_set_up():
        raise Missing("Vendure is not set up; run: python -m tests.thirdparty.setup vendure")
    tmp.mkdir(parents=True, exist_ok=True)
    database = tmp / "shop.sqlite3"
    shutil.copyfile(home() / "filled" / "shop.sqlite3", database)
    with closing(sqlite3.connect(database)) as db, db:
        for sku, units in (stock or {}).items():
            which = "productVariantId = (SELECT id FROM product_variant WHERE sku = ?)"
            changed = db.execute(f"UPDATE stock_level SET stockOnHand = ? WHERE {which}", (units, sku)).rowcount
            assert changed == 1, f"no card {sku!r}"
    port = free_port()

    def made(process: subprocess.Popen[bytes]) -> Shop:
        return Shop(f"http://127.0.0.1:{port}", database, tmp / "shop.log", process, ORDERS, STOCK)

    with started([node(), PROJECT / "shop_serve.js", tmp, str(port)], _env(), tmp, made, "/health") as shop:
        yield shop


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as running_shop:
        print(running_shop.base_url, running_shop.database, flush=True)
        sys.stdin.read()
