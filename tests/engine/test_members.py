"""Accounts of a run: who places an order, and which engine logs an account in."""

from __future__ import annotations

from typing import Any

import pytest
from journey_story import TARGET, order

from surgekit.arrivals.buyers import buyers
from surgekit.engine.members import Members
from surgekit.model import ReplyClass
from surgekit.target import Target
from surgekit.target.plan import compile_plan
from surgekit.target.step import Read

LOGIN = {"steps": [{"request": "POST /login", "form": {"user": "{buyer.account}"}, "replies": [{"class": "ok", "path": "code", "equals": 0}]}]}


def members(count: int, shard: tuple[int, int], *, rows: int | None = None, **changed: Any) -> tuple[Members, list[str]]:
    target = Target.model_validate(TARGET | changed)
    asked: list[str] = []

    def send(_step: Any, values: Any, _jar: Any) -> Read:
        asked.append(str(values["buyer.account"]))
        return Read(ReplyClass.OK, None, {})

    people = buyers(count, 1, locale="en_US", prefix="b")
    listed = None if rows is None else [{"account": f"row{number}"} for number in range(rows)]
    return Members(target, compile_plan(target), people, listed, {}, send, shard=shard), asked


@pytest.mark.parametrize("count", [2, 3, 10, 11])
def test_every_account_logs_in_once_over_all_shards(count: int) -> None:
    asked: list[str] = []
    for shard in range(3):
        made, mine = members(count, (shard, 3), setup=LOGIN)
        made.login_all([*range(count), *range(count)])
        asked += mine
    assert len(asked) == len(set(asked)) or count < 3  # with fewer accounts than engines, some are shared
    assert len(set(asked)) == count


def test_without_a_login_an_order_keeps_its_buyer_in_every_shard() -> None:
    who = [members(10, (shard, 3))[0].values(order(buyer=4), "k")["buyer.account"] for shard in range(3)]
    assert who == ["b0005"] * 3


@pytest.mark.parametrize("rows", [3, 5, 6, 8, 40])
def test_a_file_may_have_more_accounts_than_there_are_buyers_or_fewer(rows: int) -> None:
    asked: list[str] = []
    for shard in range(2):
        made, mine = members(5, (shard, 2), rows=rows, setup=LOGIN)
        made.login_all(range(5))
        asked += mine
    assert sorted(asked) == [f"row{number}" for number in range(min(rows, 5))]


def test_of_an_account_a_figure_or_two_are_private_only_where_their_column_says_so() -> None:
    target = Target.model_validate(TARGET)
    row = {"account": "ann", "pin": "917", "level": "3", "note": "of-ann"}
    made = Members(target, compile_plan(target), buyers(1, 1, locale="en_US", prefix="b"), [row], {}, lambda *_: Read(ReplyClass.OK, None, {}), shard=(0, 1))
    assert made.private(order(buyer=0)) == ["917", "of-ann"]
