"""The table of evasions says what it claims."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import consent
from tests.bench.__main__ import names


def test_every_attempt_is_refused_every_control_admitted_and_nothing_leaves() -> None:
    result = json.loads(json.dumps(consent.run(True)))
    assert [row for row in result["rows"] if not row["refused"]] == []
    assert [row for row in result["control_rows"] if not row["admitted"]] == []
    assert result["attempts"] == result["refused"] >= 24
    assert result["admitted_controls"] == result["controls"] >= 3
    assert result["left_this_machine"] == []
    assert all(row["sentence"] for row in result["rows"])
    assert f"{result['refused']} of {result['attempts']} attempts refused" in consent.table(result)


def test_the_command_knows_it() -> None:
    assert "consent" in names()
