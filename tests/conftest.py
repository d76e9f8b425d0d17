"""Its being here puts ``tests/`` on the path, so that the tests of several packages can share ``run_story``.

With ``-n 2``, whatever puts a load on the machine runs one after the other in one of the two workers, and everything else in
the other: two surges at a time would be late because of each other.
"""

from __future__ import annotations

from pathlib import Path

import pytest

LOADS = ("blast", "bench", "thirdparty")
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        where = item.path.relative_to(HERE)
        if where.parts[0] in LOADS or where.name == "test_surge.py":
            item.add_marker(pytest.mark.xdist_group("load"))
        else:
            item.add_marker(pytest.mark.xdist_group("rest"))
