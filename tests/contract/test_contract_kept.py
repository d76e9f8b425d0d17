"""What is kept of a reply, and sent with a later step: JSON path, regex, CSS, form field, header, ``Location``, cookie, final URL."""

from __future__ import annotations

from typing import Any

import pytest
from contract_shop import Answer, goes_to
from contract_world import Opening

from surgekit.model import Outcome

FINE = {"code": 0}
JSON = {"data": {"no": "N-1", "items": [{"code": "A"}, {"code": "B"}, {"other": 1}], "a.b": 5}, "money": "¥12.30", "count": " 1,007 "}
PAGE = """<html><body><p class="no">订单号：<b>N-1</b></p><ul><li data-code="A">a</li><li data-code="B">b</li></ul>
<form><input name="money" value="12.30"><textarea name="cards">AAA-1
BBB-2
</textarea><select name="pay"><option value="1">微信<option value="2" selected>支付宝</select>
<input type="radio" name="how" value="x"><input type="radio" name="how" value="y" checked></form></body></html>"""
SOURCES: dict[str, tuple[str, Any, Any]] = {
    "json_path": ("data.no", JSON, "N-1"),
    "json_path_written_out": ("{json: '$.data[\"a.b\"]'}", JSON, 5),
    "json_path_index": ("'data.items[1].code'", JSON, "B"),
    "json_path_every": ("{json: 'data.items[*].code'}", JSON, ["A", "B"]),
    "json_path_as_yuan": ("{json: money, as: yuan}", JSON, 1230),
    "json_path_as_whole": ("{json: count, as: whole}", JSON, 1007),
    "json_path_then_regex": ("{json: data.no, regex: '-([0-9]+)'}", JSON, "1"),
    "regex": ("{regex: '订单号：<b>([^<]+)'}", PAGE, "N-1"),
    "regex_all": ("{regex: 'data-code=\"(.)\"', all: true}", PAGE, ["A", "B"]),
    "css": ("{css: 'p.no b'}", PAGE, "N-1"),
    "css_all": ("{css: li, all: true}", PAGE, ["a", "b"]),
    "css_attr": ("{css: 'li:last-child', attr: data-code}", PAGE, "B"),
    "css_attr_all": ("{css: li, attr: data-code, all: true}", PAGE, ["A", "B"]),
    "css_as_lines": ("{css: textarea, as: lines}", PAGE, ["AAA-1", "BBB-2"]),
    "form_field": ("{field: money}", PAGE, "12.30"),
    "form_field_select": ("{field: pay}", PAGE, "2"),
    "form_field_radio": ("{field: how}", PAGE, "y"),
    "header": ("{header: X-Order-No}", Answer(FINE, headers=[("X-Order-No", "N-1")]), "N-1"),
    "location": ("{location: true, regex: '/bill/([0-9A-Z]+)'}", goes_to("/bill/7X?from=cart"), "7X"),
    "cookie": ("{cookie: ticket}", Answer(FINE, headers=[("Set-Cookie", "ticket=t-1; Path=/")]), "t-1"),
    "body": ("{body: true}", Answer(b"N-1"), "N-1"),
    "optional_with_default": ("{json: data.away, optional: true, default: none}", JSON, "none"),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_extract_by(opening: Opening, source: str) -> None:
    extract, answer, wanted = SOURCES[source]
    text = f"""
        steps:
          prepare: [{{request: GET /page, replies: [{{class: ok, matches: '.'}}, {{class: ok, location: '.'}}], extract: {{kept: {extract}}}}}]
          submit: {{request: POST /orders, json: {{kept: "{{kept}}"}}, replies: [{{class: ok, path: code, equals: 0}}]}}
    """
    counter = opening.counter(text, {"GET /page": answer, "POST /orders": FINE})
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert counter.shop.heard[-1].json == {"kept": wanted}


def test_extract_by_final_url_after_redirects(opening: Opening) -> None:
    text = """
        steps:
          submit:
            request: POST /orders
            follow: true
            replies: [{class: ok, matches: 收银台}]
            extract: {order_no: {url: true, regex: 'no=([0-9]+)'}}
          pay:
            balance: [{request: "POST /pay/{order_no}", replies: [{class: ok, path: code, equals: 0}]}]
    """
    counter = opening.counter(text, {"POST /orders": goes_to("/checkout?no=17"), "GET /checkout": "<h1>收银台</h1>", "POST /pay/17": FINE})
    told = counter.buy()
    assert (told.outcome, told.order_no) == (Outcome.CONFIRMED, "17")


def test_what_is_missing_from_an_ok_reply_leaves_the_order_in_doubt(opening: Opening) -> None:
    text = "steps: {submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}], extract: {order_no: data.no}}}"
    told = opening.counter(text, {"POST /orders": FINE}).buy()
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "no_order_no")


