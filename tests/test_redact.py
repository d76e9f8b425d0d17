"""What is shown of a secret: that it was there."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from surgekit import clock
from surgekit.redact import ANYHOW, Redactor

SECRET = 'p/w "é<&>\'\\ 密'
JWT = "eyJhbGciOi.TOPSECRETJWT.sig"


def known() -> Redactor:
    return Redactor({"secret.key": "s3cret/key", "secret.pin": "12", "secret.odd": SECRET})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key=s3cret/key&a=1", "key=<secret.key>&a=1"),
        ("q=s3cret%2Fkey", "q=<secret.key>"),
        ('{"password": "hunter22", "a": 1}', '{"password": "<hidden>", "a": 1}'),
        ("sign=0011aabb&sku=1", "sign=<hidden>&sku=1"),
        ("call 13800138000 now", "call <phone> now"),
        ("order 113800138000", "order 113800138000"),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert known().text(text) == shown


FORMS = {
    "as it is": SECRET,
    "json": json.dumps(SECRET, ensure_ascii=False),
    "json, ascii": json.dumps(SECRET),
    "json, capitals": json.dumps(SECRET).replace("\\u00e9", "\\u00E9"),
    "json of php": json.dumps(SECRET).replace("/", "\\/"),
    "json for html": json.dumps(SECRET).replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026").replace("'", "\\u0027"),
    "json in json": json.dumps(json.dumps(SECRET)),
    "url": quote(SECRET, safe=""),
    "url, small": quote(SECRET, safe="").lower(),
    "url, path": quote(SECRET),
    "form": quote_plus(SECRET),
    "url twice": quote(quote(SECRET, safe=""), safe=""),
    "html": html.escape(SECRET),
    "html, numbers": "".join(f"&#{ord(each)};" for each in SECRET),
    "json in html": html.escape(json.dumps(SECRET)),
    "capitals": SECRET.upper(),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for urls": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    "hexadecimal": SECRET.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["x: {} !", "a=1&q={}&b=2", '{{"data": "{}', '<b title="{}">'])
def test_a_known_value_is_hidden_however_it_is_escaped(form: str, around: str) -> None:
    shown = known().text(around.format(FORMS[form]))
    assert "<secret.odd>" in shown
    for part in ("p/w", "密", "\\u5bc6", "%E5%AF%86", "%e5", FORMS[form][4:12]):
        assert part not in shown


@pytest.mark.parametrize("form", [str, html.escape, json.dumps, lambda text: quote(text, safe="")])
def test_a_long_value_is_hidden_whole_and_where_it_is_cut_off(form: Callable[[str], str]) -> None:
    secret = "".join(f"<{number}&'\"/" for number in range(300))
    hidden = Redactor({"secret.key": secret})
    assert "<secret.key>" in hidden.text(form(secret))
    assert "299" not in hidden.text(form(secret))
    assert "60" not in hidden.text(form("".join(f"/{number}" for number in range(60))))
    assert hidden.text(f"bad key {form(secret[:300])}").count("4") < 20


@pytest.mark.parametrize("before", ["", "b", "bo", "bob:", "alice:"])
def test_a_known_value_is_hidden_at_any_place_within_base64(before: str) -> None:
    told = base64.b64encode(f"{before}correct-horse".encode()).decode()
    shown = Redactor({"secret.pw": "correct-horse"}).text(f"login {told} end")
    assert "<secret.pw>" in shown
    assert shown.endswith(" end")
    assert "cmVjdC1ob3Jz" not in shown
    assert "horse" not in base64.b64decode(shown.split()[1].partition("<")[0] + "===").decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay_code=12&qty=3", "pay_code=<secret.pin>&qty=3"),
        ("a%3D12", "a%3D<secret.pin>"),
        ('{"x": "12", "y": 12, "z": 123}', '{"x": "<secret.pin>", "y": "<secret.pin>", "z": 123}'),
        ("your number is 12.", "your number is <secret.pin>."),
        ("order 312, 120, A12", "order 312, 120, A12"),
    ],
)
def test_a_short_secret_is_hidden_where_it_stands_alone(text: str, shown: str) -> None:
    assert known().text(text) == shown


@pytest.mark.parametrize("name", ["Cookie", "set-cookie", "AUTHORIZATION", "X-Api-Key", "X-Auth", "x-token", "X-Access-Token", "Proxy-Authorization",
                                  "X-Shop-Session-Id", "X-Sign", "X-CSRF-Token", "apiKey", "X-User-Secret"])  # fmt: skip
def test_headers_that_carry_a_session_are_hidden_whole(name: str) -> None:
    assert known().header(name, "anything") == "<hidden>"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Content-Type", "application/json"), ("Idempotency-Key", "abc123-0000000"), ("WWW-Authenticate", 'Basic realm="shop"'),
     ("X-Request-Id", "0123456789abcdef0123456789abcdef"), ("X-Author", "ann"), ("Location", "/orders/A1")],
)  # fmt: skip
def test_headers_that_help_are_shown(name: str, value: str) -> None:
    assert known().header(name, value) == value


def test_other_headers_are_shown_without_secrets() -> None:
    assert known().header("X-Shop", "a s3cret/key b") == "a <secret.key> b"
    assert known().header("Location", "/back?access_token=abc&n=1") == "/back?access_token=<hidden>&n=1"


NAMES = ["access_token", "refresh_token", "accessToken", "jwt", "session", "sessionId", "authorization", "PASSWORD", "userpwd", "pay_pin", "upass",
         "api_key", "apiSecret", "csrf_token", "sign", "card_secret", "kami", "_token", "credentials"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "around",
    [
        '{{"code": 0, "{name}": "{value}", "status": "paid"}}',
        '{{"code": 0, "data": {{"{name}": ["{value}"]}}, "status": "paid"}}',
        '{{"code": 0, "{name}": {{"v": {{"w": "{value}"}}}}, "status": "paid"}}',
        '{{"data": "{{\\"{name}\\": \\"{value}\\"}}", "status": "paid"}}',
        'cb({{"{name}": "{value}", "status": "paid"}});',
        '{{"status": "paid", "{name}": "{value}", "cut": "of',
        '{{"status": "paid", "{name}": "{value}',
        '{{"status": "paid", "data": "{{\\"{name}\\": \\"{value}\\", \\"cut',
        "a=1&{name}={value}&status=paid",
        "user%5B{name}%5D={value}&status=paid",
        "user[{name}]={value}&status=paid",
        "back=http://h/p?{name}={value}&status=paid",
        '<input type="hidden" name="{name}" value="{value}"> paid',
        "<meta content='{value}' name='{name}'> paid",
        "<xml><{name}>{value}</{name}><status>paid</status></xml>",
        "<div data-page=\"{{&quot;{name}&quot;:&quot;{value}&quot;}}\">paid</div>",
        "<script>var x = {{ {name}: '{value}' }}</script> paid",
        "{name}: {value}\nstatus: paid",
    ],
)  # fmt: skip
def test_what_a_field_calls_a_secret_is_hidden(name: str, around: str) -> None:
    shown = Redactor({}).text(around.format(name=name, value="zQ-opensesame_77"))
    assert "opensesame" not in shown
    assert "paid" in shown
    assert name in shown


@pytest.mark.parametrize(
    "text",
    [JWT, f"Bearer {JWT}", f"{JWT} and more", '{"x": ["0123456789abcdef0123456789abcdef"]}', "go to /p/9f8c2b1a77e04d3c9f8c2b1a77e04d3c",
     '{"t": "kJ8sd7Fh2Lq9ZpX0vB3nM6tY"}', "Bearer abcdefgh1", "Basic Ym9iOmh1bnRlcg==", "postgresql://root:hunter@127.0.0.1/x"],
)  # fmt: skip
def test_what_looks_like_a_token_is_hidden_whatever_it_is_called(text: str) -> None:
    shown = Redactor({}).text(text)
    for part in ("TOPSECRET", "0123456789", "9f8c2b1a", "kJ8sd7", "abcdefgh1", "Ym9i", "hunter"):
        assert part not in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"code": 401, "message": "token has expired", "status": "unpaid", "data": {"order_no": "ORD20261125000123456789", "amount": 1999}}',
        '{"order_id": "0123456789abcdef0123456789abcdef", "id": "9f8c2b1a-77e0-4d3c-9f8c-2b1a77e04d3c"}',
        '{"token": null, "session": "", "auth": false, "cards": [], "card_count": 2, "token_type": "Bearer", "expires_in": 3600}',
        '{"msg": "库存不足", "captcha": "a7k2", "key": "abc123-0000000", "goods_id": 12, "price": "99.00"}',
        "/orders/0123456789abcdef0123456789abcdef",
        "GET /api/v1/getOrderStatusByOrderNumber2?order_no=20261125000123456789012345678901",
        "<h1>Sold out</h1><p class=\"status-pending\">basic information, 12:30:10</p>",
    ],
)
def test_what_a_person_needs_is_shown(text: str) -> None:
    assert Redactor({}).text(text) == text


def test_an_order_number_is_shown_however_it_looks_and_whatever_its_field_is_called() -> None:
    hidden = Redactor({})
    hidden.keep(["kJ8sd7Fh2Lq9ZpX0vB3nM6tY", None])
    text = '{"token": "kJ8sd7Fh2Lq9ZpX0vB3nM6tY", "url": "/o/kJ8sd7Fh2Lq9ZpX0vB3nM6tY"}'
    assert hidden.text(text) == text
    assert hidden.value("order_no", "kJ8sd7Fh2Lq9ZpX0vB3nM6tY") == "kJ8sd7Fh2Lq9ZpX0vB3nM6tY"


def test_what_is_learned_later_is_hidden_from_then_on() -> None:
    hidden = Redactor({})
    assert hidden.text("CARD-0001") == "CARD-0001"
    hidden.learn("cards", ["CARD-0001", "CARD-00012"])
    assert hidden.text("CARD-00012 CARD-0001") == "<cards> <cards>"


def test_a_card_that_is_an_address_is_hidden_in_json_that_escapes_its_slashes() -> None:
    hidden = Redactor({})
    hidden.learn("cards", ["https://redeem.example/SECRETCARD/1"])
    assert hidden.text(r'{"status":"3","list":["https:\/\/redeem.example\/SECRETCARD\/1"]}') == '{"status": "3", "list": ["<cards>"]}'
    assert hidden.text(r'{"list":["https:\/\/redeem.example\/SECRETCARD\/1"], "cut') == '{"list":["<cards>"], "cut'


def test_a_token_of_a_reply_is_hidden_where_it_is_kept_or_sent_under_another_name() -> None:
    hidden = Redactor({})
    hidden.text('{"access_token": "RRRR-opensesame-4711"}')
    hidden.header("Set-Cookie", "sid=abcd-sesame-42; Path=/; HttpOnly")
    assert hidden.value("mine", "RRRR-opensesame-4711") == "<access_token>"
    assert hidden.text("t=RRRR-opensesame-4711&s=abcd-sesame-42&path=/") == "t=<access_token>&s=<Set-Cookie>&path=/"
    assert hidden.value("jwt", "short1") == "<hidden>"


def test_deep_and_broken_json_is_no_trouble() -> None:
    hidden = Redactor({"secret.key": "s3cret/key"})
    for text in ("[" * 5000 + '"s3cret/key"', "[" * 900 + '"s3cret/key"' + "]" * 900, '{"a": 1e999, "b": "s3cret\\/key"}', '{"a": ' + "9" * 5000 + ', "b": "s3cret/key"}'):
        assert "s3cret" not in hidden.text(text)


@pytest.mark.parametrize(
    "unit", ['a="', "a=[", "a=", "a", "\\", "&amp;", '{"a":', "token=", "token: ", "<a>", "<input name=", "abcd-", "%25", "token={", "eyJ.", "order/"]
)
def test_what_a_reply_is_made_of_does_not_take_long(unit: str) -> None:
    hidden = Redactor({f"secret.{number}": f"s3cret/key-{number}" for number in range(5)})
    began_s = clock.now()
    hidden.text(unit * (16384 // len(unit)))
    assert clock.now() - began_s < 5.0  # it takes a few hundredths


def many() -> tuple[Redactor, list[str]]:
    hidden = Redactor({"secret.key": "s3cret/key"})
    cards = [f"Card/{number:05d}-\\\"{number * 7919 % 99991:05d} é" for number in range(6000)]
    hidden.learn("cards", cards)
    return hidden, cards


def test_thousands_of_values_are_learned_and_hidden_in_no_time() -> None:
    began_s = clock.now()
    hidden, cards = many()
    shown = hidden.text(json.dumps({"list": cards}))
    hidden.value("cards", cards)
    hidden.text(json.dumps({"cards": cards, "status": "paid"}))
    assert shown.count("<cards>") == 6000
    assert "Card" not in shown
    assert clock.now() - began_s < 20.0  # it takes one or two


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("base64", "base64 for urls", "hexadecimal")])
def test_one_of_thousands_is_hidden_however_it_is_escaped(form: str) -> None:
    hidden = Redactor({})
    hidden.learn("filler", [f"{number:04d}-filler" for number in range(ANYHOW // 11)])
    hidden.learn("cards", [SECRET, "x" * ANYHOW])
    shown = hidden.known(f"a {FORMS[form]} b")
    assert shown.replace('"', "").replace("\\", "").replace("&quot;", "") == "a <cards> b"


def test_a_long_one_of_thousands_is_hidden_where_it_is_cut_off() -> None:
    hidden = Redactor({})
    value = "".join(f"{number}/" for number in range(900))
    hidden.learn("cards", [value])
    assert hidden.known(f"x {value[:400]} y") == "x <cards> y"


def test_of_values_that_overlap_nothing_is_left() -> None:
    hidden = Redactor({})
    hidden.learn("cards", ["ABCD-1234", "1234-EFGHI"])
    assert hidden.known("x ABCD-1234-EFGHI, ABCD-1234") == "x <cards>, <cards>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"cards": [883920112345, 2], "kami": 883920112346}', '{"cards": ["<hidden>", 2], "kami": "<hidden>"}'),
        ('{"card_no": 6222020200001234, "keys": 12, "vouchers": 0}', '{"card_no": "<hidden>", "keys": 12, "vouchers": 0}'),
        ("卡号：ABCDEFG1234 密码：zxcv9876", "卡号：<hidden> 密码：<hidden>"),
        ("您的卡密：ABCDEFG1234", "您的卡密：<hidden>"),
        ("状态：已支付 数量：12", "状态：已支付 数量：12"),
    ],
)
def test_cards_that_are_numbers_or_stand_in_a_sentence_are_hidden_and_counts_are_not(text: str, shown: str) -> None:
    assert Redactor({}).text(text) == shown


def test_a_card_that_is_a_number_is_hidden_elsewhere_too() -> None:
    hidden = Redactor({})
    hidden.text('{"card_no": 6222020200001234}')
    assert hidden.text('{"x": 6222020200001234}') == '{"x": "<card_no>"}'
