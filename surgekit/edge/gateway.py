"""The payment gateway stand-in, epay dialect.

    GET|POST /pay ─▶ captured once ─▶ {"code": 1}
                          └─ notify_delay ─▶ GET notify_url … until the body is ``success``

The buyer's visit to the pay address is the payment: there is no page to click on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surgekit.clock import now
from surgekit.edge import draws
from surgekit.edge.callbacks import Callback, Callbacks
from surgekit.edge.config import GatewayConfig
from surgekit.edge.log import EventLog
from surgekit.edge.web import HANDLERS, Answer, read_form
from surgekit.signing import form_sign_ok, form_signed

_MONEY = re.compile(r"(\d{1,12})(?:\.(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Payment:
    """One captured payment."""

    trade_no: str
    order_no: str
    amount_fen: int


class Gateway:
    """The till. ``app()`` is its web face."""

    def __init__(self, config: GatewayConfig, key: str, seed: int, log: EventLog, callbacks: Callbacks) -> None:
        self._config = config
        self._key = key
        self._seed = seed
        self._log = log
        self._callbacks = callbacks
        self._payments: dict[str, Payment] = {}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/pay", self._pay, methods=["GET", "POST"])], exception_handlers=HANDLERS)

    async def _pay(self, request: Request) -> Response:
        form = await read_form(request)
        read_at = now()
        order_no = form.get("out_trade_no", "")
        if not form_sign_ok(form, self._key):
            self._log.write("gateway", "bad_sign", order_no=form.get("out_trade_no"))
            return Answer({"code": -1, "msg": "bad signature"})
        payment = self._payments.get(order_no)
        status = "duplicate"
        if payment is None:
            amount_fen = _fen(form.get("money", ""))
            if not order_no or not amount_fen:
                return Answer({"code": -1, "msg": "out_trade_no or money is missing or wrong"})
            payment = self._capture(order_no, amount_fen, form)
            status = "paid"

        def written() -> None:
            self._log.write(
                "gateway",
                "reply",
                order_no=payment.order_no,
                edge_no=payment.trade_no,
                amount_fen=payment.amount_fen,
                status=status,
                took_s=now() - read_at,
            )

        return Answer({"code": 1, "msg": "paid", "trade_no": payment.trade_no}, written=written)

    def _capture(self, order_no: str, amount_fen: int, form: Mapping[str, str]) -> Payment:
        index = len(self._payments)
        payment = self._payments[order_no] = Payment(f"G{index:010d}", order_no, amount_fen)
        self._log.write(
            "gateway", "payment", order_no=order_no, edge_no=payment.trade_no, amount_fen=amount_fen, status="paid"
        )
        if form.get("notify_url"):
            told = {name: form.get(name, "") for name in ("pid", "type", "name", "money")}
            told |= {"trade_no": payment.trade_no, "out_trade_no": order_no, "trade_status": "TRADE_SUCCESS"}
            callback = Callback(
                "gateway", "GET", form["notify_url"], form_signed(told, self._key), order_no, payment.trade_no
            )
            first = draws.seconds(self._config.notify_delay_ms, self._seed, "edge.gateway.notify", index)
            waits = [first, *(wait / self._config.compress for wait in self._config.notify_retries_s)]
            self._callbacks.spawn(self._callbacks.deliver(callback, waits))
        return payment


def _fen(money: str) -> int:
    """``12.3`` -> 1230. What is not an amount, or is nothing, is 0."""
    found = _MONEY.fullmatch(money)
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else 0
