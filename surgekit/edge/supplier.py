"""The supplier stand-in, form dialect.

    POST /order ─▶ [waits for a slot, FIFO] ─▶ latency ─▶ success with cards
                                                      └─▶ processing … later: success, told by callback
    POST /query ─▶ the state          POST /stock ─▶ plenty of everything

An order number is bought once: the same number again gets the same purchase and the same cards.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surgekit.clock import now
from surgekit.edge import draws
from surgekit.edge.callbacks import Callback, Callbacks, form_message
from surgekit.edge.config import SupplierConfig
from surgekit.edge.log import EventLog
from surgekit.edge.web import HANDLERS, Answer, read_form
from surgekit.signing import form_sign, form_sign_ok

JOIN_KEY = "&key="
PLENTY = 999_999
_QTY_MAX = 1000
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(slots=True)
class Purchase:
    """One order line that was bought, or is being bought."""

    index: int
    order_no: str
    sku: str
    qty: int
    amount_fen: int
    notify_url: str
    run_id: str = ""
    status: str = "processing"
    cards: tuple[str, ...] = ()
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def edge_no(self) -> str:
        """The supplier's own number; no other run has it."""
        return f"S{self.run_id}{self.index:010d}"

    def state(self) -> dict[str, Any]:
        """As the dialect shows it."""
        return {
            "order_no": self.edge_no,
            "out_order_no": self.order_no,
            "status": self.status,
            "cards": list(self.cards),
        }


class Supplier:
    """The shop behind the three addresses. ``app()`` is its web face."""

    def __init__(
        self, config: SupplierConfig, key: str, seed: int, log: EventLog, callbacks: Callbacks, run_id: str = ""
    ) -> None:
        self._config = config
        self._key = key
        self._seed = seed
        self._log = log
        self._callbacks = callbacks
        self._run_id = run_id
        self._slots = asyncio.Semaphore(config.slots)
        self._purchases: dict[str, Purchase] = {}

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/order", self._order, methods=["POST"]),
            Route("/query", self._query, methods=["POST"]),
            Route("/stock", self._stock, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    async def _order(self, request: Request) -> Response:
        form = await read_form(request)
        read_at = now()
        if not self._signed(form):
            return _bad_sign()
        order_no = form.get("out_order_no", "")
        purchase = self._purchases.get(order_no)
        again = purchase is not None
        if purchase is None:
            purchase = self._accept(form)
            if purchase is None:
                return self._answer("refused", form, read_at, {"code": 400, "msg": "bad order"})
            self._purchases[order_no] = purchase
            await self._serve(purchase)
        elif not _same(purchase, form):
            return self._answer("refused", form, read_at, {"code": 409, "msg": "this number is another order's"})
        else:
            await purchase.answered.wait()
        status = "duplicate" if again else purchase.status
        return self._answer(status, form, read_at, {"code": 0, "msg": "ok", "data": purchase.state()}, purchase)

    def _accept(self, form: Mapping[str, str]) -> Purchase | None:
        qty, amount = form.get("qty", ""), form.get("amount_fen", "")
        named = form.get("out_order_no") and form.get("sku")
        if not (named and _WHOLE.fullmatch(qty) and _WHOLE.fullmatch(amount) and 1 <= int(qty) <= _QTY_MAX):
            return None
        number = len(self._purchases)
        url = form.get("notify_url", "")
        return Purchase(number, form["out_order_no"], form["sku"], int(qty), int(amount), url, self._run_id)

    async def _serve(self, purchase: Purchase) -> None:
        """A slot is held for the latency. A client that leaves meanwhile has bought all the same."""
        async with self._slots:
            await asyncio.sleep(
                draws.seconds(self._config.latency_ms, self._seed, "edge.supplier.latency", purchase.index)
            )
        if draws.share(self._config.later_share, self._seed, "edge.supplier.later", purchase.index):
            self._callbacks.spawn(self._settle_later(purchase))
        else:
            self._settle(purchase)
        purchase.answered.set()

    async def _settle_later(self, purchase: Purchase) -> None:
        await asyncio.sleep(self._config.later_s)
        self._settle(purchase)
        if not purchase.notify_url:
            return
        told = {
            "out_order_no": purchase.order_no,
            "order_no": purchase.edge_no,
            "status": purchase.status,
            "cards": ",".join(purchase.cards),
        }
        told["sign"] = form_sign(told, self._key, join_key=JOIN_KEY)
        message = form_message("POST", purchase.notify_url, told)
        callback = Callback("supplier", lambda: message, purchase.order_no, purchase.edge_no, purchase.cards)
        waits = [0.0, *(wait / self._config.compress for wait in self._config.callback_retries_s)]
        self._callbacks.start(callback, waits)

    def _settle(self, purchase: Purchase) -> None:
        purchase.cards = tuple(_card(self._seed, purchase, number) for number in range(purchase.qty))
        purchase.status = "success"
        self._log.write(
            "supplier",
            "purchase",
            order_no=purchase.order_no,
            edge_no=purchase.edge_no,
            sku=purchase.sku,
            qty=purchase.qty,
            amount_fen=purchase.amount_fen,
            status=purchase.status,
            cards=purchase.cards,
        )

    async def _query(self, request: Request) -> Response:
        form = await read_form(request)
        read_at = now()
        if not self._signed(form):
            return _bad_sign()
        order_no = form.get("out_order_no", "")
        purchase = self._purchases.get(order_no)
        answer = {"code": 0, "msg": "ok", "data": purchase.state()} if purchase else {"code": 404, "msg": "not found"}
        status, edge_no = (purchase.status, purchase.edge_no) if purchase else ("not_found", None)

        def written() -> None:
            self._log.write(
                "supplier", "query", order_no=order_no, edge_no=edge_no, status=status, took_s=now() - read_at
            )

        return Answer(answer, written=written)

    async def _stock(self, request: Request) -> Response:
        form = await read_form(request)
        if not self._signed(form):
            return _bad_sign()
        return Answer({"code": 0, "msg": "ok", "data": {sku: PLENTY for sku in form.get("sku", "").split(",") if sku}})

    def _signed(self, form: Mapping[str, str]) -> bool:
        good = form_sign_ok(form, self._key, join_key=JOIN_KEY)
        if not good:
            self._log.write("supplier", "bad_sign", order_no=form.get("out_order_no"))
        return good

    def _answer(
        self, status: str, form: Mapping[str, str], read_at: float, body: Any, purchase: Purchase | None = None
    ) -> Answer:
        def written() -> None:
            self._log.write(
                "supplier",
                "reply",
                order_no=form.get("out_order_no"),
                edge_no=purchase.edge_no if purchase else None,
                sku=form.get("sku"),
                qty=purchase.qty if purchase else None,
                amount_fen=purchase.amount_fen if purchase else None,
                status=status,
                took_s=now() - read_at,
                cards=purchase.cards if purchase else (),
            )

        return Answer(body, written=written)


def _bad_sign() -> Answer:
    return Answer({"code": 401, "msg": "bad signature"})


def _same(purchase: Purchase, form: Mapping[str, str]) -> bool:
    return form.get("sku") == purchase.sku and form.get("qty") == str(purchase.qty)


def _card(seed: int, purchase: Purchase, number: int) -> str:
    """A code of 80 bits, made from the seed and what it was bought for."""
    text = f"{seed}/{purchase.index}/{purchase.order_no}/{number}".encode()
    code = base64.b32encode(hashlib.blake2b(text, digest_size=10).digest()).decode()
    return "-".join(["SUP", *(code[at : at + 4] for at in range(0, 16, 4))])
