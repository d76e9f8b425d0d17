"""Watching a surge: what the engines say, what the processes use, and when it is over."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from surgekit import clock
from surgekit.chaos.timeline import Timeline
from surgekit.children import Child
from surgekit.crew import Crew
from surgekit.errors import RunError
from surgekit.eventlog.writer import SpoolWriter
from surgekit.figures import together
from surgekit.profile.schema import Profile
from surgekit.report.show import Show
from surgekit.safety import kill
from surgekit.target.schema import Target

STOP_S = 15.0
"""After a stop was asked for, so long may the last orders take."""
LEFT_S = 5.0
"""…and so long after an engine on another machine last said that some of its history is still to come."""
MARGIN_S = 60.0
LONGEST_THINK = 20
"""Pauses are lognormal with sigma 0.5: none is ever so many times the median."""


def limit_s(profile: Profile, after_s: float = 0.0) -> float:
    """By then every order of ``profile`` has long ended, in seconds since the run's start; an engine still at it hangs. ``after_s``: so
    long after its payment a person delivers it."""
    buyers = profile.buyers
    think = LONGEST_THINK * (buyers.think.quote + buyers.think.pay)
    return profile.duration + (buyers.patience + buyers.retry.after + think) * (buyers.retry.most + 1) + after_s + MARGIN_S


def kill_file(target: Target) -> Path | None:
    """The file that ends a run of ``target`` once it is there: anybody who may write it can stop the surge, without a terminal."""
    return None if target.safety.kill_file is None else Path(target.safety.kill_file)


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """The numbers of SIGINT and SIGTERM as they come. They are noted rather than raised: an exception may surface in some library's
    clean-up, and is lost there."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, lambda it, _: asked.append(it)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Tempo:
    """Seconds since the run's start."""

    def __init__(self, t0: float) -> None:
        self._t0 = t0

    def now(self) -> float:
        return clock.now() - self._t0


@dataclass(slots=True)
class Ended:
    """How the surge ended. ``how``: ``in_order``, or ``died`` when an engine was lost. ``by_hand``: somebody wanted it to end now."""

    how: str = "in_order"
    aborted: bool = False
    by_hand: bool = False
    notes: list[str] = field(default_factory=list)
    engines: dict[str, Any] = field(default_factory=dict)
    """Shard → how its engine was (``engine.health``)."""
    gone_s: float | None = None
    """When the engine was seen to be gone, where it died: nothing was sent after that."""
    lost: dict[str, float] = field(default_factory=dict)
    """Shard → until when it may have sent orders that nothing tells of, in seconds since the start."""
    clocks: dict[str, Any] = field(default_factory=dict)
    """Shard → how far its clock is from this one (``engine.fleet.clocks``)."""


@dataclass(slots=True)
class Meter:
    """CPU of one part of the run, as percent of one core between two looks."""

    pids: list[int]
    cpu_s: float = 0.0
    at: float = 0.0

    def look(self) -> tuple[float | None, int, int]:
        """(CPU percent, resident bytes, threads); CPU is None at the first look and when all have gone."""
        cpu_s, rss, threads, alive = 0.0, 0, 0, False
        for pid in self.pids:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    cpu_s += times.user + times.system
                    rss += process.memory_info().rss
                    threads += process.num_threads()
                alive = True
            except psutil.Error:
                continue
        now = clock.now()
        percent = 100 * (cpu_s - self.cpu_s) / (now - self.at) if self.at and alive else None
        self.cpu_s, self.at = cpu_s, now
        return None if percent is None else max(0.0, percent), rss, threads


