"""The open-loop scheduler: orders leave when the schedule says, whatever became of earlier ones."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import gevent
from gevent.event import Event
from gevent.pool import Group

from surgekit import clock
from surgekit.engine.budget import BUDGET, NO_BUDGET, Purse
from surgekit.engine.buyer import BROKEN, HARMLESS, Told
from surgekit.engine.http import STOPPED, Client
from surgekit.engine.spool import Log
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Read, Request, StepPlan, stamps

STOP_S = 2.0
"""So long may replies that are under way take to arrive after a stop."""
QUIET_S = 0.1
"""So long after a stop, buyers may still send their next step; then nothing leaves any more. A stop itself may be half a second on its way,
and within one second all has to be still."""
MOST_CARDS = 2_000_000
"""So many cards are remembered for the figure on the terminal; the audit knows all of them."""
TICK_S = 0.0005
"""The event loop sleeps in whole milliseconds, rounded up. Waking up half of one early and looking again and again until the
moment has come makes an order late by a tenth of a millisecond instead of a whole one, and costs little."""
FLUSH_S = 0.2
"""At most this much of the history is lost when the engine is killed."""

OnRequest = Callable[[str, str, float, int, str | None], None]
"""method, step, response time in ms, bytes, error word: for Locust's own statistics."""


class Walk(Protocol):
    """One order on its way. ``told`` is what is known of it at any moment, also when it is cut short. Making one does nothing yet."""

    told: Told

    def run(self) -> object: ...


@dataclass(slots=True)
class _Nothing:
    """Stands in for a walk that could not even be made."""

    told: Told

    def run(self) -> object: ...


