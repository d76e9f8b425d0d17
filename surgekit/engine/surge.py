"""The open-loop scheduler: orders leave when the schedule says, whatever became of earlier ones."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from surgekit.engine.health import Health
from surgekit.engine.history.spool import Log
from surgekit.engine.http.client import STOPPED, Client, Pool
from surgekit.engine.loop import Cut, Flag, Loop, Task
from surgekit.engine.order.budget import BUDGET, NO_BUDGET, Purse
from surgekit.engine.order.buyer import HARMLESS, Told
from surgekit.engine.order.lane import Lane, Rider
from surgekit.model import Order, Outcome
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Read, Request, StepPlan, stamps

STOP_S = 2.0
"""So long may replies that are under way take to arrive after a stop."""
QUIET_S = 0.1
"""So long after a stop, buyers may still send their next step; then nothing leaves any more. A stop itself may be half a second on its way,
and within one second all has to be still."""
AT_A_TIME = 8
"""Connections that are being opened before the start."""
MOST_CARDS = 2_000_000
"""So many cards are remembered for the figure on the terminal; the audit knows all of them."""
FLUSH_S = 0.25
"""So often is the history handed over. What is lost when the engine is killed is at most that, the writer's own waiting (``handover.LOOK_S``) and, on a
slow disk, ``spool.LATE_S``."""
MOST_IN_TURN = 16
"""Orders that leave before sockets are looked at again, where the schedule is ahead of the engine."""


class Walk(Protocol):
    """One order on its way. ``told`` is what is known of it at any moment, also when it is cut short. Making one does nothing yet."""

    told: Told

    async def run(self) -> object: ...


class _Nothing:
    """Stands in for a walk that could not even be made."""

    def __init__(self, told: Told) -> None:
        self.told = told

    async def run(self) -> None: ...


class Surge:
    """One shard of a run: its orders, its clock, its log, and what the terminal wants to know meanwhile.

    All of it belongs to the loop's thread, but for ``progress``, which only looks.
    """

    def __init__(
        self,
        orders: Iterable[Order],
        *,
        loop: Loop,
        walk: Callable[[Surge, Order, str], Walk],
        client: Client,
        log: Log,
        purse: Purse,
        run_id: str,
        bound: int,
        places: StepPlan | None = None,
        warm: int = 0,
    ) -> None:
        """``places``: the step that places an order; None where others send it, who then call ``reserve`` and ``settle``. ``warm``: so many connections are
        open when it starts, if there is time for that."""
        self.loop = loop
        self._places = places
        self._warm = warm
        self.limited = purse.limited
        self._orders = orders
        self._walk = walk
        self._client = client
        self._log = log
        self._purse = purse
        self.key: Callable[[int], str] = f"{run_id}-%07d".__mod__
        """The key of an order, by its number."""
        self._bound = bound
        self._start = 0.0
        self.live: set[Any] = set()
        """Orders under way: tasks, and riders of the lane."""
        self.lane: Lane | None = None
        self._beside: set[Task[Any]] = set()
        self._stop = Flag(loop)
        self._enough = Flag(loop)
        self._empty = Flag(loop)
        self._sent = Flag(loop)
        self._arrivals: Iterator[Order] = iter(())
        self._next: Order | None = None
        self._fault: Exception | None = None
        self.why_stopped: str | None = None
        self.over_budget: str | None = None
        self.troubles: Counter[str] = Counter()
        self._ask: Callable[[StepPlan, Mapping[str, Any], Jar | None, Pool | None], Coroutine[Any, Any, Reply]] = client.ask
        self._on_exchange: Callable[[StepPlan, Request, Reply, Read], None] | None = None
        self.over = False
        self.scheduled = 0
        self.twice = 0
        """Cards that were seen before, in another order."""
        self.failure: str | None = None
        self.error: BaseException | None = None
        """What raised the failure; whoever waits for the end writes it down, since logging is another thread's."""
        self.health = Health(greenlets=places is None)
        self._slip_s = 0.0
        self._slips: deque[float] = deque()
        """The worst of each quarter of a second, for whoever asks next: in another thread, so nothing is reset there."""
        self._cards: set[int] = set()

    # What a journey needs of the world (the Session protocol).

    def now(self) -> float:
        return self.loop.now() - self._start

    async def sleep_until(self, at_s: float) -> None:
        await self.loop.sleep_until(at_s + self._start)

    def beside(self, work: Coroutine[Any, Any, Any]) -> Task[Any]:
        return self.loop.spawn(work, self._beside, self.left)

    async def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None, pool: Pool | None = None
    ) -> tuple[Reply, Read]:
        """Send a step. The one that places ``order`` needs budget for it, be it the first time, a retry or a second click; where there is none, the
        reply is that nothing was sent, for the reason ``budget``. Ends the task where nothing may leave any more."""
        places = step is self._places
        if places and self.limited and not self.reserve(order):
            return Reply(0, b"", None, self.now(), BUDGET, effect_free=True), NO_BUDGET
        if step.stamped:
            values = {**values, **stamps()}
        reply = await self._ask(step, values, jar, pool)
        read = step.read(reply)
        if reply.sent_s is None and reply.error == STOPPED:
            raise Cut
        self._log.request(order, step.name, reply, read, due_s, attempt)
        if places and self.limited:
            self._purse.settle(order, left=reply.sent_s is not None, harmless=read.kind in HARMLESS)
        if reply.error is not None and reply.error == STOPPED:
            raise Cut
        return reply, read

    def reserve(self, order: Order) -> bool:
        """Whether the budget has a submission of ``order``, which then is taken. Where it is used up, no more orders are released."""
        refusal = self._purse.reserve(order)
        if refusal is None:
            return True
        self.over_budget = self.over_budget or refusal.why
        if refusal.for_good:
            self._no_more()
        return False

    def _no_more(self) -> None:
        """No more orders are released."""
        self._enough.set()
        self._sent.set()

    def settle(self, order: Order, *, left: bool, harmless: bool) -> None:
        """What became of a submission that was reserved (``Purse.settle``)."""
        self._purse.settle(order, left=left, harmless=harmless)

    async def for_nobody(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None) -> Read:
        """Send a step that belongs to no order, such as a login before the surge."""
        if step.stamped:
            values = {**values, **stamps()}
        reply = await self._shown(step, values, jar)
        if reply.error == STOPPED:
            raise Cut
        return step.read(reply)

    async def _shown(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None, _pool: Pool | None = None) -> Reply:
        """Send a step where somebody may want to see the request."""
        request = step.request(values)
        reply = await self._client.send(request, jar)
        if self._on_exchange is not None:
            self._on_exchange(step, request, reply, step.read(reply))
        return reply

    def show(self, to: Callable[[StepPlan, Request, Reply, Read], None]) -> None:
        """Tell ``to`` of each exchange from now on."""
        self._on_exchange, self._ask = to, self._shown

    def tell(self, order: Order, step: str, reply: Reply, read: Read, due_s: float, attempt: int) -> None:
        """Write a request down."""
        self._log.request(order, step, reply, read, due_s, attempt)

    def trouble(self, what: str) -> None:
        """Something that did not go as it should and belongs to no order's own requests: told once at the end, with how often."""
        self.troubles[what] += 1

    # The schedule.

    def begin(self, start: float) -> None:
        """``start``: on the host's clock; all times are counted from then on."""
        self._start = self._client.zero = start

    async def one(self, order: Order, start: float) -> Told:
        """Walk one order to its end, outside any schedule. Raises what went wrong in here."""
        self.begin(start)
        walk = self._walk(self, order, self.key(order.seq))
        await walk.run()
        while self._beside:
            await next(iter(self._beside)).wait()
        self._log.order(order, self.key(order.seq), walk.told)
        self._flush()
        return walk.told

    def stop(self, why: str | None = None) -> None:
        """No more orders, and after ``QUIET_S`` no more requests; replies under way get a moment to arrive."""
        if not self._stop.on:
            self._client.quiet_from = self.loop.now() + QUIET_S
            self.why_stopped = why
            self._stop.set()
            self._no_more()

    @property
    def stopped(self) -> bool:
        return self._stop.on

    async def run(self, start: float) -> None:
        """Send every order of the schedule, wait for the last one, close the log, say that it is over."""
        self.begin(start)
        if not self.loop.poller.exact:
            self.trouble("orders left by this system's coarse timer, a millisecond or two late: there is no timerfd here")
        for _ in range(min(self._warm, AT_A_TIME)):
            self.loop.spawn(self._client.warm(self._warm, start))
        helper = self.loop.spawn(self._flush_often())
        try:
            with self.health.watching(self.loop):
                await self._send_all(iter(self._orders))
                await self._until_empty()
                self._look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must not look complete
            self.failed(error)
        finally:
            for task in (*self.live, *self._beside):
                task.cut()
            helper.cut()
            self._close()
            self.over = True

    async def _until_empty(self) -> None:
        """Until all have ended; after a stop, until those who wait for a reply have waited long enough."""
        while (self.live or self._beside) and not self._stop.on:
            self._empty = Flag(self.loop)
            await self._either(self._empty, self._stop)
        if self.live:
            self._empty = Flag(self.loop)
            await self._empty.wait(self.loop.now() + STOP_S)

    async def _either(self, one: Flag, other: Flag) -> None:
        """Until one of them is on."""
        both = Flag(self.loop)

        async def after(flag: Flag) -> None:
            await flag.wait()
            both.set()

        tasks = [self.loop.spawn(after(flag)) for flag in (one, other)]
        await both.wait()
        for task in tasks:
            task.cut()

    async def _send_all(self, orders: Iterator[Order]) -> None:
        """Release each order at its moment."""
        self._arrivals, self._next = orders, next(orders, None)
        self._arrive()
        await self._sent.wait()
        if self._fault is not None:
            raise self._fault
        if self._next is not None and not self._stop.on:
            await self._beyond_budget(chain([self._next], orders))

    def _arrive(self) -> None:
        """Release what is due; and again at the moment when the next one is."""
        try:
            self._release_due()
        except Exception as error:  # noqa: BLE001 - nobody above would know of it but the loop
            self._fault = error
            self._no_more()

    def _release_due(self) -> None:
        loop, start, order, arrivals, now_of = self.loop, self._start, self._next, self._arrivals, self.loop.now
        for _ in range(MOST_IN_TURN):  # behind time, others have to get their turn all the same
            if order is None or self._enough.on:
                self._sent.set()
                return
            intended_s, now = order.intended_s, now_of()
            if intended_s + start > now:
                loop.at(intended_s + start, self._arrive)
                return
            self._release(order, intended_s, now - start)
            self._next = order = next(arrivals, None)
        loop.soon(self._arrive)

    async def _beyond_budget(self, orders: Iterable[Order]) -> None:
        """Say of every order that is left why it is not sent; those under way go on meanwhile."""
        for number, order in enumerate(orders):
            if number % 100 == 0:
                await self.loop.pause()
            if self._stop.on:
                return
            self.scheduled += 1
            self._log.order(order, self.key(order.seq), Told(outcome=Outcome.FAILED, reason=BUDGET, ended_s=self.now()))

    def _release(self, order: Order, intended_s: float, now: float) -> None:
        self.scheduled += 1
        self.slipped(now - intended_s)
        if len(self.live) >= self._bound:
            self._log.order(order, self.key(order.seq), Told(outcome=Outcome.FAILED, reason="unsent", ended_s=now))
            return
        self._log.begun(order.seq, now)
        if self.lane is None or not self.lane.take(order, now + self._start):
            self.go_on(order)

    def slipped(self, by_s: float) -> None:
        """An order left so late."""
        if by_s > self._slip_s:
            self._slip_s = by_s

    def go_on(self, order: Order, walk: Walk | None = None) -> None:
        """``order`` on its way by ``walk``, or by a new one."""
        self.loop.spawn(self._journey(order, self.key(order.seq), walk), self.live, self.left)

    def left(self, task: Task[Any] | Rider) -> None:
        if isinstance(task.error, Exception):
            self.failed(task.error)
        if not self.live and (self._stop.on or not self._beside):
            self._empty.set()

    async def _journey(self, order: Order, key: str, walk: Walk | None) -> None:
        try:
            walk = walk or self._walk(self, order, key)
            await walk.run()
        except Cut:
            assert walk is not None
            self._cut_short(walk.told, "aborted")
        except Exception as error:  # noqa: BLE001 - a fault of ours must void the run and say so, not vanish in a task
            walk = walk or _Nothing(Told(started_s=self.now()))
            self._cut_short(walk.told, "engine_error")
            self.failed(error)
        self._log.order(order, key, walk.told)
        if walk.told.card_digests:
            self.look_at(walk.told.card_digests)

    def _cut_short(self, told: Told, reason: str) -> None:
        """An order that had ended already (its second click had not) stays as it was."""
        if told.ended_s is None:
            told.outcome, told.reason, told.ended_s = Outcome.UNKNOWN, reason, self.now()

    def failed(self, error: Exception) -> None:
        """The first fault is the one to tell of; the others are most often the same."""
        if self.failure is None:
            self.failure, self.error = f"{type(error).__name__}: {error}", error

    def look_at(self, digests: list[str]) -> None:
        for card in {int(digest[:15], 16) for digest in digests}:
            if card in self._cards:
                self.twice += 1
            elif len(self._cards) < MOST_CARDS:
                self._cards.add(card)

    # What runs beside it.

    def _flush(self) -> None:
        try:
            self._log.flush()
        except Exception as error:  # noqa: BLE001 - what is wrong in the writer's thread is told here too
            self._cannot_write(error)

    def _close(self) -> None:
        try:
            self._log.close()
        except Exception as error:  # noqa: BLE001 - as above
            self._cannot_write(error)

    def _cannot_write(self, error: Exception) -> None:
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        self.failure, self.error = f"the history cannot be written: {why}", error
        self._stop.set()
        self._no_more()

    async def _flush_often(self) -> None:
        while True:
            await self.loop.sleep_until(self.loop.now() + FLUSH_S)
            self._flush()
            self._look()

    def _look(self) -> None:
        self.health.look(self.loop)
        self._slips.append(self._slip_s)
        self._slip_s = 0.0

    def progress(self) -> dict[str, Any]:
        """Figures since the start, and for latencies, slip and lag since the last call."""
        now, live = self.now(), self._log.live
        slips = [self._slips.popleft() for _ in range(len(self._slips))]
        return {
            **live.totals(), "scheduled": self.scheduled, "twice": self.twice, "t": now, "in_flight": len(self.live),
            "confirm_p99_ms": live.confirm_ms(0.99, now), "slip_ms": 1000 * max(slips, default=0.0), **self.health.progress(),
        }  # fmt: skip

    def recent(self) -> bytes:
        """The latencies behind ``confirm_p99_ms``, as they go to a master (``Live.recent``)."""
        return self._log.live.recent(self.now())
