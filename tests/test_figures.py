"""What several engines say, as what one would say."""

from __future__ import annotations

from surgekit.engine.fleet.tally import Tally
from surgekit.figures import together


def test_counts_add_up_of_the_others_the_worst_counts_and_nobody_makes_up_a_figure_that_is_not_there() -> None:
    one = {"sent": 3, "in_flight": 1, "slip_ms": 2.0, "lag_ms": 0.0, "t": 4.0, "confirm_p99_ms": None}
    two = {"sent": 4, "slip_ms": 1.0, "lag_ms": 5.0, "t": 3.5, "confirm_p99_ms": None}
    assert together([one, two]) == {"sent": 7, "in_flight": 1, "slip_ms": 2.0, "lag_ms": 5.0, "t": 4.0, "confirm_p99_ms": None}
    assert together([one, {"confirm_p99_ms": 7.0}, {"confirm_p99_ms": 6.0}, one])["confirm_p99_ms"] == 7.0
    assert together([]) == {}


def test_a_master_says_the_figures_of_its_only_worker_as_a_controller_sums_them_up() -> None:
    one = {"sent": 3, "in_flight": 1, "slip_ms": 2.0, "lag_ms": 0.5, "t": 4.0, "confirm_p99_ms": None}
    tally = Tally()
    tally.take(0, one)
    assert together([tally.told()]) == together([one])
