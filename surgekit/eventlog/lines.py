"""The platform's order numbers, as its supplier and gateway were told them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np


def prepare(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> None:
    """Make the table ``lines``: ``told`` (the number that a partner was told) → ``order_no`` (the platform's own).

    The target's pattern is a regular expression of Python, which DuckDB's own engine does not understand in full.
    """
    pattern = re.compile(str((plan["target"].get("edge") or {}).get("order_no", "^(.+)$")))
    told = [row[0] for row in db.execute("SELECT DISTINCT order_no FROM edge WHERE actor IN ('supplier', 'link') AND order_no IS NOT NULL").fetchall()]
    found = [pattern.search(number) for number in told]
    own = [number if match is None or not match[1] else match[1] for number, match in zip(told, found, strict=True)]
    db.execute("CREATE OR REPLACE TEMP TABLE lines (told VARCHAR, order_no VARCHAR)")
    if told:
        db.register("lines_found", {"told": np.asarray(told, dtype=object), "order_no": np.asarray(own, dtype=object)})
        db.execute("INSERT INTO lines SELECT told, order_no FROM lines_found")
        db.unregister("lines_found")
