"""The one way from the bench to the engine's client."""

from __future__ import annotations

import json
import ssl
from functools import cache

from surgekit.engine.http.client import Client
from surgekit.engine.loop import Loop
from surgekit.safety import origin, permitted
from surgekit.target.reading import Reply
from surgekit.target.schema.steps import Step
from surgekit.target.step import Request, StepPlan
from tests.bench.hard_replies_forms import ORDER, Form

CONNECT_S = 1.0
REPLY_S = 1.5
KEPT_S = 60.0
"""From one ``ask`` to the next of the same port and scheme, connections are kept as in a run."""


def ask(port: int, form: Form, *, tls: str | None = None) -> Reply:
    """One request as ``form`` has it, redirects followed where it says so, to its scheme at ``port``; never raises.

    ``tls``: the file of the certificates that are trusted; the host is localhost then. An order goes the short way that orders of
    a run go, unless the form is ``plain_way`` or asks for more than that way can do.
    """
    loop, client = _loop(), _client(port, form.scheme, tls)
    if form.follow or form.headers or form.plain_way or form.method not in ("GET", "POST") or form.payload not in (ORDER, b""):
        request = Request(form.method, form.asks.encode(), form.headers, form.payload, follow=form.follow)
        return loop.run_until(client.send(request))
    _, kind, *name = form.asks.split("/", 2)
    return loop.run_until(client.ask(_step(form.method, kind, form.payload), {"name": "/".join(name)}))


@cache
def _step(method: str, kind: str, payload: bytes) -> StepPlan:
    """A step of a target: one for all that are alike, as in a run."""
    said = {"request": f"{method} /{kind}/{{name}}", "replies": [{"class": "ok", "matches": "."}]}
    return StepPlan("bench", Step.model_validate(said | ({"json": json.loads(payload)} if payload else {})), "bench")


@cache
def _loop() -> Loop:
    return Loop()


@cache
def _client(port: int, scheme: str, tls: str | None) -> Client:
    host = "localhost" if scheme == "https" else "127.0.0.1"
    permit = permitted(origin(f"{scheme}://{host}:{port}"), None)
    context = ssl.create_default_context(cafile=tls)
    return Client(_loop(), permit, connect_s=CONNECT_S, reply_s=REPLY_S, keep_alive_s=KEPT_S, run_id="hard", tls=context)
