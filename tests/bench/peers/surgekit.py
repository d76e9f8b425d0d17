"""``surgekit blast`` with a plain target file and a profile, the full history on, as a user would run it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

from tests.bench.peers import Figures, Load

NAME = "surgekit"
OPEN = True
NOTE = "a plain target file, Poisson arrivals, every order and request in the history"


def found() -> str | None:
    return None


def words(folder: Path, load: Load) -> list[str]:
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile(load)))
    (folder / "target.yaml").write_text(yaml.safe_dump(target(load)))
    return [
        sys.executable, "-m", "surgekit", "blast", "--profile", "profile.yaml", "--target", "target.yaml", "--out", "run", "--format", "json",
    ]  # fmt: skip


def profile(load: Load) -> dict[str, Any]:
    return {
        "schema": "surgekit.profile/1", "name": "even", "seed": load.seed,
        "phases": [{"name": "even", "duration": f"{load.seconds:g}s", "rate": load.rate}],
        "products": {"shares": {"card": 1}}, "buyers": {"classes": {"retail": {"share": 1, "pay": "balance"}}, "retry": {"most": 0}},
        "settle": "0s",
    }  # fmt: skip


def target(load: Load) -> dict[str, Any]:
    submit: dict[str, Any] = {
        "request": "POST /orders", "json": {"order": "{order.key}"}, "replies": [{"class": "ok", "path": "ok", "equals": 1}],
    }  # fmt: skip
    steps = {"submit": submit}
    told: dict[str, Any] = {
        "schema": "surgekit.target/1", "name": "bench", "base_url": f"http://127.0.0.1:{load.port}",
        "catalogue": [{"sku": "card", "price_fen": 100}], "steps": steps,
    }  # fmt: skip
    if load.flow == "order":
        submit["extract"] = {"order_no": "order_no"}
        steps["poll"] = {
            "request": "GET /orders/{order_no}", "replies": [{"class": "ok", "path": "ok", "equals": 1}], "extract": {"status": "status"},
        }  # fmt: skip
        told["statuses"] = {"unpaid": ["created"], "delivered": ["delivered"]}
    return told


def result(folder: Path) -> dict[str, Any]:
    """Its ``result.json``. Raises where there is none, with what it said instead."""
    path = folder / "run" / "result.json"
    if not path.exists():
        raise RuntimeError(f"the blast did not get to its end: {(folder / 'err').read_text(errors='replace').strip()[-600:]}")
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def figures(folder: Path, load: Load) -> Figures:
    told = result(folder)
    orders, latency, validity = told["orders"], told["latency_ms"]["confirm"], told["validity"]
    return Figures(
        requests=len(rows(folder, "requests", "due_s")), errors=orders["sent"] - orders["confirmed"], unsent=orders["unsent"],
        p50_ms=latency["p50"], p99_ms=latency["p99"], p999_ms=latency["p999"],
        verdict=": ".join([validity["status"], *validity["reasons"]]),
    )  # fmt: skip


def due_s(folder: Path, load: Load) -> np.ndarray[Any, Any]:
    """When each order that was sent was to leave, by its history."""
    return np.sort(rows(folder, "orders", "intended_s", "sent_s IS NOT NULL"))


def scheduled(folder: Path, load: Load) -> int:
    """Its whole schedule: the history has a row for each order, be it sent or not."""
    return len(rows(folder, "orders", "intended_s"))


def own_slip_s(folder: Path) -> np.ndarray[Any, Any]:
    """From when it should have left to just before it was handed to the kernel, by its own stamps."""
    return rows(folder, "orders", "sent_s - intended_s", "sent_s IS NOT NULL")


def rows(folder: Path, table: str, column: str, where: str = "true") -> np.ndarray[Any, Any]:
    """One column of a table of the history."""
    with duckdb.connect() as database:
        found = database.execute(f"SELECT {column} AS it FROM read_parquet(?) WHERE {where}", [str(folder / "run" / f"{table}.parquet")])
        return np.asarray(found.fetchnumpy()["it"], dtype=float)
