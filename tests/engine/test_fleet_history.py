"""The history of a shard on its way to the master."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from pathlib import Path
from random import Random

import pytest
import spool_story

from surgekit.engine.fleet.history import CHUNK, PATHS, WINDOW, Inbox, Outbox
from surgekit.eventlog import records

ROWS = [{"seq": seq, "step": "submit", "class": "ok", "due_s": 1.0, "sent_s": 1.0, "done_s": 2.0, "attempt": 0, "bytes": 9} for seq in range(500)]
ENDS = [{"seq": seq, "intended_s": 1.0, "outcome": "confirmed", "order_no": f"N{seq}", "card_digests": ["ab"]} for seq in range(500)]


class Wire:
    """Between an outbox and an inbox. ``lose(message)``: whether one vanishes on its way to the master."""

    def __init__(self, here: Path, there: Path, shard: int = 1) -> None:
        there.mkdir()
        self.out: deque[tuple[str, int, bytes]] = deque()
        self.outbox = Outbox(here, shard, lambda *told: self.out.append(told))
        self.inbox = Inbox(there, shard)
        self.most = 0

    def carry(self, chance: Random | None = None) -> None:
        self.outbox.pump()
        while self.out:
            self.most = max(self.most, sum(len(each[2]) for each in self.out))
            told = self.out.popleft()
            if chance is None or chance.random() > 0.2:
                size, again = self.inbox.take(*told)
                if chance is None or chance.random() > 0.2:
                    self.outbox.have(told[0], size, again=again)


def same(here: Path, there: Path, shard: int = 1) -> bool:
    return all(path(here, shard).read_bytes() == path(there, shard).read_bytes() for path in PATHS.values())


def test_what_went_over_the_wire_is_the_local_history_byte_for_byte(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    log = spool_story.Log(here, 1)
    wire = Wire(here, there)
    for first in range(0, 500, 100):  # as it grows
        spool_story.tell(log, begun=[{"seq": first, "begun_s": 1.0}], requests=ROWS[first : first + 100], orders=ENDS[first : first + 100])
        log.wait()
        wire.carry()
    log.close()
    wire.carry()
    assert wire.outbox.left == 0
    assert wire.inbox.wrong(wire.outbox.summary()) is None
    wire.inbox.close()
    assert same(here, there)
    assert spool_story.rows(there, "orders", 1) == spool_story.rows(here, "orders", 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_wire_that_loses_messages_loses_no_byte(tmp_path: Path, seed: int) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    chance = Random(seed)
    for path in PATHS.values():
        path(here, 1).write_bytes(chance.randbytes(chance.randrange(5 * CHUNK)))
    wire = Wire(here, there)
    for _ in range(1000):
        wire.carry(chance)
        if not wire.outbox.left:
            break
        wire.outbox.back()
    assert wire.outbox.left == 0
    assert wire.inbox.wrong(wire.outbox.summary()) is None
    wire.inbox.close()
    assert same(here, there)


def test_no_more_than_a_window_is_under_way(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    records.requests(here, 1).write_bytes(bytes(3 * WINDOW))
    wire = Wire(here, there)
    wire.outbox.pump()
    wire.outbox.pump()
    assert wire.outbox.under_way == WINDOW
    assert wire.outbox.left == 3 * WINDOW
    wire.carry()
    assert wire.most <= WINDOW + CHUNK


def test_the_words_of_a_record_are_there_before_it(tmp_path: Path) -> None:
    """A master that lost its worker in the middle of a send still can read what it has."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    spool_story.write(here, 1, requests=ROWS, orders=ENDS)
    wire = Wire(here, there)
    wire.outbox.pump()
    for told in list(wire.out):
        wire.inbox.take(*told)
        if records.requests(there, 1).exists():
            assert spool_story.rows(there, "requests", 1)[0]["step"] == "submit"
        if records.orders(there, 1).exists():
            assert spool_story.rows(there, "orders", 1)[0]["order_no"] == "N0"


def test_a_record_that_is_written_just_while_the_files_are_measured_is_not_sent_before_its_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    spool_story.write(here, 1)
    measure, codes = Outbox._size, iter(range(1000))

    def meanwhile(outbox: Outbox, name: str) -> int:
        size = measure(outbox, name)
        code = next(codes)
        with records.words(here, 1).open("ab") as words, records.requests(here, 1).open("ab") as requests:
            words.write(records.line([code, f"step-{code}", "ok", None]))
            requests.write(records.PACK_REQUEST.pack(code, 1.0, 1.0, 2.0, 0, 200, 0, code))
        return size

    monkeypatch.setattr(Outbox, "_size", meanwhile)
    wire = Wire(here, there)
    for _ in range(5):
        wire.outbox.pump()
        while wire.out:
            wire.outbox.have(wire.out[0][0], wire.inbox.take(*wire.out.popleft())[0])
        if records.requests(there, 1).exists():
            assert [row["step"] for row in spool_story.rows(there, "requests", 1)]


def test_a_byte_that_changed_or_is_missing_is_said(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    spool_story.write(here, 1, requests=ROWS)
    wire = Wire(here, there)
    wire.outbox.pump()
    for name, at, data in wire.out:
        wire.inbox.take(name, at, data if name != "requests" else data[:-1] + b"\xff")
    assert wire.inbox.wrong(wire.outbox.summary()) == "its requests did not come as they were sent"
    assert Inbox(tmp_path, 1).wrong(wire.outbox.summary()) == "of its words, 0 of 23 bytes came"


def test_what_a_full_disk_did_not_take_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the last block a part is written; whatever comes again goes on behind that part."""
    inbox, write, room = Inbox(tmp_path, 1), os.write, [300]

    def little(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        took = write(fd, data[: room[0]])
        room[0] -= took
        return took

    data = bytes(range(256)) * 2
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", little)
        with pytest.raises(OSError, match="No space"):
            inbox.take("orders", 0, data)
    assert inbox.wrong({"orders": [300, hashlib.sha256(data[:300]).hexdigest()]}) is None
    assert inbox.take("orders", 0, data) == (512, False)
    assert inbox.wrong({"orders": [512, hashlib.sha256(data).hexdigest()]}) is None
    assert records.orders(tmp_path, 1).read_bytes() == data
    inbox.close()


@pytest.mark.parametrize(("name", "at"), [("../run.json", 0), ("result.json", 0), ("requests", -1)])
def test_a_worker_writes_nothing_but_its_own_history(tmp_path: Path, name: str, at: int) -> None:
    with pytest.raises(ValueError, match="no file of a history"):
        Inbox(tmp_path, 1).take(name, at, b"x")
    assert not list(tmp_path.iterdir())
