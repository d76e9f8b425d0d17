"""A small shop that behaves as dujiaoka does: sessions, CSRF, redirects, errors as pages that say 200, cards picked without a lock."""

from __future__ import annotations

import re
import secrets
import time
from typing import ClassVar
from urllib.parse import unquote

from shop_like import Shop, now, signed

WORDS = {1: "待支付", 3: "处理中", 4: "已完成", 6: "异常"}
SHORT = "库存可使用卡密不足，请联系管理员核查"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PRICES = {"1": 9900, "2": 1980}


class LikeDujiaoka(Shop):
    """``careful``: cards are taken by an UPDATE that looks again, and an order is completed once."""

    TABLES = """
        CREATE TABLE orders (id INTEGER PRIMARY KEY, order_sn TEXT UNIQUE, email TEXT, goods_id INT, buy_amount INT, status INT,
                             actual_price TEXT, info TEXT, created_at TEXT, deleted_at TEXT);
        CREATE TABLE carmis (id INTEGER PRIMARY KEY, goods_id INT, status INT, carmi TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
        INSERT INTO carmis (goods_id, status, carmi) SELECT g.id, 1, 'CARD-' || g.id || '-' || (10000 + i) FROM n, (SELECT 1 AS id UNION ALL SELECT 2) g;
    """
    tokens: ClassVar[dict[str, str]] = {}

    def get(self, path: str, query: dict[str, str]) -> None:
        if found := re.fullmatch(r"/buy/(\d+)", path):
            return self._product(found[1])
        if path == "/pay/yipay/notify_url":
            return self._notified(query)
        if found := re.fullmatch(r"/pay-gateway/([^/]+)/alipay/(\w+)", path):
            return self.say("", 302, Location=f"{self.home}{unquote(unquote(found[1]))}/alipay/{found[2]}")
        found = re.fullmatch(r"/(bill|pay/yipay/alipay|detail-order-sn)/(\w+)", path)
        if found is None:
            return self.say("<title>Not Found</title>", 404)
        rows = self.store.run("SELECT status, info, actual_price FROM orders WHERE order_sn = ?", found[2])
        if not rows:
            return self._wrong("订单不存在")
        status, info, price = rows[0]
        if found[1] == "bill":
            link = f"{self.home}/pay-gateway/%252Fpay%252Fyipay/alipay/{found[2]}"
            return self.say(f'<html><div class="pay-now"><a href="{link}" type="button">立即支付</a></div></html>')
        if found[1] == "detail-order-sn":
            shown = f'<label>订单状态：</label>\n<span class="badge">{WORDS[status]}</span><textarea rows="5">{info or ""}</textarea>'
            return self.say(f"<html>{shown}</html>")
        if status > 1:
            return self._wrong("订单已经支付过了，请勿重复支付")
        told = {"pid": "1000", "type": "alipay", "out_trade_no": found[2], "name": found[2], "money": f"{float(price):g}"}
        inputs = "".join(f"<input type='hidden' name='{name}' value='{value}'/>" for name, value in told.items())
        return self.say(f"<form id='alipaysubmit' action='http://127.0.0.1:1/submit.php' method='get'>{inputs}</form>")

    def post(self, path: str, form: dict[str, str]) -> None:
        if path != "/create-order":
            return self.say("<title>Not Found</title>", 404)
        if self.tokens.get(self._session or "") != form.get("_token"):
            return self.say("<title>Page Expired</title>", 419)
        qty, gid = int(form["by_amount"]), form["gid"]
        if qty > self._left(gid):
            return self._wrong("库存不足")
        number = "".join(secrets.choice(LETTERS) for _ in range(16))
        price = f"{PRICES[gid] * qty / 100:.2f}"
        self.store.run(
            "INSERT INTO orders (order_sn, email, goods_id, buy_amount, status, actual_price, created_at) VALUES (?, ?, ?, ?, 1, ?, ?)",
            number, form["email"], int(gid), qty, price, now(),
        )  # fmt: skip
        return self.say("", 302, Location=f"{self.home}/bill/{number}")

    @property
    def _session(self) -> str | None:
        found = re.search(r"dujiao_session=([0-9a-f]+)", self.headers.get("Cookie") or "")
        return found[1] if found else None

    def _left(self, gid: str) -> int:
        return int(self.store.run("SELECT count(*) FROM carmis WHERE goods_id = ? AND status = 1", gid)[0][0])

    def _product(self, gid: str) -> None:
        session = self._session or secrets.token_hex(8)
        token = self.tokens.setdefault(session, secrets.token_hex(20))
        form = f'<form method="post"><input type="hidden" name="_token" value="{token}"></form>'
        shown = f'<html><h6><small class="text-muted">库存：{self._left(gid)}</small></h6>{form}</html>'
        self.say(shown, Set_Cookie=f"dujiao_session={session}; path=/; httponly")

    def _wrong(self, text: str) -> None:
        self.say(f'<html><title>出现错误了哟~</title><div class="err-message text-center p-3"><h5>\n{text}\n</h5></div></html>')

    def _notified(self, told: dict[str, str]) -> None:
        number = told.get("out_trade_no", "")
        rows = self.store.run("SELECT status, goods_id, buy_amount, actual_price FROM orders WHERE order_sn = ?", number)
        if not rows or not signed(told):
            return self.say("fail")
        status, gid, qty, price = rows[0]
        if status == 4 or float(price) != float(told["money"]):
            return self.say("<title>Server Error</title>", 500)
        if self.careful and not self.store.changed("UPDATE orders SET status = 3 WHERE order_sn = ? AND status = 1", number):
            return self.say("success")
        cards = self._taken(gid, qty) if self.careful else self._picked(gid, qty)
        if len(cards) == qty:
            self.store.run("UPDATE orders SET status = 4, info = ? WHERE order_sn = ?", "\n".join(cards), number)
        else:
            self.store.run("UPDATE orders SET status = 6, info = ? WHERE order_sn = ?", SHORT, number)
        return self.say("success")

    def _picked(self, gid: int, qty: int) -> list[str]:
        """Looked up, and marked a moment later: whoever looks in between gets the same ones."""
        rows = self.store.run("SELECT id, carmi FROM carmis WHERE goods_id = ? AND status = 1 ORDER BY id LIMIT ?", gid, qty)
        time.sleep(0.02)
        if len(rows) == qty:
            for card, _ in rows:
                self.store.run("UPDATE carmis SET status = 2 WHERE id = ?", card)
        return [str(code) for _, code in rows]

    def _taken(self, gid: int, qty: int) -> list[str]:
        """Looked up and marked in one statement."""
        one = "SELECT id FROM carmis WHERE goods_id = ? AND status = 1 ORDER BY id LIMIT ?"
        rows = self.store.run(f"UPDATE carmis SET status = 2 WHERE id IN ({one}) RETURNING carmi", gid, qty)
        return [str(row[0]) for row in rows]
