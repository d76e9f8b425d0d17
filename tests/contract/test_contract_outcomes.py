"""An outcome is told by what a reply says: JSON path, regex, content type, CSS, ``Location`` or header, and never by its status alone."""

from __future__ import annotations

from typing import Any

import pytest
from contract_shop import RESET, SILENCE, Answer, goes_to
from contract_world import Counter, Opening

from surgekit.errors import ConfigError
from surgekit.model import Outcome

TEXT = "text/plain"


def one(opening: Opening, rules: str, answer: Any, more: str = "") -> Counter:
    """A counter at which one order met ``answer``."""
    text = f"""
        timeouts: {{reply: 300ms}}
        steps:
          submit:
            request: POST /orders
            replies: {rules}
        {more}
    """
    counter = opening.counter(text, {"POST /orders": answer})
    counter.buy()
    return counter


BY = {
    "json_path": ("{class: ok, path: data.state, equals: done}", {"data": {"state": "done"}}, {"data": {"state": "doing"}}),
    "json_path_number": ("{class: ok, path: code, equals: 0}", {"code": 0}, {"code": False}),
    "json_path_in": ("{class: ok, path: code, in: [0, 200]}", {"code": 200}, {"code": 201}),
    "json_path_in_a_list": ("{class: ok, path: 'items[0].ok', equals: true}", {"items": [{"ok": True}]}, {"items": []}),
    "regex": ("{class: ok, matches: '下单成功'}", "<p>下单成功</p>", "<p>下单失败</p>"),
    "regex_at_a_path": ("{class: ok, path: msg, matches: '^好'}", {"msg": "好的"}, {"msg": "不好"}),
    "content_type": ("{class: ok, content_type: application/pdf}", Answer(b"%PDF", headers=[("Content-Type", "application/pdf")]), "<p>%PDF</p>"),
    "css": ("{class: ok, css: 'div.done'}", '<div class="big done">1</div>', '<div class="big">done</div>'),
    "css_with_text": ("{class: ok, css: 'p.msg', matches: '成功'}", '<p class="msg">成功</p>', '<p class="msg">失败</p><p>成功</p>'),
    "location": ("{class: ok, location: '/bill/[0-9]+$'}", goes_to("/bill/17"), goes_to("/login")),
    "header": ("{class: ok, header: X-Result, matches: '^done$'}", Answer(b"x", headers=[("X-Result", "done")]), Answer(b"done")),
}  # fmt: skip


@pytest.mark.parametrize("how", BY)
def test_an_outcome_is_told_by(opening: Opening, how: str) -> None:
    rule, good, _ = BY[how]
    assert one(opening, f"[{rule}]", good).classes() == ["ok"]


@pytest.mark.parametrize("how", BY)
def test_with_the_same_status_but_other_words_it_is_not_told_by(opening: Opening, how: str) -> None:
    rule, _, bad = BY[how]
    assert one(opening, f"[{rule}]", bad).classes() == ["unknown"]


def test_a_status_alone_is_turned_down_when_the_file_is_read(opening: Opening) -> None:
    with pytest.raises(ConfigError, match="status alone never decides"):
        opening.counter("steps: {submit: {request: POST /orders, replies: [{class: ok, status: 200}]}}", {})


def test_an_ok_body_with_an_error_status_is_not_ok(opening: Opening) -> None:
    assert one(opening, "[{class: ok, path: code, equals: 0}]", Answer({"code": 0}, 500)).classes() == ["unknown"]


