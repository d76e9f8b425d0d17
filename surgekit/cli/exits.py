"""Exit codes beyond 0 (done), 1 (SurgeKit failed) and 2 (usage)."""

from __future__ import annotations

from typing import Any

INCONCLUSIVE = 3
VIOLATED = 10
CROSSED = 99
ABORTED = 105


def gate_code(result: dict[str, Any]) -> int:
    """0 only where everything held: 10 before 99 before 3, the worst news first."""
    verdicts = {each["verdict"] for each in result["audit"]}
    measures = {each["status"] for each in result["breakdown"].values()}
    if "violated" in verdicts:
        return VIOLATED
    if "broke" in measures:
        return CROSSED
    if not verdicts or "undecided" in verdicts | measures:
        return INCONCLUSIVE
    return 0
