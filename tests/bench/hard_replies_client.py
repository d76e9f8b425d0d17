"""The one way from the bench to the engine's client."""

from __future__ import annotations

import ssl
import time
from functools import cache

from surgekit.engine import http, response
from surgekit.safety import origin, permitted
from surgekit.target.reading import Reply
from surgekit.target.step import Request
from tests.bench.hard_replies_forms import Form

CONNECT_S = 1.0
REPLY_S = 1.5
KEPT_S = 60.0
"""From one ``ask`` to the next of the same port and scheme, connections are kept as in a run."""


class _Read(response.Response):
    """Replies as the new parser reads them, for a client that was made for another."""

    method = "GET"

    def __init__(self) -> None:
        super().__init__(_heads, method=self.method)

    @property
    def status(self) -> int:
        return self.head.status if self.head else 0

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.head.headers) if self.head else {}

    @property
    def cookies(self) -> list[str]:
        return self.head.cookies if self.head else []


_heads = response.Heads()


def ask(port: int, form: Form, *, tls: str | None = None) -> Reply:
    """One request as ``form`` has it, redirects followed where it says so, to its scheme at ``port``; never raises.

    ``tls``: the file of the certificates that are trusted; the host is localhost then.
    """
    _Read.method = form.method
    request = Request(form.method, form.asks.encode(), form.headers, form.payload, follow=form.follow)
    return _client(port, form.scheme, tls).send(request)


@cache
def _client(port: int, scheme: str, tls: str | None) -> http.Client:
    http._Parser = _Read  # type: ignore[assignment,misc]
    http.Broken = response.Broken  # type: ignore[assignment,misc]
    host = "localhost" if scheme == "https" else "127.0.0.1"
    permit = permitted(origin(f"{scheme}://{host}:{port}"), None)
    context = ssl.create_default_context(cafile=tls)
    return http.Client(permit, connect_s=CONNECT_S, reply_s=REPLY_S, keep_alive_s=KEPT_S, now=time.monotonic, run_id="hard", tls=context)
