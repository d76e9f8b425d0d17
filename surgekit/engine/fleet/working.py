"""The worker's process: Locust's runner, and the engine of one shard as the master says."""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # noqa: F401 # isort: skip

import argparse
import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import gevent

from surgekit import clock
from surgekit.engine.build import LISTEN_S, Engine, build
from surgekit.engine.fleet import keys, messages
from surgekit.engine.fleet.history import Outbox
from surgekit.engine.fleet.users import environment
from surgekit.engine.fleet.words import Words
from surgekit.engine.process import PROGRESS_S, say
from surgekit.errors import SurgeKitError
from surgekit.fleet import TOKEN_ENV

KNOCK_S = 60.0
"""So long may the master take to be there."""
CONNECT_S = 20.0
OF_MASTER = (messages.REFUSED, messages.PLAN, messages.PING, messages.START, messages.STOP, messages.BYE, messages.HAVE)


class GoneError(Exception):
    """There is no run for this worker any more. The message says why."""


class Worker:
    """One shard, from the first word to the last."""

    def __init__(self, runner: Any, told: Words, shard: int | None) -> None:
        self._runner = runner
        self._told = told
        self._want = shard
        self._heard = clock.now()
        self._plan: dict[str, Any] | None = None
        self._start: float | None = None
        self._stop = False
        self._bye = False
        self._gone: str | None = None
        """Why the run goes on without this worker."""
        self._why: str | None = None
        self._begun = False
        self.kept: str | None = None
        """The folder of the history, where the master does not have all of it."""
        self._outbox: Outbox | None = None
        self._moved = 0.0
        self._troubles: list[str] = []
        for kind in OF_MASTER:
            runner.register_message(kind, self._from_master)
        runner.environment.events.heartbeat_received.add_listener(self._alive)

    # What the master says.

    def _alive(self, **_: Any) -> None:
        self._heard = clock.now()

    def _from_master(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - Locust names it
        now = self._heard = clock.now()
        data = msg.data or {}
        if msg.type == messages.PING:
            self._tell(messages.PONG, {"t0": data["t0"], "t1": now, "t2": clock.now()})
        elif msg.type == messages.PLAN:
            self._plan = self._plan or data
        elif msg.type == messages.START and self._start is None:
            self._start = data["t0"]
            if now > data["t0"]:
                self._troubles.append(f"heard of the start {(now - data['t0']) * 1000:.0f} ms after it")
        elif msg.type == messages.STOP:
            self._stop = True
        elif msg.type == messages.HAVE and self._outbox is not None:
            self._moved = now
            self._outbox.have(data["name"], data["size"], again=data["again"])
        elif msg.type in (messages.BYE, messages.REFUSED) and not self._bye:
            self._bye, self._gone = True, data.get("why")

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data)

    def _wait(self, kind: str, data: dict[str, Any], done: Any, most_s: float | None = None) -> None:
        """Say it again and again, until ``done()``. Raises ``GoneError``."""
        until, due = (None if most_s is None else clock.now() + most_s), 0.0
        while not done():
            now = clock.now()
            if now >= due:
                due = now + messages.AGAIN_S
                self._tell(kind, data)
            gevent.sleep(LISTEN_S / 5)
            if self._bye and not done():
                raise self._given_up()
            if self._told.stop and self._start is None and kind != messages.DONE:
                self._tell(messages.DONE, {"stopped": True})
                raise GoneError("stopped by hand before the start")
            if now - self._heard > messages.MASTER_SILENT_S or (until is not None and now > until):
                raise GoneError("the master is gone: nothing was heard of it any more")

    def _given_up(self) -> GoneError:
        if not self._begun:
            return GoneError(self._gone or "the run went on without this worker")
        return GoneError(f"the master gave this worker up: {self._gone or 'the run went on without it'}")

    # What this worker does.

    def run(self) -> None:
        """Raises ``GoneError``, or what ``build`` raises after the master was told of it."""
        self._wait(messages.HELLO, messages.hello(self._want), lambda: self._plan is not None)
        assert self._plan is not None
        spool = self._plan["spool"]
        own = self._told.folder = tempfile.mkdtemp(prefix="surgekit-history-") if spool is None else None
        whole = False
        try:
            self._work(json.loads(self._plan["plan"]), Path(spool or own or ""), sends=own is not None)
            whole = True
        finally:
            if own is not None and self._begun and not whole:  # what was sent from here is told of nowhere else
                self.kept, self._told.folder = own, None
            elif own is not None:
                shutil.rmtree(own, ignore_errors=True)

    def _work(self, plan: dict[str, Any], spool: Path, *, sends: bool) -> None:
        assert self._plan is not None
        shard = self._plan["shard"]
        if sends and plan["target"].get("locust") is not None:
            raise GoneError("this run is one of a locustfile, which stays on its machine")
        try:
            engine = self._built(plan, spool, shard)
        except (SurgeKitError, OSError) as error:
            why = str(error) if isinstance(error, SurgeKitError) else f"the engine cannot start: {error}"
            with contextlib.suppress(GoneError):
                self._wait(messages.READY, {"error": why}, lambda: False, 2 * messages.AGAIN_S)
            raise GoneError(why) from None
        if sends:
            self._outbox = Outbox(spool, shard, lambda name, at, data: self._tell(messages.ROWS, {"name": name, "at": at, "data": data}))
        self._heard = clock.now()
        self._wait(messages.READY, {"error": None}, lambda: self._start is not None or self._stop)
        if self._start is None:
            raise GoneError("the run ended before it began")
        self._begun = True
        say(started=shard)
        engine.start = self._start
        engine.begin()
        self._watch(engine)
        self._end(engine)

    def _built(self, plan: dict[str, Any], spool: Path, shard: int) -> Engine:
        """Logins may take minutes. They are done beside the greenlets, so that the master hears the heart beat; those of a locustfile are greenlets."""
        assert self._plan is not None
        around = self._runner.environment
        around.host = plan["base_url"]
        given = {"secrets": self._plan["secrets"], "rows": self._plan["rows"], "environment": around}
        if plan["target"].get("locust") is not None:
            return build(plan, spool, shard, **given)
        made: Engine = gevent.get_hub().threadpool.apply(build, (plan, spool, shard), given)
        return made

    def _watch(self, engine: Engine) -> None:
        """Until the surge is over."""
        due = 0.0
        stopping = False
        while not engine.surge.over:
            gevent.sleep(LISTEN_S / 2)
            now = clock.now()
            silent = now - self._heard > messages.MASTER_SILENT_S
            if not stopping and (self._stop or self._bye or silent or self._told.stop):
                stopping = True
                if silent:
                    self._why = "nothing was heard of the master any more"
                elif self._told.stop and not self._stop:
                    self._why = "a worker was stopped by hand"
                engine.surge.loop.call(partial(engine.surge.stop, self._why or self._gone))
            self._pump()
            if now >= due:
                due = max(due, now - PROGRESS_S) + PROGRESS_S
                self._figures(engine)
        engine.close()
        self._figures(engine)

    def _figures(self, engine: Engine) -> None:
        engine.feed()
        surge = engine.surge
        left = 0 if self._outbox is None else self._outbox.left
        self._tell(messages.FIGURES, {"figures": surge.progress(), "recent": surge.recent(), "left": left})

    def _pump(self) -> None:
        if self._outbox is None:
            return
        now = clock.now()
        if not self._outbox.under_way:
            self._moved = now
        elif now - self._moved > 2 * messages.AGAIN_S:
            self._moved = now
            self._outbox.back()
        self._outbox.pump()

    def _end(self, engine: Engine) -> None:
        """Send what is left of the history, say how it was, and be told that this was heard."""
        surge, due = engine.surge, 0.0
        files = None
        if self._outbox is not None:
            while self._outbox.left and not self._bye:
                self._pump()
                gevent.sleep(LISTEN_S / 5)
                now = clock.now()
                if now >= due:
                    due = now + PROGRESS_S
                    self._figures(engine)
                if now - self._heard > messages.MASTER_SILENT_S:
                    raise GoneError("the master is gone: the rest of the history has nowhere to go")
            files = self._outbox.summary()
            self._outbox.close()
        if surge.failure is not None:
            logging.getLogger(__name__).error("a fault of the engine's own", exc_info=surge.error)
        troubles = [*self._troubles, *(f"{what} ({count:,} times)" if count > 1 else what for what, count in surge.troubles.most_common(10))]
        told = {
            "stopped": surge.stopped, "why": surge.why_stopped, "over_budget": surge.over_budget, "troubles": troubles, "error": surge.failure,
            "health": surge.health.told(), "files": files,
        }  # fmt: skip
        self._runner._send_stats()
        self._wait(messages.DONE, told, lambda: self._bye)
        if self._gone is not None:
            raise self._given_up()


