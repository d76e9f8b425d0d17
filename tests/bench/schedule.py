"""Do the shards of a schedule add up to the schedule that was asked for?

Arrivals of rate λ(t) are unit-rate arrivals seen through Λ(t) = ∫λ (the time-rescaling theorem), so the gaps
Λ(tᵢ) − Λ(tᵢ₋₁) must be independent and exponential with mean 1. A Kolmogorov-Smirnov test at level α rejects a right
schedule α of the time, and no oftener; counts must vary as Poisson counts do (dispersion 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from tabulate import tabulate

from surgekit import profile, target
from surgekit.arrivals.schedule import Shard, curve, schedule

ALPHA = 0.001
SEEDS = 200
SHARDS = (1, 2, 5, 50)
"""``ks_rejects`` of the result is the row of two shards."""


def run(quick: bool) -> dict[str, Any]:
    """``quick`` leaves out the many shards; the number of seeds is what the claim is about and stays."""
    surge, skus = profile.load("spring-festival"), target.load("cardshop").skus
    line = curve(surge)
    rows = []
    for shards in SHARDS[:2] if quick else SHARDS:
        p_values, counts = [], []
        for seed in range(SEEDS):
            times = np.sort(np.concatenate([schedule(surge, skus, seed, Shard(index, shards)).intended_s for index in range(shards)]))
            p_values.append(float(stats.kstest(np.diff(line.expected(times), prepend=0.0), "expon").pvalue))
            counts.append(len(times))
        rows.append(
            {
                "shards": shards,
                "ks_rejects": sum(p < ALPHA for p in p_values),
                "least_p": min(p_values),
                "p_uniform": float(stats.kstest(p_values, "uniform").pvalue),
                "orders_mean": float(np.mean(counts)),
                "dispersion": float(np.sum((np.asarray(counts) - line.total) ** 2) / line.total / SEEDS),
            }
        )
    return {
        "profile": surge.name,
        "seeds": SEEDS,
        "alpha": ALPHA,
        "ks_rejects": next(row["ks_rejects"] for row in rows if row["shards"] == 2),
        "ks_rejects_unsharded": next(row["ks_rejects"] for row in rows if row["shards"] == 1),
        "ks_rejects_allowed": int(stats.binom.isf(1e-4, SEEDS, ALPHA)),
        "orders_expected": line.total,
        "dispersion_allowed": [float(stats.chi2.ppf(q, SEEDS) / SEEDS) for q in (5e-5, 1 - 5e-5)],
        "rows": rows,
    }


def table(result: dict[str, Any]) -> str:
    low, high = result["dispersion_allowed"]
    rows = [
        [row["shards"], f"{row['ks_rejects']} of {result['seeds']}", f"{row['least_p']:.4f}", f"{row['p_uniform']:.2f}", f"{row['orders_mean']:,.1f}", f"{row['dispersion']:.3f}"]
        for row in result["rows"]
    ]
    return "\n".join(
        [
            f"{result['profile']}: gaps of the union of all shards, rescaled by Λ(t), against Exp(1)",
            "",
            tabulate(rows, headers=["shards", f"rejected at {result['alpha']:g}", "least p", "p's uniform: p", "orders (mean)", "variance / mean"], disable_numparse=True),
            "",
            f"a right schedule: at most {result['ks_rejects_allowed']} rejected, {result['orders_expected']:,.1f} orders, variance / mean {low:.2f} to {high:.2f}",
        ]
    )
