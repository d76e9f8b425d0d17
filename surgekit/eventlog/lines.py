"""The platform's order numbers, as its supplier and gateway were told them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from surgekit.errors import RunError


def prepare(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> None:
    """Make the table ``lines``: ``told`` (the number that a partner was told) → ``order_no`` (the platform's own).

    The target's pattern is one of RE2, which is DuckDB's own engine too. Raises ``RunError`` where it is not.
    """
    pattern = str((plan["target"].get("edge") or {}).get("order_no", "^(.+)$"))
    try:
        db.execute(
            """
            CREATE OR REPLACE TEMP TABLE lines AS
            SELECT DISTINCT order_no AS told, coalesce(nullif(regexp_extract(order_no, $pattern, 1), ''), order_no) AS order_no
            FROM edge WHERE actor IN ('supplier', 'link') AND order_no IS NOT NULL
            """,
            {"pattern": pattern},
        )
    except duckdb.InvalidInputException as error:
        raise RunError(f"run.json: target.edge.order_no is no pattern here ({str(error).splitlines()[0]}); it belongs to another version") from None
