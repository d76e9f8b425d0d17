"""Recordings as a browser saves them, of two shops that do not exist: one answers with JSON, one with pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from surgekit.target import Target

Loaded = Callable[[str], Target]
"""What loads a draft as a user's file is loaded."""

SECRETS = (
    "hunter2-Xy", "sess-8f1b2c3d4e5f60718293", "eyJhbGciOi.J1c2VyIjo0Mn0.c2lnbmF0dXJl99", "13812345678", "li.lei@mail.example", "KM-7F3A-99Q2-ZZ81",
    "csrf-5b1e77aa90cc42", "PHPSESSID-a81fd3c9e0", "b7e6a1d2c3f4", "tr_secret_0192837465", "6222021234567890123",
)  # fmt: skip
"""What is planted in them and may be in no draft."""
PASSWORD, SESSION, TOKEN, PHONE, EMAIL, CARD, CSRF, PHP, KEYED, TRACE, BANK = SECRETS


def entry(method: str, url: str, *, body: Any = None, form: Any = None, reply: Any = None, status: int = 200, headers: Any = None, answer: Any = None,
          kind: str | None = None) -> dict[str, Any]:  # fmt: skip
    """One entry. ``reply``: a text, or JSON."""
    said = reply if isinstance(reply, str) else "" if reply is None else json.dumps(reply, ensure_ascii=False)
    sent: dict[str, Any] = {}
    if body is not None:
        sent = {"postData": {"mimeType": "application/json", "text": json.dumps(body, ensure_ascii=False, separators=(",", ":"))}}
    if form is not None:
        sent = {"postData": {"mimeType": "application/x-www-form-urlencoded", "text": urlencode(form)}}
    told = kind or ("text/html; charset=utf-8" if isinstance(reply, str) else "application/json")
    return {
        "request": {"method": method, "url": url, "headers": [{"name": key, "value": value} for key, value in (headers or {}).items()], **sent},
        "response": {"status": status, "headers": [{"name": key, "value": value} for key, value in (answer or {}).items()],
                     "content": {"mimeType": told, "text": said}},
    }  # fmt: skip


def har(*entries: dict[str, Any]) -> str:
    dated = [{"startedDateTime": f"2026-11-25T10:00:{number:02d}.000Z", **each} for number, each in enumerate(entries)]
    return json.dumps({"log": {"version": "1.2", "entries": dated}}, ensure_ascii=False)


def api_shop() -> str:
    """Log in, look at a product, ask the price, order, pay from the balance, look twice."""
    base = "https://shop.cards.example"
    signed = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"sid={SESSION}", "User-Agent": "Browser/1", "X-Trace": TRACE, "Accept": "application/json"}
    return har(
        entry("GET", f"{base}/", reply="<html><body>shop</body></html>"),
        entry("GET", f"{base}/app.js", reply="var x = 1", kind="application/javascript"),
        entry("POST", "https://www.google-analytics.com/g/collect", body={"id": SESSION}),
        entry("POST", f"{base}/api/login", body={"username": "lilei", "password": PASSWORD}, reply={"code": 0, "data": {"access_token": TOKEN}},
              answer={"Set-Cookie": f"sid={SESSION}; HttpOnly"}),
        entry("GET", f"{base}/api/goods?page=1", headers=signed, reply={"code": 0, "data": [{"id": 1088, "stock": 5}]}),
        entry("POST", f"{base}/api/orders/preview", headers=signed, body={"goods_id": 1088, "num": 2}, reply={"code": 0, "data": {"total": "19.80"}}),
        entry("POST", f"{base}/api/orders", headers={**signed, "Idempotency-Key": "3b9c7a52-8d1e-4f60-9a2b-1c3d5e7f9012", "Origin": base},
              body={"goods_id": 1088, "num": 2, "phone": PHONE, "email": EMAIL, "channel": "web", "coupon": None, "bank": BANK, "agree": True},
              reply={"code": 0, "msg": "ok", "data": {"order_no": "N202611250042", "amount": "19.80", "id": 977}}),
        entry("POST", f"{base}/api/orders/N202611250042/pay", headers=signed, body={"pay_method": "balance", "pay_password": PASSWORD},
              reply={"code": 0, "msg": "ok", "data": {}}),
        entry("GET", f"{base}/api/orders/N202611250042", headers=signed, reply={"code": 0, "data": {"status": "paid", "cards": []}}),
        entry("GET", f"{base}/api/orders/N202611250042", headers=signed, reply={"code": 0, "data": {"status": "delivered", "cards": [CARD]}}),
    )  # fmt: skip


def page_shop() -> str:
    """A page with a CSRF field, a form that answers with a redirect, a gateway elsewhere, and a page with the card."""
    base = "http://cards.example:8080"
    cookie = {"Cookie": f"PHPSESSID={PHP}", "Referer": f"{base}/buy/7"}
    form = f'<html><head><meta name="csrf-token" content="{CSRF}"></head><body><form><input type="hidden" name="_token" value="{CSRF}"></form></body></html>'
    done = f'<html><body><h1>订单号 D20261125777</h1><p class="order-status">已完成</p><pre class="kami">{CARD}</pre></body></html>'
    return har(
        entry("GET", f"{base}/buy/7", reply=form, answer={"Set-Cookie": f"PHPSESSID={PHP}; path=/"}),
        entry("GET", f"{base}/logo.png", kind="image/png"),
        entry("POST", f"{base}/create-order", headers=cookie,
              form=[("_token", CSRF), ("gid", "7"), ("by_amount", "1"), ("quantity", "1"), ("email", EMAIL), ("search_pwd", KEYED), ("payway", "3"), ("tags[]", "a"),
                    ("tags[]", "b")],
              status=302, answer={"Location": f"{base}/bill/D20261125777"}, reply=""),
        entry("GET", f"{base}/bill/D20261125777", headers=cookie, reply="<html><body>订单号 D20261125777 <p class='order-status'>待支付</p></body></html>"),
        entry("GET", f"{base}/pay/alipay/D20261125777", headers=cookie, status=302, answer={"Location": "https://pay.example/cashier?no=1"}, reply=""),
        entry("GET", "https://pay.example/cashier?no=1", reply="<html>pay</html>"),
        entry("GET", f"{base}/detail-order-sn/D20261125777", headers=cookie, reply=done),
    )  # fmt: skip
