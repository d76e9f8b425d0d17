from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cardshop_world import FakeSupplier


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    address: str = request.getfixturevalue("postgres")
    return address


@pytest.fixture
def supplier() -> Iterator[FakeSupplier]:
    fake = FakeSupplier()
    yield fake
    fake.close()
