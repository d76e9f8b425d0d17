"""Workers that may crash, hang or eat memory, and somebody who counts how often they do."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

Work = Callable[[int], tuple[str, str, str]]
"""number → (kind, outcome, what was said). An exception is a traceback; ``LateError`` is a hang."""
_FORK = multiprocessing.get_context("fork")
_LIMIT = 1536 << 20
FAULTS = ("traceback", "hang", "memory")


class LateError(Exception):
    """It came to an end, and later than it may."""


@dataclass(frozen=True, slots=True)
class Result:
    """One input. ``outcome``: a word of the work's own, or one of ``FAULTS``; ``said``: a sentence, or the end of a traceback."""

    number: int
    kind: str
    outcome: str
    said: str
    seconds: float = 0.0
    mib: float = 0.0


def peak_mib() -> tuple[float, float]:
    """Resident memory: (highest since the last ``forget_peak``, now)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found["VmHWM"]) / 1024, int(found["VmRSS"]) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _only_loopback(event: str, args: tuple[object, ...]) -> None:
    """Mutants name hosts of all kinds; none of them is asked anything, whatever the code under test does."""
    if event == "socket.connect" and isinstance(args[1], tuple) and not str(args[1][0]).startswith(("127.", "::1")):
        raise RuntimeError(f"a connection beyond this machine: {args[1]!r}")
    if event == "socket.getaddrinfo" and args[0] not in ("localhost", "127.0.0.1", "::1"):
        raise RuntimeError(f"a name was looked up: {args[0]!r}")


def _serve(pipe: Connection, work: Work, most_mib: float) -> None:
    sys.addaudithook(_only_loopback)
    held = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize")).split()[1]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (max(_LIMIT, held + (_LIMIT >> 1)),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)  # libraries that write to standard error
    parent = os.getppid()
    while True:
        try:
            while not pipe.poll(1.0):
                if os.getppid() != parent:  # it was ended, and nobody else closes the pipe
                    return
            number = pipe.recv()
        except (EOFError, OSError):
            return
        forget_peak()
        before = peak_mib()[1]
        started = time.monotonic()
        result = _tried(work, number)
        seconds, grown = time.monotonic() - started, peak_mib()[0] - before
        kind, outcome, said = result
        if grown > most_mib and outcome != "traceback":
            outcome, said = "memory", f"{grown:.0f} MiB more ({outcome}: {said})"
        pipe.send(Result(number, kind, outcome, said, seconds, grown))


def _tried(work: Work, number: int) -> tuple[str, str, str]:
    try:
        return work(number)
    except LateError as late:
        return "", "hang", str(late)
    except MemoryError:
        return "", "memory", "MemoryError"
    except BaseException as error:  # noqa: BLE001
        where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
        return "", "traceback", f"{type(error).__name__}: {str(error)[:200]} ({' > '.join(where)})"


class _Worker:
    def __init__(self, work: Work, most_mib: float) -> None:
        self.pipe, theirs = _FORK.Pipe()
        self.process = _FORK.Process(target=_serve, args=(theirs, work, most_mib), daemon=True)
        self.process.start()
        theirs.close()
        self.number: int | None = None
        self.since = 0.0

    def begin(self, number: int) -> None:
        self.number, self.since = number, time.monotonic()
        self.pipe.send(number)

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def watched(work: Work, numbers: Iterable[int], *, workers: int, limit_s: float, most_mib: float) -> Iterator[Result]:
    """The results of ``work`` in the order in which they come. A worker that says nothing for ``limit_s`` seconds is ended, and its
    input counts as a hang; one that dies counts as a traceback. ``most_mib``: what an input may take beyond what was there."""
    todo = deque(numbers)
    crew = [_Worker(work, most_mib) for _ in range(min(workers, len(todo)))]
    try:
        for worker in crew:
            worker.begin(todo.popleft())
        while busy := [worker for worker in crew if worker.number is not None]:
            ready = wait([worker.pipe for worker in busy], timeout=0.2)
            for worker in busy:
                result = _heard(worker, worker.pipe in ready, limit_s)
                if result is None:
                    continue
                yield result
                worker.number = None
                if not worker.process.is_alive() or worker.pipe.closed:
                    worker.end()
                    crew[crew.index(worker)] = worker = _Worker(work, most_mib)  # noqa: PLW2901
                if todo:
                    worker.begin(todo.popleft())
    finally:
        for worker in crew:
            with contextlib.suppress(OSError):
                worker.end()


def _heard(worker: _Worker, ready: bool, limit_s: float) -> Result | None:
    assert worker.number is not None
    seconds = time.monotonic() - worker.since
    if ready:
        try:
            result = worker.pipe.recv()
            assert isinstance(result, Result)
            return result
        except (EOFError, OSError):
            worker.process.join()
            return Result(worker.number, "", "traceback", f"the process died ({worker.process.exitcode})", seconds)
    if seconds > limit_s:
        worker.process.kill()
        worker.process.join()
        return Result(worker.number, "", "hang", f"nothing for {seconds:.1f} s", seconds)
    return None


@contextlib.contextmanager
def beside(serve: Callable[[socket.socket], None], many: int) -> Iterator[list[int]]:
    """``many`` processes that each serve on a loopback port; the ports. Ended with the block."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(many)]
    ports = [listener.getsockname()[1] for listener in listeners]
    processes = [_FORK.Process(target=serve, args=(listener,), daemon=True) for listener in listeners]
    for process in processes:
        process.start()
    for listener in listeners:
        listener.close()
    try:
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.join()
