"""Finding, loading and scaling profiles."""

from __future__ import annotations

import re

from surgekit import catalogue, yamlfile
from surgekit.errors import ConfigError
from surgekit.profile.schema import FaultPlan, Phase, Profile, Ramp
from surgekit.units import seconds

_FAULT = re.compile(r"(?P<name>[a-z0-9][a-z0-9\-]*)(?:@(?P<start>[0-9.a-z]+)(?:\+(?P<length>[0-9.a-z]+))?)?")


def load(name: str) -> Profile:
    """The profile named ``name`` in the catalogue, or in the file of that path. Raises ``ConfigError``."""
    return yamlfile.load(catalogue.find("profiles", name), Profile)


def fault_plan(text: str) -> FaultPlan:
    """``supplier-slow@30s+20s`` → a plan. Raises ``ValueError`` with the form that is wanted."""
    found = _FAULT.fullmatch(text.strip())
    if found is None:
        raise ValueError("a fault is written NAME, NAME@START or NAME@START+LENGTH, such as supplier-slow@30s+20s")
    length = found["length"]
    return FaultPlan(fault=found["name"], start=seconds(found["start"] or 0), length=seconds(length) if length else None)


def scaled(profile: Profile, *, peak: float | None = None, duration: float | None = None) -> Profile:
    """The same shape at another size: highest rate ``peak`` (orders/s), whole length ``duration`` (s).

    Fault times move with the shape. Raises ``ConfigError`` where the size makes no sense.
    """
    up = 1.0 if peak is None else peak / profile.peak
    along = 1.0 if duration is None else duration / profile.duration
    if not (0 < up < 1e9 and 0 < along < 1e9):
        raise ConfigError("--peak and --duration must be above 0")
    if duration is not None and not 1 <= duration <= 86_400:
        raise ConfigError("--duration: between 1s and 24h")

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

    return profile.model_copy(
        update={
            "phases": [sized(phase) for phase in profile.phases],
            "faults": [moved(plan) for plan in profile.faults],
            "orders": None if profile.orders is None else max(1, round(profile.orders * up * along)),
        }
    )
