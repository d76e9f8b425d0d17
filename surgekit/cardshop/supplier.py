"""Buying from the supplier: the form dialect, over kept-alive connections, and what an answer means."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from surgekit import clock
from surgekit.cardshop.orders import Order
from surgekit.errors import ConfigError
from surgekit.signing import form_sign_ok, form_signed

APP_ID = "cardshop"
JOIN_KEY = "&key="
IDLE_S = 4.0
"""A connection unused for longer is opened anew: the other side may be about to close it."""


class Outcome(Enum):
    """What is known after asking the supplier."""

    SUCCESS = "success"
    PROCESSING = "processing"
    FAILED = "failed"
    NOT_FOUND = "not found"
    UNDETERMINED = "undetermined"  # time-out, reset, non-200, empty body: it may have been bought, or not


@dataclass(frozen=True)
class Answer:
    """One answer of the supplier; ``codes`` only with ``SUCCESS``."""

    outcome: Outcome
    codes: tuple[str, ...] = ()


UNDETERMINED = Answer(Outcome.UNDETERMINED)


class Supplier:
    """A client for any number of threads; each thread keeps a connection of its own."""

    def __init__(self, url: str, key: str, *, timeout_s: float, notify_url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme != "http" or not parts.hostname or port is None:
            raise ConfigError(f"--supplier-url {url!r} is not of the form http://HOST:PORT")
        self._host, self._port, self._path = parts.hostname, port, parts.path.rstrip("/")
        self._key, self._timeout_s, self._notify_url = key, timeout_s, notify_url
        self._own = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def buy(self, order: Order, out_order_no: str) -> Answer:
        """Place the purchase ``out_order_no``. The supplier executes one number once, however often it is sent."""
        form = {"out_order_no": out_order_no, "sku": order.sku, "qty": str(order.qty)}
        return self._ask("/order", {**form, "amount_fen": str(order.amount_fen), "notify_url": self._notify_url})

    def query(self, out_order_no: str) -> Answer:
        """What became of the purchase ``out_order_no``."""
        return self._ask("/query", {"out_order_no": out_order_no})

    def signed(self, form: Mapping[str, str]) -> bool:
        """Whether a callback really comes from the supplier."""
        return form_sign_ok(form, self._key, join_key=JOIN_KEY)

    def close(self) -> None:
        """Hang up, whoever is still waiting."""
        for conn in self._all:
            conn.close()

    def _ask(self, path: str, form: dict[str, str]) -> Answer:
        form = {"app_id": APP_ID, "timestamp": f"{clock.utc().timestamp():.0f}", **form}
        body = urlencode(form_signed(form, self._key, join_key=JOIN_KEY)).encode()
        conn = self._connection()
        try:
            conn.request("POST", self._path + path, body, {"Content-Type": "application/x-www-form-urlencoded"})
            response = conn.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            conn.close()
            return UNDETERMINED
        self._own.used_s = clock.now()
        return read_answer(response.status, content)

    def _connection(self) -> http.client.HTTPConnection:
        conn: http.client.HTTPConnection | None = getattr(self._own, "conn", None)
        if conn is None:
            conn = self._own.conn = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
            self._all.append(conn)
        elif conn.sock is not None and clock.now() - self._own.used_s > IDLE_S:
            conn.close()
        return conn


def read_answer(status: int, content: bytes) -> Answer:
    """The meaning of a reply. Whatever cannot be understood is undetermined, never a failure."""
    try:
        reply: Any = orjson.loads(content)
        code, data = reply["code"], reply.get("data") or {}
        state, cards = (data.get("status"), data.get("cards") or []) if code == 0 else (None, [])
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
        return UNDETERMINED
    if status != 200:
        return UNDETERMINED
    if code == 404:
        return Answer(Outcome.NOT_FOUND)
    if code != 0:
        return Answer(Outcome.FAILED)
    if (
        state == "success"
        and isinstance(cards, list)
        and all(isinstance(card, str) and card and card.isprintable() for card in cards)
    ):
        return Answer(Outcome.SUCCESS, tuple(cards))
    if state in ("accepted", "processing"):
        return Answer(Outcome.PROCESSING)
    return Answer(Outcome.FAILED) if state == "failed" else UNDETERMINED
