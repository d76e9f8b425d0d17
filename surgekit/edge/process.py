"""The edge from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surgekit.edge import config as configs
from surgekit.edge import control
from surgekit.edge.board import Board
from surgekit.edge.callbacks import Callbacks
from surgekit.edge.gateway import Gateway
from surgekit.edge.link import Link
from surgekit.edge.log import EventLog
from surgekit.edge.serving import WebServer, bind, raise_open_files, stop_all, url
from surgekit.edge.supplier import Supplier

_LAST_WORDS_S = 0.5


@dataclass(frozen=True)
class Options:
    """The command line, and the token from the environment."""

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
    ports = (options.supplier_port, options.link_port, options.gateway_port, options.control_port)
    sockets = [stack.enter_context(contextlib.closing(bind(options.host, port))) for port in ports]
    supplier_socket, link_socket, gateway_socket, control_socket = sockets
    callbacks = Callbacks(log)
    stack.push_async_callback(callbacks.close)
    board = Board(options.seed)
    supplier = Supplier(settings.supplier, options.supplier_key, options.seed, log, callbacks)
    gateway = Gateway(settings.gateway, options.gateway_key, options.seed, log, callbacks)
    servers = [
        WebServer(supplier.app(), supplier_socket),
        WebServer(gateway.app(), gateway_socket),
        WebServer(control.app(board, options.token), control_socket),
    ]
    stack.push_async_callback(stop_all, servers)
    for server in servers:
        await server.ready()
    link = Link(board, log, supplier_socket.getsockname()[:2])
    stack.push_async_callback(link.stop)
    await link.start(link_socket)
    announce(
        {
            "ready": True,
            "supplier": url(supplier_socket),
            "supplier_link": url(link_socket),
            "gateway": url(gateway_socket),
            "control": url(control_socket),
        }
    )
