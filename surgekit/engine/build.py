"""One shard's engine, put together: the surge on its loop, and Locust's environment around it."""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # isort: skip

import gc
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import numpy as np
from locust import User, task
from locust.event import Events
from locust.exception import StopUser

from surgekit.arrivals import Schedule, Shard, schedule
from surgekit.arrivals.buyers import buyers
from surgekit.engine.history.spool import Log
from surgekit.engine.http.client import Client
from surgekit.engine.loop import Loop
from surgekit.engine.loop.greenlets import poller
from surgekit.engine.loop.real import real
from surgekit.engine.order.budget import Purse
from surgekit.engine.order.buyer import Shop
from surgekit.engine.order.lane import MOST_KINDS, Lane
from surgekit.engine.order.members import Members
from surgekit.engine.order.walk import Floor, walker
from surgekit.engine.order.walk_once import once
from surgekit.engine.stats import feed
from surgekit.engine.surge import Surge
from surgekit.engine.users.cast import Cast
from surgekit.profile import Profile
from surgekit.safety import Permit, origin, permitted, resolved
from surgekit.target import Target, private
from surgekit.target.plan import compile_plan

WARM_S = 0.02
WARM = (8, 256)
"""A surge that begins at full speed finds so many connections open as there are orders in its first ``WARM_S``: while they are being opened, the next
orders are late. Fewer than the first number are not worth it, and no platform minds the second."""
MOST_SOCKETS = 1 << 20
LISTEN_S = 0.1
"""So late at most is a stop noticed."""
SWITCH_S = 0.0002
"""So long may another thread keep the interpreter from the loop."""


class SurgeUser(User):  # type: ignore[misc]
    """All buyers of this shard. One Locust user, because arrivals follow the schedule and not a number of users.

    The surge runs on by itself: Locust's page can start a user again and kill one at any moment, but a shard is
    sent once, and always ends with its log closed.
    """

    fixed_count = 1

    @task  # type: ignore[untyped-decorator]
    def surge(self) -> None:
        """The whole shard; Stop on Locust's page is a stop."""
        engine: Engine = self.environment.engine
        engine.begin()
        try:
            while not engine.surge.over:
                gevent.sleep(LISTEN_S)
        except gevent.GreenletExit:
            engine.stop()
            raise
        raise StopUser


class Engine:
    """One shard's surge, and Locust around it."""

    def __init__(self, environment: Any, surge: Surge, members: Members, cast: Cast | None, log: Log, methods: Mapping[str, str]) -> None:
        self.environment = environment
        self.surge = surge
        self.members = members
        self.start = 0.0
        self._cast = cast
        self._log = log
        self._methods = methods
        self._begun = False

    def begin(self) -> None:
        """Once, however often this is called. The loop gets a thread of its own; only greenlets of other people's code have to share one with it."""
        if self._begun:
            return
        self._begun = True
        if self._cast is None:
            sys.setswitchinterval(SWITCH_S)
            real("_thread", "start_new_thread")(self._run, ())
        else:
            gevent.spawn(self._run)

    def _run(self) -> None:
        surge = self.surge
        try:
            surge.loop.run_until(surge.run(self.start))
        except BaseException as error:  # noqa: BLE001 - whatever it is, somebody waits for the end
            surge.failure = surge.failure or f"{type(error).__name__}: {error}"
            surge.error = surge.error or error
            surge.over = True

    def stop(self) -> None:
        self.surge.loop.call(self.surge.stop)

    def feed(self) -> None:
        """Tell Locust's statistics what has happened since the last time. The clients of a locustfile do that themselves."""
        if self._cast is None:
            feed(self.environment.stats, self._log.live.take(), self._methods)

    def close(self) -> None:
        if self._cast is not None:
            self._cast.close()


def _warm(line: Schedule) -> int:
    first = int(np.count_nonzero(~line.cold[: np.searchsorted(line.intended_s, WARM_S)]))  # cold ones open their own
    return 0 if first < WARM[0] else min(first, WARM[1])


