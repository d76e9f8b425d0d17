"""How many orders a surge has is no estimate: it is what the engines will draw."""

from __future__ import annotations

import pytest

from surgekit.arrivals import Shard, schedule
from surgekit.errors import ConfigError
from surgekit.profile import Profile
from surgekit.safety.allowance import Demand, allotted, demand, most_orders, share, within_orders
from surgekit.target import Target

PROFILE = Profile.model_validate(
    {
        "schema": "surgekit.profile/1", "name": "small", "phases": [{"name": "only", "duration": 10, "rate": 10}], "products": {"zipf": 1},
        "buyers": {"classes": {"retail": {"share": 1}}, "patience": 5, "double_click": 0.3},
    }
)  # fmt: skip
SHOP = {
    "schema": "surgekit.target/1", "name": "shop", "base_url": "http://127.0.0.1:9", "catalogue": [{"sku": "game", "price_fen": 100}],
    "steps": {"submit": {"request": "POST /orders", "replies": [{"class": "ok", "path": "code", "equals": 0}]}},
}  # fmt: skip
TARGET = Target.model_validate(SHOP | {"safety": {"budget": {"orders": 100}}})


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("seed", range(10))
def test_counted_are_the_very_orders_and_second_clicks_that_are_drawn(seed: int, shards: int) -> None:
    need = demand(PROFILE, TARGET, seed, shards, 100)
    lines = [schedule(PROFILE, TARGET.skus, seed, Shard(index, shards)) for index in range(shards)]
    assert need.orders == tuple(map(len, lines))
    assert need.twice == tuple(sum(each.double_click for each in line.orders()) for line in lines)
    assert need.submissions > 100  # in all ten, by the second clicks
    with pytest.raises(ConfigError, match=rf"has \d+ orders, \d+ of which are clicked twice, with seed {seed}, and safety.budget.orders of target shop is 100"):
        within_orders(TARGET, PROFILE, need, seed)
    within_orders(Target.model_validate(SHOP), PROFILE, need, seed)


def test_what_one_seed_has_too_many_of_another_has_not() -> None:
    profile = PROFILE.model_copy(update={"buyers": PROFILE.buyers.model_copy(update={"double_click": 0.0})})
    needs = {seed: demand(profile, TARGET, seed, 1, 100) for seed in range(30)}
    refused = []
    for seed, need in needs.items():
        try:
            within_orders(TARGET, profile, need, seed)
        except ConfigError:
            refused.append(seed)
    assert refused == [seed for seed, need in needs.items() if need.orders[0] > 100]
    assert 5 < len(refused) < 25


def test_what_is_far_beyond_is_not_drawn() -> None:
    huge = PROFILE.model_copy(update={"orders": 40_000_000})
    assert demand(huge, TARGET, 1, 2, 100) == Demand((40_000_000, 0), (0, 0))


@pytest.mark.parametrize(("total", "shards"), [(10, 3), (2, 4), (1, 1), (7, 7)])
def test_shares_are_all_of_it_and_never_more(total: int, shards: int) -> None:
    assert sum(share(total, index, shards) for index in range(shards)) == total


def test_each_engine_may_send_what_it_needs_and_its_share_of_the_rest() -> None:
    assert allotted(105, Demand((52, 40), (3, 5))) == [58, 47]
    assert allotted(101, Demand((52, 40), (3, 5))) == [56, 45]
    assert allotted(100, Demand((52, 40), (3, 5))) == [55, 45]


def test_the_tightest_limit_counts() -> None:
    assert (most_orders(None, None), most_orders(5, None), most_orders(None, 7), most_orders(9, 7)) == (None, 5, 7, 7)
