"""Ways to have somebody's machine loaded who did not agree, each played against a world in which just that one thing is
wrong, and the ways that have to stay open."""

from __future__ import annotations

# Each of these adds to the lists; their order is that of the table.
import attempts_places  # noqa: F401  # isort: skip
import attempts_pages  # noqa: F401  # isort: skip
import attempts_statements  # noqa: F401  # isort: skip
import attempts_later  # noqa: F401  # isort: skip
import consent_controls  # noqa: F401
from consent_play import ATTEMPTS, CONTROLS, Attempt

__all__ = ["ATTEMPTS", "CONTROLS", "Attempt"]