class Surge:
    """One shard of a run: its orders, its clock, its log, and what the terminal wants to know meanwhile."""

    def __init__(
        self,
        orders: Iterable[Order],
        *,
        walk: Callable[[Surge, Order, str], Walk],
        client: Client,
        log: Log,
        purse: Purse,
        run_id: str,
        bound: int,
        on_request: OnRequest,
    ) -> None:
        self._orders = orders
        self._walk = walk
        self._client = client
        self._log = log
        self._purse = purse
        self._run_id = run_id
        self._bound = bound
        self._on_request = on_request
        self._start = 0.0
        self._live = Group()
        self._beside = Group()
        self._runner: gevent.Greenlet | None = None
        self._stop = Event()
        self._enough = Event()
        self._quiet_from = float("inf")
        client.quiet = self._quiet
        self.why_stopped: str | None = None
        self.over_budget: str | None = None
        self.troubles: Counter[str] = Counter()
        self.on_exchange: Callable[[StepPlan, Request, Reply, Read], None] | None = None
        self.over = Event()
        self.counts: Counter[str] = Counter()
        self.failure: str | None = None
        self._lag_ms = 0.0
        self._slip_ms = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=4000)
        self._cards: set[int] = set()

    # What a journey needs of the world (the Session protocol).

    def now(self) -> float:
        return clock.now() - self._start

    def sleep_until(self, at_s: float) -> None:
        left = at_s - self.now()
        if left > 0:
            gevent.sleep(left)

    def beside(self, work: Callable[[], None]) -> Callable[[], None]:
        return self._beside.spawn(work).get  # type: ignore[no-any-return]

    def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> tuple[Reply, Read]:
        """Send a step. Ends the greenlet where nothing may leave any more."""
        reply, read = self._exchanged(step, values, jar)
        if reply.sent_s is not None or reply.error != STOPPED:
            self.tell(order, step.name, step.method, reply, read, due_s, attempt)
        if reply.error == STOPPED:
            raise gevent.GreenletExit
        return reply, read

    def submit(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> tuple[Reply, Read]:
        """Send the step that places ``order``, if the budget has it; else the reply is that nothing was sent, for the reason ``budget``."""
        if not self.reserve(order):
            now = self.now()
            return Reply(0, b"", None, now, BUDGET, effect_free=True), NO_BUDGET
        reply, read = self.send(order, step, values, due_s, attempt, jar)
        self.settle(order, left=reply.sent_s is not None, harmless=read.kind in HARMLESS)
        return reply, read

    def reserve(self, order: Order) -> bool:
        """Whether the budget has a submission of ``order``, which then is taken. Where it is used up, no more orders are released."""
        refusal = self._purse.reserve(order)
        if refusal is None:
            return True
        self.over_budget = self.over_budget or refusal.why
        if refusal.for_good:
            self._enough.set()
        return False

    def settle(self, order: Order, *, left: bool, harmless: bool) -> None:
        """What became of a submission that was reserved (``Purse.settle``)."""
        self._purse.settle(order, left=left, harmless=harmless)

    def for_nobody(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None) -> Read:
        """Send a step that belongs to no order, such as a login before the surge."""
        reply, read = self._exchanged(step, values, jar)
        if reply.error == STOPPED:
            raise gevent.GreenletExit
        return read

    def _quiet(self) -> bool:
        return self.now() > self._quiet_from

    def _exchanged(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None) -> tuple[Reply, Read]:
        if self._quiet():
            raise gevent.GreenletExit
        if step.stamped:
            values = {**values, **stamps()}
        request = step.request(values)
        reply = self._client.send(request, jar)
        read = step.read(reply)
        if self.on_exchange is not None:
            self.on_exchange(step, request, reply, read)
        return reply, read

    def tell(self, order: Order, step: str, method: str, reply: Reply, read: Read, due_s: float, attempt: int) -> None:
        """Write a request down, and count it."""
        self._log.request(order, step, reply, read, due_s, attempt)
        self.counts["requests"] += 1
        if read.kind in BROKEN:
            self.counts["errors"] += 1
        if reply.error == "no_sockets":
            self.counts["no_sockets"] += 1
        failed = read.reason if read.kind in BROKEN or read.kind is ReplyClass.REFUSED else None
        self._on_request(method, step, (reply.done_s - due_s) * 1000, len(reply.body), failed)

    def later(self, work: Callable[[], None]) -> None:
        """Do ``work`` beside the orders. The surge is over when it is done too, unless it is stopped."""
        self._beside.spawn(work)

    def trouble(self, what: str) -> None:
        """Something that did not go as it should and belongs to no order's own requests: told once at the end, with how often."""
        self.troubles[what] += 1

    # The schedule.

    def begin(self, start: float) -> None:
        """Run in a greenlet of its own, once, however often this is called. ``start`` is on the host's clock."""
        if self._runner is None:
            self._runner = gevent.spawn(self._run, start)

    def one(self, order: Order, start: float) -> Told:
        """Walk one order to its end, outside any schedule. Raises what went wrong in here."""
        self._start = start
        walk = self._walk(self, order, self._key(order))
        walk.run()
        self._beside.join()
        self._log.order(order, self._key(order), walk.told)
        self._flush()
        return walk.told

    def stop(self, why: str | None = None) -> None:
        """No more orders, and after ``QUIET_S`` no more requests; replies under way get a moment to arrive."""
        if not self._stop.is_set():
            self._quiet_from = self.now() + QUIET_S
            self.why_stopped = why
            self._stop.set()
            self._enough.set()

    @property
    def stopped(self) -> bool:
        return bool(self._stop.is_set())

    def _run(self, start: float) -> None:
        """Send every order of the schedule, wait for the last one, close the log, say that it is over."""
        self._start = start
        # What was made so far lives as long as the run; a collection in the middle of a surge would stop it all.
        gc.collect()
        gc.freeze()
        helpers = [gevent.spawn(self._flush_often), gevent.spawn(self._watch_lag)]
        try:
            self._send_all(iter(self._orders))
            gevent.wait([gevent.spawn(self._live.join), self._stop], count=1)
            self._live.join(timeout=STOP_S)
            gevent.wait([gevent.spawn(self._beside.join), self._stop], count=1)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must not look complete
            self._failed(error)
        finally:
            for group in (self._live, self._beside):
                group.kill(block=True)
            gevent.killall(helpers, block=True)
            self._flush()
            self.over.set()

    def _send_all(self, orders: Iterator[Order]) -> None:
        for order in orders:
            left = order.intended_s - self.now() - TICK_S
            if left > 0:
                self._enough.wait(left)
            # Once at least: behind time, those that were released have to get their turn all the same.
            gevent.sleep(0)
            while self.now() < order.intended_s and not self._enough.is_set():
                gevent.sleep(0)
            if self._stop.is_set():
                return
            if self._enough.is_set():
                self._beyond_budget(chain([order], orders))
                return
            self._release(order)

    def _beyond_budget(self, orders: Iterable[Order]) -> None:
        """Say of every order that is left why it is not sent; those under way go on meanwhile."""
        for number, order in enumerate(orders):
            if number % 100 == 0:
                gevent.sleep(0)
            if self._stop.is_set():
                return
            self.counts["scheduled"] += 1
            self.counts[Outcome.FAILED.value] += 1
            self._log.order(order, self._key(order), Told(outcome=Outcome.FAILED, reason=BUDGET, ended_s=self.now()))

    def _key(self, order: Order) -> str:
        return f"{self._run_id}-{order.seq:07d}"

    def _release(self, order: Order) -> None:
        key = self._key(order)
        self.counts["scheduled"] += 1
        self._slip_ms = max(self._slip_ms, (self.now() - order.intended_s) * 1000)
        if len(self._live) >= self._bound:
            self.counts["unsent"] += 1
            self._log.order(order, key, Told(outcome=Outcome.FAILED, reason="unsent", ended_s=self.now()))
            return
        self._log.begun.row({"seq": order.seq, "begun_s": self.now()})
        self._live.spawn(self._journey, order, key)

    def _journey(self, order: Order, key: str) -> None:
        walk: Walk = _Nothing(Told(started_s=self.now()))
        try:
            walk = self._walk(self, order, key)
            walk.run()
        except gevent.GreenletExit:
            self._cut_short(walk.told, "aborted")
        except Exception as error:  # noqa: BLE001 - a fault of ours must void the run and say so, not vanish in a greenlet
            self._cut_short(walk.told, "engine_error")
            self._failed(error)
        self._log.order(order, key, walk.told)
        self._count(order, walk.told)

    def _cut_short(self, told: Told, reason: str) -> None:
        """An order that had ended already (its second click had not) stays as it was."""
        if told.ended_s is None:
            told.outcome, told.reason, told.ended_s = Outcome.UNKNOWN, reason, self.now()

    def _failed(self, error: Exception) -> None:
        """The first fault is the one to tell of; the others are most often the same."""
        if self.failure is None:
            self.failure = f"{type(error).__name__}: {error}"
            logging.getLogger(__name__).error("a fault of the engine's own", exc_info=error)

    def _count(self, order: Order, told: Told) -> None:
        counts = self.counts
        counts[told.outcome.value] += 1
        counts["sent"] += told.sent_s is not None
        counts["accepted"] += told.accepted_s is not None
        counts["bad"] += told.errors > 0
        counts["refunded"] += told.reason == "refunded"
        for card in {int(digest[:15], 16) for digest in told.card_digests or ()}:
            if card in self._cards:
                counts["twice"] += 1
            elif len(self._cards) < MOST_CARDS:
                self._cards.add(card)
        end = told.confirmed_s if told.confirmed_s is not None else told.ended_s
        if end is not None and (told.confirmed_s is not None or told.reason == "deadline"):
            self._recent.append((self.now(), end - order.intended_s - told.paused_s))

    # What runs beside it.

    def _flush(self) -> None:
        try:
            self._log.flush()
        except OSError as error:
            self.failure = f"the history cannot be written: {error.strerror}"
            self._stop.set()
            self._enough.set()

    def _flush_often(self) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            self._flush()

    def _watch_lag(self) -> None:
        while True:
            due = clock.now() + 0.05
            gevent.sleep(0.05)
            self._lag_ms = max(self._lag_ms, (clock.now() - due) * 1000)

    def progress(self) -> dict[str, Any]:
        """Figures since the start, and for latencies, slip and lag since the last call."""
        now = self.now()
        recent = sorted(latency for at, latency in self._recent if at > now - 5)
        told: dict[str, Any] = dict(self.counts)
        told["t"] = now
        told["in_flight"] = len(self._live)
        told["confirm_p99_ms"] = recent[min(len(recent) - 1, int(0.99 * len(recent)))] * 1000 if recent else None
        told["slip_ms"], self._slip_ms = self._slip_ms, 0.0
        told["lag_ms"], self._lag_ms = self._lag_ms, 0.0
        told["cpu_s"] = time.process_time()
        return told
