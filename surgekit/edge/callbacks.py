"""Callbacks: told again and again until the platform acknowledges them, or the schedule is over.

    start ─▶ wait ─▶ [turn, where only so many may be under way] ─▶ request ─▶ acknowledged?
              ▲                                                                    │ no
              └────────────────────────────────────────────────────────────────────┘
    quiet ─▶ all of them end where they are, and no other begins
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from surgekit.clock import now
from surgekit.edge.client import Client, UnansweredError
from surgekit.edge.log import Actor, Event, EventLog
from surgekit.errors import ConfigError
from surgekit.redact import Redactor

MOST_SAID = 20
"""So many answers that were no acknowledgement are written down, for whoever looks why: the first ones."""
MOST_OF_IT = 120
_MOST_READ = 2000
Acked = Callable[[int, bytes], bool]


@dataclass(frozen=True, slots=True)
class Message:
    """One request to the platform."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


def form_message(method: Literal["GET", "POST"], url: str, form: Mapping[str, str]) -> Message:
    """GET carries the form in the query, as epay does; POST in the body."""
    encoded = urlencode(form)
    if method == "POST":
        return Message(method, url, body=encoded.encode())
    return Message(method, f"{url}{'&' if '?' in url else '?'}{encoded}")


def says_success(status: int, body: bytes) -> bool:
    """The acknowledgement of the stand-ins' own dialects."""
    return status == 200 and body.strip() == b"success"


@dataclass(frozen=True, slots=True)
class Callback:
    """What to tell, and about what.

    ``message`` is asked before each attempt. The first one is sent ``copies`` times at the same moment; ``turn`` bounds how
    many are under way.
    """

    actor: Actor
    message: Callable[[], Message]
    order_no: str
    edge_no: str
    cards: tuple[str, ...] = ()
    acked: Acked = says_success
    copies: int = 1
    turn: asyncio.Semaphore | None = None


class Callbacks:
    """The callbacks under way. ``sleep`` is asyncio's; a test puts its own in its place."""

    def __init__(
        self, log: EventLog, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, client: Client | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        self._hidden = Redactor({f"secret.{name}": value for name, value in (secrets or {}).items()})
        self._left = MOST_SAID
        self._sleep = sleep
        self._client = client or Client()
        self._work: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether ``quiet`` was asked for: nothing more is told."""
        return self._ended

    def permits(self, url: str) -> bool:
        """Whether a callback may go there."""
        return self._client.permits(url)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside everything else until it is done or the process stops; ``quiet`` does not end it."""
        _keep(self._work, asyncio.create_task(work))

    def start(self, callback: Callback, waits_s: Sequence[float]) -> None:
        """``deliver`` beside everything else; after ``quiet``, nothing."""
        if not self._ended:
            _keep(self._under_way, asyncio.create_task(self.deliver(callback, waits_s)))

    async def deliver(self, callback: Callback, waits_s: Sequence[float]) -> None:
        """Try once after each wait until it is acknowledged. ``waits_s[0]`` comes before the first attempt."""
        for attempt, wait_s in enumerate(waits_s, 1):
            await self._sleep(wait_s)
            try:
                message = callback.message()
            except ConfigError:
                self._row(callback, "callback", attempt, 0.0, "cannot_be_made", acked=False)
                return
            copies = callback.copies if attempt == 1 else 1
            if any(await asyncio.gather(*(self._in_turn(callback, message, attempt) for _ in range(copies)))):
                return

    async def _in_turn(self, callback: Callback, message: Message, attempt: int) -> bool:
        turn = callback.turn
        if turn is None:
            return await self._tell(callback, message, attempt)
        if turn.locked():
            began, got = now(), False
            try:
                await turn.acquire()
                got = True
            finally:
                self._row(callback, "queue", attempt, now() - began, None if got else "dropped", acked=None)
        else:
            await turn.acquire()
        try:
            return await self._tell(callback, message, attempt)
        finally:
            turn.release()

    async def _tell(self, callback: Callback, message: Message, attempt: int) -> bool:
        began = now()
        status, acked, said = "dropped", False, None
        try:
            code, body = await self._client.send(message.method, message.url, message.body, message.headers)
            status, acked = str(code), callback.acked(code, body)
            said = None if acked else self._said(body)
        except UnansweredError as error:
            status = str(error)
        finally:  # also when it is ended in the middle: the platform may have heard it
            self._row(callback, "callback", attempt, now() - began, status, acked=acked, said=said)
        return acked

    def _said(self, body: bytes) -> str | None:
        """The beginning of an answer, without secrets."""
        if not self._left:
            return None
        self._left -= 1
        return " ".join(self._hidden.text(body[:_MOST_READ].decode("utf-8", "replace")).split())[:MOST_OF_IT]

    def _row(
        self, callback: Callback, event: Event, attempt: int, took_s: float, status: str | None, *, acked: bool | None, said: str | None = None
    ) -> None:
        self._log.write(
            callback.actor,
            event,
            order_no=callback.order_no,
            edge_no=callback.edge_no,
            status=status,
            attempt=attempt,
            took_s=took_s,
            acked=acked,
            cards=callback.cards,
            detail=said,
        )

    async def quiet(self) -> int:
        """End what is under way, and start nothing more. How many callbacks were dropped."""
        self._ended = True
        dropped = [task for task in self._under_way if not task.done()]
        await _cancel(dropped)
        return len(dropped)

    async def close(self) -> None:
        """Give up what is under way."""
        await self.quiet()
        await _cancel(list(self._work))
        self._client.close()


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):  # none of them waits for anything once it is cancelled
            await asyncio.gather(*tasks, return_exceptions=True)
