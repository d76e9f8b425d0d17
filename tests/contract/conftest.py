from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_world import Opening


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    made = Opening(tmp_path)
    yield made
    made.close()
