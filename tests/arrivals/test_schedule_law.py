"""What arrives has the law that the profile describes: a Poisson process of its rate, in one shard or in many.

Every test has its own fixed seeds, so that it gives the same answer each time; its bound is what a right schedule would
exceed less than once in 10,000 choices of seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from arrivals_world import CATALOGUE, columns, gaps, surge, union
from scipy import stats

from surgekit.arrivals.schedule import Shard, curve, schedule

SEEDS = range(200)
ALPHA = 0.001
MOST_REJECTS = int(stats.binom.isf(1e-4, len(SEEDS), ALPHA))  # 3: chance alone rejects 0.2 of 200


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_rescaled_gaps_are_exponential(shards: int) -> None:
    profile = surge()
    rejects = sum(stats.kstest(gaps(profile, union(profile, seed, shards)), "expon").pvalue < ALPHA for seed in SEEDS)
    assert rejects <= MOST_REJECTS


@pytest.mark.parametrize("shards", [2, 5])
def test_sharded_and_whole_have_the_same_gaps(shards: int) -> None:
    """Seeds apart, since the two are to have the same law and not the same draws."""
    profile = surge()
    rejects = sum(
        stats.ks_2samp(gaps(profile, union(profile, seed, shards)), gaps(profile, union(profile, 10_000 + seed, 1))).pvalue < ALPHA
        for seed in SEEDS
    )
    assert rejects <= MOST_REJECTS


def test_that_statistic_sees_shards_that_draw_alike() -> None:
    """Two shards with one stream between them: the mistake the tests above are there for."""
    profile = surge()
    for seed in range(20):
        half = schedule(profile, CATALOGUE, seed, Shard(0, 2)).intended_s
        assert stats.kstest(gaps(profile, np.sort(np.concatenate([half, half]))), "expon").pvalue < ALPHA


def test_that_statistic_sees_a_wrong_curve() -> None:
    ramp = surge(phases=[{"name": "r", "duration": "50s", "rate": {"from": 0, "to": 40}}])
    growth = surge(phases=[{"name": "r", "duration": "50s", "rate": {"from": 1, "to": 40, "curve": "exponential"}}])
    for seed in range(20):
        assert stats.kstest(gaps(growth, union(ramp, seed, 1)), "expon").pvalue < ALPHA


def test_neighbouring_gaps_know_nothing_of_each_other() -> None:
    profile = surge()
    pairs = [gaps(profile, union(profile, seed, 2)) for seed in SEEDS]
    before, after = np.concatenate([each[:-1] for each in pairs]), np.concatenate([each[1:] for each in pairs])
    assert abs(stats.pearsonr(before, after).statistic) < 4 / np.sqrt(len(before))


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_counts_are_poisson(shards: int) -> None:
    """Mean as promised, and variance equal to the mean: neither a fixed count nor a clustered one."""
    profile = surge()
    expected = curve(profile).total
    counts = np.asarray([len(union(profile, seed, shards)) for seed in SEEDS])
    assert abs(counts.mean() - expected) < 4 * np.sqrt(expected / len(SEEDS))
    dispersion = ((counts - expected) ** 2).sum() / expected
    assert stats.chi2.ppf(5e-5, len(SEEDS)) < dispersion < stats.chi2.isf(5e-5, len(SEEDS))


def test_counts_of_shards_know_nothing_of_each_other() -> None:
    profile = surge()
    counts = np.asarray([[len(schedule(profile, CATALOGUE, seed, Shard(index, 2))) for index in (0, 1)] for seed in SEEDS])
    assert abs(stats.pearsonr(counts[:, 0], counts[:, 1]).statistic) < 4 / np.sqrt(len(SEEDS))


def test_each_phase_gets_its_part() -> None:
    profile = surge()
    line = curve(profile)
    ends = line.expected(np.cumsum([segment.length for segment in line.segments]))
    expected = np.diff(ends, prepend=0.0) * len(SEEDS)
    found = sum(np.bincount(schedule(profile, CATALOGUE, seed).phase, minlength=len(expected)) for seed in SEEDS)
    busy = expected > 0
    assert stats.chi2.sf((((found - expected)[busy]) ** 2 / expected[busy]).sum(), int(busy.sum())) > 1e-4


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_with_a_fixed_count_the_times_are_independent_draws_from_the_curve(shards: int) -> None:
    profile = surge(orders=400)
    line = curve(profile)
    rejects = sum(stats.kstest(line.expected(union(profile, seed, shards)) / line.total, "uniform").pvalue < ALPHA for seed in SEEDS)
    assert rejects <= MOST_REJECTS


def chi_square(found: list[int], shares: list[float]) -> float:
    """The p-value of counts that should have these shares."""
    observed = np.bincount(found, minlength=len(shares))
    wanted = np.asarray(shares) / sum(shares)
    assert not observed[wanted == 0].any()
    return float(stats.chisquare(observed[wanted > 0], wanted[wanted > 0] * observed.sum()).pvalue)


MANY = {"orders": 40_000}


def test_products_have_zipf_shares() -> None:
    drawn = columns(schedule(surge(products={"zipf": 1.2}, **MANY), CATALOGUE, 1))["sku"]
    assert chi_square(drawn, [1 / rank**1.2 for rank in range(1, 7)]) > 1e-4


def test_products_have_the_shares_that_are_given_and_no_others() -> None:
    drawn = columns(schedule(surge(products={"shares": {"f": 3, "2": 1}}, **MANY), CATALOGUE, 1))["sku"]
    assert chi_square(drawn, [0, 1, 0, 0, 0, 3]) > 1e-4


def test_classes_have_their_shares() -> None:
    assert chi_square(columns(schedule(surge(**MANY), CATALOGUE, 1))["buyer_class"], [0.7, 0.2, 0.1]) > 1e-4


def test_quantities_are_those_of_the_class_where_it_has_some() -> None:
    made = columns(schedule(surge(**MANY), CATALOGUE, 1))
    pairs = list(zip(made["buyer_class"], made["qty"], strict=True))
    assert chi_square([qty for kind, qty in pairs if kind != 2], [0, 0.9, 0.1]) > 1e-4
    assert chi_square([qty for kind, qty in pairs if kind == 2], [0, 0, 0.5, 0, 0, 0.5]) > 1e-4


def test_double_clicks_are_those_of_the_class_where_it_has_some() -> None:
    made = columns(schedule(surge(**MANY), CATALOGUE, 1))
    pairs = list(zip(made["buyer_class"], made["double_click"], strict=True))
    assert chi_square([twice for kind, twice in pairs if kind != 1], [0.9, 0.1]) > 1e-4
    assert not any(twice for kind, twice in pairs if kind == 1)


def test_browsers_have_their_share() -> None:
    assert chi_square(columns(schedule(surge(**MANY), CATALOGUE, 1))["browses"], [0.75, 0.25]) > 1e-4


def test_accounts_are_equally_likely() -> None:
    assert chi_square(columns(schedule(surge(**MANY), CATALOGUE, 1))["buyer"], [1] * 50) > 1e-4


def test_pauses_are_lognormal_around_their_median() -> None:
    made = schedule(surge(**MANY), CATALOGUE, 1)
    for drawn, median in ((made.think_quote_s, 0.3), (made.think_pay_s, 0.4)):
        assert stats.kstest(np.log(drawn / median), stats.norm(0, 0.5).cdf).pvalue > 1e-4


def test_marks_know_nothing_of_each_other() -> None:
    """Streams apart: who buys, what, and whether they look first are independent."""
    made = schedule(surge(**MANY), CATALOGUE, 1)
    marks = np.asarray([made.sku, made.buyer_class, made.buyer, made.browses, made.intended_s, made.think_pay_s], dtype=float)
    apart = np.corrcoef(marks)[~np.eye(len(marks), dtype=bool)]
    assert np.abs(apart).max() < 4.5 / np.sqrt(40_000)


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_shards_have_the_same_marks(shards: int) -> None:
    drawn = [sku for index in range(shards) for sku in columns(schedule(surge(**MANY), CATALOGUE, 1, Shard(index, shards)))["sku"]]
    assert chi_square(drawn, [1 / rank for rank in range(1, 7)]) > 1e-4
