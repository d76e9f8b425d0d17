"""The history of a shard on its way to the master, whose spool then has the same bytes.

A worker on another machine writes its files as any engine does, and sends what is in them as they grow: its disk is the buffer, so that a slow
network costs neither rows nor memory. Only so much is under way at a time; what was lost with a connection is sent again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from surgekit.eventlog import records

CHUNK: Final = 256 << 10
WINDOW: Final = 4 << 20
"""So many bytes may be under way."""
PATHS: Final = {
    "words": records.words, "texts": records.texts, "begun": records.begun, "requests": records.requests, "orders": records.orders,
}  # fmt: skip
"""In the order in which they are sent: a record's words and texts are there before it."""

NOTHING: Final = [0, hashlib.sha256().hexdigest()]
Summary = dict[str, list[Any]]
"""Name → [bytes, SHA-256 in hex]."""


class Outbox:
    """A worker's. ``send(name, at, data)``: ``data`` belongs at ``at`` in that file."""

    def __init__(self, spool: Path, shard: int, send: Callable[[str, int, bytes], None]) -> None:
        self._files = {name: path(spool, shard) for name, path in PATHS.items()}
        self._send = send
        self._open: dict[str, int] = {}
        self._sent = dict.fromkeys(PATHS, 0)
        self._there = dict.fromkeys(PATHS, 0)
        self._again = dict.fromkeys(PATHS, -1)
        self._hashed = dict.fromkeys(PATHS, 0)
        self._hash = {name: hashlib.sha256() for name in PATHS}

    def pump(self) -> None:
        """Send what there is, as far as the window goes. Raises ``OSError``."""
        # What a record points into was written before it. So files of records are measured first, and sent last.
        sizes = {name: self._size(name) for name in reversed(PATHS)}
        for name in PATHS:
            while self._sent[name] < sizes[name]:
                if self.under_way >= WINDOW:
                    return
                self._one(name, sizes[name])

    def _one(self, name: str, size: int) -> None:
        at = self._sent[name]
        data = os.pread(self._open[name], min(CHUNK, size - at), at)
        if new := data[max(0, self._hashed[name] - at) :]:
            self._hash[name].update(new)
            self._hashed[name] += len(new)
        self._sent[name] = at + len(data)
        self._send(name, at, data)

    def _size(self, name: str) -> int:
        if name not in self._open:
            try:
                self._open[name] = os.open(self._files[name], os.O_RDONLY)
            except FileNotFoundError:
                return 0
        return os.fstat(self._open[name]).st_size

    def have(self, name: str, size: int, *, again: bool = False) -> None:
        """The master has so much of a file. ``again``: what came last did not fit to it."""
        if name not in PATHS or not self._there[name] <= size <= self._sent[name]:
            return
        self._there[name] = size
        if again and self._again[name] != size:  # all that was under way behind a gap did not fit, and says so
            self._again[name] = self._sent[name] = size

    def back(self) -> None:
        """Nothing was heard of what is under way: it may be lost, so send it again."""
        self._sent = dict(self._there)

    @property
    def under_way(self) -> int:
        return sum(self._sent.values()) - sum(self._there.values())

    @property
    def left(self) -> int:
        """Bytes that the master does not have yet."""
        return sum(self._size(name) for name in PATHS) - sum(self._there.values())

    def summary(self) -> Summary:
        """Of all that was sent."""
        return {name: [self._hashed[name], self._hash[name].hexdigest()] for name in PATHS}

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])


class Inbox:
    """The master's, of one worker."""

    def __init__(self, spool: Path, shard: int) -> None:
        self._files = {name: path(spool, shard) for name, path in PATHS.items()}
        self._open: dict[str, int] = {}
        self._size = dict.fromkeys(PATHS, 0)
        self._hash = {name: hashlib.sha256() for name in PATHS}

    def take(self, name: str, at: int, data: bytes) -> tuple[int, bool]:
        """Append ``data`` where it goes on with what is there. How much of the file is there then, and whether it did not fit: something before it is
        missing. Raises ``OSError``, and ``ValueError`` for a file that is none of a history."""
        if name not in PATHS or at < 0:
            raise ValueError(f"no file of a history: {name!r}")
        if at > self._size[name]:
            return self._size[name], True
        new = data[self._size[name] - at :]
        if name not in self._open:
            self._open[name] = os.open(self._files[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        while new:  # written first, then counted: of a full disk's last block only a part may be there
            written = os.write(self._open[name], new)
            self._hash[name].update(new[:written])
            self._size[name] += written
            new = new[written:]
        return self._size[name], False

    def wrong(self, summary: Mapping[str, Any]) -> str | None:
        """What is not as the worker says that it sent it; None where all is."""
        for name in PATHS:
            size, digest = summary.get(name, NOTHING)
            if size != self._size[name]:
                return f"of its {name}, {self._size[name]:,} of {size:,} bytes came"
            if digest != self._hash[name].hexdigest():
                return f"its {name} did not come as they were sent"
        return None

    def close(self) -> None:
        """Begin what is missing, so that there is a file of each, and let go of them."""
        for name in PATHS:
            if name not in self._open:
                self._open[name] = os.open(self._files[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        while self._open:
            os.close(self._open.popitem()[1])
