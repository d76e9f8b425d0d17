"""The spool keeps whole lines, whatever the disk and the platform do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from surgekit.eventlog.writer import SpoolWriter


def test_rows_are_lines_once_they_are_flushed(tmp_path: Path) -> None:
    log = SpoolWriter(tmp_path / "log")
    log.row({"a": 1})
    assert (tmp_path / "log").read_bytes() == b""
    log.row({"b": "ü"})
    log.flush()
    assert (tmp_path / "log").read_text() == '{"a":1}\n{"b":"ü"}\n'
    log.close()


def test_a_disk_that_was_full_for_a_moment_costs_no_line_and_breaks_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes five bytes, then none; later it takes the rest."""
    log = SpoolWriter(tmp_path / "log")
    log.row({"first": 1})
    room = [5, 0]
    write = os.write

    def tight(fd: int, data: bytes) -> int:
        if not room:
            return write(fd, data)
        if (left := room.pop(0)) == 0:
            raise OSError(28, "No space left on device")
        return write(fd, data[:left])

    monkeypatch.setattr(os, "write", tight)
    with pytest.raises(OSError, match="No space"):
        log.flush()
    log.row({"second": 2})
    log.close()
    assert [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()] == [{"first": 1}, {"second": 2}]


@pytest.mark.parametrize(
    ("value", "kept"),
    [("half \ud83d", "half ?"), (10**30, None), (["\udc00"], ["?"]), ({"\ud800": -(10**30)}, {"?": None}), (True, True)],
)
def test_what_a_platform_may_have_answered_does_not_cost_the_row(tmp_path: Path, value: object, kept: object) -> None:
    log = SpoolWriter(tmp_path / "log")
    log.row({"seq": 1, "said": value})
    log.close()
    assert json.loads((tmp_path / "log").read_text()) == {"seq": 1, "said": kept}


def test_a_writer_that_fails_at_the_end_lets_go_of_its_file() -> None:
    log = SpoolWriter(Path("/dev/full"))
    log.row({"a": 1})
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="No space"):
        log.close()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before - 1
