"""Words that people write for amounts of time and money, and the types that read them."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)?\s*")
DAY_S = 86_400.0


def number(given: Any) -> Any:
    """Anything but true and false, which Python takes for 1 and 0."""
    if isinstance(given, bool):
        raise ValueError("a number is wanted")
    return given


Whole = Annotated[int, BeforeValidator(number)]
Real = Annotated[float, BeforeValidator(number)]


def seconds(given: Any) -> float:
    """``"1m30s"``, ``"250ms"``, ``"2h"``, ``90`` → seconds. Raises ``ValueError`` with what is allowed."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError("a duration such as 30s, 250ms or 2m is wanted")
    if isinstance(given, int | float):
        try:
            return float(given)
        except OverflowError:
            return math.inf  # and the limits of the field say what is allowed
    total, at, parts = 0.0, 0, 0
    while at < len(given):
        found = _DURATION.match(given, at)
        if found is None or (found[2] is None and (parts or found.end() != len(given))):
            raise ValueError("a duration such as 30s, 250ms, 2m or 1m30s is wanted")
        total += float(found[1]) * _UNITS[found[2] or "s"]
        at, parts = found.end(), parts + 1
    if not parts:
        raise ValueError("a duration such as 30s, 250ms or 2m is wanted")
    return total


Seconds = Annotated[float, BeforeValidator(seconds, json_schema_input_type=float | str), Field(ge=0, le=DAY_S, allow_inf_nan=False)]
"""A time span, 0 to 24 h."""

Span = Annotated[float, BeforeValidator(seconds, json_schema_input_type=float | str), Field(gt=0, le=DAY_S, allow_inf_nan=False)]
"""A time span that is not empty, up to 24 h."""

Share = Annotated[Real, Field(ge=0, le=1, allow_inf_nan=False)]
"""A part of a whole, 0 to 1."""


class Strict(BaseModel):
    """A part of a file: unknown fields are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
