"""What the tests of the edge share: a whole edge in this process, a platform to call back, a link to anything."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from surgekit.edge.board import Board
from surgekit.edge.link import Link
from surgekit.edge.log import EventLog
from surgekit.edge.process import Options, Stopper, serve
from surgekit.edge.serving import WebServer, bind
from surgekit.signing import form_sign, form_signed

SUPPLIER_KEY = "key-of-the-supplier"
GATEWAY_KEY = "key-of-the-gateway"
TOKEN = "let-me-in"
SALT = "salt-of-this-run"
QUICK = {"supplier": {"latency_ms": {"median": 1}}, "gateway": {"notify_delay_ms": {"median": 1}, "compress": 3000}}


def story(work: Coroutine[Any, Any, None]) -> None:
    """Run one test's coroutine; nothing in these tests may take this long."""
    asyncio.run(asyncio.wait_for(work, 20))


def read_rows(path: Path, event: str | None = None) -> list[dict[str, Any]]:
    """The event log's rows, of one kind if asked."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if event in (None, row["event"])]


@dataclass
class World:
    """A running edge and a client of it."""

    addresses: dict[str, Any]
    log: Path
    http: httpx.AsyncClient

    async def post(self, address: str, path: str, form: dict[str, str]) -> dict[str, Any]:
        reply = await self.http.post(self.addresses[address] + path, data=form)
        assert reply.status_code == 200
        return dict(reply.json())

    async def control(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, self.addresses["control"] + path, json=body, headers=headers)

    def rows(self, event: str | None = None) -> list[dict[str, Any]]:
        return read_rows(self.log, event)

    async def rows_when(self, event: str, count: int) -> list[dict[str, Any]]:
        """Wait until the log has ``count`` rows of this kind."""
        while len(found := self.rows(event)) < count:
            await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def edge(
    tmp_path: Path, config: dict[str, Any] = QUICK, seed: int = 7, secrets: dict[str, str] | None = None
) -> AsyncIterator[World]:
    """The whole edge, started as its process starts it. The log is complete when the block is left."""
    settings, log = tmp_path / "edge.json", tmp_path / "edge.jsonl"
    settings.write_text(json.dumps(config))
    options = Options(
        "127.0.0.1", 0, 0, 0, 0, log, seed, SALT, SUPPLIER_KEY, GATEWAY_KEY, settings, TOKEN, secrets or {}
    )  # fmt: skip
    stopper, announced = Stopper(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(options, stopper, announced.set_result))
    addresses = await announced
    try:
        async with httpx.AsyncClient(timeout=15) as http:
            yield World(addresses, log, http)
    finally:
        stopper.stop()
        await running


def order(order_no: str, **more: str) -> dict[str, str]:
    """A signed supplier order."""
    form = {"app_id": "shop", "out_order_no": order_no, "sku": "game-100", "qty": "1", "amount_fen": "9500"}
    form |= {"notify_url": "", "timestamp": "1700000000"} | more
    return signed(form)


def signed(form: dict[str, str]) -> dict[str, str]:
    """With the supplier dialect's signature."""
    return {**form, "sign": form_sign(form, SUPPLIER_KEY, join_key="&key=")}


def pay(order_no: str, notify_url: str, money: str = "12.34") -> dict[str, str]:
    """A signed pay address's parameters."""
    form = {"pid": "1001", "out_trade_no": order_no, "notify_url": notify_url, "money": money, "name": "点卡 100"}
    return form_signed({**form, "type": "alipay"}, GATEWAY_KEY)


@dataclass
class Platform:
    """A platform that answers callbacks with what the test says, ``success`` after that."""

    url: str
    answers: list[str]
    told: list[dict[str, str]] = field(default_factory=list)


@asynccontextmanager
async def platform(*answers: str) -> AsyncIterator[Platform]:
    """Listens on a port of its own."""
    sock = bind("127.0.0.1", 0)
    here = Platform(f"http://127.0.0.1:{sock.getsockname()[1]}/callback", list(answers))

    async def callback(request: Request) -> PlainTextResponse:
        text = (await request.body()).decode() or request.url.query
        here.told.append(dict(parse_qsl(text, keep_blank_values=True)))
        return PlainTextResponse(here.answers.pop(0) if here.answers else "success")

    server = WebServer(Starlette(routes=[Route("/callback", callback, methods=["GET", "POST"])]), sock)
    await server.ready()
    try:
        yield here
    finally:
        await server.stop()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Linked:
    """A link in front of a test's own upstream."""

    port: int
    board: Board
    log: EventLog
    path: Path
    listener: socket.socket

    def rows(self, event: str) -> list[dict[str, Any]]:
        self.log.flush()
        return read_rows(self.path, event)

    async def rows_when(self, event: str, count: int) -> list[dict[str, Any]]:
        while len(found := self.rows(event)) < count:
            await asyncio.sleep(0.01)
        return found


@asynccontextmanager
async def link_to(handler: Handler, tmp_path: Path, seed: int = 7) -> AsyncIterator[Linked]:
    """``handler`` is the upstream: it gets each connection as streams."""
    upstream = await asyncio.start_server(handler, "127.0.0.1", 0)
    log = EventLog(tmp_path / "link.jsonl", SALT)
    board = Board(seed)
    link = Link(board, log, upstream.sockets[0].getsockname()[:2])
    sock = bind("127.0.0.1", 0)
    await link.start(sock)
    try:
        yield Linked(sock.getsockname()[1], board, log, tmp_path / "link.jsonl", sock)
    finally:
        await link.stop()
        upstream.close()
        log.close()
