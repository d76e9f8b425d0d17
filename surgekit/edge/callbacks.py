"""Callbacks: told again and again until the platform says ``success``, or the schedule is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from surgekit.clock import now
from surgekit.edge.client import Client, UnansweredError
from surgekit.edge.log import Actor, EventLog


@dataclass(frozen=True, slots=True)
class Callback:
    """What to tell, and whom. GET carries the form in the query, as epay does; POST in the body."""

    actor: Actor
    method: Literal["GET", "POST"]
    url: str
    form: Mapping[str, str]
    order_no: str
    edge_no: str
    cards: tuple[str, ...] = ()


class Callbacks:
    """The callbacks under way. ``sleep`` is asyncio's; a test puts its own in its place."""

    def __init__(self, log: EventLog, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._log = log
        self._sleep = sleep
        self._client = Client()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside everything else until it is done or the process stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def deliver(self, callback: Callback, waits_s: Sequence[float]) -> None:
        """Try once after each wait until it is acknowledged. ``waits_s[0]`` comes before the first attempt."""
        for attempt, wait_s in enumerate(waits_s, 1):
            await self._sleep(wait_s)
            if await self._tell(callback, attempt):
                return

    async def _tell(self, callback: Callback, attempt: int) -> bool:
        started = now()
        encoded = urlencode(callback.form)
        try:
            if callback.method == "GET":
                joint = "&" if "?" in callback.url else "?"
                code, body = await self._client.send("GET", f"{callback.url}{joint}{encoded}")
            else:
                code, body = await self._client.send("POST", callback.url, encoded.encode())
        except UnansweredError as error:
            status, acked = str(error), False
        else:
            status, acked = str(code), code == 200 and body.strip() == b"success"
        self._log.write(
            callback.actor,
            "callback",
            order_no=callback.order_no,
            edge_no=callback.edge_no,
            status=status,
            attempt=attempt,
            took_s=now() - started,
            acked=acked,
            cards=callback.cards,
        )
        return acked

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._client.close()
