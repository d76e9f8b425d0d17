"""The history of an engine: what was handed over is there, whatever happens to the engine, its disk and its words."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import spool_story
from spool_story import order_of

from surgekit.engine import handover, spool, words
from surgekit.engine.buyer import Told
from surgekit.engine.spool import Log
from surgekit.eventlog import records
from surgekit.model import Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read

OK = Read(ReplyClass.OK, None)
HERE = Path(__file__).resolve().parents[1]
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def opened(folder: Path, **told: Any) -> Iterator[Log]:
    log = Log(folder, 0, **told)
    try:
        yield log
    finally:
        log.close()


def request(log: Log, seq: int, *, step: str = "submit", read: Read = OK, status: Any = 200, attempt: int = 1, size: int = 5) -> None:
    log.request(order_of(seq), step, Reply(status, bytes(size), 1.0, 2.0), read, 0.5, attempt)


def seqs(folder: Path, table: str = "requests") -> list[int]:
    return [row["seq"] for row in spool_story.rows(folder, table)]


# What is told is kept.


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


# Disks.


@pytest.mark.parametrize("file", ["words-0.jsonl", "begun-0.bin", "requests-0.bin", "texts-0.jsonl", "orders-0.bin"])
def test_a_disk_that_was_full_for_a_moment_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """The kernel takes seven bytes, then none for a while; later it takes the rest."""
    room = [7, 0, 0, 0]
    write = os.write

    def tight(number: int, data: memoryview) -> int:
        if not room or Path(f"/proc/self/fd/{number}").readlink().name != file:
            return write(number, data)
        if (left := room.pop(0)) == 0:
            raise NO_SPACE
        return write(number, data[:left])

    monkeypatch.setattr(handover.os, "write", tight)
    log = Log(tmp_path, 0)
    for seq in range(5):
        log.begun(seq, 1.0)
        request(log, seq)
        log.order(order_of(seq), "", Told(order_no=f"N{seq}"))
        if seq in (1, 2):
            with pytest.raises(OSError, match="No space"):
                log.wait()
    log.close()
    for table in ("begun", "requests", "orders"):
        assert seqs(tmp_path, table) == list(range(5))
    assert [row["order_no"] for row in spool_story.rows(tmp_path, "orders")] == [f"N{seq}" for seq in range(5)]


def test_the_flush_after_a_failed_write_says_so(tmp_path: Path) -> None:
    (tmp_path / "requests-0.bin").symlink_to("/dev/full")
    log = Log(tmp_path, 0)
    request(log, 1)
    log.flush()
    log._writer.wait()
    with pytest.raises(OSError, match="No space left on device"):
        log.flush()
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="No space left on device"):
        log.close()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) <= before - 5
    log.close()
    log.wait()


def test_a_real_limit_of_the_disk_is_told_and_what_was_written_before_is_whole(tmp_path: Path) -> None:
    code = """
    import resource, sys
    from pathlib import Path
    from spool_story import tell
    from surgekit.engine.spool import Log
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    log = Log(Path(sys.argv[1]), 0)
    try:
        for seq in range(1_000_000):
            tell(log, begun=[{"seq": seq, "begun_s": 1.0}])
            if seq % 1000 == 999:
                log.wait()
    except OSError as error:
        sys.exit(f"told: {error.strerror}")
    """
    done = child(code, tmp_path)
    assert done.communicate(timeout=60)[1].decode() == "told: File too large\n"
    assert seqs(tmp_path, "begun") == list(range(6250))


class Gate:
    """A disk that takes nothing until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        write = os.write

        def slow(file: int, data: memoryview) -> int:
            self._open.wait(20)
            return write(file, data)

        monkeypatch.setattr(handover.os, "write", slow)

    def open(self) -> None:
        self._open.set()


def test_a_disk_that_is_slower_than_the_surge_ends_it_before_the_memory_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with opened(tmp_path, most_waiting=1000) as log:
        for seq in range(20):
            request(log, seq)
            log.flush()
        request(log, 20)
        with pytest.raises(OSError, match="the disk is slower than the surge"):
            log.flush()
        gate.open()
    assert seqs(tmp_path) == list(range(21))


def test_a_flush_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with opened(tmp_path) as log:
        for seq in range(100):
            request(log, seq)
            log.flush()
        assert seqs(tmp_path) == []
        gate.open()
    assert seqs(tmp_path) == list(range(100))


