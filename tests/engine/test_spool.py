"""The history of an engine: what was handed over is there, as it was told, however odd, and however many words it takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import spool_story
from spool_story import opened, order_of, request, seqs

from surgekit.engine.history import handover, words
from surgekit.engine.history.spool import Log
from surgekit.engine.order.buyer import Told
from surgekit.eventlog import records
from surgekit.model import Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read


def test_a_request_is_what_was_told_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.request(order_of(7), "poll", Reply(503, b"later", None, 3.25), Read(ReplyClass.UNKNOWN, "http_503"), 0.125, 4)
    assert spool_story.rows(tmp_path, "requests") == [
        {"seq": 7, "shard": 0, "step": "poll", "class": "unknown", "reason": "http_503", "due_s": 0.125, "sent_s": None, "done_s": 3.25,
         "status": 503, "bytes": 5, "attempt": 4}
    ]  # fmt: skip


ODD = [
    Told(),
    Told(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, Outcome.CONFIRMED, None, "N1", 100, 0.5, 0.25, 2, 1, "delivered", ["a", "b"]),
    Told(order_no="", amount_fen=0, outcome=Outcome.FAILED, reason="", status=""),
    Told(order_no="红包\n\"'\u2028", reason="it's\nodd", outcome=Outcome.REJECTED, card_digests=[]),
    Told(amount_fen=-(2**63) + 1),
    Told(amount_fen=2**63 - 1, attempts=70_000, errors=3_000_000_000),
]


def test_an_order_is_what_was_told_of_it_however_odd(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for seq, told in enumerate(ODD):
            log.order(order_of(seq, intended_s=seq / 2), "", told)
    rows = spool_story.rows(tmp_path, "orders")
    assert [(row["seq"], row["intended_s"]) for row in rows] == [(seq, seq / 2) for seq in range(len(ODD))]
    for row, told in zip(rows, ODD, strict=True):
        for name in Told.__dataclass_fields__:
            wanted = getattr(told, name)
            wanted = {"card_digests": wanted or [], "errors": min(told.errors, 2**31 - 1)}.get(name, wanted)
            assert row[name] == wanted, (name, told)


@pytest.mark.parametrize(
    ("told", "name", "kept"),
    [
        (Told(amount_fen=10**30), "amount_fen", None), (Told(amount_fen=2**63), "amount_fen", None),
        (Told(order_no="half \ud83d"), "order_no", "half ?"), (Told(reason="half \ud83d"), "reason", "half ?"),
        (Told(status="\udc00"), "status", "?"), (Told(order_no="x" * 3_000_000), "order_no", "x" * 3_000_000),
    ],
    ids=["a number of thirty digits", "of 64 bits", "half a pair in a number", "in a reason", "in a status", "a number of three million letters"],
)  # fmt: skip
def test_what_no_table_can_hold_costs_no_order(tmp_path: Path, told: Told, name: str, kept: object) -> None:
    with opened(tmp_path) as log:
        log.order(order_of(1), "", Told(order_no="before"))
        log.order(order_of(2), "", told)
        log.order(order_of(3), "", Told(order_no="after"))
    rows = spool_story.rows(tmp_path, "orders")
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert rows[1][name] == kept
    assert (rows[0]["order_no"], rows[2]["order_no"]) == ("before", "after")


@pytest.mark.parametrize(("status", "kept"), [(2**40, 2**31 - 1), (-(2**40), -(2**31) + 1), ("odd", 0), (99_999, 99_999)])
def test_an_odd_status_costs_no_request(tmp_path: Path, status: Any, kept: int) -> None:
    with opened(tmp_path) as log:
        request(log, 1, status=status)
    assert [row["status"] for row in spool_story.rows(tmp_path, "requests")] == [kept]


@pytest.mark.parametrize("count", [4095, 4096, 4097, 20_000])
def test_more_than_a_block_is_all_there_and_in_order(tmp_path: Path, count: int) -> None:
    with opened(tmp_path) as log:
        for seq in range(count):
            log.begun(seq, seq / 8)
            request(log, seq)
            log.order(order_of(seq), "", Told(order_no=f"N{seq}" if seq % 3 else None))
    for table in ("begun", "requests", "orders"):
        assert seqs(tmp_path, table) == list(range(count))
    rows = spool_story.rows(tmp_path, "orders")
    assert [row["order_no"] for row in rows] == [f"N{seq}" if seq % 3 else None for seq in range(count)]


def test_an_engine_never_writes_into_the_history_of_another(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.begun(1, 1.0)
    with pytest.raises(OSError, match=r"begun-0\.bin has the history of an engine already"):
        Log(tmp_path, 0)
    assert seqs(tmp_path, "begun") == [1]


# Words.


def test_words_without_end_cost_no_memory_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many for requests go without their reason, then without their step; an order's own line has them."""
    monkeypatch.setattr(words, "MOST_WORDS", 3)
    monkeypatch.setattr(words, "_WITHOUT_REASON", 5)
    with opened(tmp_path) as log:
        for number in range(9):
            request(log, number, read=Read(ReplyClass.REFUSED, f"no {number}"))
        for number in range(4):
            request(log, number, step=f"step {number}", read=Read(ReplyClass.REFUSED, "no"))
        for number in range(4):
            log.order(order_of(number), "", Told(reason=f"because {number}", status=None if number % 2 else "s", card_digests=["c"] * number))
        assert len(log._new_words.of_requests) + len(log._new_words.of_orders) == 7
    rows = spool_story.rows(tmp_path, "requests")
    assert [row["reason"] for row in rows[:9]] == ["no 0", "no 1", "no 2"] + ["other"] * 6
    assert [(row["step"], row["class"], row["reason"]) for row in rows[9:]] == [("step 0", "refused", "other")] + [("other", "refused", "other")] * 3
    orders = spool_story.rows(tmp_path, "orders")
    assert [(row["reason"], row["status"], row["card_digests"]) for row in orders] == [
        (f"because {number}", None if number % 2 else "s", ["c"] * number) for number in range(4)
    ]


def test_words_of_a_megabyte_are_not_kept_by_the_thousand(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for number in range(12):
            request(log, number, read=Read(ReplyClass.REFUSED, f"{number}" * 1_000_000))
        assert sum(len(reason or "") for _, _, reason in log._new_words.of_requests) < 9_000_000
    assert spool_story.rows(tmp_path, "requests")[-1]["reason"] == "other"


def test_a_word_is_with_the_kernel_before_the_first_record_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def watched(file: int, data: memoryview) -> int:
        if Path(f"/proc/self/fd/{file}").readlink().name in ("requests-0.bin", "orders-0.bin"):
            seen.append(set(records.read_words(records.words(tmp_path, 0)).values()))
        return write(file, data)

    seen: list[set[records.Word]] = []
    monkeypatch.setattr(handover.os, "write", watched)
    with opened(tmp_path) as log:
        request(log, 1)
        log.flush()
        log.order(order_of(1), "", Told(reason="why"))
        log.wait()
        request(log, 2, step="poll")
    assert seen == [{("submit", "ok", None)}, {("submit", "ok", None), ("unknown", "why", None)}, {("submit", "ok", None), ("unknown", "why", None), ("poll", "ok", None)}]
