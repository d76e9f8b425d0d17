"""The master's process: Locust's runner and page, and between its messages and the controller's lines, the ``Chief``."""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # noqa: F401 # isort: skip

import argparse
import json
import logging
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any

import gevent
from locust.exception import RPCError

from surgekit import clock
from surgekit.engine.build import LISTEN_S
from surgekit.engine.fleet import keys, messages
from surgekit.engine.fleet.chief import Chief
from surgekit.engine.fleet.users import SurgeUser, environment
from surgekit.engine.fleet.words import Words
from surgekit.engine.process import PROGRESS_S, say, web_ui
from surgekit.errors import ConfigError, SurgeKitError
from surgekit.fleet import TOKEN_ENV
from surgekit.target import Target, private

HEARD = (messages.HELLO, messages.READY, messages.PONG, messages.FIGURES, messages.ROWS, messages.DONE)


def main(told: Words) -> int:
    """Run all shards; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m surgekit.engine.fleet.master")
    parser.add_argument("run", type=Path, help="run folder, with run.json")
    parser.add_argument("--local", type=int, required=True, help="so many workers are processes of the controller's own")
    parser.add_argument("--listen", default="127.0.0.1", help="the address to bind")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument("--clock-error-ms", type=float, default=math.inf, help="a worker whose clock is known less well cannot take part")
    parser.add_argument("--web", type=int, help="port of Locust's web UI on loopback")
    options = parser.parse_args()
    sys.argv[1:] = []  # the web page asks Locust's own parser what its options are, and that one reads the command line
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        token = os.environ.pop(TOKEN_ENV, "")
        if not token:
            raise ConfigError(f"{TOKEN_ENV} is not set")
        chief, runner = _listening(options, told, token)
    except SurgeKitError as error:
        say(ready=False, error=str(error))
        return 1
    except OSError as error:
        say(ready=False, error=f"the master cannot start: {error.strerror or error}")
        return 1
    say(listening=runner.server.port)
    if not _gathered(chief, told):
        say(ready=False, error=chief.failure or "told to stop")
        return _left(chief)
    say(ready=True, way_s=chief.way_s, pids={str(shard): each.pid for shard, each in sorted(chief.workers.items()) if each.local})
    while told.start is None and not told.stop:
        _turn(chief, told)
        if chief.failure is not None:  # somebody went between ready and the start
            say(done=False, error=chief.failure)
            return _left(chief)
    if told.start is None:
        return 0
    return _run(chief, runner, told)


def _listening(options: argparse.Namespace, told: Words, token: str) -> tuple[Chief, Any]:
    """The chief and Locust's runner, who hears for it."""
    plan = json.loads((options.run / "run.json").read_bytes())
    keys.lock(keys.keys(token))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection and five files for each worker of another machine
    SurgeUser.fixed_count = plan["shards"]
    around = environment()
    around.host = plan["base_url"]
    host = f"[{options.listen}]" if ":" in options.listen else options.listen
    try:
        runner = around.create_master_runner(host, options.port)
    except (RPCError, SystemExit, OSError) as error:
        why = "the port is taken" if isinstance(error, SystemExit) else str(error).removeprefix("Socket bind failure: ")
        raise OSError(f"{host}:{options.port} cannot be listened at: {why}; choose another address with --listen") from None

    def tell(client: str, kind: str, data: dict[str, Any]) -> None:
        try:
            runner.send_message(kind, data, client_id=client)
        except RPCError:
            logging.getLogger(__name__).warning("%s could not be told %s", client, kind)

    rows = private.accounts(Target.model_validate(plan["target"]))
    chief = Chief(
        plan, options.local, tell, clock.now, options.run / "spool", on_plan={"plan": json.dumps(plan), "secrets": private.from_env(), "rows": rows},
        pids=told.own, clock_error_s=options.clock_error_ms / 1000,
    )  # fmt: skip
    for kind in HEARD:
        runner.register_message(kind, lambda environment, msg: chief.heard(msg.node_id, msg.type, msg.data))  # noqa: ARG005
    around.events.heartbeat_sent.add_listener(lambda client_id, timestamp: chief.alive(client_id))  # noqa: ARG005
    if options.web is not None:
        web_ui(around, options.web)
    return chief, runner


def _turn(chief: Chief, told: Words) -> None:
    gevent.sleep(LISTEN_S / 2)
    while told.gone:
        chief.gone(*told.gone.popleft())
    chief.tick()


def _gathered(chief: Chief, told: Words) -> bool:
    """Whether every shard has a worker that is ready. How long that may take is the controller's to say."""
    while not chief.close():
        _turn(chief, told)
        while chief.news:
            say(**chief.news.pop(0), missing=chief.missing)
        if told.stop or chief.failure is not None:
            return False
    return True


def _left(chief: Chief) -> int:
    """The run came to nothing; the exit status."""
    chief.leave()
    gevent.sleep(LISTEN_S + 2 * chief.way_s)
    return 1


def _run(chief: Chief, runner: Any, told: Words) -> int:
    by_page = False

    def stopping(**_: Any) -> None:
        nonlocal by_page
        # Locust stops by itself too, when it believes that no worker is left; that is for the chief to say.
        by_page = by_page or gevent.getcurrent() not in runner.greenlet

    runner.environment.events.test_stopping.add_listener(stopping)
    assert told.start is not None
    chief.start(told.start)
    workers = len(chief.workers)
    gevent.spawn(runner.start, workers, spawn_rate=workers)
    due = clock.now()
    while not (chief.over or chief.hopeless):
        _turn(chief, told)
        if (told.stop or by_page) and not chief.stopped:
            chief.stop()
        if clock.now() >= due:
            due = max(due, clock.now() - PROGRESS_S) + PROGRESS_S
            say(**chief.tally.told(), left=chief.left)
    say(**chief.tally.told())
    if chief.failure is not None:
        say(done=False, error=chief.failure)
        return _left(chief)
    say(done=True, **chief.told())
    gevent.sleep(LISTEN_S + 2 * chief.way_s)  # the last word to the workers gets there
    return 0
