"""What can go wrong, as a user sees it.

    SurgeKitError        one sentence, and what to do next
    ├── ConfigError      a profile, target or option is wrong          exit 2
    ├── TargetError      the platform cannot be reached or may not be  exit 1 (2 when refused)
    └── RunError         a run could not be carried out or read        exit 1

A violated invariant or a broken limit is a result, never an exception.
"""


class SurgeKitError(Exception):
    """Base of every error that is shown to a user as one sentence, without a traceback."""

    exit_code = 1


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
