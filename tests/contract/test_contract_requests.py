"""What a step sends: CSRF tokens, captchas, bodies of every kind, headers per buyer, ways, vars and filters."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from typing import Any

import pytest
from contract_shop import Answer, CardShop, Heard
from contract_world import RUN_ID, Opening

from surgekit.errors import ConfigError
from surgekit.model import Outcome
from surgekit.target.signing import parse_form

FINE = {"code": 0}
OK = "[{class: ok, path: code, equals: 0}]"


def submitted(opening: Opening, step: str, more: str = "", **order: Any) -> Heard:
    """What the shop heard of one submission that is written so."""
    text = f"""
        catalogue: [{{sku: game-100, price_fen: 1234, vars: {{id: 17, kind: "a&b"}}}}]
        {more}
        steps: {{submit: {{request: POST /orders, replies: {OK}, {step}}}}}
    """
    counter = opening.counter(text, {"POST /orders": FINE})
    assert counter.buy(7, **order).outcome is Outcome.CONFIRMED
    return counter.shop.heard[0]


# ── the CSRF step ────────────────────────────────────────────────────────────────────────────────────────────────────

FORM_PAGE = '<form method=post><input type="hidden" name="_token" value="tok&amp;en-{0}"><button>买</button></form>'
META_PAGE = '<html><head><meta name="csrf-token" content="tok&amp;en-{0}"></head><body>店</body></html>'


def guarded(page: str) -> dict[str, Any]:
    """A shop with sessions that takes an order only with the token which it gave that visitor, once."""
    given: dict[str, str] = {}

    def show(heard: Heard) -> Any:
        number = len(given) + 1
        given[f"v{number}"] = f"tok&en-{number}"
        return Answer(page.format(number), headers=[("Set-Cookie", f"sid=v{number}; Path=/")])

    def take(heard: Heard) -> Any:
        token = heard.headers.get("x-csrf-token") or heard.form.get("_token")
        return FINE if token and given.pop(heard.cookies["sid"], None) == token else Answer("<h1>419 Page Expired</h1>", 419)

    return {"GET /buy/game-100": show, "POST /orders": take}


@pytest.mark.parametrize(
    ("page", "extract", "submit"),
    [
        (FORM_PAGE, "{field: _token}", 'form: {_token: "{token}"}'),
        (META_PAGE, "{css: 'meta[name=csrf-token]', attr: content}", 'headers: {X-CSRF-Token: "{token}"}'),
    ],
    ids=["form_field", "meta_tag"],
)
def test_csrf_token_by(opening: Opening, page: str, extract: str, submit: str) -> None:
    text = f"""
        steps:
          prepare:
            - request: GET /buy/{{order.sku}}
              replies: [{{class: ok, content_type: text/html}}]
              extract: {{token: {extract}}}
          submit:
            request: POST /orders
            {submit}
            replies: [{{class: ok, path: code, equals: 0}}, {{class: refused, matches: Page Expired}}]
    """
    counter = opening.counter(text, guarded(page))
    assert [counter.buy(seq).outcome for seq in range(3)] == [Outcome.CONFIRMED] * 3


def test_csrf_token_that_the_page_does_not_have_ends_the_order_before_it_is_submitted(opening: Opening) -> None:
    text = f"""
        steps:
          prepare: [{{request: GET /buy, replies: [{{class: ok, content_type: text/html}}], extract: {{token: {{field: _token}}}}}}]
          submit: {{request: POST /orders, form: {{_token: "{{token}}"}}, replies: {OK}}}
    """
    counter = opening.counter(text, {"GET /buy": "<form></form>", "POST /orders": FINE})
    told = counter.buy()
    assert (told.reason, counter.shop.steps) == ("prepare_no_token", ["GET /buy"])


# ── the captcha hook ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_captcha_fixed(opening: Opening) -> None:
    text = f"""
        steps:
          captcha: {{fixed: "8888"}}
          submit: {{request: POST /orders, form: {{code: "{{captcha}}"}}, replies: {OK}}}
    """
    counter = opening.counter(text, {"POST /orders": FINE})
    counter.buy()
    assert [(each.step, each.form) for each in counter.shop.heard] == [("POST /orders", {"code": "8888"})]


def test_captcha_by_a_solver_that_gets_the_picture_of_this_visitor(opening: Opening) -> None:
    picture = b"\x89PNG\r\n\x1a\n\0picture of 4711"
    solver: CardShop = opening.shop({"POST /solve": lambda heard: Answer(heard.body[-4:] + b"\n", headers=[("Content-Type", "text/plain")])})
    text = f"""
        steps:
          captcha: {{request: GET /captcha.png, solver: "{solver.url}/solve"}}
          submit: {{request: POST /orders, form: {{code: "{{captcha}}"}}, replies: {OK}}}
    """
    shows = Answer(picture, headers=[("Content-Type", "image/png"), ("Set-Cookie", "sid=v1")])
    shop = opening.shop({"GET /captcha.png": shows, "POST /orders": lambda heard: FINE if heard.cookies == {"sid": "v1"} else {"code": 1}})
    counter = opening.counter(text, shop)
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert shop.asked("POST /orders")[0].form == {"code": "4711"}
    assert (solver.heard[0].body, solver.heard[0].cookies) == (picture, {})


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_body_form(opening: Opening) -> None:
    heard = submitted(opening, 'form: {sku: "{order.sku}", kind: "{product.kind}", n: 1, yes: true, no: null, 名: 张 三}')
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert heard.body.decode() == "sku=game-100&kind=a%26b&n=1&yes=1&%E5%90%8D=%E5%BC%A0+%E4%B8%89"
    assert heard.form == {"sku": "game-100", "kind": "a&b", "n": "1", "yes": "1", "名": "张 三"}


def test_body_form_nested_as_php_reads_it(opening: Opening) -> None:
    heard = submitted(opening, 'form: {items: [{id: "{product.id}", qty: 2}, {id: 18, qty: 1}], tags: [a, b], to: {city: 北京}}')
    assert heard.form == {"items[0][id]": "17", "items[0][qty]": "2", "items[1][id]": "18", "items[1][qty]": "1", "tags[]": "b", "to[city]": "北京"}
    assert parse_form(heard.body) == {"items": [{"id": "17", "qty": "2"}, {"id": "18", "qty": "1"}], "tags": ["a", "b"], "to": {"city": "北京"}}


def test_body_json_keeps_types_where_a_text_is_one_hole(opening: Opening) -> None:
    heard = submitted(opening, 'json: {qty: "{order.qty}", text: "{order.qty} x", id: "{product.id}", kind: "\\"{product.kind}", list: [1.5, null, true]}', qty=3)
    assert heard.headers["content-type"] == "application/json"
    assert heard.json == {"qty": 3, "text": "3 x", "id": 17, "kind": '"a&b', "list": [1.5, None, True]}


def test_body_query_beside_what_the_path_has(opening: Opening) -> None:
    text = f"""
        steps: {{submit: {{request: "POST /orders?s=Api.Order", query: {{sku: "{{order.sku}}", q: "a b&c"}}, replies: {OK}}}}}
    """
    counter = opening.counter(text, {"POST /orders": FINE})
    counter.buy()
    assert counter.shop.heard[0].query == {"s": "Api.Order", "sku": "game-100", "q": "a b&c"}


def test_body_multipart(opening: Opening) -> None:
    heard = submitted(opening, 'multipart: {sku: "{order.sku}", note: "{product.kind}"}')
    message = message_from_bytes(b"Content-Type: " + heard.headers["content-type"].encode() + b"\r\n\r\n" + heard.body)
    assert message.get_content_type() == "multipart/form-data"
    parts = {part.get_param("name", header="content-disposition"): part.get_payload() for part in message.get_payload()}  # type: ignore[union-attr]
    assert parts == {"sku": "game-100", "note": "a&b"}


def test_body_raw(opening: Opening) -> None:
    heard = submitted(opening, 'body: "<order><sku>{order.sku}</sku></order>", headers: {Content-Type: text/xml}')
    assert (heard.headers["content-type"], heard.body) == ("text/xml", b"<order><sku>game-100</sku></order>")


# ── headers, names, filters ──────────────────────────────────────────────────────────────────────────────────────────


def test_header_x_forwarded_for_is_each_buyers_own_and_stays_it(opening: Opening) -> None:
    text = f"""
        headers: {{X-Forwarded-For: "{{buyer.ip}}", Referer: "{{target.base_url}}/buy/{{order.sku}}", User-Agent: Mozilla/5.0}}
        steps:
          prepare: [{{request: GET /page, headers: {{Referer: "https://search.example/"}}, replies: {OK}}}]
          submit: {{request: POST /orders, replies: {OK}}}
    """
    counter = opening.counter(text, {"GET /page": FINE, "POST /orders": FINE})
    for seq, buyer in enumerate([0, 1, 0]):
        counter.buy(seq, buyer=buyer)
    first, second, again = (each.headers["x-forwarded-for"] for each in counter.shop.asked("POST /orders"))
    assert first == again != second
    assert first.startswith("198.18.")
    assert {each.headers["referer"] for each in counter.shop.asked("POST /orders")} == {f"{counter.shop.url}/buy/game-100"}
    assert {each.headers["referer"] for each in counter.shop.asked("GET /page")} == {"https://search.example/"}
    assert {each.headers["user-agent"] for each in counter.shop.heard} == {"Mozilla/5.0"}


def test_header_template_cannot_be_broken_by_a_value(opening: Opening) -> None:
    counter = opening.counter(
        f"""
        steps:
          prepare: [{{request: GET /page, replies: {OK}, extract: {{word: word}}}}]
          submit: {{request: POST /orders, headers: {{X-Word: "<{{word}}>"}}, replies: {OK}}}
        """,
        {"GET /page": {"code": 0, "word": "a\r\nX-Evil: 1"}, "POST /orders": FINE},
    )
    counter.buy()
    heard = counter.shop.asked("POST /orders")[0]
    assert (heard.headers["x-word"], "x-evil" in heard.headers) == ("<a  X-Evil: 1>", False)


FILTERS = {
    "yuan": ("{order.price_fen|yuan}", "12.34"), "fen": ("{vars.money|fen}", "123450"), "int": ("{vars.padded|int}", "7"),
    "text": ("{product.id|text}", "17"), "upper": ("{order.sku|upper}", "GAME-100"), "lower": ("{vars.loud|lower}", "abc"),
    "url": ("{product.kind|url}", "a%26b"), "md5": ("{order.sku|md5}", hashlib.md5(b"game-100").hexdigest()),
    "sha256": ("{order.sku|sha256}", hashlib.sha256(b"game-100").hexdigest()), "base64": ("{vars.odd|base64}", "Pz8/Pz8+"),
    "base64url": ("{vars.odd|base64url}", "Pz8_Pz8-"), "in_a_row": ("{order.sku|md5|upper}", hashlib.md5(b"game-100").hexdigest().upper()),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_filter(opening: Opening, name: str) -> None:
    text, wanted = FILTERS[name]
    heard = submitted(opening, f'form: {{x: "{text}"}}', 'vars: {money: "¥1,234.5", padded: " 007 ", loud: ABC, odd: "?????>"}')
    assert heard.form == {"x": wanted}


@pytest.mark.parametrize(("pay_by", "channel"), [("balance", "#0"), ("gateway", "alipay")])
def test_ways_to_pay_have_the_platforms_own_names(opening: Opening, pay_by: str, channel: str) -> None:
    more = 'ways: {balance: {channel: "#0"}, gateway: {channel: alipay}}'
    assert submitted(opening, 'form: {channel: "{way.channel}"}', more, pay_by=pay_by).form == {"channel": channel}


def test_vars_composed_of_what_an_order_has_and_of_products_own_words(opening: Opening) -> None:
    more = 'vars: {shop: S1, mail: "{order.key}@example.invalid", what: "{product.id}/{order.qty}"}'
    heard = submitted(opening, 'form: {shop: "{vars.shop}", mail: "{vars.mail}", what: "{vars.what}", id: "{product.id}"}', more, qty=2)
    assert heard.form == {"shop": "S1", "mail": f"{RUN_ID}-0000007@example.invalid", "what": "17/2", "id": "17"}


def test_a_name_that_nothing_gives_is_said_before_anything_is_sent(opening: Opening) -> None:
    with pytest.raises(ConfigError, match=r"nothing gives \{product.colour\}"):
        submitted(opening, 'form: {x: "{product.colour}"}')
