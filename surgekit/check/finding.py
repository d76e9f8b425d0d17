"""What a check comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from surgekit.redact import LEAST, Redactor

State = Literal["ok", "bad", "open"]
Exchange = dict[str, Any]
"""A request with its reply, secrets hidden, as ``surgekit.engine.walkthrough`` says it."""
Walked = Mapping[str, Any]
"""What became of the order, as it is said there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. ``open``: it could not be told, or is worth a look; it is no pass, and fails nothing."""

    what: str
    state: State
    told: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen. ``exchanges``: each request with its reply, secrets hidden."""

    findings: tuple[Finding, ...]
    exchanges: tuple[Exchange, ...]

    @property
    def ok(self) -> bool:
        return all(each.state != "bad" for each in self.findings)


def without_secrets(found: list[Finding], secrets: Mapping[str, str]) -> list[Finding]:
    """The findings, which may repeat what the platform said, with no secret in them. One of a figure or two would hide all counts."""
    hidden = Redactor({f"secret.{name}": value for name, value in secrets.items() if len(value) >= LEAST})
    return [replace(each, told=hidden.known(each.told)) for each in found]
