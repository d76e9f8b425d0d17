"""What the stand-ins share: forms in, JSON out, and a word when the answer has been written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_FIELDS_MAX = 200


class Answer(Response):
    """A JSON answer. ``written`` is called once its last byte was handed to the connection."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, written: Callable[[], None] | None = None) -> None:
        self._written = written
        super().__init__(orjson.dumps(content), status_code)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then tell."""
        await super().__call__(scope, receive, send)
        if self._written is not None:
            self._written()


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of the body, or of the query when there is no body. A form out of all measure counts as empty."""
    text = (await request.body()).decode("utf-8", "replace") or request.url.query
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError:
        return {}


async def gone(_request: Request, _error: Exception) -> Response:
    """The client left before its request was whole: an answer that nobody reads."""
    return Response(status_code=400)


HANDLERS: Mapping[Any, Any] = {ClientDisconnect: gone}