def test_a_value_of_a_page_in_gbk(opening: Opening) -> None:
    page = Answer("<p class=who>张三</p>".encode("gbk"), headers=[("Content-Type", "text/html; charset=gb2312")])
    text = """
        steps:
          prepare: [{request: GET /page, replies: [{class: ok, css: p.who}], extract: {who: {css: p.who}}}]
          submit: {request: POST /orders, form: {who: "{who}"}, replies: [{class: ok, path: code, equals: 0}]}
    """
    counter = opening.counter(text, {"GET /page": page, "POST /orders": FINE})
    counter.buy()
    assert counter.shop.heard[-1].form == {"who": "张三"}


# ── redirects ────────────────────────────────────────────────────────────────────────────────────────────────────────

FOLLOWS = """
    steps:
      submit:
        request: POST /orders
        json: {sku: "{order.sku}"}
        headers: {X-Mine: "1"}
        follow: FOLLOW
        replies: [{class: ok, matches: '^done$'}, {class: ok, location: 'never'}]
"""
ON, OFF = FOLLOWS.replace("FOLLOW", "true"), FOLLOWS.replace("FOLLOW", "false")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirect_after_a_post_is_fetched(opening: Opening, status: int) -> None:
    place = goes_to("/bill/1", status, ("Set-Cookie", "sid=1; Path=/"))
    counter = opening.counter(ON, {"POST /orders": place, "GET /bill/1": Answer(b"done")})
    assert counter.buy().outcome is Outcome.CONFIRMED
    second = counter.shop.heard[1]
    assert (second.body, second.headers.get("content-type"), second.headers["x-mine"], second.cookies) == (b"", None, "1", {"sid": "1"})


@pytest.mark.parametrize("status", [307, 308])
def test_redirect_that_keeps_the_body(opening: Opening, status: int) -> None:
    counter = opening.counter(ON, {"POST /orders": goes_to("../v2/orders", status), "POST /v2/orders": Answer(b"done")})
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert [each.json for each in counter.shop.heard] == [{"sku": "game-100"}] * 2


def test_redirect_off_is_read_itself(opening: Opening) -> None:
    counter = opening.counter(OFF, {"POST /orders": goes_to("/bill/1"), "GET /bill/1": Answer(b"done")})
    counter.buy()
    assert (counter.shop.steps, counter.classes()) == (["POST /orders"], ["unknown"])


def test_redirects_in_a_circle_end(opening: Opening) -> None:
    counter = opening.counter(ON, {"POST /orders": goes_to("/a"), "GET /a": goes_to("/b"), "GET /b": goes_to("/a")})
    told = counter.buy()
    assert (told.outcome, told.reason, len(counter.shop.heard)) == (Outcome.UNKNOWN, "redirects", 11)


@pytest.mark.parametrize("place", ["http://192.0.2.1/bill", "//192.0.2.1/bill", "https://shop.invalid/", "file:///etc/passwd", "http://127.0.0.1:1@192.0.2.1/"])
def test_redirect_away_from_the_platform_is_refused(opening: Opening, place: str) -> None:
    counter = opening.counter(ON, {"POST /orders": goes_to(place)})
    told = counter.buy()
    assert (told.outcome, told.reason, len(counter.shop.heard)) == (Outcome.UNKNOWN, "bad_url", 1)
