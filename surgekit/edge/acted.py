"""Acted payments: the engine says that a buyer has paid, and the platform hears of it as its own gateway would tell.

    POST /act  {"order_no": "A1", "amount": "12.30", "notify_url": …}  ─▶  {"code": 1, "trade_no": …}
                                                                      or {"code": -1, "msg": why not}

Amounts are read as they are written, digit by digit: ``12.30`` is 1230 fen, and no binary fraction comes in between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surgekit.clock import now
from surgekit.edge.notice import NoticePlan, Payment
from surgekit.edge.till import STOPPED, Till, fen
from surgekit.edge.web import Answer
from surgekit.errors import ConfigError

_MOST = 64 * 1024
_ORDER_NO = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_FEN = re.compile(r"\d{1,14}", re.ASCII)


def routes(till: Till, notice: NoticePlan | None) -> list[Route]:
    """The one address. Without a ``notice`` it is closed."""

    async def act(request: Request) -> Response:
        if notice is None:
            return Answer({"code": -1, "msg": "edge.gateway.notify is not given, so no payment can be acted here"}, 403)
        # A web page that the user looks at can send forms to loopback, but JSON only to whoever agrees beforehand.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Answer({"code": -1, "msg": "a JSON object is wanted, with Content-Type: application/json"}, 415)
        raw = await _body(request)
        read_at = now()
        try:
            told = _fields(raw)
            order_no, amount_fen = _order_no(told), _amount_fen(told)
            payment = till.paid(order_no)
            if payment is not None:
                return till.receipt(payment, "duplicate", read_at)
            if till.callbacks.ended:
                return Answer(STOPPED)
            payment = till.payment(order_no, amount_fen)
            _try(till, notice, payment, told)
        except (ValueError, ConfigError) as problem:
            return Answer({"code": -1, "msg": str(problem)})
        till.capture(payment, partial(notice.message, payment, told), notice.acked)
        return till.receipt(payment, "paid", read_at)

    return [Route("/act", act, methods=["POST"])]


async def _body(request: Request) -> bytes:
    raw = b""
    async for block in request.stream():
        raw += block
        if len(raw) > _MOST:
            return b""
    return raw


def _fields(raw: bytes) -> dict[str, str]:
    """Every field as text, numbers as they are written. Raises ``ValueError``."""
    try:
        data = json.loads(raw, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON, or longer than 64 KB") from None
    if not isinstance(data, Mapping):
        raise ValueError("a JSON object is wanted, such as {order_no, amount}")
    return {_plain(name): _text(name, value) for name, value in data.items()}


def _text(name: str, value: Any) -> str:
    if isinstance(value, list | Mapping):
        raise ValueError(f"{_plain(name)[:40]}: a text or a number is wanted")
    return "" if value is None else _plain(str(value).lower() if isinstance(value, bool) else str(value))


def _plain(text: str) -> str:
    # JSON can carry half a surrogate pair, which no encoding has.
    return text.encode(errors="replace").decode()


def _order_no(told: Mapping[str, str]) -> str:
    order_no = told.get("order_no", "")
    if _ORDER_NO.fullmatch(order_no) is None:
        raise ValueError("order_no: 1 to 128 characters are wanted")
    return order_no


def _amount_fen(told: Mapping[str, str]) -> int:
    if ("amount" in told) == ("amount_fen" in told):
        raise ValueError("give amount_fen or amount (in yuan), one of the two")
    name = "amount" if "amount" in told else "amount_fen"
    text = told[name].strip()
    found = fen(text) if name == "amount" else int(text) if _FEN.fullmatch(text) else 0
    if not found:
        what = "yuan such as 12.30" if name == "amount" else "a whole number of fen"
        raise ValueError(f"{name}: {text[:40]!r} is no amount to pay; {what} is wanted")
    return found


def _try(till: Till, notice: NoticePlan, payment: Payment, told: Mapping[str, str]) -> None:
    """Make the notice once before any money is taken: what cannot be told is not captured. Raises ``ConfigError``."""
    url = notice.message(payment, told).url
    if not till.callbacks.permits(url):
        # Without its query: there may be a token in it, and this stands in the run folder.
        raise ConfigError(f"the notice would go to {url.partition('?')[0][:100]!r}, and only the platform may be called")
