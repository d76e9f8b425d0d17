"""The control port: inject, heal, list, and fall silent. Nothing here works without the token."""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from surgekit.edge import faults
from surgekit.edge.board import Board
from surgekit.edge.web import HANDLERS, Answer
from surgekit.errors import ConfigError

TOKEN_ENV = "SURGEKIT_CONTROL_TOKEN"  # noqa: S105 - the name of a variable, not a token
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class _Guard:
    """Answers 401 unless the bearer token is right. Without a token of its own it lets nobody in."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if self._wanted is not None and hmac.compare_digest(given, self._wanted):
            await self._app(scope, receive, send)
            return
        hint = "wrong or no bearer token" if self._wanted else f"the edge was started without {TOKEN_ENV}"
        await Answer({"error": hint}, 401)(scope, receive, send)


async def _nothing() -> int:
    return 0


def app(board: Board | None, token: str, quiet: Callable[[], Awaitable[int]] = _nothing) -> Starlette:
    """PUT and DELETE /faults/{name}, GET /faults, for the link that ``board`` belongs to; None: no supplier is played.

    POST /quiet ends all callbacks for good and says how many were dropped; it may be repeated.
    """

    async def put(request: Request) -> Response:
        name = request.path_params["name"]
        if not _NAME.fullmatch(name):
            return Answer({"error": "a fault's name is 1 to 64 letters, digits, dots, dashes or underscores"}, 400)
        if board is None:
            return Answer({"error": f"fault {name}: the supplier is not played here, so there is no link to break"}, 409)
        try:
            fault = faults.parse(await request.body())
        except ConfigError as error:
            return Answer({"error": f"fault {name}: {error}"}, 400)
        board.put(name, fault)
        return Answer({"name": name, **fault.model_dump()})

    async def delete(request: Request) -> Response:
        name = request.path_params["name"]
        return Answer({"name": name, "removed": board is not None and board.remove(name)})

    async def listing(_request: Request) -> Response:
        return Answer({"faults": [] if board is None else board.active()})

    async def silence(_request: Request) -> Response:
        return Answer({"dropped": await quiet()})

    routes = [
        Route("/faults", listing, methods=["GET"]),
        Route("/faults/{name}", put, methods=["PUT"]),
        Route("/faults/{name}", delete, methods=["DELETE"]),
        Route("/quiet", silence, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Guard, token=token)], exception_handlers=HANDLERS)
