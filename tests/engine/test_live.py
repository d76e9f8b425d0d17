"""Figures of whole blocks are what counting one by one would have found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spool_story import order_of

from surgekit.engine.history import live as live_module
from surgekit.engine.history.spool import Log
from surgekit.engine.order.buyer import BROKEN, Told
from surgekit.model import Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read

Asked = tuple[str, ReplyClass, str | None, float, float, int]
REQUESTS = st.lists(
    st.tuples(st.sampled_from(["submit", "poll", "pay"]), st.sampled_from(list(ReplyClass)), st.sampled_from(["timeout", "no_sockets", None]),
              st.floats(0, 10), st.floats(0.0001, 5), st.integers(0, 300)),
    max_size=60,
)  # fmt: skip


def told(log: Log, requests: list[Asked]) -> None:
    for step, kind, reason, due, took, size in requests:
        log.request(order_of(1), step, Reply(200, bytes(size), due, due + took), Read(kind, reason), due, 1)


@settings(max_examples=25, deadline=None)
@given(REQUESTS, REQUESTS)
def test_each_step_has_the_figures_of_its_requests_since_the_last_time(tmp_path_factory: pytest.TempPathFactory, first: list[Asked], then: list[Asked]) -> None:
    log = Log(tmp_path_factory.mktemp("run"), 0)
    for requests in (first, then):
        told(log, requests)
        log.wait()
        taken = log.live.take()
        assert set(taken) == {each[0] for each in requests}
        for step, figures in taken.items():
            own = [each for each in requests if each[0] == step]
            assert figures.count == figures.latency.count == len(own)
            assert figures.errors == sum(each[1] in BROKEN for each in own)
            assert figures.bytes == sum(each[5] for each in own)
            assert figures.latency.total == pytest.approx(sum((each[3] + each[4] - each[3]) * 1000 for each in own))
            failed = Counter(each[2] or each[1].value for each in own if each[1] in BROKEN or each[1] is ReplyClass.REFUSED)
            assert figures.failures == failed
    both = [*first, *then]
    totals = log.live.totals()
    assert totals["requests"] == len(both)
    assert totals["errors"] == sum(each[1] in BROKEN for each in both)
    assert totals["no_sockets"] == sum(each[2] == "no_sockets" for each in both)
    log.close()


def test_latencies_count_from_when_a_request_should_have_left(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    log.request(order_of(1), "poll", Reply(200, b"", 5.0, 5.5), Read(ReplyClass.OK, None), 1.0, 1)
    log.close()
    assert log.live.take()["poll"].latency.max == 4500.0


def test_orders_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    assert log.live.totals()["confirmed"] == 0
    for each in (
        Told(1.0, 1.0, 2.0, 3.0, 4.0, 4.0, Outcome.CONFIRMED), Told(1.0, 1.0, 2.0, None, 3.0, 3.0, Outcome.CONFIRMED, errors=2),
        Told(outcome=Outcome.FAILED, reason="unsent", ended_s=1.0), Told(outcome=Outcome.FAILED, reason="budget", ended_s=1.0),
        Told(1.0, 1.0, 2.0, 3.0, None, 9.0, Outcome.REJECTED, "refunded"), Told(1.0, 1.0, ended_s=8.0, reason="timeout"),
    ):  # fmt: skip
        log.order(order_of(1), "", each)
    log.close()
    assert log.live.totals() == {
        "requests": 0, "errors": 0, "no_sockets": 0, "orders": 6, "unsent": 1, "sent": 4, "accepted": 3, "bad": 1, "refunded": 1,
        "confirmed": 2, "rejected": 1, "failed": 1, "unknown": 1,
    }  # fmt: skip


def test_the_time_to_confirm_is_that_of_the_last_seconds_without_the_buyers_own_pauses(tmp_path: Path) -> None:
    """An order that was given up counts with what it took until then; one that failed otherwise does not."""
    log = Log(tmp_path, 0)
    log.order(order_of(1, intended_s=0.5), "", Told(confirmed_s=2.0, ended_s=2.0, outcome=Outcome.CONFIRMED, paused_s=0.5))
    log.order(order_of(2, intended_s=1.0), "", Told(ended_s=4.0, reason="deadline"))
    log.order(order_of(3, intended_s=0.0), "", Told(ended_s=4.5, reason="timeout"))
    log.close()
    assert (log.live.confirm_ms(0.5, 5.0), log.live.confirm_ms(0.99, 5.0)) == (pytest.approx(1000.0, rel=1e-3), 3000.0)
    assert log.live.confirm_ms(0.5, 8.5) == 3000.0
    assert log.live.confirm_ms(0.5, 60.0) is None


def test_steps_without_end_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "MOST_STEPS", 4)
    log = Log(tmp_path, 0)
    for number in range(9):
        log.request(order_of(1), f"/item/{number}", Reply(200, b"", 1.0, 2.0), Read(ReplyClass.OK, None), 1.0, 1)
    log.close()
    assert {step: figures.count for step, figures in log.live.take().items()} == {"/item/0": 1, "/item/1": 1, "/item/2": 1, "other": 6}
