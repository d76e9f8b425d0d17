"""Runs the invariants over a history.

An invariant is one SQL file in ``invariants/``: comments say what it means, which witnesses it ``needs``, and which it
needs only where SurgeKit plays the supplier or the gateway (``needs_played``: there losing their record is losing
something, while elsewhere there is none). Then its queries follow, each behind a line ``-- @name``:

    evidence     one number: how many observations could have shown a violation
    unknown      one number: operations whose outcome nobody knows and that could hide or excuse a violation
    strangers    one number (may be left out): orders of others in the shop that could do so
    blind        one number (may be left out): orders of products that the platform gives no figures for, so that nothing is shown
    offending    a row for each violation: ``id``, ``detail``; only what no outcome of the unknown ones explains
    given        may be left out: ``WITH …`` that stands before each of the others

*Violated* needs an offending row. *Held* needs evidence, every witness, and nothing unknown. All else is *undecided*.
What the queries share (``deliveries``, ``bought`` and so on) is made by ``surgekit.audit.facts``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import duckdb

from surgekit.audit import facts
from surgekit.model import Verdict

MOST_EXAMPLES = 20
_PART = re.compile(r"^-- @(\w+)[ \t]*$", re.MULTILINE)
_TOLD = re.compile(r"^-- (says|needs|needs_played): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant. ``needs`` and ``needs_played`` name witnesses: ``edge``, ``ledger``, ``stock``."""

    name: str
    says: str
    why: str
    needs: tuple[str, ...]
    needs_played: tuple[str, ...]
    evidence: str
    unknown: str
    strangers: str
    blind: str
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
    told = dict(_TOLD.findall(head))
    why = " ".join(line[3:].strip() for line in head.splitlines() if line.startswith("-- ") and not _TOLD.match(line))
    for part in ("evidence", "unknown", "offending"):
        if part not in parts:
            raise ValueError(f"invariant {name}: no part -- @{part}")
    if "says" not in told:
        raise ValueError(f"invariant {name}: no line -- says:")
    given = parts.get("given", "")
    return Invariant(
        name, told["says"], why, _names(told.get("needs", "")), _names(told.get("needs_played", "")),
        given + parts["evidence"], given + parts["unknown"], given + parts.get("strangers", "SELECT 0"),
        given + parts.get("blind", "SELECT 0"), given + parts["offending"],
    )  # fmt: skip


def audit(
    db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], *, most_examples: int | None = MOST_EXAMPLES
) -> list[dict[str, Any]]:
    """Every invariant's verdict, as in ``result.json``."""
    facts.prepare(db, plan)
    witnesses = dict(plan.get("witnesses") or {})
    for table, why in db.execute("SELECT name, why FROM missing_tables").fetchall():
        if witnesses.get(table) == "whole":
            witnesses[table] = f"absent: {table}.parquet {why}"
    played = _plays(plan["target"])
    return [_judge(db, invariant, witnesses, most_examples, played=played) for invariant in invariants()]


def _judge(
    db: duckdb.DuckDBPyConnection, invariant: Invariant, witnesses: Mapping[str, str], most_examples: int | None, *, played: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {"invariant": invariant.name, "says": invariant.says, "why": invariant.why}
    needs = invariant.needs + (invariant.needs_played if played else ())
    lacking = {name: witnesses.get(name, "absent") for name in needs if witnesses.get(name) != "whole"}
    try:
        evidence, unknown, strangers, blind = (
            _number(db, query) for query in (invariant.evidence, invariant.unknown, invariant.strangers, invariant.blind)
        )
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
        because = f"{unknown} operations with an unknown outcome" + _untold(db, invariant)
    elif strangers:
        verdict = Verdict.UNDECIDED
        because = f"{strangers} orders of strangers in the shop could hide or explain a violation"
    elif blind:
        verdict = Verdict.UNDECIDED
        because = f"{blind} orders of products of which the platform does not say how many there were, or how many were added"
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


def _untold(db: duckdb.DuckDBPyConnection, invariant: Invariant) -> str:
    """The column of the ledger whose absence may be the reason."""
    if "kept_fen" not in invariant.unknown:
        return ""
    found = db.execute("SELECT count(*) FROM bought WHERE charges > 0 AND kept_fen IS NULL AND coalesce(meaning, 'failed') = 'failed'").fetchone()
    if not found or not found[0]:
        return ""
    return f", {found[0]} of them charged in a ledger that tells no {'refunded_fen' if _tells(db, 'charged_fen') else 'charged_fen'}: was it given back?"


def _tells(db: duckdb.DuckDBPyConnection, column: str) -> bool:
    return _number(db, f"SELECT count({column}) FROM bought") > 0  # noqa: S608 - names of ours


def _plays(target: Mapping[str, Any]) -> bool:
    """Whether SurgeKit plays the platform's supplier or its gateway; as ``Target.plays`` has it."""
    edge = target.get("edge") or {}
    parts = edge.get("plays")
    return bool(target.get("start") or (edge.get("gateway") or {}).get("notify")) if parts is None else bool(parts)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(listed.replace(",", " ").split())


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0] or 0) if row else 0
