"""5,000 orders on 2,000 in stock: the audit's count is the platform's own.

The profile's full count at about twice its rate, so that both runs together take a minute and a half.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from blast_tools import surgekit, valid_blast

from surgekit import profile

ROOT = Path(__file__).resolve().parents[2]


def blasted(folder: Path, name: str) -> tuple[dict[str, Any], Path, Path]:
    """(result, run folder, the platform's SQLite file) of the oversell profile on target ``name``."""
    database = folder / "shop.sqlite"
    text = (ROOT / "targets" / f"{name}.yaml").read_text(encoding="utf-8")
    told = text.replace("  cardshop:\n    strategy:", f"  cardshop:\n    db: sqlite:///{database}\n    strategy:")
    assert str(database) in told
    (folder / "target.yaml").write_text(told, encoding="utf-8")
    shape = profile.load("oversell")
    twice = ["--peak", f"{2 * shape.peak}", "--duration", f"{shape.duration / 2}s"]
    run, _ = valid_blast("--profile", "oversell", *twice, "--target", folder / "target.yaml", out=folder / "run", cwd=folder)
    return json.loads((run / "result.json").read_text()), run, database


def ask(database: Path, query: str) -> Any:
    with sqlite3.connect(database) as db:
        return db.execute(query).fetchall()


def named(run: Path, invariant: str) -> set[str]:
    """The ids of every row that violates ``invariant``."""
    told = surgekit("audit", run, "--explain", invariant, "--format", "json", cwd=run)
    return {each["id"] for each in json.loads(told.stdout)[0]["examples"]}


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Path]:
    return blasted(tmp_path_factory.mktemp("naive"), "cardshop")


def test_naive_accepts_more_than_it_has_and_the_audit_names_each_surplus_order(naive: tuple[dict[str, Any], Path, Path]) -> None:
    result, run, database = naive
    assert result["orders"]["scheduled"] == 5000
    paid = ask(database, "SELECT count(*) FROM cardshop_orders WHERE charged_fen > 0")[0][0]
    assert paid > 2000
    surplus = named(run, "sold_within_stock")
    told = next(each for each in result["audit"] if each["invariant"] == "sold_within_stock")
    assert told["verdict"] == "violated"
    assert told["violations"] == len(surplus) == paid - 2000
    # Each named order was charged, and holds no card of its own: none at all, or one that another order has too.
    charged = {row[0] for row in ask(database, "SELECT order_no FROM cardshop_orders WHERE charged_fen > 0")}
    assert surplus <= charged
    holders: dict[str, list[str]] = {}
    for order_no, cards in ask(database, "SELECT order_no, cards FROM cardshop_orders"):
        for code in json.loads(cards):
            holders.setdefault(code, []).append(order_no)
    alone = {orders[0] for orders in holders.values() if len(orders) == 1}
    assert not surplus & alone
    # And of every card that several orders share, all but one of them are named.
    shared = [set(orders) for orders in holders.values() if len(set(orders)) > 1]
    assert all(len(orders - surplus) == 1 for orders in shared)


def test_reserve_sells_exactly_what_it_has(tmp_path: Path) -> None:
    result, _, database = blasted(tmp_path, "cardshop-hardened")
    verdicts = {each["invariant"]: each for each in result["audit"]}
    assert verdicts["sold_within_stock"]["verdict"] == "held", verdicts["sold_within_stock"]
    assert verdicts["sold_within_stock"]["evidence"] == 2000
    assert result["breakdown"]["oversell"]["status"] == "held"
    assert ask(database, "SELECT count(*) FROM cardshop_orders WHERE charged_fen > 0") == [(2000,)]
    assert ask(database, "SELECT count(*) FROM cardshop_orders WHERE refunded_fen > 0") == [(0,)]
    assert result["orders"]["confirmed"] == 2000
    assert result["orders"]["rejected"] == 3000
    assert result["orders"].get("refunded") == 0
