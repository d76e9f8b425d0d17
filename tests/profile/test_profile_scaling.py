"""The same shape at another size, and faults in their short form."""

from __future__ import annotations

import pytest

from surgekit import profile
from surgekit.errors import ConfigError
from surgekit.profile.load import fault_plan, scaled
from surgekit.profile.schema import Profile


def surge(**more: object) -> Profile:
    return Profile.model_validate(
        {
            "schema": "surgekit.profile/1",
            "name": "surge",
            "phases": [
                {"name": "up", "duration": "10s", "rate": {"from": 1, "to": 10, "curve": "exponential"}},
                {"name": "top", "duration": "20s", "rate": 10},
            ],
            "products": {"zipf": 1.0},
            "buyers": {"classes": {"retail": {"share": 1}}},
            "faults": ["supplier-slow@6s+3s", "supplier-refuse@15s"],
            **more,
        }
    )


def test_peak_scales_every_rate_and_no_time() -> None:
    big = scaled(surge(), peak=40)
    assert [phase.ends() for phase in big.phases] == [(4, 40), (40, 40)]
    assert [phase.duration for phase in big.phases] == [10, 20]


def test_duration_scales_every_time_and_no_rate() -> None:
    short = scaled(surge(), duration=15)
    assert [phase.duration for phase in short.phases] == [5, 10]
    assert short.peak == 10


def test_faults_move_with_the_shape() -> None:
    assert [(plan.start, plan.length) for plan in scaled(surge(), duration=60).faults] == [(12, 6), (30, None)]


@pytest.mark.parametrize(("peak", "duration", "orders"), [(20, None, 600), (None, 60, 600), (20, 60, 1200), (0.001, None, 1), (None, None, 300)])
def test_an_exact_number_of_orders_is_scaled_by_both(peak: float | None, duration: float | None, orders: int) -> None:
    assert scaled(surge(orders=300), peak=peak, duration=duration).orders == orders


def test_without_a_fixed_number_there_is_none_afterwards() -> None:
    assert scaled(surge(), peak=20).orders is None


def test_nothing_asked_changes_nothing() -> None:
    assert scaled(surge()) == surge()


@pytest.mark.parametrize("peak", [0, -1, float("nan"), float("inf")])
def test_a_peak_that_is_no_rate_is_refused(peak: float) -> None:
    with pytest.raises(ConfigError, match="--peak: a rate above 0"):
        scaled(surge(), peak=peak)


@pytest.mark.parametrize("duration", [0, -1, 0.5, 86_401, float("nan"), float("inf")])
def test_a_duration_that_is_none_is_refused(duration: float) -> None:
    with pytest.raises(ConfigError, match="--duration: between 1s and 24h"):
        scaled(surge(), duration=duration)


def test_the_limits_of_a_file_hold_for_what_is_made_of_it() -> None:
    """Else the engines, which read the scaled profile from the run folder, would be the first to notice."""
    with pytest.raises(ConfigError, match=r"^profile surge at this size: phases\.0\.rate\..*1000000$"):
        scaled(surge(), peak=2_000_000)


def test_a_whole_day_can_be_asked_for() -> None:
    """Phases of 1/3 of a day add up to a day, whatever rounding says."""
    thirds = surge(phases=[{"name": str(n), "duration": 0.1, "rate": 1} for n in range(3)], faults=[])
    assert scaled(thirds, duration=86_400).duration == pytest.approx(86_400)


def test_a_scaled_profile_survives_the_way_through_a_run_folder() -> None:
    big = scaled(profile.load("spring-festival"), peak=35, duration=30)
    assert Profile.model_validate(big.model_dump(mode="json", by_alias=True, exclude_unset=True)) == big


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("supplier-slow", ("supplier-slow", 0, None)),
        ("supplier-slow@30s", ("supplier-slow", 30, None)),
        (" supplier-slow@1m30s+250ms ", ("supplier-slow", 90, 0.25)),
        ("x@5+2", ("x", 5, 2)),
        ("x@1.5s+0.5m", ("x", 1.5, 30)),
    ],
)
def test_the_short_form_of_a_fault(text: str, plan: tuple[str, float, float | None]) -> None:
    found = fault_plan(text)
    assert (found.fault, found.start, found.length) == plan


@pytest.mark.parametrize("text", ["", "@3s", "a@", "a+3s", "a@3s+", "a@3s+2s+1s", "A@3s", "a b", "a@-3s", "a@3s@4s", "a@x", "a@3s+0s", "a@25h", "-a"])
def test_what_is_no_fault_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as|should be|greater|less"):
        fault_plan(text)


def test_a_list_may_mix_both_forms() -> None:
    mixed = surge(faults=["a@1s+2s", {"fault": "b", "start": "3s", "intensity": 2}])
    assert [(plan.fault, plan.start, plan.length, plan.intensity) for plan in mixed.faults] == [("a", 1, 2, 1), ("b", 3, None, 2)]
