"""What SurgeKit reports is what arrivals that wait for nobody meet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import freeze_server, honesty  # noqa: E402 - the benches are a package below the root

STILL_MS = {"p90": 0.5, "worst": 10.0}
"""A p50 of 50 ms is known to 3 % only where waking up takes less than a millisecond, and a p99.9 of six thousand orders only
where nothing stood still that six of them were waiting for."""
TRIES = 3


@pytest.mark.parametrize("share", [0.0, 0.5, 0.89, 0.9, 0.95, 0.99, 0.994, 0.995, 0.999])
def test_the_truth_on_paper_is_that_of_the_shop(share: float) -> None:
    """Against the shop's own rule, at a hundred thousand moments spread evenly over a cycle."""
    moments = [freeze_server.CYCLE_S * (number + 0.5) / 100_000 for number in range(100_000)]
    met = sorted(map(freeze_server.latency, moments))
    assert freeze_server.truth(share) == pytest.approx(met[int(share * len(met))], abs=2e-4)


def test_the_reported_quantiles_are_those_of_the_open_loop() -> None:
    """Within 3 %, on a machine that is still: a thread that only sleeps has to wake up in time.

    On one that is not, what the sleeper met is granted on top, so that the claim is tested there too.
    """
    for _ in range(TRIES):
        said = subprocess.run(
            [sys.executable, "-c", "import json; from tests.bench import honesty; print(json.dumps(honesty.run(True)))"],
            cwd=ROOT, capture_output=True, text=True, timeout=150, check=True,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(said.stdout)
        rows = {row["tool"]: row for row in result["rows"]}
        ours = rows["surgekit"]
        assert set(rows) | set(result["missing"]) == {"surgekit", *honesty.PEERS}
        assert rows["fasthttp"]["p99_err"] > 0.5, "users who wait for the shop do not notice that it stands still"
        constant = result["constant"]
        assert constant["truth_ms"] - 1 < constant["p50_ms"] <= constant["p99_ms"] < constant["truth_ms"] + 250
        errors = {name: ours[f"{name}_err"] for name in ("p50", "p99", "p999")}
        if max(errors.values()) < 0.03:
            return
        if all(result["control_ms"][name] < most for name, most in STILL_MS.items()):
            pytest.fail(f"{errors}\n{honesty.table(result)}\n{result}")
    control = result["control_ms"]
    granted = {"p50": 3 * control["p90"] / 50, "p99": 3 * control["worst"] / 1000, "p999": 3 * control["worst"] / 1000}
    assert all(errors[name] < 0.03 + granted[name] for name in errors), f"{errors} {control}\n{honesty.table(result)}"
