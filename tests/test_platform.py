"""What the platform says of itself, and what is made of an odd answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from run_story import TARGET

from surgekit.errors import TargetError
from surgekit.platform import Platform
from surgekit.safety import Origin, origin, resolved
from surgekit.target.schema import Target

COLUMNS = {"order_no": "no", "order_key": "key", "status": "state", "qty": "count", "charges": "times", "amount_fen": "price"}
ROW = {"no": "N1", "key": "K1", "state": "paid", "count": 1, "times": 1, "price": 1000}


class Reply:
    """As much of a reply as is read."""

    status_code = 200

    def __init__(self, data: Any) -> None:
        self.content = json.dumps(data).encode()


def platform(monkeypatch: pytest.MonkeyPatch, data: Any, **columns: str) -> Platform:
    """A platform whose every answer is ``data``."""
    reads = {
        "stock": {"request": "GET /stock", "items": ""},
        "ledger": {"request": "GET /ledger?after={after}", "rows": "rows", "next": "next", "columns": COLUMNS | columns},
    }
    monkeypatch.setattr(Platform, "_request", lambda *_: Reply(data))
    place: Origin = resolved(origin("http://127.0.0.1:1"))
    return Platform(Target.model_validate(TARGET | {"reads": reads}), place, "r")


@pytest.mark.parametrize(
    ("field", "name", "value", "read"),
    [("count", "qty", 3_000_000_000, 3_000_000_000), ("times", "charges", 2**40, 2**40), ("price", "amount_fen", 2**63 - 1, 2**63 - 1),
     ("price", "amount_fen", 2**63, None), ("price", "amount_fen", -(2**63) - 1, None), ("times", "charges", True, None)],
)  # fmt: skip
def test_a_number_that_no_table_can_hold_is_none(monkeypatch: pytest.MonkeyPatch, field: str, name: str, value: Any, read: Any) -> None:
    (row,) = platform(monkeypatch, {"rows": [ROW | {field: value}]}).ledger("")
    assert row[name] == read
    assert row["order_no"] == "N1"


@pytest.mark.parametrize("odd", [2**63, True, 1.5, None])
def test_a_stock_that_is_no_number_is_one_sentence(monkeypatch: pytest.MonkeyPatch, odd: Any) -> None:
    with pytest.raises(TargetError, match=r"reads\.stock: game: total and unsold are not both whole numbers"):
        platform(monkeypatch, {"game": {"total": odd, "unsold": 1}}).stock()


@pytest.mark.parametrize("column", ["order_no", "order_key", "status"])
def test_a_misspelt_column_is_no_empty_ledger(monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    """Every order would be read as "not there", which counts as proof that nothing happened to it."""
    with pytest.raises(TargetError, match=rf"reads\.ledger\.columns\.{column}: no row has a field 'typo'; there are count, key, no, price, state, times"):
        list(platform(monkeypatch, {"rows": [ROW, ROW]}, **{column: "typo"}).ledger(""))


def test_a_column_that_some_rows_have_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders of others may have no key of ours."""
    rows = [{"no": "N9", "state": "paid"}, ROW, {"no": "N8", "state": "paid"}]
    assert [row["order_key"] for row in platform(monkeypatch, {"rows": rows}).ledger("")] == [None, "K1", None]


def test_an_empty_ledger_has_no_column_and_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(platform(monkeypatch, {"rows": []}).ledger("")) == []