def main(told: Words) -> int:
    """Work for one run; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m surgekit.engine.fleet.worker")
    parser.add_argument("--join", metavar="HOST:PORT", help="where the master is; else a line on standard input says it")
    parser.add_argument("--shard", type=int, help="the shard of a worker of the controller's own")
    parser.add_argument("--wait", type=float, default=KNOCK_S, help="so many seconds may the master take to be there")
    options = parser.parse_args()
    sys.argv[1:] = []
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    made = keys.keys(os.environ.pop(TOKEN_ENV, ""))
    until = clock.now() + KNOCK_S
    while (where := options.join or told.join) is None:
        gevent.sleep(LISTEN_S)
        if clock.now() > until:
            say(done=False, error="was not told where the master is")
            return 1
    host, _, port = where.rpartition(":")
    worker = None
    try:
        why = knocked(host, int(port), made, options.wait)
        if why is None:
            keys.lock(made)
            around = environment()
            with gevent.Timeout(CONNECT_S, GoneError(f"the master at {where} does not answer")):
                runner = around.create_worker_runner(host, int(port))
            say(joined=where)
            worker = Worker(runner, told, options.shard)
            worker.run()
    except (GoneError, OSError) as error:
        why = str(error)
    if why is not None:
        say(done=False, error=why, kept=None if worker is None else worker.kept)
        return 1
    say(done=True)
    return 0


def knocked(host: str, port: int, made: keys.Keys, wait_s: float) -> str | None:
    """Why there is no master for this worker; None where there is one."""
    bare = host.strip("[]")
    answers = {
        keys.NOBODY: f"nobody listens at {host}:{port}; start the run first, with --listen where other machines reach it",
        keys.REFUSED: f"{host}:{port} does not take this token: it is another run's, or what listens there is no master; look at {TOKEN_ENV}",
        keys.SILENT: f"{host}:{port} does not answer as a master does",
    }
    try:
        found = keys.knock(host if host == bare else bare, port, made, wait_s)
    except OSError as error:
        return f"{host}:{port} cannot be reached: {error.strerror}"
    return None if found is None else answers[found]
