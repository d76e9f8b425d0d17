"""The engine in its own process, and a platform that counts what is submitted to it: never more than the budget."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from engine_story import Engine, engine
from locust_story import locust_engine

from surgekit import clock
from surgekit.children import Child


def within(story: Engine, budget: dict[str, int], **plan: Any) -> None:
    """Give the target of ``story`` a budget."""
    story.target["safety"] = {"budget": budget}
    (story.run / "run.json").write_text(json.dumps(story.plan | plan))


def reasons(story: Engine) -> Counter[tuple[str, str | None]]:
    return Counter((row["outcome"], row["reason"]) for row in story.rows("orders"))


@pytest.mark.parametrize(("budget", "most"), [({"units": 10}, 10), ({"money_fen": 1000}, 10), ({"orders": 10}, 10)])
def test_no_more_leaves_than_the_budget_has_though_nobody_has_answered_yet(tmp_path: Path, budget: dict[str, int], most: int) -> None:
    with engine(tmp_path, mute=1, reply="1500ms") as (story, platform):
        within(story, budget)
        story.start()
        last = story.done()
        assert last["stopped"] is False
        assert last["over_budget"].startswith(f"safety.budget.{next(iter(budget))} is used up: ")
        assert platform.keys.total() == most < story.scheduled
        assert reasons(story) == {("unknown", "timeout"): most, ("failed", "budget"): story.scheduled - most}
        assert {row["sent_s"] for row in story.rows("orders") if row["reason"] == "budget"} == {None}
        assert len(story.rows("requests")) == most


def test_every_submission_counts_be_it_a_retry_or_a_second_click(tmp_path: Path) -> None:
    habits = {"classes": {"retail": {"share": 1, "pay": "balance"}}, "patience": 20, "accounts": 5, "double_click": 1, "retry": {"most": 3, "after": 0.1}}
    with engine(tmp_path, mute=1, reply="200ms", buyers=habits) as (story, platform):
        within(story, {"orders": 30})
        story.start()
        assert story.done()["over_budget"] == "safety.budget.orders is used up: 30 submissions were sent; there are 30"
        assert platform.keys.total() == 30
        assert max(platform.keys.values()) > 1
        assert sorted(row["seq"] for row in story.rows("orders")) == list(range(story.scheduled))
        assert reasons(story)["failed", "budget"] >= story.scheduled - 30


def test_orders_that_are_under_way_go_on_to_their_end_and_the_rest_is_told_of_at_once(tmp_path: Path) -> None:
    with engine(tmp_path, seconds=60) as (story, platform):
        within(story, {"orders": 12})
        story.start()
        began = clock.now()
        assert story.done()["over_budget"]
        assert clock.now() - began < 20
        assert reasons(story) == {("confirmed", None): 12, ("failed", "budget"): story.scheduled - 12}
        assert platform.keys.total() == 12


@pytest.mark.parametrize("submissions", [None, [4, 3]])
def test_two_engines_together_stay_within_it(tmp_path: Path, submissions: list[int] | None) -> None:
    with engine(tmp_path, mute=1, reply="500ms") as (story, platform):
        within(story, {"orders": 7} if submissions else {"units": 7}, shards=2, submissions=submissions)
        story.start()
        other = Child("surgekit.engine", [str(story.run), "--shard", "1"], story.run / "other.log")
        try:
            other.ready()
            other.tell(f"start {clock.now()!r}")
            story.done()
            while "done" not in (told := other.said.get(timeout=60) or {"done": False}):
                pass
            assert told["over_budget"].endswith("there are 3 for engine 2 of 2")
        finally:
            other.end()
            assert other.process.stdout is not None
            other.process.stdout.close()
        assert platform.keys.total() == 7


def test_a_task_of_a_locust_user_is_one_submission_of_all_that_its_order_is_for(tmp_path: Path) -> None:
    source = """
class Buyer(HttpUser):
    @task
    def buy(self):
        if order.seq < 3:
            order.rejected("no more")
        self.client.post("/orders/" + order.key, name="/orders")
"""
    with locust_engine(tmp_path, source, in_flight=1000) as (story, shop):
        within(story, {"units": 5})
        story.start()
        assert "safety.budget.units is used up: 5 of card were ordered" in story.done()["over_budget"]
        told = Counter(each["reason"] for each in story.orders())
        assert told == {"no more": 3, None: 5, "budget": story.scheduled - 8}
        assert len(shop.paths) == 8
