"""The catalogue of faults: a name, the edge it acts on, and what is asked of that edge."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from surgekit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Fault:
    """``settings(intensity)`` is what the edge process is told; ``hop`` is the part of an order's way that suffers."""

    name: str
    edge: str
    hop: str
    kind: str
    about: Mapping[str, str]
    settings: Callable[[float], Mapping[str, Any]]


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "supplier-slow",
            "supplier",
            "supplier",
            "delay",
            {
                "en": "the supplier answers about 2 s late (times the intensity), as a carrier does on a festival evening",
                "zh": "供货商每次应答多出约 2 秒(乘以强度),如节日夜间的运营商通道",
            },
            lambda intensity: {"delay_ms": {"median": 2000.0 * intensity, "sigma": 0.3}},
        ),
        Fault(
            "supplier-refuse",
            "supplier",
            "supplier",
            "refuse",
            {
                "en": "the supplier's port resets every connection: nothing can be bought",
                "zh": "供货商端口重置所有连接:无法采购",
            },
            lambda _: {},
        ),
    )
}


def find(name: str) -> Fault:
    """The fault of that name. Raises ``ConfigError`` that lists what there is."""
    if name in FAULTS:
        return FAULTS[name]
    near = difflib.get_close_matches(name, FAULTS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(FAULTS))}"
    raise ConfigError(f"no fault named {name!r}; {hint}")
