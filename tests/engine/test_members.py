"""Accounts of a run: who places an order, and which engine logs an account in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from journey_story import TARGET, order

from surgekit.arrivals.buyers import buyers
from surgekit.engine.loop import Loop
from surgekit.engine.order.members import Members
from surgekit.model import ReplyClass
from surgekit.target import Target
from surgekit.target.plan import compile_plan
from surgekit.target.step import Read

LOGIN = {"steps": [{"request": "POST /login", "form": {"user": "{buyer.account}"}, "replies": [{"class": "ok", "path": "code", "equals": 0}]}]}


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def members(loop: Loop, count: int, shard: tuple[int, int], *, rows: int | None = None, all_names: bool = False, **changed: Any) -> tuple[Members, list[str]]:
    target = Target.model_validate(TARGET | changed)
    asked: list[str] = []

    async def send(_step: Any, values: Any, _jar: Any) -> Read:
        asked.append(str(values["buyer.account"]))
        await loop.pause()
        return Read(ReplyClass.OK, None, {})

    people = buyers(count, 1, locale="en_US", prefix="b")
    listed = None if rows is None else [{"account": f"row{number}"} for number in range(rows)]
    return Members(target, compile_plan(target), people, listed, {}, send, loop=loop, shard=shard, all_names=all_names), asked


@pytest.mark.parametrize("count", [2, 3, 10, 11])
def test_every_account_logs_in_once_over_all_shards(count: int, loop: Loop) -> None:
    asked: list[str] = []
    for shard in range(3):
        made, mine = members(loop, count, (shard, 3), setup=LOGIN)
        loop.run_until(made.login_all([*range(count), *range(count)]))
        asked += mine
    assert len(asked) == len(set(asked)) or count < 3  # with fewer accounts than engines, some are shared
    assert len(set(asked)) == count


def test_without_a_login_an_order_keeps_its_buyer_in_every_shard(loop: Loop) -> None:
    who = [members(loop, 10, (shard, 3), all_names=True)[0].values(order(buyer=4), "k")["buyer.account"] for shard in range(3)]
    assert who == ["b0005"] * 3


def test_an_order_has_the_names_that_its_steps_send_unless_somebodys_code_may_use_any(loop: Loop) -> None:
    few, many = (members(loop, 10, (0, 1), all_names=each)[0].values(order(), "k") for each in (False, True))
    assert few.keys() < many.keys()
    assert few["order.key"] == many["order.key"] == "k"
    assert "buyer.phone" in many.keys() - few.keys()


@pytest.mark.parametrize("rows", [3, 5, 6, 8, 40])
def test_a_file_may_have_more_accounts_than_there_are_buyers_or_fewer(rows: int, loop: Loop) -> None:
    asked: list[str] = []
    for shard in range(2):
        made, mine = members(loop, 5, (shard, 2), rows=rows, setup=LOGIN)
        loop.run_until(made.login_all(range(5)))
        asked += mine
    assert sorted(asked) == [f"row{number}" for number in range(min(rows, 5))]


def test_of_an_account_a_figure_or_two_are_private_only_where_their_column_says_so(loop: Loop) -> None:
    async def send(*_: object) -> Read:
        return Read(ReplyClass.OK, None, {})

    target = Target.model_validate(TARGET)
    row = {"account": "ann", "pin": "917", "level": "3", "note": "of-ann"}
    made = Members(target, compile_plan(target), buyers(1, 1, locale="en_US", prefix="b"), [row], {}, send, loop=loop)
    assert made.private(order(buyer=0)) == ["917", "of-ann"]


def test_whoever_is_cut_while_an_account_logs_in_takes_the_login_from_nobody(loop: Loop) -> None:
    made, asked = members(loop, 2, (0, 1), setup={**LOGIN, "when": "first_order"})

    async def bought() -> str | None:
        return await made.login(order(buyer=1))

    async def all_of_them() -> list[str | None]:
        tasks = [loop.spawn(bought()) for _ in range(3)]
        tasks[0].cut()
        return [await task.wait() for task in tasks[1:]]

    assert loop.run_until(all_of_them()) == [None, None]
    assert asked == ["b0002"]
