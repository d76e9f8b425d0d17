"""A signed step, verified by a server that works the signature out for itself with hashlib, as a platform would."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import pytest
from contract_shop import Answer, Heard
from contract_world import Opening

from surgekit import clock
from surgekit.model import Outcome

KEY = "k3y-of-the-shop"
FINE, BAD = {"code": 0}, {"code": 1, "msg": "签名错误"}
REPLIES = "[{class: ok, path: code, equals: 0}, {class: refused, path: msg, matches: 签名错误}]"


def kept(form: dict[str, str], *, empties: bool = False) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in form.items() if name not in ("sign", "sign_type") and (value or empties))


def joined(form: dict[str, str], *, empties: bool = False) -> str:
    return "&".join(f"{name}={value}" for name, value in kept(form, empties=empties))


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def fresh(text: str, unit: float = 1) -> bool:
    return abs(int(text) / unit - clock.utc().timestamp()) < 60


Verify = Callable[[Heard], bool]
FORM = 'form: {b: "{order.sku}", a: 张 三, empty: "", qty: 2}'
NESTED = 'form: {items: [{id: 7, n: "a b"}], to: {city: 北京}, z: 1}'


def nested_ok(heard: Heard) -> bool:
    """``urldecode(http_build_query($sorted)) . "&key=" . $key``."""
    pairs = [(name, value) for name, value in parse_qsl(heard.body.decode(), keep_blank_values=True) if name != "sign"]
    return heard.form["sign"] == md5(unquote(urlencode(sorted(pairs)).replace("+", " ")) + f"&key={KEY}").upper()


def hmac_ok(heard: Heard) -> bool:
    told = heard.headers
    text = "\n".join([heard.method, "/orders?a=1", told["x-ts"], told["x-nonce"], hashlib.sha256(heard.body).hexdigest()])
    good = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return told["authorization"] == f"HMAC-SHA256 {good}" and len(told["x-nonce"]) == 12 and fresh(told["x-ts"], 1000)


def values_ok(heard: Heard) -> bool:
    told = heard.json
    values = "".join(str(told[name]) for name in sorted(told) if name != "sig")
    good = base64.b64encode(hmac.new(KEY.encode(), values.encode(), hashlib.sha1).digest()).decode()
    return bool(told["sig"] == good and fresh(str(told["ts"])))


DIALECTS: dict[str, tuple[str, str, Verify]] = {
    "epay_sorted_empties_dropped_key_behind": (
        "{key: '{secret.key}', fields: {drop_empty: true}, text: '{fields}{key}', hash: md5, sign: form sign, also: {form sign_type: MD5}}",
        FORM,
        lambda heard: heard.form["sign"] == md5(joined(heard.form) + KEY) and heard.form["sign_type"] == "MD5",
    ),
    "key_suffix_and_key_upper_case": (
        "{key: '{secret.key}', fields: {drop_empty: true}, text: '{fields}&key={key}', hash: md5, output: HEX, sign: form sign}",
        FORM,
        lambda heard: heard.form["sign"] == md5(joined(heard.form) + f"&key={KEY}").upper(),
    ),
    "key_suffix_apikey_empties_kept_sha1": (
        "{key: '{secret.key}', fields: {}, text: '{fields}&apikey={key}', hash: sha1, sign: form sign}",
        FORM,
        lambda heard: heard.form["sign"] == hashlib.sha1(f"{joined(heard.form, empties=True)}&apikey={KEY}".encode()).hexdigest(),
    ),
    "a_set_of_fields_separators_of_its_own": (
        "{key: '{secret.key}', fields: {only: [b, qty], pair: ':', join: '|'}, text: '{fields}|{key}', hash: sha256, sign: query sign}",
        FORM,
        lambda heard: heard.query["sign"] == hashlib.sha256(f"b:game-100|qty:2|{KEY}".encode()).hexdigest(),
    ),
    "lower_case_text": (
        "{key: '{secret.key}', fields: {only: [b]}, text: 'SHOP-{fields}-{key}', case: lower, hash: md5, sign: header X-Sign}",
        FORM,
        lambda heard: heard.headers["x-sign"] == md5(f"shop-b=game-100-{KEY}"),
    ),
    "php_nested_decoded": (
        "{key: '{secret.key}', fields: {encode: form}, text: '{fields}&key={key}', decode: form, hash: md5, output: HEX, sign: form sign}",
        NESTED,
        nested_ok,
    ),
    "hmac_sha256_of_the_body_with_time_and_nonce_in_headers": (
        "{key: '{secret.key}', text: \"{method}\\n{path_query}\\n{timestamp}\\n{nonce}\\n{body.sha256}\", hash: hmac-sha256,"
        " timestamp: {into: header X-Ts, unit: ms}, nonce: {into: header X-Nonce, length: 12}, sign: header Authorization, prefix: 'HMAC-SHA256 '}",
        'query: {a: 1}, json: {sku: "{order.sku}", name: 点卡}',
        hmac_ok,
    ),
    "hmac_sha1_values_only_base64_in_json": (
        "{key: '{secret.key}', fields: {from: json, values_only: true, join: ''}, text: '{fields}', hash: hmac-sha1, output: base64,"
        " timestamp: {into: json ts}, sign: json sig}",
        'json: {sku: "{order.sku}", key: "{order.key}"}',
        values_ok,
    ),
}  # fmt: skip


def signed(opening: Opening, dialect: str, body: str, verify: Verify, key: str = KEY) -> Any:
    text = f"""
        secrets: {{key: {{value: {key}}}}}
        signing: {{shop: {dialect}}}
        steps: {{submit: {{request: POST /orders, sign: shop, {body}, replies: {REPLIES}}}}}
    """
    return opening.counter(text, {"POST /orders": lambda heard: FINE if verify(heard) else BAD})


@pytest.mark.parametrize("name", DIALECTS)
def test_signed_as_the_server_works_it_out(opening: Opening, name: str) -> None:
    assert signed(opening, *DIALECTS[name]).buy().outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("name", DIALECTS)
def test_with_another_key_the_server_refuses(opening: Opening, name: str) -> None:
    counter = signed(opening, *DIALECTS[name], key="another-key")
    assert (counter.buy().outcome, counter.classes()) == (Outcome.REJECTED, ["refused"])


def test_each_request_has_a_time_stamp_and_a_nonce_of_its_own(opening: Opening) -> None:
    counter = signed(opening, *DIALECTS["hmac_sha256_of_the_body_with_time_and_nonce_in_headers"])
    for seq in range(5):
        counter.buy(seq)
    assert len({heard.headers["x-nonce"] for heard in counter.shop.heard}) == 5


def test_a_repeated_attempt_is_signed_anew(opening: Opening) -> None:
    dialect, body, _ = DIALECTS["hmac_sha256_of_the_body_with_time_and_nonce_in_headers"]
    text = f"""
        secrets: {{key: {{value: {KEY}}}}}
        signing: {{shop: {dialect}}}
        steps: {{submit: {{request: POST /orders, sign: shop, {body}, replies: {REPLIES}}}}}
    """
    counter = opening.counter(text, {"POST /orders": [Answer("oops", 500), FINE]}, retry={"most": 1, "after": 1})
    assert counter.buy().outcome is Outcome.CONFIRMED
    first, second = counter.shop.heard
    assert first.body == second.body
    assert first.headers["x-nonce"] != second.headers["x-nonce"]


def test_time_stamp_and_nonce_are_names_of_any_request(opening: Opening) -> None:
    counter = opening.counter(
        f"steps: {{submit: {{request: POST /orders, headers: {{X-Id: '{{nonce}}'}}, json: {{s: '{{time.s}}', ms: '{{time.ms}}'}}, replies: {REPLIES}}}}}",
        {"POST /orders": FINE},
    )
    counter.buy(0)
    counter.buy(1)
    first, second = counter.shop.heard
    assert fresh(str(first.json["s"]))
    assert fresh(str(first.json["ms"]), 1000)
    assert first.headers["x-id"] != second.headers["x-id"]
