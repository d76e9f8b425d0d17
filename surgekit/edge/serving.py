"""Sockets and servers: bound first, so that a taken port is one sentence and not a log full of them."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterable, Iterator

import uvicorn
from starlette.types import ASGIApp

from surgekit.errors import RunError


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises RunError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio sets TCP_NODELAY only then, and without it a reply in two writes waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(1024)
    except (OSError, OverflowError) as error:
        sock.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RunError(f"cannot listen on {host}:{port}: {reason}") from error
    sock.setblocking(False)
    return sock


def url(sock: socket.socket) -> str:
    """``http://host:port`` of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Signals belong to the process, not to each of its servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """One ASGI application on one bound socket."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=120,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[sock]))

    async def ready(self) -> None:
        """Wait until it accepts requests."""
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Stop at once: what is under way is dropped, as when a machine goes away."""
        self._server.should_exit = self._server.force_exit = True
        await self._task


async def stop_all(servers: Iterable[WebServer]) -> None:
    """Stop them side by side: each needs a tick of its own to notice."""
    await asyncio.gather(*(server.stop() for server in servers))


def raise_open_files() -> None:
    """A platform that hangs leaves many callbacks open: take all the descriptors that the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
