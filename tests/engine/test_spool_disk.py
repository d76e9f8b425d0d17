"""The history of an engine and its disk: what was handed over is there, whatever happens to either."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import spool_story
from spool_story import opened, order_of, request, seqs

from surgekit.engine.history import handover, spool
from surgekit.engine.history.spool import Log
from surgekit.engine.order.buyer import Told

HERE = Path(__file__).resolve().parents[1]
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


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
    from surgekit.engine.history.spool import Log
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
from surgekit.engine.order.buyer import Told
from surgekit.engine.history.spool import Log
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
    from surgekit.engine.history.spool import Log
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
    from surgekit.engine.history.spool import Log
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
