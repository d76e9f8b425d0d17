"""Options that several commands share, and how their words are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from surgekit.errors import ConfigError

if TYPE_CHECKING:
    from surgekit.profile.schema import FaultPlan

lang = click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="language of the report")
form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="for people or for machines"
)


def duration(text: str | None, option: str) -> float | None:
    """``90s`` → 90.0. Raises ``ConfigError`` that names the option."""
    if text is None:
        return None
    from surgekit.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: {error}") from None


def fault(text: str) -> FaultPlan:
    """``supplier-slow@30s+20s`` → a plan. Raises ``ConfigError``."""
    from pydantic import ValidationError

    from surgekit.chaos import faults
    from surgekit.profile.load import fault_plan

    try:
        plan = fault_plan(text)
    except ValidationError:
        raise ConfigError(f"--fault {text}: START and LENGTH are times up to 24 h, LENGTH above 0") from None
    except ValueError as error:
        raise ConfigError(f"--fault {text}: {error}") from None
    faults.find(plan.fault)
    return plan
