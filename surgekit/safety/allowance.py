"""How many orders a surge has, and how many it may send: known before it begins, since the schedule is drawn from its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surgekit.arrivals import Shard, schedule
from surgekit.arrivals.schedule import curve
from surgekit.errors import ConfigError
from surgekit.profile.schema import Profile
from surgekit.target.schema import Target

FAR, MORE = 2, 10_000


@dataclass(frozen=True, slots=True)
class Demand:
    """What each shard of a surge submits if nothing goes wrong: its orders, and of these so many a second time, by double clicks."""

    orders: tuple[int, ...]
    twice: tuple[int, ...]

    @property
    def submissions(self) -> int:
        return sum(self.orders) + sum(self.twice)

    def words(self) -> str:
        """As in "has 94 orders"."""
        twice = sum(self.twice)
        return f"{sum(self.orders):,} orders" + (f", {twice:,} of which are clicked twice," if twice else "")


def demand(profile: Profile, target: Target, seed: int, shards: int, most: int) -> Demand:
    """The very orders that the engines will draw, counted. A Locust user is called once for each, whatever it then does.

    What is by far more than ``most`` is not drawn: the expected number stands for it.
    """
    expected = profile.orders or curve(profile).total
    if expected > FAR * most + MORE:
        return Demand((round(expected),) + (0,) * (shards - 1), (0,) * shards)
    orders, twice = [], []
    for index in range(shards):
        drawn = schedule(profile, target.skus, seed, Shard(index, shards))
        orders.append(len(drawn))
        twice.append(0 if target.locust is not None else int(np.count_nonzero(drawn.double_click)))
    return Demand(tuple(orders), tuple(twice))


def share(total: int, shard: int, shards: int) -> int:
    """Of ``total``, what shard number ``shard`` has. Together the shards have all of it, and never more."""
    return total // shards + (shard < total % shards)


def allotted(most: int, need: Demand) -> list[int]:
    """Of ``most`` submissions, how many each shard may send: what it needs, and of the rest its share."""
    needs = [orders + twice for orders, twice in zip(need.orders, need.twice, strict=True)]
    rest = most - sum(needs)
    return [each + share(rest, shard, len(needs)) for shard, each in enumerate(needs)]


def most_orders(*limits: int | None) -> int | None:
    """The tightest of the limits that there are."""
    given: Sequence[int] = [each for each in limits if each is not None]
    return min(given, default=None)


def within_rate(target: Target, profile: Profile) -> None:
    """Raises ``ConfigError`` where the surge peaks beyond ``safety.budget.rate``."""
    rate = target.safety.budget.rate
    if rate is not None and profile.peak > rate:
        raise ConfigError(
            f"profile {profile.name} peaks at {profile.peak:g} orders/s, and safety.budget.rate of target {target.name} is {rate:g}; lower --peak"
        )


def within_orders(target: Target, profile: Profile, need: Demand, seed: int) -> None:
    """Raises ``ConfigError`` where the surge's own orders are more than ``safety.budget.orders``; retries are counted as they are sent."""
    most = target.safety.budget.orders
    if most is not None and need.submissions > most:
        raise ConfigError(
            f"profile {profile.name} has {need.words()} with seed {seed}, and safety.budget.orders of target {target.name} is {most:,}; "
            "shorten it with --duration or lower --peak"
        )
