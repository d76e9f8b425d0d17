"""Appending rows while a run goes on, so that a crash loses no more than the last moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson


class SpoolWriter:
    """JSON lines in one file. ``row`` only buffers; ``flush`` hands whole lines to the kernel in one write.

    A reader of a file whose writer was killed may find a last line cut short, never one in the middle. Raises ``OSError``
    from ``flush`` when the disk is full or the folder has gone; a later ``flush`` goes on where that one broke off.
    """

    __slots__ = ("_buffer", "_fd")

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._buffer: list[bytes] = []

    def row(self, row: Mapping[str, Any]) -> None:
        try:
            # Strict, because orjson would write what lies between 2**63 and 2**64, and no table can hold that.
            line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER)
        except TypeError:
            line = orjson.dumps(sayable(row), option=orjson.OPT_APPEND_NEWLINE)
        self._buffer.append(line)

    def flush(self) -> None:
        if not self._buffer:
            return
        block = b"".join(self._buffer)
        self._buffer.clear()
        try:
            while block:
                block = block[os.write(self._fd, block) :]
        except OSError:
            self._buffer.append(block)
            raise

    def close(self) -> None:
        """Flush and close; closed it is even where the flush fails."""
        try:
            self.flush()
        finally:
            os.close(self._fd)


def sayable(value: Any) -> Any:
    """``value`` as JSON in UTF-8 can hold it. A platform's reply may have brought half a surrogate pair, or a number of a
    thousand digits; that must not cost the row."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {sayable(key): sayable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [sayable(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value