def _many_sockets() -> None:
    """As many as this process can have, and ``MOST_SOCKETS`` at most. On macOS the hard limit may be none at all, and the kernel has one of its own below it that
    it does not tell: then half as many are asked for, and so on, down to what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = MOST_SOCKETS if hard == resource.RLIM_INFINITY else min(hard, MOST_SOCKETS)
    while wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            wanted //= 2
        else:
            return


def environment_of(plan: Mapping[str, Any]) -> Any:
    """Locust's environment for a run by ``plan``; it has no runner yet."""
    events = Events() if plan["target"].get("locust") is None else locust.events  # a locustfile's listeners listen to these
    return locust.env.Environment(user_classes=[SurgeUser], events=events, catch_exceptions=False, host=plan["base_url"])


def build(
    plan: Mapping[str, Any], spool: Path, shard: int, *, secrets: Mapping[str, str], rows: list[dict[str, str]] | None, environment: Any, logins: bool = True
) -> Engine:
    """The engine of one shard of ``plan`` (``run.json``), whose history goes into ``spool``; with ``logins``, after every account has logged in that
    has to. ``secrets`` and ``rows``: what the plan leaves out. ``environment`` is Locust's, without a user yet. Raises ``SurgeKitError`` or ``OSError``.
    """
    profile, target = Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"])
    permit = Permit.from_json(plan["permit"]) if plan.get("permit") else permitted(origin(plan["base_url"]), None)
    _many_sockets()
    line = schedule(profile, target.skus, plan["seed"], Shard(shard, plan["shards"]))
    steps = compile_plan(target)
    gateway_act = plan.get("gateway_act")
    captcha = target.steps.captcha if target.steps is not None else None
    solver = captcha.solver if captcha is not None else None
    known = {
        "run.id": plan["run_id"], "target.base_url": plan["base_url"].rstrip("/"), "gateway_act": gateway_act,
        **private.names(target, secrets),
    }  # fmt: skip
    loop = Loop(None if target.locust is None else poller())
    people = buyers(profile.buyers.accounts, plan["seed"], locale=profile.buyers.locale, prefix=target.accounts.prefix)
    members = Members(
        target, steps, people, rows, known, lambda *told: surge.for_nobody(*told),  # noqa: PLW0108 - the surge is made a few lines below
        loop=loop, shard=(shard, plan["shards"]), all_names=target.locust is not None,
    )  # fmt: skip
    shop = Shop(steps, target.statuses, profile.buyers, plan["salt"])
    cast = None
    if target.locust is not None:
        cast = Cast(target.locust, environment, permit, members, shop, seed=plan["seed"], run_id=plan["run_id"], surge=lambda: surge)
    log = Log(spool, shard)
    client = Client(
        loop,
        permit,
        connect_s=target.timeouts.connect,
        reply_s=target.timeouts.reply,
        keep_alive_s=target.timeouts.keep_alive,
        tls_s=target.timeouts.tls,
        first_byte_s=target.timeouts.first_byte,
        run_id=plan["run_id"],
        known={name: value for name, value in known.items() if not any(name in step.gives for step in steps.steps)},
        beside=[resolved(origin(url)) for url in (gateway_act, solver) if url],
    )
    surge = Surge(
        line.orders(),
        loop=loop,
        walk=walker(shop, members) if cast is None else once(cast.walk),
        client=client,
        log=log,
        purse=Purse(
            target.safety.budget, {product.sku: product.price_fen for product in target.catalogue}, shard, plan["shards"],
            orders=plan["submissions"][shard] if plan.get("submissions") else None,
            by_consent=permit.orders is not None and permit.orders < (target.safety.budget.orders or permit.orders + 1),
        ),
        run_id=plan["run_id"],
        bound=max(1, profile.in_flight // plan["shards"]),
        places=steps.submit if cast is None else None,
        warm=_warm(line),
    )  # fmt: skip
    if cast is None:
        surge.lane = Lane(surge, client, log, shop, members, Floor(surge, members))
        for kind in line.kinds(MOST_KINDS):
            surge.lane.prepare(kind)
    engine = Engine(environment, surge, members, cast, log, {step.name: step.method for step in steps.steps})
    environment.engine = engine
    if logins:
        loop.run_until(members.login_all(line.buyer.tolist()))
    if cast is not None:
        cast.begin()
    gc.collect()
    return engine
