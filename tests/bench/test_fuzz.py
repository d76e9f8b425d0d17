"""A sample of the mutants, and proof that the bench would see what it looks for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import fuzz
from tests.bench.__main__ import names


def test_no_mutated_file_and_no_mutated_reply_ends_in_a_traceback_a_hang_or_all_of_the_memory() -> None:
    result = json.loads(json.dumps(fuzz.run(True)))
    assert result["failures"] == []
    assert (result["tracebacks"], result["hangs"], result["memory"]) == (0, 0, 0)
    assert result["inputs"] == result["files"] + result["replies"] >= 600
    # A fuzzer whose every mutant is refused at the first byte proves nothing.
    assert result["files_loaded_share"] >= 0.15
    heard = [row for row in result["rows"] if row["part"] == "replies"]
    assert sum(count for row in heard for outcome, count in row["outcomes"].items() if outcome.startswith("reply:")) >= 0.3 * result["replies"]
    assert {name: {"files": True, "replies": True} for name in fuzz.PLANTS} == result["planted"]
    assert f"{result['inputs']} inputs" in fuzz.table(result)


def test_an_input_can_be_made_again_from_its_number() -> None:
    for number in (3, 40, 777):
        assert fuzz.fuzz_files.mutant(number) == fuzz.fuzz_files.mutant(number)
    one, same = (fuzz.fuzz_replies.script(10_007) for _ in range(2))
    assert (one.kind, one.end) == (same.kind, same.end)
    assert len({fuzz.fuzz_files.mutant(number).raw for number in range(40)}) > 30


def test_the_command_knows_it() -> None:
    assert "fuzz" in names()
