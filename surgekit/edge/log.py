"""The event log: what the stand-ins were asked, sold and paid, one JSON object a line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import orjson

from surgekit.clock import now
from surgekit.digest import card_digests
from surgekit.errors import RunError

Actor = Literal["supplier", "gateway", "link"]
Event = Literal["purchase", "reply", "query", "callback", "queue", "payment", "refuse", "bad_sign", "forward"]

FLUSH_S = 0.1


class EventLog:
    """Rows are collected and appended to the file every 0.1 s, whole lines at a time.

    Card codes go in, digests come out: the salt never leaves this object, and neither do the codes.
    Without a path, rows are dropped.
    """

    def __init__(self, path: Path | None, salt: str) -> None:
        self._path = path
        self._salt = salt
        self._lines: list[bytes] = []
        self._file: int | None = None
        if path is not None:
            try:
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise self._unwritable(error) from error

    def write(
        self,
        actor: Actor,
        event: Event,
        *,
        order_no: str | None = None,
        edge_no: str | None = None,
        sku: str | None = None,
        qty: int | None = None,
        amount_fen: int | None = None,
        status: str | None = None,
        attempt: int | None = None,
        took_s: float | None = None,
        acked: bool | None = None,
        cards: Iterable[str] = (),
        fault: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Add one row, stamped now. Each row has every field, so that readers need no special cases.

        ``detail`` is for whoever reads along; the table that is made of the rows has no room for it.
        """
        if self._file is None:
            return
        row = {
            "t": now(),
            "actor": actor,
            "event": event,
            "order_no": order_no,
            "edge_no": edge_no,
            "sku": sku,
            "qty": qty,
            "amount_fen": amount_fen,
            "status": status,
            "attempt": attempt,
            "took_s": took_s,
            "acked": acked,
            "card_digests": card_digests(cards, self._salt),
            "fault": fault,
            "detail": detail,
        }
        self._lines.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    async def keep_flushing(self) -> None:
        """Flush until cancelled. Raises RunError when the file cannot be written."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    def flush(self) -> None:
        """Append what has been collected. Raises RunError when the file cannot be written."""
        if not self._lines or self._file is None:
            return
        block = memoryview(b"".join(self._lines))
        self._lines.clear()
        try:
            while block:
                block = block[os.write(self._file, block) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Flush and close. Raises RunError when the last rows cannot be written."""
        try:
            self.flush()
        finally:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"cannot write the event log {self._path}: {error.strerror}")
