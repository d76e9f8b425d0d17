"""What a profile may say, and how a mistake in it is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from surgekit import catalogue, profile, target, yamlfile
from surgekit.arrivals.schedule import by_name, curve, product_weights
from surgekit.chaos import faults
from surgekit.errors import ConfigError
from surgekit.profile.schema import Profile

SURGE: dict[str, Any] = {
    "schema": "surgekit.profile/1",
    "name": "surge",
    "phases": [{"name": "up", "duration": "10s", "rate": {"from": 1, "to": 9}}, {"name": "top", "duration": 20, "rate": 9}],
    "products": {"zipf": 1.0},
    "buyers": {"classes": {"retail": {"share": 1}}},
}


def surge(change: str = "", value: Any = None) -> Profile:
    """The surge above, with ``value`` at the place ``change`` names; None takes it away."""
    data = copy.deepcopy(SURGE)
    if change:
        *way, last = [int(word) if word.isdecimal() else word for word in change.split(".")]
        inner: Any = data
        for word in way:
            inner = inner[word]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return yamlfile.parse(yaml.safe_dump(data, sort_keys=False), Profile, name="p.yaml")


def test_the_surge_of_these_tests_is_right() -> None:
    assert (surge().duration, surge().peak) == (30, 9)


MISTAKES = [
    ("schema", "surgekit.profile/2", "schema: should be 'surgekit.profile/1' (found 'surgekit.profile/2')"),
    ("name", 618, "name: text is wanted; put it into quotes (found 618)"),
    ("name", "a/b", "name: string should match pattern"),
    ("name", "", "name: string should have at least 1 character"),
    ("seed", -1, "seed: should be greater than or equal to 0 (found -1)"),
    ("seed", True, "seed: a number is wanted (found true)"),
    ("phases", [], "phases: list should have at least 1 item"),
    ("phases.1.name", "up", "phases: two phases are named up; a report must tell them apart"),
    ("phases.1.rate", -1, "phases[1].rate: should be greater than or equal to 0 (found -1)"),
    ("phases.1.rate", "fast", "phases[1].rate: a number is wanted (found 'fast')"),
    ("phases.1.rate", float("nan"), "phases[1].rate: should be greater than or equal to 0 (found nan)"),
    ("phases.1.rate", float("inf"), "phases[1].rate: should be less than or equal to 1000000 (found inf)"),
    ("phases.1.rate", {"from": 1, "too": 2}, "phases[1].rate.to: is missing"),
    ("phases.1.rate", {"from": 1, "to": 2, "curve": "cubic"}, "phases[1].rate.curve: should be 'linear' or 'exponential' (found 'cubic')"),
    ("phases.1.rate", {"from": 0, "to": 2, "curve": "exponential"}, "phases[1].rate: an exponential curve needs rates above 0 at both ends"),
    ("phases.1.rate", {"from": 1e-320, "to": 2, "curve": "exponential"}, "phases[1].rate: an exponential curve needs rates above 0 at both"),
    ("phases.1.rate", {"from": 1, "to": 2, "form": 1}, "phases[1].rate.form: no such field; did you mean from?"),
    ("phases.1.rate", {"from_": 1, "to": 2}, "phases[1].rate.from: is missing"),
    ("phases.1.duration", 0, "phases[1].duration: should be greater than 0 (found 0)"),
    ("phases.1.duration", "24h", "phases: the phases last more than 24 h together"),
    ("phases", [{"name": "a", "duration": 1, "rate": 0}], "phases: no phase has a rate above 0, so nothing would arrive"),
    ("orders", 0, "orders: should be greater than or equal to 1 (found 0)"),
    ("orders", 1.5, "orders: a whole number is wanted (found 1.5)"),
    ("products", {}, "products: give either zipf (an exponent) or shares (by rank or SKU), one of the two"),
    ("products", {"zipf": 1, "shares": {"1": 1}}, "products: give either zipf (an exponent) or shares"),
    ("products", {"shares": {1: 0}}, "products: the shares add up to 0"),
    ("products", {"shares": {1: -1}}, "products.shares.1: should be greater than or equal to 0 (found -1)"),
    ("products", {"zipf": 6}, "products.zipf: should be less than or equal to 5 (found 6)"),
    ("products.qty", {0: 1}, "products.qty.0: should be greater than or equal to 1"),
    ("products.qty", {1: 0}, "products: the weights of qty add up to 0"),
    ("products.qty", {1: 1e308, 2: 1e308}, "products.qty.1: should be less than or equal to 1000000000"),
    ("products.stock", {1: -1}, "products.stock.1: should be greater than or equal to 0 (found -1)"),
    ("buyers.classes", {}, "buyers.classes: dictionary should have at least 1 item"),
    ("buyers.classes.retail.share", 0, "buyers: the shares of the classes add up to 0"),
    ("buyers.classes.retail.pay", "cash", "buyers.classes.retail.pay: should be 'balance' or 'gateway' (found 'cash')"),
    ("buyers.classes.retail.qty", {1: 0}, "buyers.classes.retail.qty: the weights of qty add up to 0"),
    ("buyers.browse", True, "buyers.browse: a number is wanted (found true)"),
    ("buyers.patience", "0s", "buyers.patience: should be greater than 0 (found '0s')"),
    ("buyers.poll_every", "1ms", "buyers.poll_every: should be greater than or equal to 0.01"),
    ("buyers.polle_every", "1s", "buyers.polle_every: no such field; did you mean poll_every?"),
    ("limits", {"late_share": 1}, "limits: a share of 1 or more can never be exceeded"),
    ("limits", {"window": "500ms"}, "limits.window: should be greater than or equal to 1"),
    ("faults", ["supplier slow"], "faults[0]: a fault is written NAME, NAME@START or NAME@START+LENGTH, such as supplier-slow@30s+20s (found"),
    ("faults", ["a", "b@soon"], "faults[1]: a duration such as 30s"),
    ("faults", ["a@1s+0s"], "faults[0]: should be greater than 0"),
    ("faults", [{"fault": "a", "lenght": 3}], "faults[0].lenght: no such field; did you mean length?"),
    ("faults", "a@3s", "faults: a list is wanted, with a dash before each item or [in, brackets] (found 'a@3s')"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "value", "said"), MISTAKES, ids=[f"{change} {said[:30]}" for change, _, said in MISTAKES])
def test_each_mistake_names_its_place(change: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        surge(change, value)
    first = str(raised.value).splitlines()[0]
    assert first.startswith("p.yaml:")
    assert said in first


@pytest.mark.parametrize("change", ["schema", "name", "phases", "products", "buyers", "buyers.classes", "phases.0.name", "phases.0.rate"])
def test_a_missing_field_is_said_to_be_missing(change: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:\d+: [a-z.\[\]0]+: is missing$"):
        surge(change)


def test_a_wrong_rate_is_told_once() -> None:
    """A rate is a number or a ramp; what is wrong with the one is not also told as if it were the other."""
    with pytest.raises(ConfigError) as raised:
        surge("phases.1.rate", -1)
    assert len(str(raised.value).splitlines()) == 1


def test_ranks_may_be_written_as_numbers() -> None:
    assert surge("products", {"shares": {1: 2, "skin": 1}, "stock": {1: 5}}).products.shares == {1: 2, "skin": 1}


def test_ranks_and_names_become_skus() -> None:
    assert by_name({"2": 5, "a": 1}, ["a", "b"], "p") == {"b": 5, "a": 1}


def test_a_product_that_is_called_like_a_rank_is_meant_itself() -> None:
    assert by_name({"2": 5}, ["2", "b"], "p") == {"2": 5}


@pytest.mark.parametrize("name", ["3", "0", "-1", "²", "x", "", "1.0", "9" * 500])
def test_a_product_that_is_not_sold_is_said_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        by_name({name: 1}, ["a", "b"], "profile p: products.shares")
    assert str(raised.value) == f"profile p: products.shares.{name}: the target sells a, b (or name a rank, 1 to 2)"


def test_a_number_is_a_rank_even_where_a_product_is_called_like_it() -> None:
    """Shops in PHP number their products, and the hottest need not be number 1."""
    for name, bought in ((1, "2"), ("1", "1")):
        made = surge("products", {"shares": {name: 3}, "stock": {name: 4}})
        again = Profile.model_validate_json(made.model_dump_json(by_alias=True, exclude_unset=True))
        assert again.products == made.products
        assert by_name(again.products.shares or {}, ["2", "1"], "p") == {bought: 3.0}
        assert by_name(again.products.stock, ["2", "1"], "p") == {bought: 4}


def test_a_rank_beyond_a_small_catalogue_means_its_last_product() -> None:
    assert product_weights(surge("products", {"shares": {1: 5, 2: 3, 6: 2}}), ["a", "b"]) == [5, 5]


def test_an_sku_that_is_not_sold_is_no_rank_beyond_the_catalogue() -> None:
    with pytest.raises(ConfigError, match="the target sells a, b"):
        product_weights(surge("products", {"shares": {"9": 1}}), ["a", "b"])


def test_a_product_given_twice_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"p\.1: a is given twice, by name and by rank"):
        by_name({"a": 1, "1": 2}, ["a", "b"], "p")


def test_a_long_catalogue_is_not_read_out() -> None:
    with pytest.raises(ConfigError, match=r"sells s0, .*s11, … \(or name a rank, 1 to 10000\)") as raised:
        by_name({"x": 1}, [f"s{n}" for n in range(10_000)], "p")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("name", catalogue.names("profiles"))
class TestShippedProfiles:
    def test_it_is_called_like_its_file(self, name: str) -> None:
        assert profile.load(name).name == name

    @pytest.mark.parametrize("shop", catalogue.names("targets"))
    def test_it_fits_the_shipped_targets(self, name: str, shop: str) -> None:
        loaded, platform = profile.load(name), target.load(shop)
        assert sum(product_weights(loaded, platform.skus)) > 0
        assert by_name(loaded.products.stock, platform.skus, name).keys() <= set(platform.skus)
        assert platform.steps is not None
        ways = platform.steps.pay.keys()
        assert {kind.pay for kind in loaded.buyers.classes.values()} <= ways or len(ways) == 1  # then all buyers pay so

    def test_a_small_machine_carries_it_in_two_minutes(self, name: str) -> None:
        loaded = profile.load(name)
        assert 45 <= loaded.duration <= 120
        assert loaded.peak <= 90

    def test_its_faults_exist_and_happen_during_the_surge(self, name: str) -> None:
        loaded = profile.load(name)
        for plan in loaded.faults:
            assert faults.find(plan.fault)
            assert plan.start + (plan.length or 0) <= loaded.duration

    def test_it_says_where_its_shape_comes_from(self, name: str) -> None:
        lines = (catalogue.folder("profiles") / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        assert sum(line.startswith("# ") for line in lines) >= 4
        assert profile.load(name).about


def test_oversell_has_5000_orders_of_one_unit_for_2000_cards() -> None:
    loaded = profile.load("oversell")
    assert (loaded.orders, loaded.products.stock, loaded.products.shares) == (5000, {1: 2000}, {1: 1})
    assert loaded.products.qty == {1: 1}
    assert all(kind.qty is None for kind in loaded.buyers.classes.values())
    assert (loaded.buyers.browse, loaded.buyers.double_click, loaded.buyers.retry.most, loaded.faults) == (0, 0, 0, [])
    assert abs(curve(loaded).total - 5000) < 1  # what --dry-run shows as rates is what happens


def test_editors_are_told_that_a_duration_may_be_words() -> None:
    duration = Profile.model_json_schema()["$defs"]["Phase"]["properties"]["duration"]
    assert {each["type"] for each in duration["anyOf"]} == {"number", "string"}
