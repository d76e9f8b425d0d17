"""Runs the invariants over a history.

An invariant is one SQL file in ``invariants/``: comments say what it means and which witnesses it needs, then three
queries follow, each behind a line ``-- @name``:

    evidence     one number: how many observations could have shown a violation
    unknown      one number: operations whose outcome nobody knows and that could hide or excuse a violation
    offending    a row for each violation: ``id``, ``detail``; only what no outcome of the unknown ones explains

*Violated* needs an offending row. *Held* needs evidence, every witness, and nothing unknown. All else is *undecided*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import duckdb

from surgekit.model import Verdict

MOST_EXAMPLES = 20
_PART = re.compile(r"^-- @(\w+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant. ``needs`` names witnesses: ``edge``, ``ledger``, ``stock``."""

    name: str
    says: str
    why: str
    needs: tuple[str, ...]
    evidence: str
    unknown: str
    offending: str


@cache
def invariants() -> tuple[Invariant, ...]:
    """The shipped invariants, by name. Raises ``ValueError`` where a file lacks a part."""
    files = sorted((entry for entry in resources.files("surgekit.audit").joinpath("invariants").iterdir()), key=lambda f: f.name)
    return tuple(parse(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files if file.name.endswith(".sql"))


def parse(name: str, text: str) -> Invariant:
    """An invariant from the text of its file. Raises ``ValueError`` where a part is missing."""
    head, *rest = _PART.split(text)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    told = dict(re.findall(r"^-- (says|needs): (.+)$", head, re.MULTILINE))
    why = " ".join(line[3:].strip() for line in head.splitlines() if line.startswith("-- ") and not re.match(r"-- (says|needs):", line))
    for part in ("evidence", "unknown", "offending"):
        if part not in parts:
            raise ValueError(f"invariant {name}: no part -- @{part}")
    if "says" not in told:
        raise ValueError(f"invariant {name}: no line -- says:")
    return Invariant(
        name, told["says"], why, tuple(told.get("needs", "").replace(",", " ").split()),
        parts["evidence"], parts["unknown"], parts["offending"],
    )  # fmt: skip


def prepare(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> None:
    """The views and tables that invariants share: ``catalogue``, ``deliveries``, ``charges``, ``lines``."""
    target = plan["target"]
    words = target.get("statuses") or {}
    db.execute("CREATE TEMP TABLE catalogue (sku VARCHAR, supply VARCHAR, price_fen BIGINT)")
    db.executemany(
        "INSERT INTO catalogue VALUES (?, ?, ?)",
        [[each["sku"], each.get("supply", "stock"), each["price_fen"]] for each in target["catalogue"]],
    )
    db.execute("CREATE TEMP TABLE words (meaning VARCHAR, status VARCHAR)")
    pairs = [[meaning, status] for meaning, statuses in words.items() for status in statuses]
    if pairs:
        db.executemany("INSERT INTO words VALUES (?, ?)", pairs)
    pattern = (target.get("edge") or {}).get("order_no", "^(.+)$")
    db.execute(
        """
        -- A card in an order, however often and by whomever it was seen there, is one delivery.
        CREATE TEMP VIEW deliveries AS
        SELECT order_no, card, min(sku) AS sku, min(seen_s) AS seen_s FROM (
            SELECT order_no, sku, unnest(card_digests) AS card, confirmed_s AS seen_s FROM orders WHERE order_no IS NOT NULL
            UNION ALL
            SELECT order_no, sku, unnest(card_digests) AS card, NULL AS seen_s FROM ledger
        ) GROUP BY order_no, card;

        -- What each platform order cost its buyer: by the ledger, and where it does not tell, by what the buyer saw.
        CREATE TEMP VIEW charges AS
        SELECT l.order_no, l.order_key, coalesce(l.sku, o.sku) AS sku, coalesce(l.qty, o.qty) AS qty, l.status,
               l.amount_fen, l.charged_fen, coalesce(l.charges, (l.charged_fen > 0)::INT) AS charges, l.refunded_fen,
               o.paid_s, o.amount_fen AS quoted_fen
        FROM ledger l LEFT JOIN orders o USING (order_key);
        """
    )
    still = (plan.get("witnesses") or {}).get("ledger") == "whole"
    db.execute("CREATE TEMP TABLE settled AS SELECT ?::BOOLEAN AS still", [still])
    # A view takes no parameters; the pattern is the target's own and is quoted as a literal.
    literal = str(pattern).replace("'", "''")
    db.execute(
        f"""
        -- Purchases at the supplier, by the platform's order that they were made for.
        CREATE TEMP VIEW purchases AS
        SELECT *, coalesce(nullif(regexp_extract(order_no, '{literal}', 1), ''), order_no) AS line
        FROM edge WHERE actor = 'supplier' AND event = 'purchase'
        """  # noqa: S608
    )


def audit(
    db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], *, most_examples: int | None = MOST_EXAMPLES
) -> list[dict[str, Any]]:
    """Every invariant's verdict, as in ``result.json``."""
    prepare(db, plan)
    witnesses = dict(plan.get("witnesses") or {})
    for table, why in db.execute("SELECT name, why FROM missing_tables").fetchall():
        if witnesses.get(table) == "whole":
            witnesses[table] = f"absent: {table}.parquet {why}"
    return [_judge(db, invariant, witnesses, most_examples) for invariant in invariants()]


def _judge(
    db: duckdb.DuckDBPyConnection, invariant: Invariant, witnesses: Mapping[str, str], most_examples: int | None
) -> dict[str, Any]:
    told: dict[str, Any] = {"invariant": invariant.name, "says": invariant.says, "why": invariant.why}
    lacking = {name: witnesses.get(name, "absent") for name in invariant.needs if witnesses.get(name) != "whole"}
    try:
        evidence, unknown = _number(db, invariant.evidence), _number(db, invariant.unknown)
        rows = db.execute(f"SELECT id, detail FROM ({invariant.offending.strip().rstrip(';')}) ORDER BY id").fetchall()  # noqa: S608
    except duckdb.Error as error:
        # A checker that fails has shown nothing.
        return {
            **told, "verdict": Verdict.UNDECIDED.value, "evidence": 0, "violations": 0, "unknown": 0, "examples": [],
            "because": f"the check failed: {str(error).splitlines()[0]}",
        }  # fmt: skip
    because = None
    if rows:
        verdict = Verdict.VIOLATED
    elif lacking:
        verdict = Verdict.UNDECIDED
        because = "; ".join(f"{name} {why}" for name, why in lacking.items())
    elif unknown:
        verdict = Verdict.UNDECIDED
        because = f"{unknown} operations with an unknown outcome"
    elif not evidence:
        verdict = Verdict.UNDECIDED
        because = "nothing was observed that could have shown it"
    else:
        verdict = Verdict.HELD
    examples = [{"id": str(row[0]), "detail": str(row[1])} for row in rows[:most_examples]]
    return {
        **told, "verdict": verdict.value, "evidence": evidence, "violations": len(rows), "unknown": unknown,
        "examples": examples, "because": because,
    }  # fmt: skip


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0] or 0) if row else 0
