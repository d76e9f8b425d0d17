"""The schedule is a pure function of (profile, seed, shard), and every order of it is in its place."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest
from arrivals_world import CATALOGUE, columns, surge

from surgekit import seeds
from surgekit.arrivals.schedule import Schedule, Shard, schedule
from surgekit.errors import ConfigError


def made(seed: int = 1, shard: Shard | None = None, **more: object) -> Schedule:
    return schedule(surge(**more), CATALOGUE, seed, shard)


@pytest.mark.parametrize("shard", [Shard(0, 1), Shard(1, 2)])
@pytest.mark.parametrize("orders", [None, 500])
def test_the_same_seed_gives_the_same_schedule(shard: Shard, orders: int | None) -> None:
    assert columns(made(7, shard, orders=orders)) == columns(made(7, shard, orders=orders))


def test_no_column_is_forgotten_by_that_comparison() -> None:
    fields = {field.name for field in dataclasses.fields(Schedule)}
    assert set(columns(made())) == fields - {"shard", "skus", "classes", "phases", "pay_by"} | {"seq"}


def test_another_seed_gives_another_schedule_in_every_column() -> None:
    one, other = columns(made(7, orders=500)), columns(made(8, orders=500))
    assert {name for name in one if one[name] == other[name]} == {"seq"}


def test_another_shard_gives_another_schedule_in_every_column() -> None:
    one, other = columns(made(7, Shard(0, 2), orders=500)), columns(made(7, Shard(1, 2), orders=500))
    assert {name for name in one if one[name] == other[name]} == set()


def test_what_is_not_about_arrivals_changes_no_arrival() -> None:
    """Each purpose has a stream of its own: other products move nobody, and change nobody's manners."""
    one, other = columns(made()), columns(made(products={"shares": {"1": 1}}))
    assert {name for name in one if one[name] != other[name]} == {"sku", "qty"}


@pytest.mark.parametrize("shards", [1, 2, 5, 50])
def test_every_order_has_a_number_of_its_own(shards: int) -> None:
    numbers = np.concatenate([made(shard=Shard(index, shards)).seq for index in range(shards)])
    assert len(np.unique(numbers)) == len(numbers) > 500


def test_a_shard_needs_no_other() -> None:
    """Drawn last, first or alone, it is the same."""
    alone = columns(made(3, Shard(4, 5)))
    for index in range(4):
        made(3, Shard(index, 5))
    assert columns(made(3, Shard(4, 5))) == alone


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize("orders", [1, 2, 500, 501])
def test_a_fixed_number_of_orders_is_exact(orders: int, shards: int) -> None:
    parts = [len(made(seed, Shard(index, shards), orders=orders)) for seed in (1,) for index in range(shards)]
    assert sum(parts) == orders
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize("orders", [None, 1000])
def test_nothing_arrives_in_a_phase_of_rate_0(orders: int | None) -> None:
    for seed in range(20):
        line = made(seed, orders=orders)
        assert not {line.phases[phase] for phase in set(line.phase.tolist())} & {"silence", "hole"}


@pytest.mark.parametrize("orders", [None, 1000])
def test_orders_come_in_order_and_within_the_run(orders: int | None) -> None:
    line = made(orders=orders)
    assert np.all(np.diff(line.intended_s) >= 0)
    assert 5 <= line.intended_s[0] <= line.intended_s[-1] < surge().duration


def test_one_by_one_the_orders_say_what_the_columns_say() -> None:
    line = made(shard=Shard(1, 3))
    orders = list(line.orders())
    told = columns(line)
    for name in ("seq", "intended_s", "qty", "buyer", "browses", "double_click", "think_quote_s", "think_pay_s"):
        assert [getattr(order, name) for order in orders] == told[name]
    assert [order.sku for order in orders] == [line.skus[sku] for sku in told["sku"]]
    assert [order.buyer_class for order in orders] == [line.classes[kind] for kind in told["buyer_class"]]
    assert [order.phase for order in orders] == [line.phases[phase] for phase in told["phase"]]
    assert {(order.buyer_class, order.pay_by) for order in orders} == {("retail", "gateway"), ("vip", "balance"), ("reseller", "balance")}
    assert {order.shard for order in orders} == {1}


def test_a_schedule_can_be_empty() -> None:
    line = schedule(surge(phases=[{"name": "a", "duration": "1s", "rate": 1e-9}]), CATALOGUE, 1)
    assert len(line) == 0
    assert list(line.orders()) == []


@pytest.mark.parametrize(("index", "of"), [(-1, 1), (1, 1), (0, 0), (5, 2)])
def test_a_shard_that_does_not_exist_is_refused(index: int, of: int) -> None:
    with pytest.raises(ValueError, match=f"shard {index} of {of}"):
        Shard(index, of)


def test_a_product_that_the_target_does_not_sell_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"profile surge: products\.shares\.x7: the target sells a, b, c, d, e, f"):
        made(products={"shares": {"x7": 1}})


@pytest.mark.parametrize("fixed", [True, False])
def test_a_million_orders_are_no_more_draws_than_ten(fixed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are drawn whole; an order at a time, a million of them would take a minute."""
    calls: list[str] = []

    class Counting:
        def __init__(self, *name: object) -> None:
            self._stream = seeds.rng(*name)  # type: ignore[arg-type]

        def __getattr__(self, method: str) -> object:
            calls.append(method)
            return getattr(self._stream, method)

    def drawn(orders: int) -> list[str]:
        calls.clear()
        rate = [{"name": "a", "duration": "10s", "rate": orders / 10}]
        line = made(orders=orders) if fixed else made(phases=rate)
        assert abs(len(line) - orders) <= 6 * orders**0.5
        return list(calls)

    monkeypatch.setattr(importlib.import_module("surgekit.arrivals.schedule"), "rng", Counting)
    assert drawn(1_000_000) == drawn(10)


@pytest.mark.parametrize(("shard", "of"), [(0, 1), (2, 3)])
def test_orders_come_one_by_one_as_the_columns_have_them(shard: int, of: int) -> None:
    """More of them than there are in one block."""
    whole = made(5, Shard(shard, of), orders=1000)
    orders = list(whole.orders())
    assert len(orders) == len(whole) > 256
    for name in ("seq", "intended_s", "qty", "buyer", "browses", "double_click", "think_quote_s", "think_pay_s", "cold"):
        assert [getattr(order, name) for order in orders] == getattr(whole, name).tolist()
    assert [order.sku for order in orders] == [whole.skus[number] for number in whole.sku]
    assert [(order.buyer_class, order.pay_by) for order in orders] == [(whole.classes[number], whole.pay_by[number]) for number in whole.buyer_class]
    assert [order.phase for order in orders] == [whole.phases[number] for number in whole.phase]
    assert {order.shard for order in orders} == {shard}
    assert type(orders[0].seq) is type(orders[0].qty) is int


def test_a_long_surge_takes_little_room() -> None:
    """An hour at a thousand a second has to fit: at most 50 bytes an order."""
    whole = made(5, orders=20_000)
    arrays = [getattr(whole, field.name) for field in dataclasses.fields(Schedule)]
    held = sum(array.nbytes if array.strides != (0,) else 8 for array in arrays if isinstance(array, np.ndarray))
    assert held <= 50 * len(whole)
