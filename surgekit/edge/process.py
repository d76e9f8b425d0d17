"""The edge from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgekit.edge import config as configs
from surgekit.edge import control, gateway, notice
from surgekit.edge.board import Board
from surgekit.edge.callbacks import Callbacks
from surgekit.edge.client import THIS_MACHINE, Client
from surgekit.edge.link import Link
from surgekit.edge.log import EventLog
from surgekit.edge.serving import WebServer, bind, raise_open_files, stop_all, url
from surgekit.edge.supplier import Supplier
from surgekit.edge.till import Till
from surgekit.safety import Permit

_LAST_WORDS_S = 0.5


@dataclass(frozen=True)
class Options:
    """The command line, and from the environment the keys, the token and the target's secrets (name → value)."""

    host: str
    supplier_port: int
    link_port: int
    gateway_port: int
    control_port: int
    log: Path | None
    seed: int
    salt: str
    supplier_key: str
    gateway_key: str
    config: Path | None
    token: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Stopper:
    """Ends the process from a signal, or from the thread that watches the lifeline."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()
        self._ended = threading.Event()

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT stop the running loop."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Ask for an end, in the loop's own thread."""
        self._asked.set()

    async def asked(self) -> None:
        """Wait until somebody wants an end."""
        await self._asked.wait()

    def ended(self) -> None:
        """The log is closed: nothing is lost from here on."""
        self._ended.set()

    def stop_and_wait(self) -> None:
        """For another thread: stop, give the log a second to be written, and the main thread time for its exit code."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
                self._loop.call_soon_threadsafe(self.stop)
        self._ended.wait(1.0)
        time.sleep(_LAST_WORDS_S)


async def serve(options: Options, stopper: Stopper, announce: Callable[[dict[str, Any]], None]) -> None:
    """Start everything, announce the addresses, run until stopped. Raises SurgeKitError with one sentence."""
    stopper.listen()
    settings = configs.load(options.config)
    log = EventLog(options.log, options.salt)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await _start(options, settings, log, stack, announce)
            flushing = asyncio.create_task(log.keep_flushing())
            asked = asyncio.create_task(stopper.asked())
            await asyncio.wait((flushing, asked), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if flushing.done():
                flushing.result()
            flushing.cancel()
    finally:
        try:
            log.close()
        finally:
            stopper.ended()


async def _start(
    options: Options,
    settings: configs.EdgeConfig,
    log: EventLog,
    stack: contextlib.AsyncExitStack,
    announce: Callable[[dict[str, Any]], None],
) -> None:
    raise_open_files()
    permit = None if settings.permit is None else Permit.from_json(settings.permit)
    told = notice.plan(settings, options.secrets, permit)
    client = Client(permit=permit or THIS_MACHINE, run_id=settings.run_id)
    callbacks = Callbacks(log, client=client, secrets={**options.secrets, "supplier_key": options.supplier_key, "gateway_key": options.gateway_key})
    stack.push_async_callback(callbacks.close)
    ports = {"control": options.control_port}
    if "supplier" in settings.plays:
        ports |= {"supplier": options.supplier_port}
    if "supplier" in settings.plays or settings.upstream is not None:
        ports |= {"supplier_link": options.link_port}
    if "gateway" in settings.plays:
        ports |= {"gateway": options.gateway_port}
    sockets = {name: stack.enter_context(contextlib.closing(bind(options.host, port))) for name, port in ports.items()}
    servers: list[WebServer] = []
    board = Board(options.seed) if "supplier_link" in sockets else None
    if "supplier" in sockets:
        supplier = Supplier(settings.supplier, options.supplier_key, options.seed, log, callbacks, settings.run_id)
        servers.append(WebServer(supplier.app(), sockets["supplier"]))
    if "gateway" in sockets:
        till = Till(settings.gateway, options.seed, log, callbacks, settings.run_id)
        place = sockets["gateway"]
        servers.append(WebServer(gateway.app(till, options.gateway_key, url(place), told), place))
    servers.append(WebServer(control.app(board, options.token, callbacks.quiet), sockets["control"]))
    stack.push_async_callback(stop_all, servers)
    for server in servers:
        await server.ready()
    if board is not None:
        link = Link(board, log, settings.upstream or sockets["supplier"].getsockname()[:2])
        stack.push_async_callback(link.stop)
        await link.start(sockets["supplier_link"])
    announce({"ready": True, **{name: url(sock) for name, sock in sockets.items()}})
