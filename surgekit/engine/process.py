"""The load engine: Locust's Environment and runner, with the open-loop scheduler as the one task of its one user.

Reads ``run.json`` from the run folder, says ``{"ready": true}`` on standard output, waits for ``start <clock>`` on
standard input, and reports progress twice a second until ``{"done": true}``.
"""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # isort: skip

import argparse
import json
import logging
import resource
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent import monkey
from locust import User, task
from locust.event import Events
from locust.exception import StopUser
from locust.stats import stats_history

from surgekit import clock
from surgekit.arrivals import Shard, schedule
from surgekit.arrivals.buyers import buyers
from surgekit.engine.budget import Purse
from surgekit.engine.buyer import Shop
from surgekit.engine.client import Client
from surgekit.engine.commands import Commands
from surgekit.engine.greenlets import poller
from surgekit.engine.locust_users import Cast
from surgekit.engine.loop import Loop
from surgekit.engine.members import Members
from surgekit.engine.real import real
from surgekit.engine.spool import Log
from surgekit.engine.stats import feed
from surgekit.engine.surge import Surge
from surgekit.engine.walk import walker
from surgekit.engine.walk_once import once
from surgekit.engine.walkthrough import walk
from surgekit.errors import SurgeKitError
from surgekit.model import Order
from surgekit.profile import Profile
from surgekit.safety import Permit, origin, permitted, resolved
from surgekit.target import Target, private
from surgekit.target.plan import compile_plan

PROGRESS_S = 0.5
LISTEN_S = 0.05
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


OUT = sys.stdout
"""Kept for the controller: what a locustfile prints goes elsewhere."""


def say(**told: Any) -> None:
    OUT.write(json.dumps(told) + "\n")
    OUT.flush()


def main(commands: Commands) -> int:
    """Run one shard; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m surgekit.engine")
    parser.add_argument("run", type=Path, help="run folder, with run.json")
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--web", type=int, help="port of Locust's web UI on loopback")
    parser.add_argument("--walk", metavar="SKU,PAY_BY", help="send this one order at once, and say everything that was seen")
    options = parser.parse_args()
    sys.argv[1:] = []  # the web page asks Locust's own parser what its options are, and that one reads the command line
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    assert monkey.is_module_patched("socket")
    try:
        engine = build(options.run, options.shard, logins=options.walk is None)
        if options.web is not None:
            web_ui(engine.environment, options.web)
    except SurgeKitError as error:
        say(ready=False, error=str(error))
        return 1
    except OSError as error:
        say(ready=False, error=f"the engine cannot start: {error}")
        return 1
    say(ready=True)
    surge = engine.surge
    if options.walk is not None:
        sku, _, pay_by = options.walk.rpartition(",")
        walk(surge, engine.members, sample(sku, pay_by), engine.members.known, say)
        return 0
    while commands.start is None and not commands.stop:
        gevent.sleep(0.01)
    if commands.start is None:
        return 0
    engine.start = commands.start
    engine.environment.runner.start(1, spawn_rate=1)
    due = clock.now()
    while not surge.over:
        gevent.sleep(LISTEN_S)
        if commands.stop:
            engine.stop()
        if clock.now() >= due:
            due = max(due, clock.now() - PROGRESS_S) + PROGRESS_S
            engine.feed()
            say(**surge.progress())
    engine.close()
    engine.feed()
    say(**surge.progress())
    if surge.failure is not None:
        logging.getLogger(__name__).error("a fault of the engine's own", exc_info=surge.error)
        say(done=False, error=surge.failure)
        return 1
    whys: dict[str, Any] = {"why": surge.why_stopped, "over_budget": surge.over_budget}
    whys["troubles"] = [f"{what} ({count:,} times)" if count > 1 else what for what, count in surge.troubles.most_common(10)]
    say(done=True, stopped=surge.stopped, health=surge.health.told(), **{name: why for name, why in whys.items() if why})
    return 0


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


def sample(sku: str, pay_by: str) -> Order:
    """The first buyer's order of one piece, without hesitation."""
    return Order(
        seq=0, shard=0, intended_s=0.0, sku=sku, qty=1, buyer=0, buyer_class="check", pay_by=pay_by, phase="check", browses=True,
        double_click=False, think_quote_s=0.0, think_pay_s=0.0,
    )  # fmt: skip


def build(run: Path, shard: int, *, logins: bool = True) -> Engine:
    """The engine of one shard; with ``logins``, after every account has logged in that has to. Raises ``SurgeKitError`` or ``OSError``."""
    plan = json.loads((run / "run.json").read_bytes())  # bytes: the locale has no say in what UTF-8 is
    profile, target = Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"])
    permit = Permit.from_json(plan["permit"]) if plan.get("permit") else permitted(origin(plan["base_url"]), None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 20)), hard))
    events = Events() if target.locust is None else locust.events  # a locustfile's listeners listen to these
    environment = locust.env.Environment(user_classes=[SurgeUser], events=events, catch_exceptions=False, host=plan["base_url"])
    environment.create_local_runner()
    line = schedule(profile, target.skus, plan["seed"], Shard(shard, plan["shards"]))
    steps, rows = compile_plan(target), private.accounts(target)
    gateway_act = plan.get("gateway_act")
    captcha = target.steps.captcha if target.steps is not None else None
    solver = captcha.solver if captcha is not None else None
    known = {
        "run.id": plan["run_id"], "target.base_url": plan["base_url"].rstrip("/"), "gateway_act": gateway_act,
        **private.names(target, private.from_env()),
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
    log = Log(run / "spool", shard)
    surge = Surge(
        line.orders(),
        loop=loop,
        walk=walker(shop, members) if cast is None else once(cast.walk),
        client=Client(
            loop,
            permit,
            connect_s=target.timeouts.connect,
            reply_s=target.timeouts.reply,
            keep_alive_s=target.timeouts.keep_alive,
            run_id=plan["run_id"],
            known=known,
            beside=[resolved(origin(url)) for url in (gateway_act, solver) if url],
        ),
        log=log,
        purse=Purse(
            target.safety.budget, {product.sku: product.price_fen for product in target.catalogue}, shard, plan["shards"],
            orders=plan["submissions"][shard] if plan.get("submissions") else None,
            by_consent=permit.orders is not None and permit.orders < (target.safety.budget.orders or permit.orders + 1),
        ),
        run_id=plan["run_id"],
        bound=max(1, profile.in_flight // plan["shards"]),
        places=steps.submit if cast is None else None,
    )  # fmt: skip
    engine = Engine(environment, surge, members, cast, log, {step.name: step.method for step in steps.steps})
    environment.engine = engine
    if logins:
        loop.run_until(members.login_all(line.buyer.tolist()))
    if cast is not None:
        cast.begin()
    return engine


def web_ui(environment: Any, port: int) -> None:
    """Locust's own page, for this machine only. Raises ``OSError`` when the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise OSError(f"port {port} for the web UI: {error.strerror}; choose another with --web PORT") from None
    environment.create_web_ui("127.0.0.1", port)
    gevent.spawn(stats_history, environment.runner)

