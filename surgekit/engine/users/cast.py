"""Somebody's Locust users under a surge: who waits for whom is the schedule's, what an order does is the user's.

One order is one task of the user class, picked by its weights. A task that is a TaskSet runs until it interrupts, and at most as many of
its tasks as stand in it, a weight of 3 counting three times: of a SequentialTaskSet that is one pass. TaskSets in it go by the same rule.
``wait_time`` is nobody's: orders come when the schedule says, and latency counts from then.

Instances are kept. One serves one order at a time; there are as many as there were orders at once. A new one runs ``on_start`` first, as
a part of the order that it was made for; the first is made before the surge, so that a mistake in it is said there. ``on_stop`` comes
after the surge, or where a task ends its user.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import gevent
import gevent.pool
from locust import TaskSet
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet

from surgekit import adapter, seeds
from surgekit.engine.loop.greenlets import served
from surgekit.engine.order.buyer import Shop
from surgekit.engine.order.members import Members
from surgekit.engine.surge import STOP_S, Surge
from surgekit.engine.users.file import in_short, user_class
from surgekit.engine.users.guard import Guard
from surgekit.engine.users.order import LocustOrder
from surgekit.errors import RunError
from surgekit.model import Order, Outcome
from surgekit.safety import Permit, origin
from surgekit.target.schema import LocustUser

ON_START_S = 20.0
"""So long may the first user's ``on_start`` take."""
RAISED = (Exception, SystemExit, gevent.Timeout)
"""What code of the user's may raise, so that it is its order's or its user's affair. A time-out of gevent's is no ``Exception``."""
_log = logging.getLogger(__name__)


class Cast:
    """The users of one shard. Making it imports the locustfile. Raises ``RunError``."""

    def __init__(
        self, wanted: LocustUser, environment: Any, permit: Permit, members: Members, shop: Shop, *, seed: int, run_id: str,
        surge: Callable[[], Surge],
    ) -> None:  # fmt: skip
        self._environment = environment
        self._members = members
        self.shop = shop
        self._seed = seed
        self._run_id = run_id
        self._surge = surge
        self._refusal: str | None = None
        self._begun = False
        self._idle: list[Any] = []
        self._all: list[Any] = []
        self._where = f"{wanted.file}:{wanted.user}"
        self.guard = Guard(permit, self._where, quiet=lambda: self._begun and surge().stopped, refused=self._refused)
        self.guard.install()
        sys.stdout = sys.stderr  # it is the controller's, and a locustfile may print
        with self.guard.watching(_Nobody()):
            self._class = user_class(wanted)
        self._class.host = _host(os.environ.get("LOCUST_HOST") or self._class.host, environment.host)
        TaskSet.execute_next_task = _next_of(TaskSet.execute_next_task)
        TaskSet.wait = _no_wait
        environment.events.request.add_listener(_seen)

    def begin(self) -> None:
        """Make the first user. Raises ``RunError`` where it cannot start."""
        self._environment.events.init.fire(environment=self._environment, runner=self._environment.runner, web_ui=None)
        wrong: list[str] = []

        def first() -> None:
            with self.guard.watching(_Nobody()):
                try:
                    self._idle.append(self._new())
                except RAISED as error:
                    _log.error("a user cannot start", exc_info=error)
                    wrong.append(in_short(error))

        start = gevent.spawn(first)
        start.join(timeout=ON_START_S)
        if not start.ready():
            start.kill()
            wrong.append(f"not over after {ON_START_S:g} s")
        if self._refusal is not None:
            raise RunError(self._refusal)
        if wrong:
            raise RunError(f"{self._where}: on_start: {wrong[0]}")
        self._begun = True

    def walk(self, surge: Surge, order: Order, key: str) -> LocustWalk:
        return LocustWalk(self, surge, order, LocustOrder(surge, order, self._members.values(order, key), self.shop.salt))

    def hire(self) -> Any:
        """A user that is free, the one that was so last, or a new one: then its ``on_start`` has run."""
        return self._idle.pop() if self._idle else self._new()

    def free(self, user: Any) -> None:
        self._idle.append(user)

    def retire(self, user: Any) -> None:
        """It serves no order any more; its ``on_stop`` runs beside the others."""
        self._all.remove(user)
        surge = self._surge()
        surge.loop.call(lambda: surge.beside(served(surge.loop, self._on_stop, user)))

    def task_of(self, user: Any, order: Order) -> Any:
        """The order's task, by the weights: the same in every run of one seed."""
        tasks = user.tasks
        return tasks[int(seeds.rng(self._seed, "locust task", order.seq).integers(len(tasks)))]

    def close(self) -> None:
        """``on_stop`` of every user, at once and not for long."""
        ends = [gevent.spawn(self._on_stop, user) for user in self._all]
        gevent.joinall(ends, timeout=STOP_S)
        gevent.killall(ends)
        self._environment.events.test_stop.fire(environment=self._environment)

    def _new(self) -> Any:
        user = self._class(self._environment)
        user._state = LOCUST_STATE_RUNNING
        user._taskset_instance = DefaultTaskSet(user)
        _mark(getattr(user, "client", None), self._run_id)
        user.on_start()
        self._all.append(user)
        return user

    def _on_stop(self, user: Any) -> None:
        with self.guard.watching(_Nobody()):
            try:
                user.on_stop()
            except RAISED as error:  # as Locust has it: told in the log, and no more
                _log.error("on_stop", exc_info=error)

    def _refused(self, sentence: str) -> None:
        """A run that wanted to go elsewhere is none."""
        self._refusal = self._refusal or sentence
        if self._begun:
            surge = self._surge()
            surge.failure = surge.failure or sentence
            surge.loop.call(surge.stop)


