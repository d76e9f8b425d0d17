"""How far a worker's clock is from the master's, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from surgekit.engine.fleet.clocks import BURST, EVERY_S, FIRST_BURST, Clock, estimate
from surgekit.seeds import rng


def burst(clock: Clock, at: float, pings: int, *, offset: float, there: float = 0.001, back: float = 0.001, jitter: float = 0.0) -> None:
    """Pings whose two ways take so long and at most ``jitter`` more, to a worker whose clock is ``offset`` ahead."""
    late = rng(1, f"ways-{at}").random((pings, 2)) * jitter
    clock.begin(pings)
    for number in range(pings):
        t0 = at + number
        t1 = t0 + there + late[number, 0]
        clock.pong(t0, t1 + offset, t1 + offset, t1 + back + late[number, 1])


@pytest.mark.parametrize(("there", "back"), [(0.001, 0.001), (0.01, 0.0), (0.0, 0.01), (0.002, 0.03)])
def test_the_true_offset_is_never_beyond_the_stated_error_however_unevenly_the_ways_share_it(there: float, back: float) -> None:
    found = estimate(100.0, 107.5 + there, 107.5 + there, 100.0 + there + back)
    assert abs(found.offset_s - 7.5) <= found.error_s + 1e-9
    assert found.error_s == pytest.approx((there + back) / 2)


def test_the_least_way_of_a_burst_decides() -> None:
    clock = Clock()
    burst(clock, 0.0, FIRST_BURST, offset=-3.0, jitter=0.2)
    assert clock.known
    assert clock.error_s < 0.05  # half of 0.2 s is what a single ping is good for
    assert abs(clock.offset_s + 3.0) <= clock.error_s
    assert clock.told()["pings"] == FIRST_BURST


def test_offsets_hold_under_random_delays_a_thousand_times() -> None:
    chance = rng(3, "delays")
    for case in range(1000):
        clock, offset = Clock(), float(chance.uniform(-1e5, 1e5))
        clock.begin(BURST)
        for t0 in np.arange(BURST) * 0.1:
            there, held, back = chance.exponential(0.005, 3)
            clock.pong(t0, t0 + there + offset, t0 + there + held + offset, t0 + there + held + back)
        assert abs(clock.offset_s - offset) <= clock.error_s + 1e-9, case


def test_a_clock_that_drifts_is_told_with_its_drift_and_an_error_that_covers_it() -> None:
    clock = Clock()
    for at in np.arange(0.0, 600.0, EVERY_S):
        burst(clock, float(at), FIRST_BURST if at == 0 else BURST, offset=1.0 + 100e-6 * float(at), there=0.0001, back=0.0001)
    told = clock.told()
    assert told["drift_ppm"] == pytest.approx(100, abs=2)
    assert 0.059 <= told["error_s"] <= 0.062  # 100 ppm of ten minutes


def test_a_slow_burst_does_not_make_a_good_clock_worse_than_it_can_have_become() -> None:
    clock = Clock()
    burst(clock, 0.0, FIRST_BURST, offset=2.0)
    burst(clock, 5.0, BURST, offset=2.0, there=0.2, back=0.2)
    assert clock.error_s < 0.006  # 1 ms and 500 ppm of five seconds, with the pings' own length


def test_a_clock_that_was_set_is_never_excused_as_drift() -> None:
    clock = Clock()
    burst(clock, 0.0, FIRST_BURST, offset=2.0)
    burst(clock, 5.0, BURST, offset=2.5)
    assert clock.error_s >= 0.5


def test_pings_that_cannot_have_been_leave_a_clock_unknown() -> None:
    clock = Clock()
    clock.begin(2)
    clock.pong(1.0, 5.0, 9.0, 1.1)
    clock.pong(2.0, 5.0, 9.0, 2.1)
    assert not clock.known
    assert clock.left == 1  # so another one is sent
    clock.pong(3.0, 5.0, 5.0, 3.1)
    assert clock.known
