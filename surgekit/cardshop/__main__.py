"""``python -m surgekit.cardshop``: options, start, stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import orjson
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from surgekit import lifeline
from surgekit.cardshop import seed as seeding
from surgekit.cardshop.app import App
from surgekit.cardshop.shop import Settings, open_shop
from surgekit.cardshop.store import why
from surgekit.errors import ConfigError, RunError, SurgeKitError


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an option as the parent expects it: in the ready line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def options() -> Parser:
    """The command line."""
    parser = Parser(prog="python -m surgekit.cardshop", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--db", help="sqlite:///FILE or postgresql://… (default: a temporary SQLite file)")
    add("--seed-file", type=Path)
    add("--strategy", choices=("naive", "conditional", "reserve"), default="naive")
    add("--fulfil", choices=("inline", "background"), help="default: background for reserve, else inline")
    add("--dedupe", action=argparse.BooleanOptionalAction, help="one order for one order_key (default: not for naive)")
    add("--workers", type=_positive, default=16, help="request threads")
    add("--pool", type=_positive, default=8, help="database connections")
    add("--pool-timeout", type=_seconds, default=3.0, metavar="S")
    add("--reserve-s", type=_seconds, default=30.0, metavar="S", help="an unpaid reservation expires after so long")
    add("--backlog", type=_count, default=0, help="requests that may wait before the shop says busy; 0: no limit")
    add("--supplier-url")
    add("--supplier-key", default=os.environ.get("SURGEKIT_SUPPLIER_KEY", ""), help="better in SURGEKIT_SUPPLIER_KEY, where only you see it")
    add("--supplier-timeout", type=_seconds, default=5.0, metavar="S")
    add("--gateway-url")
    add("--gateway-key", default=os.environ.get("SURGEKIT_GATEWAY_KEY", ""), help="better in SURGEKIT_GATEWAY_KEY")
    return parser


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _count(word: str) -> int:
    number = int(word)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _seconds(word: str) -> float:
    number = float(word)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return number


def settings_of(args: argparse.Namespace, db: str) -> Settings:
    """The options as settings, with the defaults that depend on the strategy."""
    fulfil = args.fulfil or ("background" if args.strategy == "reserve" else "inline")
    dedupe = args.dedupe if args.dedupe is not None else args.strategy != "naive"
    given: dict[str, Any] = {name: getattr(args, name) for name in Settings.__dataclass_fields__ if hasattr(args, name)}
    return Settings(**{**given, "db": db, "background": fulfil == "background", "dedupe": dedupe})


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ``RunError`` if the port is taken."""
    # The protocol is named because asyncio switches Nagle's delay off only for sockets that say they are TCP.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as problem:
        bound.close()
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise RunError(f"cannot listen on {host}:{port}: {reason}") from None
    return bound


class Server(uvicorn.Server):
    """Says that it is ready once it is."""

    def __init__(self, app: App, on_ready: Any) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="asyncio",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",  # it calls an ordinary stop an error
            server_header=False,
            date_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=0,
            backlog=2048,
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def tell(line: dict[str, Any]) -> None:
    """The one line on standard output."""
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the shop until it is told to stop. Returns the exit code."""
    scratch: list[str] = []

    def clean() -> None:
        for folder in scratch:
            shutil.rmtree(folder, ignore_errors=True)

    lifeline.hold(on_end=clean)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="cardshop: %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_early)
    try:
        args = options().parse_args(argv)
        seed = seeding.load(args.seed_file)
        if args.db is None:
            scratch.append(tempfile.mkdtemp(prefix="cardshop-"))
        bound = listen(args.host, args.port)
        url = "http://{}:{}".format(*bound.getsockname()[:2])
        shop = open_shop(settings_of(args, args.db or f"sqlite:///{scratch[0]}/shop.db"), seed, url)
        app = App(shop)
        server = Server(app, lambda: tell({"ready": True, "url": url}))
        # uvicorn takes the signals over while it serves, and hands them on when it is done: nobody needs them then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        asyncio.run(server.serve(sockets=[bound]))
        app.close()
        shop.close()
    except SurgeKitError as problem:
        tell({"ready": False, "error": str(problem)})
        return 1
    except SQLAlchemyError as problem:
        tell({"ready": False, "error": f"the database cannot be filled: {why(problem)}"})
        return 1
    finally:
        clean()
    return 0


def _stop_early(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a thread that still waits for the supplier must not hold up the end