def test_a_writer_that_is_half_a_second_behind_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal takes an order without a record for unsent where it is due more than a second after the last one."""
    now = [100.0]
    monkeypatch.setattr(spool.clock, "now", lambda: now[0])
    gate = Gate(monkeypatch)
    with opened(tmp_path) as log:
        request(log, 1)
        log.flush()
        now[0] += spool.LATE_S - 0.01
        request(log, 2)
        log.flush()
        assert seqs(tmp_path) == []
        now[0] += 0.02
        opener = threading.Timer(0.05, gate.open)
        opener.start()
        log.flush()
        assert seqs(tmp_path) == [1, 2]
        opener.join()


def test_the_disk_is_asked_to_keep_it_by_neither_the_loop_nor_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[int]] = {"write": set(), "keep": set()}
    write, kept = os.write, threading.Event()

    def keep(file: int) -> None:
        asked["keep"].add(threading.get_native_id())
        kept.set()

    def written(file: int, data: memoryview) -> int:
        asked["write"].add(threading.get_native_id())
        return write(file, data)

    monkeypatch.setattr(handover, "SYNC_S", 0.01)
    monkeypatch.setattr(handover.os, "fdatasync", keep)
    monkeypatch.setattr(handover.os, "write", written)
    with opened(tmp_path) as log:
        request(log, 1)
        log.wait()
        assert kept.wait(10)
    assert len(asked["write"]) == len(asked["keep"]) == 1
    assert len({threading.get_native_id(), *asked["write"], *asked["keep"]}) == 3


def test_buffers_are_used_again(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        used = set()
        for seq in range(20 * 4096):
            if seq % 4096 == 0:
                used.add(id(log.rows.data))
                log.wait()
            request(log, seq)
    assert len(used) <= 3


# Deaths.


def child(code: str, folder: Path) -> subprocess.Popen[bytes]:
    path = {"PYTHONPATH": f"{HERE}:{HERE.parent}"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | path
    )


ENDLESS = """
import itertools, sys
from pathlib import Path
from spool_story import order_of
from surgekit.engine.buyer import Told
from surgekit.engine.spool import Log
from surgekit.model import Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read

log = Log(Path(sys.argv[1]), 0)
for seq in itertools.count():
    order = order_of(seq, intended_s=seq / 1000)
    log.begun(seq, seq / 1000)
    log.request(order, f"step {seq % 300}", Reply(200, b"x", 1.0, 2.0), Read(ReplyClass.REFUSED, f"reason {seq // 10}"), 0.5, 1)
    log.order(order, "", Told(order_no=f"N{seq}", outcome=Outcome.CONFIRMED, reason=f"why {seq // 7}"))
    if seq % 97 == 0:
        log.flush()
    if seq % 1009 == 0:
        log.wait()
        print(seq, flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13])
def test_a_killed_engine_leaves_all_that_was_with_the_kernel_and_nothing_broken(tmp_path: Path, after: int) -> None:
    engine = child(ENDLESS, tmp_path)
    assert engine.stdout is not None
    assert engine.stderr is not None
    with engine.stdout, engine.stderr:
        for _ in range(after):
            last = int(engine.stdout.readline())
        threading.Event().wait((after * 7919 % 17) / 1000)
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        last = int((engine.stdout.read().splitlines() or [str(last).encode()])[-1])
    for table in ("begun", "requests", "orders"):
        found = spool_story.rows(tmp_path, table)
        assert [row["seq"] for row in found] == list(range(len(found)))
        assert len(found) > last
        if table == "requests":
            assert all((row["step"], row["reason"]) == (f"step {row['seq'] % 300}", f"reason {row['seq'] // 10}") for row in found)
        if table == "orders":
            assert all((row["order_no"], row["reason"]) == (f"N{row['seq']}", f"why {row['seq'] // 7}") for row in found)


@pytest.mark.parametrize("cut", range(1, 48, 9))
def test_a_record_that_was_cut_short_is_none(tmp_path: Path, cut: int) -> None:
    with opened(tmp_path) as log:
        for seq in range(3):
            request(log, seq)
    os.truncate(tmp_path / "requests-0.bin", 3 * 48 - cut)
    assert seqs(tmp_path) == [0, 1]


def test_a_process_that_forgets_to_close_loses_nothing_at_its_end(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from spool_story import tell
    from surgekit.engine.spool import Log
    tell(Log(Path(sys.argv[1]), 0), begun=[{"seq": seq, "begun_s": 1.0} for seq in range(10_000)])
    """
    assert child(code, tmp_path).communicate(timeout=60)[1] == b""
    assert seqs(tmp_path, "begun") == list(range(10_000))


def test_where_gevent_has_patched_everything_the_writer_is_still_a_thread_of_the_system(tmp_path: Path) -> None:
    """A greenlet that never gives up its turn would keep any other from writing."""
    code = """
    from gevent import monkey
    monkey.patch_all()
    import os, sys, time
    from pathlib import Path
    from spool_story import tell
    from surgekit.engine.spool import Log
    folder = Path(sys.argv[1])
    log = Log(folder, 0)
    tell(log, begun=[{"seq": 1, "begun_s": 1.0}])
    log.flush()
    by = time.monotonic() + 20
    while not (folder / "begun-0.bin").stat().st_size and time.monotonic() < by:
        pass
    print((folder / "begun-0.bin").stat().st_size)
    log.wait()
    log.close()
    """
    assert child(code, tmp_path).communicate(timeout=60) == (b"16\n", b"")
