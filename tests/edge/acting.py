"""What the tests of acted payments share: a platform that records each notice, and a gateway that never really waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from edge_world import GATEWAY_KEY, SALT, read_rows
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surgekit.edge import gateway, notice
from surgekit.edge.callbacks import Callbacks
from surgekit.edge.client import THIS_MACHINE, Client
from surgekit.edge.config import EdgeConfig
from surgekit.edge.log import EventLog
from surgekit.edge.serving import WebServer, bind
from surgekit.edge.till import Till
from surgekit.safety import Permit

RUN_ID = "ab12cd"
FORM = {"no": "{pay.order_no}", "trade": "{pay.trade_no}", "money": "{pay.amount}"}
NOTIFY = {"request": "POST /pay/notify", "form": FORM}


@dataclass(frozen=True)
class Heard:
    """One notice, as it came in."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode() or self.query, keep_blank_values=True))


@dataclass
class Shop:
    """A platform that answers each notice with the next of ``answers`` (status, body, seconds), and success after them."""

    url: str
    answers: list[tuple[int, bytes, float]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    pause_s: float = 0.0
    open: int = 0
    most_open: int = 0

    def permit(self, host: str = "127.0.0.1", how: str = "loopback") -> dict[str, Any]:
        """What safety would have permitted, in the words of run.json."""
        port = urlsplit(self.url).port
        return {
            "scheme": "http", "host": host, "port": port, "addresses": ["127.0.0.1"], "how": how, "until": None, "rate": None,
            "orders": None, "left_out": [],
        }  # fmt: skip

    async def heard_when(self, count: int) -> list[Heard]:
        while len(self.heard) < count:
            await asyncio.sleep(0.002)
        return self.heard


@asynccontextmanager
async def shop(*answers: tuple[int, bytes, float]) -> AsyncIterator[Shop]:
    """Listens on a port of its own."""
    sock = bind("127.0.0.1", 0)
    here = Shop(f"http://127.0.0.1:{sock.getsockname()[1]}", list(answers))

    async def hear(request: Request) -> Response:
        here.open += 1
        here.most_open = max(here.most_open, here.open)
        body = await request.body()
        here.heard.append(Heard(request.method, request.url.path, request.url.query, dict(request.headers), body))
        status, text, seconds = here.answers.pop(0) if here.answers else (200, b"success", here.pause_s)
        try:
            await asyncio.sleep(seconds)
        finally:
            here.open -= 1
        return Response(text, status)

    server = WebServer(Starlette(routes=[Route("/{path:path}", hear, methods=["GET", "POST"])]), sock)
    await server.ready()
    try:
        yield here
    finally:
        await server.stop()


@dataclass
class Acting:
    """A gateway in this process. ``slept``: what it would have waited, in seconds."""

    http: httpx.AsyncClient
    callbacks: Callbacks
    log: EventLog
    path: Path
    slept: list[float]

    async def act(self, **fields: Any) -> dict[str, Any]:
        """POST /act; the numbers in ``fields`` go over the wire as Python writes them."""
        reply = await self.http.post("/act", json=fields)
        assert reply.status_code == 200
        return dict(reply.json())

    async def act_raw(self, text: str) -> dict[str, Any]:
        reply = await self.http.post("/act", content=text, headers={"Content-Type": "application/json"})
        assert reply.status_code == 200
        return dict(reply.json())

    def rows(self, event: str) -> list[dict[str, Any]]:
        self.log.flush()
        return read_rows(self.path, event)

    async def rows_when(self, event: str, count: int) -> list[dict[str, Any]]:
        while len(found := self.rows(event)) < count:
            await asyncio.sleep(0.002)
        return found


@asynccontextmanager
async def acting(
    tmp_path: Path,
    platform: Shop | None,
    notify: Mapping[str, Any] | None = NOTIFY,
    *,
    seed: int = 7,
    timeout_s: float = 5.0,
    secrets: Mapping[str, str] | None = None,
    permit: dict[str, Any] | None = None,
    waits: bool = False,
    more: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Acting]:
    """The gateway with ``settings``; its waits are over at once unless ``waits``. ``more``: vars and signing of the target."""
    config = EdgeConfig.model_validate_json(
        json.dumps({"run_id": RUN_ID, "gateway": {"notify": notify, **settings}, **(more or {})})
    )
    given = permit if permit is not None or platform is None else platform.permit()
    allowed = None if given is None else Permit.from_json(given)
    path = tmp_path / "acting.jsonl"
    log, slept = EventLog(path, SALT), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(seconds if waits else 0)

    callbacks = Callbacks(log, sleep, Client(timeout_s, permit=allowed or THIS_MACHINE, run_id=RUN_ID))
    till = Till(config.gateway, seed, log, callbacks, RUN_ID)
    app = gateway.app(till, GATEWAY_KEY, "http://127.0.0.1:1", notice.plan(config, secrets or {}, allowed))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        try:
            yield Acting(http, callbacks, log, path, slept)
        finally:
            await callbacks.close()
            log.close()
