"""The bench of third-party shops, without any: it says how to set them up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import third_party
from tests.bench.__main__ import main, names


def test_where_nothing_is_set_up_it_says_how_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SURGEKIT_THIRDPARTY", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bench", "third-party", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code) == "oscar and vendure: not set up here; run: python -m tests.thirdparty.setup oscar vendure"
    assert capsys.readouterr().out == ""


def test_its_table_counts_a_platform_as_equal_only_if_every_run_is() -> None:
    row = {
        "platform": "shop", "run": "flash", "peak_rate": 2.0, "accepted": 4, "unknown": 2, "unknown_left": 0, "resolved": 1, "in_database": 6,
        "equal": False, "broke_at": {"confirm_latency": 1.5, "error_rate": None}, "oversell": {"verdict": "violated", "orders": 3},
    }  # fmt: skip
    told = third_party.table({"platforms": 1, "orders_equal": 0, "rows": [row]})
    for word in ("confirmation latency at 1.5/s", "3 orders beyond 5", "2 (0)", "4 + 1", "NO", "0 of 1 platforms"):
        assert word in told
    assert "third-party" in names()