RULES = """
              - {class: ok, path: code, equals: 0}
              - {class: sold_out, path: msg, matches: '库存不足'}
              - {class: throttled, path: msg, matches: '频繁'}
              - {class: paid_undelivered, path: msg, matches: '已付款.*待补货'}
              - {class: refused, path: code, equals: 1}
              - {class: hidden_error, content_type: text/html, matches: '页面没有找到'}
"""
CLASSES: dict[str, tuple[Any, str, Outcome, str | None]] = {
    "ok": ({"code": 0}, "ok", Outcome.CONFIRMED, None),
    "sold_out": ({"code": 1, "msg": "库存不足"}, "sold_out", Outcome.REJECTED, "sold_out"),
    "throttled_with_http_200": ({"code": 1, "msg": "操作频繁"}, "throttled", Outcome.REJECTED, "throttled"),
    "throttled_with_http_429": (Answer({"code": 9, "msg": "操作频繁"}, 429), "throttled", Outcome.REJECTED, "throttled"),
    "refused": ({"code": 1, "msg": "账号冻结"}, "refused", Outcome.REJECTED, "refused"),
    "hidden_error_a_page_with_http_200": ("<h1>页面没有找到</h1>", "hidden_error", Outcome.UNKNOWN, "hidden_error"),
    "paid_undelivered_by_text": ({"code": 1, "msg": "已付款，待补货", "no": "N1"}, "paid_undelivered", Outcome.UNKNOWN, "paid_undelivered"),
    "unknown_an_empty_200": (b"", "unknown", Outcome.UNKNOWN, "empty_reply"),
    "unknown_an_odd_200": ({"what": 1}, "unknown", Outcome.UNKNOWN, "odd_reply"),
    "unknown_http_500": (Answer("<h1>oops</h1>", 500), "unknown", Outcome.UNKNOWN, "http_500"),
    "unknown_http_502": (Answer(b"", 502), "unknown", Outcome.UNKNOWN, "http_502"),
    "unknown_http_504": (Answer(b"", 504), "unknown", Outcome.UNKNOWN, "http_504"),
    "unknown_a_reset": (RESET, "unknown", Outcome.UNKNOWN, "reset"),
    "unknown_a_time_out": (SILENCE, "unknown", Outcome.UNKNOWN, "timeout"),
}  # fmt: skip


@pytest.mark.parametrize("case", CLASSES)
def test_class(opening: Opening, case: str) -> None:
    answer, kind, outcome, reason = CLASSES[case]
    text = f"""
        timeouts: {{reply: 300ms}}
        steps:
          submit:
            request: POST /orders
            replies: {RULES}
            extract: {{order_no: {{json: no, optional: true}}}}
    """
    counter = opening.counter(text, {"POST /orders": answer})
    told = counter.buy()
    assert counter.classes() == [kind]
    assert (told.outcome, told.reason) == (outcome, reason)


def test_class_queued_with_a_ticket_is_followed_until_it_is_delivered(opening: Opening) -> None:
    text = """
        steps:
          submit:
            request: POST /orders
            replies:
              - {class: queued, path: msg, matches: 排队}
              - {class: ok, path: code, equals: 0}
            extract: {order_no: {json: ticket}}
          poll:
            request: GET /tickets/{order_no}
            replies:
              - {class: queued, path: msg, matches: 排队}
              - {class: ok, path: code, equals: 0}
            extract: {status: state, cards: cards}
        statuses: {delivered: [done]}
    """
    waits, done = {"msg": "排队中", "ticket": "T-17"}, {"code": 0, "state": "done", "cards": ["AAA-1"]}
    counter = opening.counter(text, {"POST /orders": waits, "GET /tickets/T-17": [waits, waits, done]})
    told = counter.buy()
    assert (told.outcome, told.order_no, told.accepted_s is not None) == (Outcome.CONFIRMED, "T-17", True)
    assert (counter.classes(), counter.classes("poll")) == (["queued"], ["queued", "queued", "ok"])
    assert len(told.card_digests or ()) == 1


def test_class_not_sent_where_nobody_listens(opening: Opening) -> None:
    counter = opening.counter("steps: {submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}]}}", shop := opening.shop({}))
    shop.close()
    told = counter.buy()
    assert (told.outcome, counter.classes()) == (Outcome.FAILED, ["not_sent"])


def test_a_page_in_gbk_is_read_by_the_charset_that_it_names(opening: Opening) -> None:
    page = Answer("<p>库存不足，请稍后</p>".encode("gbk"), headers=[("Content-Type", "text/html; charset=GBK")])
    assert one(opening, "[{class: sold_out, matches: '库存不足'}]", page).classes() == ["sold_out"]


@pytest.mark.parametrize("value", [2, "2"])
def test_statuses_may_be_numbers(opening: Opening, value: object) -> None:
    text = """
        steps:
          submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}], extract: {order_no: no}}
          poll: {request: 'GET /orders/{order_no}', replies: [{class: ok, path: code, equals: 0}], extract: {status: status}}
        statuses: {paid: [1], delivered: [2], failed: [-1]}
    """
    shop = {"POST /orders": {"code": 0, "no": 5}, "GET /orders/5": [{"code": 0, "status": 1}, {"code": 0, "status": value}]}
    told = opening.counter(text, shop).buy()
    assert (told.outcome, told.status, told.order_no) == (Outcome.CONFIRMED, "2", "5")
