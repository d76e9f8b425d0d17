"""The files with which the third-party shops are surged: read and compiled, without the shops."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgekit import profile
from surgekit.arrivals.schedule import by_name, product_weights
from surgekit.target import load
from surgekit.target.plan import compile_plan

from . import blasts, oscar, vendure

HERE = Path(__file__).parent


@pytest.mark.parametrize(("name", "cards"), [("oscar", oscar.CARDS), ("vendure", vendure.CARDS)])
def test_a_target_compiles_and_has_the_cards_that_the_shop_is_filled_with(name: str, cards: tuple[dict[str, object], ...]) -> None:
    told = load(str(HERE / f"{name}.yaml"))
    compile_plan(told)
    assert [(each.sku, each.stock, f"{each.price_fen / 100:.2f}") for each in told.catalogue] == [
        (card["sku"], card["stock"], card["price"]) for card in cards
    ]
    assert told.timeouts.reply < blasts.FROZEN_S  # or nobody would be left without an answer


@pytest.mark.parametrize("name", ["even", "flash", "freeze", "climb"])
def test_a_profile_fits_both_shops_and_nobody_orders_twice(name: str) -> None:
    shape = profile.load(str(HERE / f"{name}.yaml"))
    assert shape.buyers.retry.most == 0
    for platform in blasts.PLATFORMS.values():
        told = load(str(HERE / f"{platform.name}.yaml"))
        product_weights(shape, told.skus)
        by_name(shape.products.stock, told.skus, name)
        assert name in platform.peaks