class LocustWalk:
    """One order: a user is hired, does one task, and is free again."""

    def __init__(self, cast: Cast, surge: Surge, order: Order, desk: LocustOrder) -> None:
        self._cast = cast
        self._surge = surge
        self._order = order
        self._desk = desk
        self.told = desk.told

    async def run(self) -> None:
        """In a greenlet of its own."""
        await served(self._surge.loop, self._run)

    def _run(self) -> None:
        patience = gevent.Timeout(max(0.001, self._order.intended_s + self._cast.shop.buyers.patience - self._surge.now()))
        patience.start()
        user: Any = None
        kept = gone = False
        try:
            with self._cast.guard.watching(self._desk):
                try:
                    user = self._cast.hire()
                except RAISED as error:
                    if error is patience:
                        raise
                    self._desk.setup_failed(f"setup_on_start: {in_short(error)}")
                    return
                gone = self._do(user, patience)
                kept = not gone
            self._desk.ended()
        except gevent.Timeout:  # the patience: others are the task's
            self._desk.ended(Outcome.UNKNOWN, "deadline")
            gone = True  # in the middle of something
        finally:
            patience.close()
            if kept:
                self._cast.free(user)
            elif gone and user is not None:
                self._cast.retire(user)

    def _do(self, user: Any, patience: gevent.Timeout) -> bool:
        """The task, to its end; whether it ended its user too. Raises ``patience``."""
        here = adapter.desk.set(self._desk)
        user._greenlet, user._group = gevent.getcurrent(), gevent.pool.Group()
        try:
            user._taskset_instance.execute_task(self._cast.task_of(user, self._order))
        except (RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet):
            pass  # the end of a task, in Locust's words
        except StopUser:
            return True
        except StopTest:
            self._surge.loop.call(lambda: self._surge.stop("the locustfile stopped the test"))
        except RAISED as error:
            if error is patience:
                raise
            self._desk.raised(error)
            _log.warning("a task of %s raised", type(user).__name__, exc_info=error)
            events = user.environment.events
            events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
            if isinstance(error, gevent.Timeout):  # no Exception: in Locust too, it ends its user
                return True
        finally:
            adapter.desk.reset(here)
        return bool(user._state == LOCUST_STATE_STOPPING)


class _Nobody:
    """A user that places no order just now: it starts, or it stops."""

    def leaving(self) -> None:
        pass


def _seen(**told: Any) -> None:
    """A request of any client, as it is told to Locust."""
    here = adapter.desk.get()
    if isinstance(here, LocustOrder):
        here.seen(**told)


def _next_of(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def execute_next_task(tasks: Any) -> None:
        if not isinstance(tasks, DefaultTaskSet):
            done = vars(tasks).get("_surgekit_done", 0)
            if done >= len(tasks.tasks):
                raise InterruptTaskSet(reschedule=False)
            tasks._surgekit_done = done + 1
        original(tasks)

    return execute_next_task


def _no_wait(tasks: Any) -> None:
    """In place of ``TaskSet.wait``."""
    if tasks.user._state == LOCUST_STATE_STOPPING:
        raise StopUser
    gevent.sleep(0)


def _host(own: str | None, base_url: str) -> str:
    """The user's own host with its path, where it is the one that was permitted; else that one, as ``--host`` of Locust would have it."""
    place = origin(base_url)
    try:
        same = own is not None and origin(own).netloc == place.netloc and origin(own).scheme == place.scheme
    except Exception:  # noqa: BLE001 - whatever it is, it is not the permitted one
        same = False
    return own if same and own is not None else base_url.rstrip("/")


def _mark(client: Any, run_id: str) -> None:
    """The mark of the run on all that Locust's own clients send."""
    if isinstance(client, HttpSession):
        client.headers["X-Surge-Run"] = run_id
    elif isinstance(client, FastHttpSession):
        client.client.default_headers["X-Surge-Run"] = run_id
