"""The audit of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from surgekit.audit.check import MOST_EXAMPLES, audit
from surgekit.eventlog import folder
from surgekit.eventlog.reader import opened


def audited(run: Path, *, every_example: bool = False) -> list[dict[str, Any]]:
    """Every invariant's verdict over the history in ``run``, as in ``result.json``. Raises ``RunError``."""
    with opened(run) as db:
        return audit(db, folder.plan(run), most_examples=None if every_example else MOST_EXAMPLES)
