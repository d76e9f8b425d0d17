"""``targets check`` reads the ledger as a blast will: what it passes is what a blast can use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from platform_world import Shop, platform, target

from surgekit import clock
from surgekit.check import Finding
from surgekit.check.ledger import ledger as looked_up
from surgekit.errors import TargetError

COLUMNS = {"order_no": "no", "order_key": "key", "status": "state", "created_s": "at"}
STATUSES = {"delivered": ["done"]}


def ledger(age_s: float) -> Finding:
    """What is found of an order that was sent just now and stands in the ledger as ``age_s`` old."""
    began = clock.utc().timestamp()
    rows = [{"no": "N1", "key": "run1-0000000", "state": "done", "at": began - age_s}]
    reads = {"ledger": {"request": "GET /ledger", "columns": COLUMNS}}
    told: Any = SimpleNamespace(run_id="run1", salt="", target=target(reads, statuses=STATUSES))
    with Shop(lambda _: rows) as shop, platform(shop.place, reads, statuses=STATUSES) as found:
        return looked_up(found, told, {"accepted": True}, began)[0]


def test_an_order_with_the_right_time_is_found() -> None:
    assert ledger(0.0) == Finding("ledger", "ok", "1 orders; this one is 'done'")


@pytest.mark.parametrize(("age_s", "told"), [(8 * 3600, "8 h before the run began; -08:00 would fit"), (-9 * 3600, "9 h after now; \\+09:00 would fit")])
def test_a_wrong_time_zone_is_found_before_a_blast(age_s: float, told: str) -> None:
    with pytest.raises(TargetError, match=rf"reads\.ledger\.timezone: by UTC this run's own orders were made {told}"):
        ledger(age_s)


@pytest.mark.parametrize(("age_s", "told"), [(400.0, "400 s before it was sent"), (-400.0, "400 s after now")])
def test_a_time_that_is_off_by_no_time_zone_is_bad_too(age_s: float, told: str) -> None:
    found = ledger(age_s)
    assert (found.state, found.told) == ("bad", f"this order was made {told}; does reads.ledger.columns.created_s say when, and is the platform's clock right?")
