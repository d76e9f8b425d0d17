"""What the master knows of its workers, and what it tells them. Sans I/O: messages come in by ``heard``, and go out by ``tell``."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from surgekit.engine.fleet import clocks, messages
from surgekit.engine.fleet.history import Inbox
from surgekit.engine.fleet.roll import Worker, no_place
from surgekit.engine.fleet.tally import Tally

LATEST_S = 10.0
"""Whoever has done its work is waited for so long, to look at its clock once more."""


class Chief:
    """One run's. ``local``: so many of the ``shards`` are processes of this machine's own; the others are for whoever joins."""

    def __init__(
        self, plan: Mapping[str, Any], local: int, tell: Callable[[str, str, dict[str, Any]], None], now: Callable[[], float], spool: Path,
        *, on_plan: Mapping[str, Any], pids: Mapping[int, int] | None = None, clock_error_s: float = math.inf,
    ) -> None:  # fmt: skip
        """``on_plan``: what a plan message has beside the shard and the spool. ``pids``: shard → its process, of this machine's own. ``clock_error_s``: a
        worker whose clock is known less well than this cannot take part."""
        self._plan = plan
        self._local = local
        self._shards: int = plan["shards"]
        self._tell = tell
        self._now = now
        self._spool = spool
        self._on_plan = on_plan
        self._pids = pids if pids is not None else {}
        self._clock_error_s = clock_error_s
        self.workers: dict[int, Worker] = {}
        self._by_client: dict[str, Worker] = {}
        self.tally = Tally()
        self.lost: dict[int, float] = {}
        """Shard → until when it may have sent orders that nothing tells of, in seconds since the start."""
        self.notes: list[str] = []
        self.failure: str | None = None
        self.hopeless = False
        """The history cannot be written any more: there is nothing to wait for."""
        self.closed = False
        """All are ready and wait for the start: whoever goes now is missed, and nobody else can come."""
        self.t0: float | None = None
        self.stopped = False
        self.why: str | None = None
        self.by_worker = False
        """It was a worker that stopped, and the others with it."""
        self.news: list[dict[str, Any]] = []
        """For the controller, before the start."""

    # What workers say.

    def heard(self, client: str, kind: str, data: Mapping[str, Any]) -> None:
        """One message. Whatever is wrong with it is its worker's fault."""
        worker = self._by_client.get(client)
        if kind == messages.HELLO:
            self._hello(client, dict(data))
            return
        if worker is None or worker.shard in self.lost:  # it was given up; whatever it still sends is not counted
            self._tell(client, messages.BYE, {"why": "the run does not know this worker" if worker is None else worker.lost})
            return
        worker.heard = self._now()
        try:
            self._of[kind](self, worker, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._fail(f"{self._name(worker)} says what nobody understands ({kind}: {type(error).__name__}: {error})")
        except OSError as error:
            self._unwritten(worker, error)

    def alive(self, client: str) -> None:
        """Locust heard its heart."""
        if (worker := self._by_client.get(client)) is not None:
            worker.heard = self._now()

    def _hello(self, client: str, told: dict[str, Any]) -> None:
        known = self._by_client.get(client)
        if known is not None:
            if not known.ready and known.shard not in self.lost:
                self._send_plan(known)
            return
        why = messages.other_version(told)
        shard = told.get("shard")
        if why is None and shard is None:
            shard = next((each for each in range(self._local, self._shards) if each not in self.workers), None)
            why = no_place(told, self._plan) if shard is not None else f"this run has the {self._shards} workers that it needs"
        elif why is None:
            why = self._not_own(shard, told)
        if why is None and (self.t0 is not None or self.stopped):
            why = "this run has begun already"
        if why is not None:
            self._tell(client, messages.REFUSED, {"why": why})
            return
        assert isinstance(shard, int)
        worker = Worker(client, shard, str(told.get("host")), self._pids.get(shard, 0), told.get("shard") is not None, self._now())
        self.workers[shard] = self._by_client[client] = worker
        if not worker.local:
            worker.inbox = Inbox(self._spool, shard)
            self.news.append({"joined": worker.host, "shard": shard, "cores": told.get("cores")})
        self._send_plan(worker)

    def _not_own(self, shard: object, told: Mapping[str, Any]) -> str | None:
        """Why who asks for this very ``shard`` is no process of the run's own."""
        if not (isinstance(shard, int) and 0 <= shard < self._local and shard not in self.workers):
            return "this place is taken"
        if (told.get("machine"), told.get("pid")) != (messages.machine(), self._pids.get(shard)):
            return "this place is for a process that the run itself has started"
        return None

    def _send_plan(self, worker: Worker) -> None:
        worker.said = self._now()
        self._tell(worker.client, messages.PLAN, {**self._on_plan, "shard": worker.shard, "spool": str(self._spool) if worker.local else None})

    def _ready(self, worker: Worker, data: Mapping[str, Any]) -> None:
        if data["error"] is not None:
            self._fail(str(data["error"]) if worker.local else f"{self._name(worker)}: {data['error']}")
        elif not worker.ready:
            worker.ready = True
            self._burst(worker, clocks.FIRST_BURST)

    def _pong(self, worker: Worker, data: Mapping[str, Any]) -> None:
        t3 = self._now()
        if worker.clock.left and data["t0"] == worker.pinged:
            worker.clock.pong(float(data["t0"]), float(data["t1"]), float(data["t2"]), t3)
            if worker.clock.left:
                self._ping(worker)
            elif worker.done is not None:
                self._finish(worker)
            elif self.t0 is None and worker.clock.error_s > self._clock_error_s:
                self._too_far(worker)

    def _too_far(self, worker: Worker) -> None:
        """Before anything is sent: whatever it sent, the run would be void."""
        why = (
            f"the clock of {worker.host} is known to within {1000 * worker.clock.error_s:,.0f} ms only (at most {1000 * self._clock_error_s:.0f}), because the "
            "way there and back takes twice as long; use a machine that is nearer to the run's, or one that has less to do"
        )
        if worker.local:
            self._fail(why)
        else:
            self._tell(worker.client, messages.REFUSED, {"why": why})
            self.lose(worker.shard, why)

    def _figures(self, worker: Worker, data: Mapping[str, Any]) -> None:
        worker.left = int(data["left"])
        self.tally.take(worker.shard, data["figures"], data["recent"])

    def _rows(self, worker: Worker, data: Mapping[str, Any]) -> None:
        if worker.inbox is not None:
            size, again = worker.inbox.take(data["name"], int(data["at"]), data["data"])
            self._tell(worker.client, messages.HAVE, {"name": data["name"], "size": size, "again": again})

    def _done(self, worker: Worker, data: Mapping[str, Any]) -> None:
        if worker.done is not None:
            if worker.finished:  # it did not hear that
                self._tell(worker.client, messages.BYE, {"why": None})
            return
        if self.t0 is None:
            self.lose(worker.shard, "left before the start")
            return
        if worker.inbox is not None:
            wrong = worker.inbox.wrong(data["files"])
            if wrong is not None:
                self.lose(worker.shard, wrong)
                return
        worker.done = dict(data)
        self.tally.gone(worker.shard)
        if data["error"]:
            self._fail(f"{self._name(worker)}: {data['error']}")
        elif data["stopped"] and not self.stopped:
            self.by_worker = True
            self.stop(data["why"])
        worker.said = self._now()
        self._burst(worker, clocks.LAST_BURST)

    _of: dict[str, Callable[[Any, Worker, Mapping[str, Any]], None]] = {  # noqa: RUF012 - it is read only
        messages.READY: _ready, messages.PONG: _pong, messages.FIGURES: _figures, messages.ROWS: _rows, messages.DONE: _done,
    }  # fmt: skip

    # What the controller says.

    @property
    def ready(self) -> bool:
        """Every shard has its worker, and every worker's clock is known."""
        return len(self.workers) == self._shards and all(each.ready and each.clock.known for each in self.workers.values())

    def close(self) -> bool:
        """Whether all are ready; then the door is closed."""
        self.closed = self.closed or self.ready
        return self.closed

    @property
    def missing(self) -> int:
        return self._shards - len(self.workers)

    @property
    def way_s(self) -> float:
        """The longest way to a worker and back."""
        return max((each.clock.way_s for each in self.workers.values()), default=0.0)

    def start(self, t0: float) -> None:
        """All at once, each by its own clock."""
        self.t0 = t0
        for worker in self.workers.values():
            self._say_start(worker)

    def _say_start(self, worker: Worker) -> None:
        if self.t0 is not None:
            worker.said = self._now()
            self._tell(worker.client, messages.START, {"t0": self.t0 + worker.clock.offset_s})

    def stop(self, why: str | None = None) -> None:
        if not self.stopped:
            self.stopped, self.why = True, why
            for worker in self._going():
                self._tell(worker.client, messages.STOP, {})

    def gone(self, shard: int, how: str) -> None:
        """A process of this machine's has ended."""
        worker = self.workers.get(shard)
        if worker is None or not (worker.finished or worker.done is not None):
            self.lose(shard, how)
        elif not worker.finished:
            self._finish(worker)

    def lose(self, shard: int, how: str) -> None:
        """A worker is gone, or as good as gone. Until when it may have sent something, is known of a process that has ended; any other stops itself when
        it hears no more of the master."""
        if shard in self.lost:
            return
        worker = self.workers.get(shard)
        if self.t0 is None:
            if worker is None or worker.local or self.closed:
                name = f"worker {shard + 1} of {self._shards}" if worker is None else self._name(worker)
                self._fail(f"{name} was lost before the start: {how}")
            else:  # its place is free again
                del self.workers[shard], self._by_client[worker.client]
                self.news.append({"left": worker.host, "shard": shard, "why": how})
            return
        now = self._now()
        self.lost[shard] = max(0.0, now - self.t0 + (0.0 if worker is None or worker.local else messages.MASTER_SILENT_S + 1.0))
        name = f"worker {shard + 1} of {self._shards}" if worker is None else self._name(worker)
        self.notes.append(f"{name} was lost (shard {shard}) at {max(0.0, now - self.t0):.1f} s: {how}")
        self.tally.gone(shard)
        if worker is not None:
            worker.lost = how
            self._close(worker)
            self._tell(worker.client, messages.STOP, {})
            if worker.local and worker.pid > 1:
                with suppress(OSError):
                    os.kill(worker.pid, signal.SIGKILL)

    # What time brings.

    def tick(self) -> None:
        """To be called a few times a second."""
        now = self._now()
        for worker in list(self.workers.values()):
            if worker.shard in self.lost or worker.finished:
                continue
            silent_s = now - worker.heard
            # Before it is ready, one of this machine may be silent: a locustfile takes the time that it takes. The controller's own wait has a bound.
            if (worker.ready or not worker.local) and silent_s > (messages.CHILD_SILENT_S if worker.local else messages.WORKER_SILENT_S):
                if worker.done is not None:
                    self._finish(worker)
                else:
                    self.lose(worker.shard, f"nothing was heard of it for {silent_s:.0f} s")
                continue
            if worker.clock.left:
                if now - worker.pinged > messages.AGAIN_S:
                    self._ping(worker)
            elif self.t0 is not None and worker.done is None and now - worker.burst_at > clocks.EVERY_S:
                self._burst(worker, clocks.BURST)
            if worker.done is not None:
                if now - worker.said > LATEST_S:
                    self._finish(worker)
            elif self.t0 is not None and now - worker.said > messages.AGAIN_S:
                if self.stopped:
                    worker.said = now
                    self._tell(worker.client, messages.STOP, {})
                else:
                    self._say_start(worker)

    def _burst(self, worker: Worker, pings: int) -> None:
        worker.clock.begin(pings)
        worker.burst_at = self._now()
        self._ping(worker)

    def _ping(self, worker: Worker) -> None:
        worker.pinged = self._now()
        self._tell(worker.client, messages.PING, {"t0": worker.pinged})

    def _finish(self, worker: Worker) -> None:
        if not worker.finished:
            worker.finished = True
            self._close(worker)
            self._tell(worker.client, messages.BYE, {"why": None})

    def _close(self, worker: Worker) -> None:
        try:
            if worker.inbox is not None:
                worker.inbox.close()
        except OSError as error:
            self._unwritten(worker, error)

    def _unwritten(self, worker: Worker, error: OSError) -> None:
        self._fail(f"the history of {self._name(worker)} cannot be written: {error.strerror}")
        self.hopeless = True

    def leave(self) -> None:
        """Nothing is waited for any more: tell whoever is still at it why."""
        for worker in self.workers.values():
            if worker.shard not in self.lost and not worker.finished:
                self._tell(worker.client, messages.BYE, {"why": self.failure if worker.done is None else None})

    # How it ended.

    @property
    def over(self) -> bool:
        return all(shard in self.lost or (shard in self.workers and self.workers[shard].finished) for shard in range(self._shards))

    @property
    def left(self) -> int:
        """Bytes of history that are still on their way."""
        return sum(worker.left for worker in self._going())

    def told(self) -> dict[str, Any]:
        """What one engine would say at its end, and what is only known of several."""
        ends = {shard: worker.done for shard, worker in sorted(self.workers.items()) if worker.done is not None}
        troubles = [f"{self._name(self.workers[shard])}: {what}" for shard, end in ends.items() for what in end.get("troubles") or ()]
        whys = dict.fromkeys(str(end["over_budget"]) for end in ends.values() if end.get("over_budget"))
        told: dict[str, Any] = {
            "stopped": self.stopped, "why": self.why, "over_budget": "; ".join(whys) or None, "troubles": [*self.notes, *troubles],
            "engines": {str(shard): end.get("health") for shard, end in ends.items()},
            "clocks": {str(shard): worker.clock.told() for shard, worker in sorted(self.workers.items()) if worker.clock.known},
            "lost": {str(shard): round(at, 3) for shard, at in sorted(self.lost.items())},
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def _going(self) -> list[Worker]:
        return [each for each in self.workers.values() if each.shard not in self.lost and each.done is None]

    def _name(self, worker: Worker) -> str:
        where = "" if worker.local else f" on {worker.host}"
        return f"worker {worker.shard + 1} of {self._shards}{where}"

    def _fail(self, why: str) -> None:
        if self.failure is None:
            self.failure = why
        self.stop()

