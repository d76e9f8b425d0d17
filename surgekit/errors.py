"""What can go wrong, as a user sees it.

    SurgeKitError        one sentence, and what to do next
    ├── ConfigError      a profile, target or option is wrong          exit 2
    ├── TargetError      the platform cannot be reached or may not be  exit 1 (2 when refused)
    └── RunError         a run could not be carried out or read        exit 1

A violated invariant or a broken limit is a result, never an exception.
"""

from __future__ import annotations

from typing import Final

MOST_LINE: Final = 2_000
"""Characters of a line. What users wrote themselves may stand in it, and that may be anything."""
_HEAD, _TAIL = 1_200, 600


class SurgeKitError(Exception):
    """Base of every error that is shown to a user as one sentence, without a traceback.

    A line that is over-long loses its middle: where the mistake is stands at its beginning, and what to do about it at its end.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(_cut, message.split("\n"))))


def _cut(line: str) -> str:
    if len(line) <= MOST_LINE:
        return line
    return f"{line[:_HEAD]} … ({len(line) - _HEAD - _TAIL:,} characters left out) … {line[-_TAIL:]}"


class ConfigError(SurgeKitError):
    """A profile, a target or an option is wrong. The message names file, line and field where there is one."""

    exit_code = 2


class TargetError(SurgeKitError):
    """The platform under test cannot be reached, or answers in a way that the target file does not describe."""


class ConsentError(SurgeKitError):
    """The target is not on this machine, and nothing shows that its owner agreed to be loaded."""

    exit_code = 2


class RunError(SurgeKitError):
    """A run could not be carried out, or its folder cannot be read."""
