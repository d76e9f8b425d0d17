"""Finding, loading and scaling profiles."""

from __future__ import annotations

import math

from pydantic import ValidationError

from surgekit import catalogue, yamlfile
from surgekit.errors import ConfigError
from surgekit.mistakes import in_our_words
from surgekit.profile.schema import FaultPlan, Phase, Profile, Ramp, short_fault
from surgekit.units import DAY_S


def load(name: str) -> Profile:
    """The profile named ``name`` in the catalogue, or in the file of that path. Raises ``ConfigError``."""
    return yamlfile.load(catalogue.find("profiles", name), Profile)


def fault_plan(text: str) -> FaultPlan:
    """``supplier-slow@30s+20s`` → a plan. Raises ``ValueError`` with the form that is wanted."""
    return FaultPlan(**short_fault(text))


def scaled(profile: Profile, *, peak: float | None = None, duration: float | None = None) -> Profile:
    """The same shape at another size: highest rate ``peak`` (orders/s), whole length ``duration`` (s).

    Fault times move with the shape. Raises ``ConfigError`` where the size makes no sense.
    """
    if peak is not None and not (math.isfinite(peak) and peak > 0):
        raise ConfigError("--peak: a rate above 0 orders/s")
    if duration is not None and not 1 <= duration <= DAY_S:
        raise ConfigError("--duration: between 1s and 24h")
    up = 1.0 if peak is None else peak / profile.peak
    along = 1.0 if duration is None else duration / profile.duration

    def sized(phase: Phase) -> Phase:
        rate: float | Ramp
        if isinstance(phase.rate, Ramp):
            rate = phase.rate.model_copy(update={"from_": phase.rate.from_ * up, "to": phase.rate.to * up})
        else:
            rate = phase.rate * up
        return phase.model_copy(update={"duration": phase.duration * along, "rate": rate})

    def moved(plan: FaultPlan) -> FaultPlan:
        length = None if plan.length is None else plan.length * along
        return plan.model_copy(update={"start": plan.start * along, "length": length})

    sized_up = profile.model_copy(
        update={
            "phases": [sized(phase) for phase in profile.phases],
            "faults": [moved(plan) for plan in profile.faults],
            "orders": None if profile.orders is None else max(1, round(profile.orders * up * along)),
        }
    )
    try:  # the limits of the file are the limits of what is made of it
        return Profile.model_validate(sized_up.model_dump(by_alias=True, exclude_unset=True))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"profile {profile.name} at this size: {field}: {in_our_words(first['msg'])}") from None
