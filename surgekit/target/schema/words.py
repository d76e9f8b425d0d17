"""Words that several parts of the target file share."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from pydantic import AfterValidator, Field

from surgekit.target.pattern import Pattern
from surgekit.units import Whole


def _regex(pattern: str) -> str:
    Pattern(pattern)
    return pattern


def _with_group(pattern: str) -> str:
    if Pattern(pattern).groups < 1:
        raise ValueError("put what is wanted into round brackets, such as ^(C[0-9A-Z]+)")
    return pattern


def _css(selector: str) -> str:
    try:
        CSSSelector(selector, translator="html")
    except (SelectorError, ValueError) as error:
        raise ValueError(f"not a CSS selector: {error}") from None
    return selector


Regex = Annotated[str, AfterValidator(_regex)]
Picking = Annotated[Regex, AfterValidator(_with_group)]
"""A regular expression whose first group is what is wanted."""
Css = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_css)]
Scalar = str | int | float | bool | None
Status = Annotated[Whole, Field(ge=100, le=599)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""What an extracted value, a secret or a dialect is called."""
Way = Literal["balance", "gateway"]
Fields = dict[str, Any]
"""Parameters of a form, a query or a JSON body: text with holes, numbers, and lists and mappings of them."""

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _one_line(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if HEADER_NAME.fullmatch(name) is None or re.search(r"[\r\n\0]", value):
            raise ValueError(f"{name}: not an HTTP header (no line breaks, no spaces in the name)")
    return given


Headers = Annotated[dict[str, str], AfterValidator(_one_line)]
