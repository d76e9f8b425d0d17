"""The thread that writes the history, so that a slow disk does not slow the loop; and the one that has the disk keep it.

Both are threads of the system's own. They call nothing that gevent has patched.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from surgekit.engine.loop.real import real
from surgekit.eventlog.records import line

LOOK_S = 0.1
"""So often the writer looks for something to write."""
SYNC_S = 1.0
_SPARE: Final = 4
"""So many buffers of a file are kept for the next time."""
_AGAIN: Final = "again"
Job = tuple[int, bytes | bytearray | list[object], int]
"""The number of a file, what goes there, and of a bytearray how much of it. A list becomes a line of JSON; its size is a guess."""
_NO_DISK: Final = frozenset({errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP})
"""What is behind the file keeps nothing in the first place."""


def weight(job: Job) -> int:
    """The memory that it takes while it waits."""
    _, block, size = job
    return len(block) if isinstance(block, bytearray) else size


class Writer:
    """Appends to files, in the order in which it is given something. All but ``taken`` and ``error`` is the giver's to call.

    After an error, what could not be written waits with all that came after it, until ``again`` or ``wait``.
    """

    def __init__(self, paths: Sequence[Path], seen: Callable[[int, bytes | bytearray, int], None], rests: Callable[[bool], None]) -> None:
        """``seen(file, block, size)`` is told in the writer's thread what is with the kernel, ``rests`` that nothing more is to be written for
        now, and whether somebody waits. Raises ``OSError``."""
        self.taken = 0
        """The weight of all that is with the kernel."""
        self.error: Exception | None = None
        self._seen = seen
        self._rests = rests
        self._files: list[int] = []
        try:
            for path in paths:
                self._files.append(_opened(path))
            kept = [os.dup(file) for file in self._files]
        except OSError:
            for file in self._files:
                os.close(file)
            raise
        self._spare: list[deque[bytearray]] = [deque(maxlen=_SPARE) for _ in paths]
        self._jobs: deque[Any] = deque()
        self._left: deque[Job] = deque()
        self._written = 0
        self._lock = real("_thread", "allocate_lock")
        self._wake, self._ended = self._lock(), self._lock()
        self._wake.acquire()
        self._ended.acquire()
        real("_thread", "start_new_thread")(self._work, ())
        real("_thread", "start_new_thread")(self._sync, (kept,))

    def give(self, jobs: list[Job]) -> None:
        """They are the writer's now, and their buffers too. Raises ``OSError`` once it is closed."""
        if not self._files:
            raise OSError(errno.EBADF, "the history is closed")
        self._jobs.append(jobs)

    def spare(self, file: int) -> bytearray | None:
        """A buffer that was given for ``file`` and is free again."""
        try:
            return self._spare[file].pop()
        except IndexError:
            return None

    def again(self) -> None:
        """Go on after an error."""
        self._jobs.append(_AGAIN)

    def wait(self) -> None:
        """Until everything that was given is with the kernel, or there is an error."""
        if not self._files:
            return
        done = self._lock()
        done.acquire()
        self._now(done)
        done.acquire()

    def close(self) -> None:
        """Wait, end the threads and let go of the files. What could not be written is gone."""
        self.wait()
        self._now(None)
        self._ended.release()
        while self._files:
            os.close(self._files.pop())

    def _now(self, job: Any) -> None:
        self._jobs.append(job)
        if self._wake.locked():
            self._wake.release()

    def _work(self) -> None:
        while True:
            # Waking another thread would cost the giver ten times what giving does.
            self._wake.acquire(timeout=LOOK_S)
            while self._jobs:
                job = self._jobs.popleft()
                if job is None:
                    return
                if isinstance(job, list):
                    stuck = bool(self._left)
                    self._left.extend(job)
                    if not stuck:
                        self._write()
                else:
                    self._write()
                    if job is not _AGAIN:
                        self._rest(awaited=True)
                        job.release()
            self._rest(awaited=False)

    def _rest(self, *, awaited: bool) -> None:
        try:
            self._rests(awaited)
        except Exception as error:  # noqa: BLE001 - as below
            self.error = error

    def _write(self) -> None:
        try:
            while self._left:
                file, block, size = self._left[0]
                if isinstance(block, list):
                    block = line(block)
                    self._left[0] = (file, block, size)
                end = size if isinstance(block, bytearray) else len(block)
                while self._written < end:
                    self._written += os.write(self._files[file], memoryview(block)[self._written : end])
                self._left.popleft()
                self._written = 0
                self.taken += weight((file, block, size))
                self._seen(file, block, size)
                if isinstance(block, bytearray):
                    self._spare[file].append(block)
        except Exception as error:  # noqa: BLE001 - the giver is told of it, whatever it is
            self.error = error

    def _sync(self, files: list[int]) -> None:
        """On a disk that is busy this takes long, and the writer must not wait for it."""
        keep = getattr(os, "fdatasync", os.fsync)
        before = 0
        while not self._ended.acquire(timeout=SYNC_S):
            if before != self.taken:
                before = self.taken
                for file in files:
                    try:
                        keep(file)
                    except OSError as error:
                        if error.errno not in _NO_DISK:
                            self.error = error
        for file in files:
            os.close(file)


def _opened(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if os.fstat(file).st_size:
        os.close(file)
        raise OSError(errno.EEXIST, f"{path.name} has the history of an engine already")
    return file
