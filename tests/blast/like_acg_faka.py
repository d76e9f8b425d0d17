"""A small shop that behaves as acg-faka does: code 200 or 0 behind HTTP 200, its 404 page for whatever went wrong, stock counted but never
held, an apology in place of a card, and no word of thanks for a notice that comes twice."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from shop_like import Shop, now, signed

SORRY = "很抱歉，有人在你付款之前抢走了商品，请联系客服。"
PRICES = {"1": 9900, "2": 1980}


class LikeAcgFaka(Shop):
    """``careful``: an order takes its cards when it is made, not when it is paid for."""

    TABLES = """
        CREATE TABLE acg_order (id INTEGER PRIMARY KEY, trade_no TEXT UNIQUE, contact TEXT, commodity_id INT, card_num INT, amount TEXT, create_time TEXT,
                                status INT, delivery_status INT, secret TEXT);
        CREATE TABLE acg_card (id INTEGER PRIMARY KEY, commodity_id INT, status INT, secret TEXT, order_no TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
        INSERT INTO acg_card (commodity_id, status, secret) SELECT g.id, 0, 'CARD-' || g.id || '-' || (10000 + i) FROM n, (SELECT 1 AS id UNION ALL SELECT 2) g;
    """

    def get(self, path: str, query: dict[str, str]) -> None:
        if found := re.fullmatch(r"/user/api/order/callback\.(\d{18})", path):
            return self._notified(found[1], query)
        if path == "/user/api/index/commodityDetail":
            left = self._left(query["commodityId"])
            return self._ok({"stock": str(left), "stock_state": 0 if left <= 0 else 3})
        if path == "/user/api/index/commodity":
            return self._ok([{"id": int(sku), "stock": self._left(sku)} for sku in PRICES])
        if found := re.fullmatch(r"/user/pay/order\.(\d{18})\.2", path):
            amount = float(self.store.run("SELECT amount FROM acg_order WHERE trade_no = ?", found[1])[0][0])
            told = {"pid": "1000", "name": found[1], "type": "alipay", "money": f"{amount:g}", "out_trade_no": found[1]}
            inputs = "".join(f'<input type="text" name="{name}" value="{value}" hidden>' for name, value in told.items())
            return self.say(f'<form action="http://127.0.0.1:1/submit.php" method="post" id="request">{inputs}</form>')
        return self.say("<html><head><title>页面没有找到</title></head></html>")

    def post(self, path: str, form: dict[str, str]) -> None:
        if path == "/user/api/order/trade":
            return self._trade(form)
        if path != "/user/api/index/secret":
            return self.say("<html><head><title>页面没有找到</title></head></html>")
        rows = self.store.run("SELECT status, secret FROM acg_order WHERE trade_no = ?", form["tradeNo"])
        if not rows or rows[0][0] != 1:
            return self._no("订单还未支付" if rows else "未查询到相关信息")
        return self._ok({"secret": rows[0][1], "widget": None})

    def _ok(self, data: Any, msg: str = "success") -> None:
        self.say(json.dumps({"code": 200, "msg": msg, "data": data}, ensure_ascii=False), kind="application/json;charset=utf-8")

    def _no(self, msg: str) -> None:
        self.say(json.dumps({"code": 0, "msg": msg}, ensure_ascii=False), kind="application/json;charset=utf-8")

    def _left(self, sku: str) -> int:
        return int(self.store.run("SELECT count(*) FROM acg_card WHERE commodity_id = ? AND status = 0", sku)[0][0])

    def _trade(self, form: dict[str, str]) -> None:
        sku, num = form["item_id"], int(form["num"])
        if num > self._left(sku):
            return self._no("库存不足")
        number = "".join(random.choices("123456789", k=18))
        if self.careful and len(self._take(number, sku, num)) < num:
            return self._no("库存不足")
        amount = PRICES[sku] * num / 100
        self.store.run(
            "INSERT INTO acg_order (trade_no, contact, commodity_id, card_num, amount, create_time, status, delivery_status)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
            number, form["contact"], int(sku), num, f"{amount:.2f}", now(),
        )  # fmt: skip
        return self._ok({"url": f"/user/pay/order.{number}.2", "amount": amount, "tradeNo": number, "secret": None, "stock": "9"}, "下单成功")

    def _take(self, number: str, sku: str, num: int) -> list[str]:
        """Whole or not at all, in one statement."""
        free = "SELECT id FROM acg_card WHERE commodity_id = ?1 AND status = 0 LIMIT ?2"
        whole = f"(SELECT count(*) FROM ({free})) = ?2"
        rows = self.store.run(
            f"UPDATE acg_card SET status = 1, order_no = ?3 WHERE id IN ({free}) AND {whole} RETURNING secret", sku, num, number
        )
        return [str(row[0]) for row in rows]

    def _notified(self, number: str, told: dict[str, str]) -> None:
        rows = self.store.run("SELECT status, commodity_id, card_num, amount FROM acg_order WHERE trade_no = ?", number)
        fair = bool(rows) and signed(told) and told["trade_status"] == "TRADE_SUCCESS" and told["out_trade_no"] == number
        if not fair or float(rows[0][3]) != float(told["money"]):
            return self._no("fail")
        if not self.store.changed("UPDATE acg_order SET status = 1, delivery_status = 1, secret = '' WHERE trade_no = ? AND status = 0", number):
            return self._no("fail")
        if self.careful:
            cards = [str(row[0]) for row in self.store.run("SELECT secret FROM acg_card WHERE order_no = ?", number)]
        else:
            cards = self._take(number, str(rows[0][1]), rows[0][2])
        self.store.run("UPDATE acg_order SET secret = ? WHERE trade_no = ?", "\n".join(cards) or SORRY, number)
        return self.say("success")
