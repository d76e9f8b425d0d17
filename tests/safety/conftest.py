"""No test of this folder reaches another machine, or asks for its name; one that tries fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from consent_world import nothing_leaves


@pytest.fixture(autouse=True)
def left() -> Iterator[list[str]]:
    """What was tried so far."""
    with nothing_leaves() as tried:
        yield tried
    assert not tried
