"""The load engine: Locust's Environment and runner, with the open-loop scheduler as the one task of its one user.

Reads ``run.json`` from the run folder, says ``{"ready": true}`` on standard output, waits for ``start <clock>`` on
standard input, and reports progress twice a second until ``{"done": true}``.
"""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # noqa: F401 # isort: skip

import argparse
import json
import logging
import socket
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent import monkey
from locust.stats import stats_history

from surgekit import clock
from surgekit.engine.build import LISTEN_S, build, environment_of
from surgekit.engine.commands import Commands
from surgekit.engine.walkthrough import walk
from surgekit.errors import SurgeKitError
from surgekit.model import Order
from surgekit.target import Target, private

PROGRESS_S = 0.5


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
        plan = json.loads((options.run / "run.json").read_bytes())  # bytes: the locale has no say in what UTF-8 is
        environment = environment_of(plan)
        environment.create_local_runner()
        rows = private.accounts(Target.model_validate(plan["target"]))
        engine = build(
            plan, options.run / "spool", options.shard, secrets=private.from_env(), rows=rows, environment=environment, logins=options.walk is None
        )
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


def sample(sku: str, pay_by: str) -> Order:
    """The first buyer's order of one piece, without hesitation."""
    return Order(
        seq=0, shard=0, intended_s=0.0, sku=sku, qty=1, buyer=0, buyer_class="check", pay_by=pay_by, phase="check", browses=True,
        double_click=False, think_quote_s=0.0, think_pay_s=0.0,
    )  # fmt: skip


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

