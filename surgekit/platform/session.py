"""What all reads share: the session that ``reads.setup`` opens, the one way of sending, and what counts as an answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from surgekit import clock
from surgekit.errors import TargetError
from surgekit.model import ReplyClass
from surgekit.platform.client import MOST_REPLY, TOTAL_S, Client
from surgekit.safety import Origin
from surgekit.target import private
from surgekit.target.plan import compile_plan
from surgekit.target.reading import MOST_VALUES, Document, Reply
from surgekit.target.reads_check import asked
from surgekit.target.schema import Target
from surgekit.target.step import Read, stamps

LOGGED_OUT: Final = frozenset({301, 302, 303, 307, 308, 401, 403, 419})
"""What a platform says to a session that has run out; then the set-up is done once more."""


class Session:
    """One visitor (an administrator, say) for all reads. ``secrets``: name → value."""

    def __init__(self, target: Target, place: Origin, run_id: str, secrets: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self.run_id = run_id
        self.secrets = secrets
        times = target.timeouts
        self.client = Client(place, run_id, connect_s=times.connect, keep_alive_s=times.keep_alive, tls=tls)
        self.known: dict[str, object] = private.names(target, secrets)
        self._fixed: dict[str, object] = {**self.known, "run.id": run_id, "target.base_url": f"{place.scheme}://{place.netloc}"}
        plan = compile_plan(target)
        self._setup = plan.reads_setup
        self.reads = plan.reads
        self.what = {name: f"{at}: {step.request}" for name, at, step, _ in asked(target)}
        self._found: dict[str, Any] | None = None if self._setup else {}

    def get(
        self, read: str, own: Mapping[str, Any] | None = None, *, most: int = MOST_REPLY, total_s: float = TOTAL_S, most_values: int = MOST_VALUES
    ) -> Document:
        """The good reply to ``read``, as ``ask`` gives it. Raises ``TargetError`` for any other, also for a redirect or an HTTP error."""
        document, told = self.ask(read, own, only_ok=True, most=most, total_s=total_s, most_values=most_values)
        status = document.reply.status
        if not 200 <= status < 300:
            away = document.header("location") is not None and 300 <= status < 400
            raise TargetError(f"{self.what[read]}: HTTP {status}" + (f"{_where_to(document.reply)}; is reads.setup needed?" if away else ""))
        if told.kind is not ReplyClass.OK:
            raise TargetError(f"{self.what[read]}: the reply (HTTP {status}) means {told.kind.value}{_why(told)}, and only ok is read")
        return document

    def ask(
        self, read: str, own: Mapping[str, Any] | None = None, *, only_ok: bool = False, most: int = MOST_REPLY, total_s: float = TOTAL_S,
        most_values: int = MOST_VALUES,
    ) -> tuple[Document, Read]:
        """The reply to ``read`` (``stock``, ``order``, ``ledger``; ``echo``, which needs no set-up) and what it means. A session that has
        run out is opened again; ``only_ok``: whatever the reply to one that has is taken for. Raises ``TargetError``."""
        step, setup = self.reads[read], self._setup if read != "echo" else ()

        def sent() -> tuple[Document, Read]:
            if self._found is None and setup:
                self._found = self._set_up()
            values = {**self._fixed, **stamps(), **(self._found or {}), **(own or {})}
            document = Document(self.client.send(step.request(values), self.what[read], most=most, total_s=total_s), most_values)
            return document, step.meant(document)

        document, told = sent()
        if setup and document.reply.status in LOGGED_OUT and (only_ok or told.kind is ReplyClass.UNKNOWN):
            self._found = None
            document, told = sent()
        return document, told

    def _set_up(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for step in self._setup:
            what = f"reads.setup, step {step.name}"
            reply = self.client.send(step.request({**self._fixed, **stamps(), **found}), what)
            told = step.read(reply)
            if told.kind is not ReplyClass.OK:
                raise TargetError(f"{what}: the reply (HTTP {reply.status}) means {told.kind.value}{_why(told)}, and only ok goes on")
            found |= told.values
        return found


def _where_to(reply: Reply) -> str:
    """The path of a redirect, as the middle of a sentence. Not its query: there may be a token in it."""
    try:
        path = urlsplit((reply.headers or {}).get("location", "")).path[:100]
    except ValueError:
        path = ""
    return f", a redirect to {path}" if path else ", a redirect"


def _why(told: Read) -> str:
    return f" ({told.reason})" if told.reason and told.reason != told.kind.value else ""


class Pace:
    """At most ``rate`` turns a second."""

    def __init__(self, rate: float) -> None:
        self._every = 1.0 / rate
        self._next = 0.0

    def turn(self) -> None:
        """Wait for the next turn."""
        now = clock.now()
        if self._next > now:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._every
