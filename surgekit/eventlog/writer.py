"""Appending rows while a run goes on, so that a crash loses no more than the last moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson


class SpoolWriter:
    """JSON lines in one file. ``row`` only buffers; ``flush`` hands whole lines to the kernel in one write.

    A reader of a file whose writer was killed may find a last line cut short, never one in the middle.
    Raises ``OSError`` from ``flush`` when the disk is full or the folder has gone.
    """

    __slots__ = ("_buffer", "_fd")

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._buffer: list[bytes] = []

    def row(self, row: Mapping[str, Any]) -> None:
        self._buffer.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        if not self._buffer:
            return
        block = b"".join(self._buffer)
        self._buffer.clear()
        while block:
            block = block[os.write(self._fd, block) :]

    def close(self) -> None:
        self.flush()
        os.close(self._fd)
