"""A shop in this process, a supplier that does as it is told, and buyers."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx

from surgekit.cardshop.app import App
from surgekit.cardshop.seed import Accounts, Seed, Sku
from surgekit.cardshop.shop import Settings, Shop, open_shop
from surgekit.signing import form_sign_ok, form_signed

PRICE = 1_000
BALANCE = 5_000
BUYERS = 50
SUPPLIER_KEY, GATEWAY_KEY = "supplier-key", "gateway-key"

T = TypeVar("T")
R = TypeVar("R")


def seed(stock: int = 20) -> Seed:
    return Seed(
        catalogue=(
            Sku(sku="game", name="Game", price_fen=PRICE, supply="stock", stock=stock),
            Sku(sku="phone", name="Phone", price_fen=PRICE, supply="supplier"),
        ),
        accounts=Accounts(count=BUYERS, balance_fen=BALANCE),
    )


def buyer(number: int) -> str:
    return f"buyer-{number % BUYERS + 1:04d}"


class World:
    """Talks to an open shop as buyers, gateway and supplier do."""

    def __init__(self, shop: Shop, client: Client) -> None:
        self.shop, self.client = shop, client

    def ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        response = self.client.request(method, path, **how)
        assert response.status_code == 200, response.text
        envelope: dict[str, Any] = response.json()
        assert set(envelope) == {"status_code", "msg", "data"}
        return envelope

    def get(self, path: str, **params: Any) -> Any:
        envelope = self.ask("GET", path, params=params)
        assert envelope["status_code"] == 0, envelope
        return envelope["data"]

    def submit(self, key: str, *, sku: str = "game", qty: int = 1, account: str = "buyer-0001") -> dict[str, Any]:
        return self.ask("POST", "/api/orders", json={"order_key": key, "sku": sku, "qty": qty, "account": account})

    def order(self, key: str, **what: Any) -> str:
        envelope = self.submit(key, **what)
        assert envelope["status_code"] == 0, envelope
        number: str = envelope["data"]["order_no"]
        return number

    def pay(self, order_no: str, *, account: str = "buyer-0001", method: str = "balance") -> dict[str, Any]:
        return self.ask("POST", "/api/pay", json={"order_no": order_no, "account": account, "method": method})

    def seen(self, order_no: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/orders/{order_no}")
        return found

    def notify(self, order_no: str, *, trade_no: str = "G1", money: str = "10.00", key: str = GATEWAY_KEY) -> str:
        notice = {"pid": "1001", "trade_no": trade_no, "out_trade_no": order_no, "type": "alipay", "name": "Game"}
        notice = form_signed({**notice, "money": money, "trade_status": "TRADE_SUCCESS"}, key)
        return self.client.get("/callback/gateway", params=notice).text

    def bring_cards(self, order_no: str, *codes: str, status: str = "success", key: str = SUPPLIER_KEY) -> str:
        form = {"out_order_no": order_no, "order_no": "S1", "status": status, "cards": ",".join(codes)}
        return self.client.post("/callback/supplier", data=form_signed(form, key, join_key="&key=")).text

    def balance(self, account: str = "buyer-0001") -> int:
        with self.shop.store.read() as conn:
            row = conn.exec_driver_sql(f"SELECT balance_fen FROM cardshop_accounts WHERE account = '{account}'")
            return int(row.scalar_one())

    def ends_as(self, order_no: str, status: str) -> dict[str, Any]:
        until(lambda: self.seen(order_no)["status"] == status)
        return self.seen(order_no)


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def all_at_once(work: Callable[[T], R], items: Iterable[T], threads: int = 40) -> list[R]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


class Client:
    """Requests to the application, as many threads at once as you like. No sockets: the process tests have those."""

    def __init__(self, app: App) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://shop.test")

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._client.request(method, path, **how), self._loop).result(30)

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.request("POST", path, **how)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def open_world(db: str, *, stock: int = 20, **options: Any) -> Iterator[World]:
    """An open shop in this process."""
    settings = Settings(db=db, **{"gateway_key": GATEWAY_KEY, "supplier_key": SUPPLIER_KEY, **options})
    shop = open_shop(settings, seed(stock), "http://shop.test")
    app = App(shop)
    client = Client(app)
    try:
        yield World(shop, client)
    finally:
        client.close()
        app.close()
        shop.close()


class FakeSupplier:
    """Executes every new number once. ``plan`` says how the next orders are answered; then all is well.

    ``slow``: executed, but the answer never comes in time. ``lost``: never arrives. ``empty``, ``500``: executed, and
    answered badly. ``processing``: executed, the cards come later. ``failed``: refused.
    """

    def __init__(self) -> None:
        self.plan: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.purchases: dict[str, list[str]] = {}
        self.released = threading.Event()
        self.forged = 0
        supplier = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, body = supplier.answer(self.path, form)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:  # the shop has hung up
                    self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        number = form["out_order_no"]
        self.calls.append((path, number))
        self.forged += not form_sign_ok(form, SUPPLIER_KEY, join_key="&key=")
        how = self.plan.pop(0) if path == "/order" and self.plan else "well"
        if path == "/query" and number not in self.purchases:
            return 200, b'{"code": 404, "msg": "not found"}'
        if how == "failed":
            return 200, b'{"code": 0, "data": {"status": "failed"}}'
        if how != "lost" and path == "/order":
            count = int(form["qty"])
            self.purchases.setdefault(number, [f"BOUGHT-{number}-{piece}" for piece in range(count)])
        if how in ("slow", "lost"):
            self.released.wait(20)
        if how == "empty":
            return 200, b""
        if how == "500":
            return 500, b"<html>oops</html>"
        data: dict[str, Any] = {"out_order_no": number, "order_no": "S1", "status": "success"}
        data = (
            {**data, "status": "processing"} if how == "processing" else {**data, "cards": self.purchases.get(number)}
        )
        return 200, json.dumps({"code": 0, "msg": "ok", "data": data}).encode()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