class Watch:
    """One surge under watch. ``until_over`` blocks; Ctrl-C in it asks the engines to stop, and so does ``limit_s``."""

    def __init__(
        self, run: Path, crew: Crew, tempo: Tempo, timeline: Timeline, show: Show, *, limit_s: float | None = None,
        kill_file: Path | None = None,
    ) -> None:
        self._run = run
        self._crew = crew
        self._tempo = tempo
        self._timeline = timeline
        self._show = show
        self._limit_s = float("inf") if limit_s is None else limit_s
        self._kill_file = kill_file
        self._stop_by = float("inf")
        self._counts: dict[int, dict[str, Any]] = {}
        self._meters = {part: Meter(pids) for part, pids in crew.pids().items()}

    def until_over(self) -> Ended:
        """Until every engine has ended: collect progress, sample the processes, tell the terminal.

        Ctrl-C and SIGTERM ask the engines to stop; a second one is not needed. Raises ``RunError`` when an engine says that it
        cannot go on (a full disk, say).
        """
        ended = Ended()
        with self._writing():
            samples = SpoolWriter(self._run / "spool" / "samples.jsonl")
        running = dict(enumerate(self._crew.engines))
        next_sample = 0.0
        with _asked_to_stop() as asked:
            while running:
                if asked and not ended.by_hand:
                    ended.by_hand = ended.aborted = True
                    self._stop(running, ended, "stopped by hand")
                if self._stop_by == float("inf") and kill.thrown(self._kill_file):
                    ended.aborted = True
                    self._stop(running, ended, f"stopped by the kill file {self._kill_file}")
                if self._listen(running, ended, 0.1):
                    continue
                if self._tempo.now() >= next_sample:
                    next_sample = max(next_sample + 1.0, self._tempo.now() // 1 + 1)
                    self._sample(self._tempo.now(), samples)
                    self._check_processes(ended)
                    self._show.progress(self._tempo.now(), together(self._counts.values()), self._timeline.active())
                if self._tempo.now() > self._limit_s and self._stop_by == float("inf"):
                    self._stop(running, ended, "stopped because it should long have been over,")
                if self._tempo.now() > self._stop_by:
                    ended.how = "died"
                    hung = ", ".join(map(str, running))
                    ended.notes.append(f"the load engine was lost (shard {hung}): not over {STOP_S:.0f} s after it was told to stop")
                    break
        if asked and not ended.by_hand:  # at the very end
            ended.by_hand = ended.aborted = True
            ended.notes.append(f"stopped by hand at {self._tempo.now():.1f} s")
        with self._writing():
            samples.close()
        return ended

    def _stop(self, running: dict[int, Child], ended: Ended, why: str) -> None:
        self._stop_by = min(self._stop_by, self._tempo.now() + STOP_S)
        ended.notes.append(f"{why} at {self._tempo.now():.1f} s")
        for engine in running.values():
            engine.tell("stop")
        if self._crew.world is not None:
            with suppress(OSError):  # an edge that is gone is quiet
                self._crew.world.quiet()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(f"{self._run}: cannot be written: {error.strerror}") from None

    def _listen(self, running: dict[int, Child], ended: Ended, wait_s: float) -> bool:
        """Take in what the engines said; whether there was anything."""
        heard = False
        for shard, engine in list(running.items()):
            try:
                told = engine.said.get_nowait()
            except queue.Empty:
                continue
            heard = True
            if told is None:
                del running[shard]
                ended.how = "died"
                engine.end()  # what belongs to it must not go on without it
                ended.gone_s = self._tempo.now()
                ended.notes.append(f"the load engine was lost (shard {shard}): {engine.last_words()}")
            elif "done" in told:
                del running[shard]
                if not told["done"]:
                    raise RunError(f"the load engine gave up: {told['error']}")
                ended.notes += told.get("troubles", [])
                ended.engines |= told["engines"] if "engines" in told else {str(shard): told.get("health")}
                ended.lost |= told.get("lost", {})
                ended.clocks |= told.get("clocks", {})
                if told.get("over_budget"):  # the others have budgets of their own, and end when those do
                    ended.aborted = True
                    ended.notes.append(told["over_budget"])
                if told.get("stopped") and self._stop_by == float("inf"):  # nobody here told it to
                    ended.aborted, ended.by_hand = True, not told.get("why")
                    self._stop(running, ended, told.get("why") or "stopped on the web page")
            else:
                self._counts[shard] = told
                if told.get("left") and self._stop_by < float("inf"):  # it has stopped, and its history is still on its way
                    self._stop_by = max(self._stop_by, self._tempo.now() + LEFT_S)
        if not heard:
            time.sleep(wait_s)
        return heard

    def _sample(self, t_s: float, samples: SpoolWriter) -> None:
        looks = {part: meter.look() for part, meter in self._meters.items()}
        total = together(self._counts.values())
        samples.row(
            {
                "t_s": t_s, "in_flight": total.get("in_flight", 0), "slip_ms": total.get("slip_ms"),
                "lag_ms": total.get("lag_ms"), "cpu_engine": looks["engine"][0], "cpu_platform": looks["platform"][0],
                "cpu_edge": looks["edge"][0], "rss_engine": looks["engine"][1], "rss_platform": looks["platform"][1],
                "threads_platform": looks["platform"][2],
            }
        )  # fmt: skip
        with self._writing():
            samples.flush()

    def _check_processes(self, ended: Ended) -> None:
        for name, child in (("platform", self._crew.platform), ("edge process", self._crew.edge)):
            if child is not None and child.gone() and not any(note.startswith(f"the {name} ") for note in ended.notes):
                ended.notes.append(f"the {name} was gone at {self._tempo.now():.1f} s: {child.last_words()}")
