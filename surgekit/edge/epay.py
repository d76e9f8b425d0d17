"""The epay dialect: what a platform does that has an epay gateway configured.

The buyer's visit to the pay address is the payment: there is no page to click on. ``mapi.php`` is the same address asked
for by the platform itself; nothing is paid until a buyer comes to ``payurl``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surgekit.clock import now
from surgekit.edge.callbacks import Message, form_message
from surgekit.edge.notice import Payment
from surgekit.edge.till import STOPPED, Till, fen
from surgekit.edge.web import Answer, read_form
from surgekit.signing import form_sign_ok, form_signed

_BAD_SIGN = {"code": -1, "msg": "bad signature"}
_BAD_ORDER = {"code": -1, "msg": "out_trade_no or money is missing or wrong"}


def routes(till: Till, key: str, url: str) -> list[Route]:
    """Every address of the dialect. ``url``: of the gateway itself, for ``payurl``."""

    async def pay(request: Request) -> Response:
        form = await read_form(request)
        read_at = now()
        if not _signed(till, form, key):
            return Answer(_BAD_SIGN)
        order_no = form.get("out_trade_no", "")
        payment = till.paid(order_no)
        if payment is not None:
            return till.receipt(payment, "duplicate", read_at)
        amount_fen = fen(form.get("money", ""))
        if not order_no or not amount_fen:
            return Answer(_BAD_ORDER)
        if till.callbacks.ended:
            return Answer(STOPPED)
        payment = till.payment(order_no, amount_fen)
        till.capture(payment, _notice(payment, form, key))
        return till.receipt(payment, "paid", read_at)

    async def prepare(request: Request) -> Response:
        form = await read_form(request)
        if not _signed(till, form, key):
            return Answer(_BAD_SIGN)
        order_no, amount_fen = form.get("out_trade_no", ""), fen(form.get("money", ""))
        if not order_no or not amount_fen:
            return Answer(_BAD_ORDER)
        payment = till.paid(order_no) or till.payment(order_no, amount_fen)
        answer = {"code": 1, "msg": "ok", "trade_no": payment.trade_no, "payurl": f"{url}/submit.php?{urlencode(form)}"}
        return Answer(answer)

    return [
        Route("/pay", pay, methods=["GET", "POST"]),
        Route("/submit.php", pay, methods=["GET", "POST"]),
        Route("/mapi.php", prepare, methods=["GET", "POST"]),
    ]


def _signed(till: Till, form: Mapping[str, str], key: str) -> bool:
    good = form_sign_ok(form, key)
    if not good:
        till.log.write("gateway", "bad_sign", order_no=form.get("out_trade_no"))
    return good


def _notice(payment: Payment, form: Mapping[str, str], key: str) -> Callable[[], Message] | None:
    """The dialect's own notice, where the platform said whom to tell."""
    if not form.get("notify_url"):
        return None
    told = {name: form.get(name, "") for name in ("pid", "type", "name", "money")}
    if "param" in form:
        told["param"] = form["param"]
    told |= {"trade_no": payment.trade_no, "out_trade_no": payment.order_no, "trade_status": "TRADE_SUCCESS"}
    message = form_message("GET", form["notify_url"], form_signed(told, key))
    return lambda: message
