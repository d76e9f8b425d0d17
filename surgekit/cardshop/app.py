"""HTTP: which address does what. Every request is served by a bounded pool of threads, as in many a real shop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from surgekit import clock
from surgekit.cardshop import orders, payment, views
from surgekit.cardshop.bodies import LedgerQuery, OrdersQuery, PayBody, QuoteBody, SubmitBody, parse, parse_query
from surgekit.cardshop.reply import Code, Refusal, Reply, ok, refused, text
from surgekit.cardshop.shop import Shop
from surgekit.cardshop.store import why

MAX_BODY = 64 * 1024
ORDER = "/api/orders/"

log = logging.getLogger("cardshop")


class Call(NamedTuple):
    """A request, read completely."""

    method: str
    path: str
    query: bytes
    body: bytes

    def params(self, raw: bytes) -> dict[str, str]:
        """Form or query parameters; the last one of a name counts."""
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))

    def notice(self) -> dict[str, str]:
        """The parameters of a callback, wherever its sender puts them."""
        return self.params(self.body if self.method == "POST" else self.query)


def submit(shop: Shop, call: Call) -> Reply:
    """POST /api/orders."""
    body = parse(SubmitBody, call.body)
    sku = views.known_sku(shop, body.sku)
    if body.account not in shop.accounts:
        raise Refusal(Code.WRONG_ACCOUNT, "there is no such account")
    wanted = orders.Order(orders.new_order_no(), sku.sku, body.qty, body.account, sku.price_fen * body.qty)
    if sku.supply == "supplier" and shop.supplier is None:
        raise Refusal(Code.SOLD_OUT, f"{sku.sku} is sold out")
    hold = shop.strategy.hold if sku.supply == "stock" else None
    order, status = orders.submit(shop.store, wanted, body.order_key, hold, shop.reserve_s)
    return ok({"order_no": order.order_no, "status": status, "amount_fen": order.amount_fen})


def search(shop: Shop, call: Call) -> Reply:
    """GET /api/orders?order_key=…"""
    return ok(views.orders_of_key(shop, parse_query(OrdersQuery, call.params(call.query)).order_key))


def ledger(shop: Shop, call: Call) -> Reply:
    """GET /api/ledger."""
    return ok(views.ledger(shop, parse_query(LedgerQuery, call.params(call.query))))


def acknowledge(done: bool) -> Reply:
    """The word that ends, or does not end, the sender's retries."""
    return text("success" if done else "fail")


Handler = Callable[[Shop, Call], Reply]

ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/api/catalogue"): lambda shop, _: ok(views.catalogue(shop)),
    ("POST", "/api/quote"): lambda shop, call: ok(views.quote(shop, parse(QuoteBody, call.body))),
    ("POST", "/api/orders"): submit,
    ("GET", "/api/orders"): search,
    ("POST", "/api/pay"): lambda shop, call: ok(payment.pay(shop, parse(PayBody, call.body))),
    ("GET", "/callback/gateway"): lambda shop, call: acknowledge(payment.gateway_notice(shop, call.notice())),
    ("POST", "/callback/gateway"): lambda shop, call: acknowledge(payment.gateway_notice(shop, call.notice())),
    ("POST", "/callback/supplier"): lambda shop, call: acknowledge(payment.supplier_notice(shop, call.notice())),
    ("GET", ORDER): lambda shop, call: ok(views.order(shop, call.path.removeprefix(ORDER))),
    ("GET", "/api/stock"): lambda shop, _: ok(views.stock(shop)),
    ("GET", "/api/ledger"): ledger,
}


class App:
    """The ASGI application. It has no middleware: a request is read, handed to a thread, and its reply written."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._threads = ThreadPoolExecutor(shop.settings.workers, "request")
        # Requests in the pool, being served or waiting; beyond the limit the shop says "busy". 0: no limit.
        self._inside = 0
        self._limit = shop.settings.workers + shop.settings.backlog if shop.settings.backlog else 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            reply = ok({"waiting": max(0, self._inside - self._shop.settings.workers)})
        else:
            reply = await self._serve(path, Request(scope, receive))
        await Response(reply.body, reply.http_status, media_type=reply.media_type)(scope, receive, send)

    async def _serve(self, path: str, request: Request) -> Reply:
        handler = ROUTES.get((request.method, ORDER if path.startswith(ORDER) else path))
        if handler is None:
            return refused(Code.NOT_FOUND, f"there is no {request.method} {path}")
        body = b""
        if request.method == "POST":
            try:
                async for block in request.stream():
                    body += block
                    if len(body) > MAX_BODY:
                        return refused(Code.BAD_REQUEST, f"the body is larger than {MAX_BODY} bytes")
            except ClientDisconnect:
                return refused(Code.BAD_REQUEST, "the body ended early")
        if self._limit and self._inside >= self._limit:
            return text("fail") if path.startswith("/callback/") else refused(Code.BUSY, "the shop is busy")
        call = Call(request.method, path, request.scope["query_string"], body)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, answer, self._shop, handler, call)
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Serve nothing more; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def answer(shop: Shop, handler: Handler, call: Call) -> Reply:
    """Run a handler, in a thread of the pool. What the database could not do in time is an HTTP 500."""
    try:
        return handler(shop, call)
    except Refusal as refusal:
        return refused(refusal.code, refusal.msg)
    except SQLAlchemyError as problem:
        reason = why(problem)
        _complain(f"{call.method} {call.path}: {reason}")
    except Exception:
        log.exception("%s %s crashed", call.method, call.path)
        reason = "internal error"
    return text("fail", 500) if call.path.startswith("/callback/") else refused(Code.CRASHED, reason)


_complained: dict[str, float] = {}


def _complain(sentence: str) -> None:
    # Under overload the same trouble comes hundreds of times a second; one line a second tells it as well.
    second = clock.now() // 1
    if _complained.get("second") != second:
        _complained["second"] = second
        log.warning("%s", sentence)
