"""Dialects against figures that others computed, and what signing promises for any request."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgekit import yamlfile
from surgekit.errors import ConfigError
from surgekit.target.signing import (
    Dialect,
    Parts,
    Signer,
    check_vectors,
    parse_form,
)
from surgekit.units import Strict


class File(Strict):
    """The part of a target file that is tried here."""

    signing: dict[str, Dialect]


DIALECTS = yamlfile.load(Path(__file__).with_name("signing_vectors.yaml"), File).signing
KEY = {"secret.key": "k3y"}
EPAY: dict[str, Any] = {
    "key": "{secret.key}",
    "fields": {"drop_empty": True},
    "text": "{fields}{key}",
    "hash": "md5",
    "sign": "form sign",
    "also": {"form sign_type": "MD5"},
}
HMAC: dict[str, Any] = {
    "key": "{secret.key}",
    "text": "{method}\n{path_query}\n{timestamp}\n{nonce}\n{body.sha256}",
    "hash": "hmac-sha256",
    "timestamp": {"into": "header X-Ts", "unit": "ms"},
    "nonce": {"into": "header X-Nonce", "length": 8},
    "sign": "header X-Sign",
    "prefix": "HMAC-SHA256 ",
}


def signer(base: dict[str, Any], **change: Any) -> Signer:
    return Signer("shop", Dialect.model_validate({**base, **change}), "shop.yaml: signing.shop")


def post(**given: Any) -> Parts:
    return Parts(**{"method": "POST", "path": "/pay", **given})


# ── vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_gives_the_figures_that_others_computed(name: str) -> None:
    results = check_vectors(name, DIALECTS[name])
    assert results
    assert [result.wrong for result in results] == [None] * len(results)


def test_there_are_vectors_enough() -> None:
    signed = [vector for dialect in DIALECTS.values() for vector in dialect.vectors if vector.sign is not None]
    assert len(signed) >= 40


@pytest.mark.parametrize("name", DIALECTS)
def test_a_wrong_figure_is_noticed_and_the_key_stays_hidden(name: str) -> None:
    dialect = DIALECTS[name]
    wrong = [vector.model_copy(update={"sign": "0" * 32, "text": None}) for vector in dialect.vectors]
    for result, vector in zip(check_vectors(name, dialect.model_copy(update={"vectors": wrong})), wrong, strict=True):
        assert not result.ok
        assert f"signing.{name}.vectors[{result.number}].sign: the dialect gives {result.signature}" in str(
            result.wrong
        )
        if dialect.text == "{fields}&key={key}":
            assert str(vector.key) not in f"{result.text}{result.wrong}"


def test_the_case_of_a_vectors_signature_counts() -> None:
    dialect = DIALECTS["supplier_key"].model_copy(update={"output": "hex"})
    assert not check_vectors("supplier_key", dialect)[0].ok


def test_a_vector_that_lacks_something_is_wrong_and_says_what() -> None:
    vectors = [{"key": "k", "sign": "0"}, {"values": {"account.id": "7"}, "sign": "0"}]
    dialect = Dialect.model_validate({**HMAC, "vectors": vectors})
    first, second = check_vectors("shop", dialect, "shop.yaml: signing.shop")
    assert str(first.wrong) == "shop.yaml: signing.shop.vectors[0]: text uses {nonce}, and the request has none"
    assert str(second.wrong) == "shop.yaml: signing.shop.vectors[1].values: secret.key is missing"


# ── signing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_form_carries_signature_and_constants() -> None:
    given = post(form={"pid": 1001, "money": "99.00", "param": ""})
    signed = signer(EPAY).sign(given, KEY, stamp_s=0, nonce="")
    assert signed.parts.form == {
        "pid": 1001, "money": "99.00", "param": "", "sign": hashlib.md5(b"money=99.00&pid=1001k3y").hexdigest(), "sign_type": "MD5",
    }  # fmt: skip
    assert signed.headers == {}
    assert given.form == {"pid": 1001, "money": "99.00", "param": ""}


def test_a_signed_header_covers_the_bytes_that_are_sent() -> None:
    given = post(json={"sku": "点卡", "qty": 1}, query={"a b": "1"})
    signed = signer(HMAC).sign(given, KEY, stamp_s=1781712000.25, nonce="0123456789abcdef")
    assert signed.parts.body_bytes() == '{"sku":"点卡","qty":1}'.encode()
    assert signed.parts.query_text() == "a+b=1"
    assert signed.headers["X-Ts"] == "1781712000250"
    assert signed.headers["X-Nonce"] == "01234567"
    digest = hashlib.sha256(signed.parts.body_bytes()).hexdigest()
    text = signer(HMAC).text(given, KEY, stamp_s=1781712000.25, nonce="0123456789abcdef")
    assert text == f"POST\n/pay?a+b=1\n1781712000250\n01234567\n{digest}"
    assert signed.headers["X-Sign"].startswith("HMAC-SHA256 ")


def test_what_is_sent_carries_the_signature_even_where_raw_bytes_were_given() -> None:
    """A request that came in can be signed again: its old bytes are not sent."""
    given = post(form={"a": "1"}, body=b"a=1", query={"b": "2"}, raw_query="b=%32")
    assert b"sign=" in signer(EPAY).sign(given, KEY, stamp_s=0, nonce="").parts.body_bytes()
    assert "sign=" in signer(EPAY, sign="query sign").sign(given, KEY, stamp_s=0, nonce="").parts.query_text()


def test_timestamp_and_nonce_in_a_body_are_signed_with_it() -> None:
    dialect = {"timestamp": {"into": "json ts"}, "nonce": {"into": "json salt"}, "fields": {"from": "json"}}
    signed = signer(EPAY, **dialect, sign="json sign", also={}).sign(
        post(json={"a": True}), KEY, stamp_s=7.9, nonce="n"
    )
    assert signed.parts.json == {
        "a": True,
        "ts": 7,
        "salt": "n",
        "sign": hashlib.md5(b"a=1&salt=n&ts=7k3y").hexdigest(),
    }


def test_a_number_of_seconds_can_be_text() -> None:
    stamp = {"into": "json ts", "as_text": True}
    signed = signer(HMAC, timestamp=stamp).sign(post(json={}), KEY, stamp_s=7, nonce="n")
    assert signed.parts.json == {"ts": "7"}


@pytest.mark.parametrize(
    ("unit", "zone", "text"),
    [
        ("s", "UTC", "1781712000"),
        ("ms", "Asia/Shanghai", "1781712000999"),
        ("iso", "UTC", "2026-06-17T16:00:00Z"),
        ("iso", "Asia/Shanghai", "2026-06-18T00:00:00+08:00"),
        ("http", "Asia/Shanghai", "Wed, 17 Jun 2026 16:00:00 GMT"),
        ("%y%m%d %H-%M-%S %z", "-03:30", "260617 12-30-00 -0330"),
    ],
)
def test_time_is_written_in_the_platforms_zone(unit: str, zone: str, text: str) -> None:
    stamp = {"into": "header X-Ts", "unit": unit, "timezone": zone}
    signed = signer(HMAC, timestamp=stamp).sign(post(), KEY, stamp_s=1781712000.999, nonce="n")
    assert signed.headers["X-Ts"] == text


def test_no_value_starts_a_header_of_its_own() -> None:
    made = signer(HMAC, prefix="{account.id} ", also={"header X-Type": "a\r\nEvil: 1"})
    signed = made.sign(post(), {**KEY, "account.id": "7\r\nEvil: 1"}, stamp_s=0, nonce="\r\nEvil")
    assert not set("\r\n\0") & set("".join(signed.headers.values()))


def test_needs_are_the_names_that_somebody_else_must_give() -> None:
    made = signer(
        HMAC, key="{secret.a}{account.b}", prefix="ID {account.id} ", text="{run.id}{body}", timestamp=None, nonce=None
    )
    assert made.needs == {"secret.a", "account.b", "account.id", "run.id"}
    assert made.body is None
    assert signer(EPAY).body == "form"


def test_braces_and_breaks_of_the_text_stay() -> None:
    made = signer(EPAY, text="{{{fields}}}\n{key} \n")
    assert made.text(post(form={"a": "{key}"}), KEY, stamp_s=0, nonce="") == "{a={key}}\nk3y \n"
    assert made.text(post(form={"a": "{key}"}), KEY, stamp_s=0, nonce="", hide_key=True) == "{a={key}}\n*** \n"


def test_a_name_that_is_not_given_is_not_invented() -> None:
    with pytest.raises(KeyError, match=r"secret\.key"):
        signer(EPAY).sign(post(form={}), {}, stamp_s=0, nonce="")


@pytest.mark.parametrize(
    ("change", "parts", "message"),
    [
        ({}, {"json": {"a": 1}}, "sign goes into the form, but the request has a JSON body"),
        ({}, {"body": b"a"}, "sign goes into a form body, but the request's body is neither"),
        ({"sign": "json sign", "also": {}}, {"form": {"a": "1"}}, "sign goes into a JSON object"),
        ({"sign": "json sign", "also": {}}, {"json": [1]}, "sign goes into a JSON object"),
        ({"fields": {"from": "json"}, "sign": "query sign", "also": {}}, {"json": "x"}, "they come from a JSON object"),
    ],
)
def test_a_request_without_a_place_for_it_cannot_be_signed(change: dict[str, Any], parts: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"shop\.yaml: signing\.shop.*: {message}"):
        signer(EPAY, **change).sign(post(**parts), KEY, stamp_s=0, nonce="")


def test_a_key_that_is_not_what_it_claims_to_be_is_said() -> None:
    for written in ("hex", "base64"):
        with pytest.raises(ConfigError, match=f"key: is not written in {written}"):
            signer(HMAC, key_as=written).sign(post(), {"secret.key": "not?"}, stamp_s=0, nonce="n")
        with pytest.raises(ConfigError, match=f"key: is not written in {written}"):
            signer(HMAC, key_as=written).matches(post(), {"secret.key": "not?"}, {"X-Sign": "HMAC-SHA256 0"})


def test_sorting_on_every_level_sorts_inside_too() -> None:
    form = {"b": {"z": {"y": 1, "x": 2}, "a": 3}, "a": 4}
    texts = [
        signer(EPAY, fields={"sort": sort}, text="{fields}{key}").text(
            post(form=form), {"secret.key": ""}, stamp_s=0, nonce=""
        )
        for sort in ("name", "deep", "given")
    ]
    assert texts == [
        "a=4&b[z][y]=1&b[z][x]=2&b[a]=3",
        "a=4&b[a]=3&b[z][x]=2&b[z][y]=1",
        "b[z][y]=1&b[z][x]=2&b[a]=3&a=4",
    ]


def test_of_two_sources_the_later_one_wins() -> None:
    made = signer(EPAY, fields={"from": ["query", "form"]})
    text = made.text(post(form={"a": 1}, query={"a": 2, "b": 3}), KEY, stamp_s=0, nonce="")
    assert text == "a=1&b=3k3y"


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

names = st.text(alphabet="abcdeXYZ_019", min_size=1, max_size=6)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
forms = st.dictionaries(names, words, min_size=1, max_size=6)
DIALECT_CHANGES = st.fixed_dictionaries(
    {
        "fields": st.fixed_dictionaries(
            {
                "drop_empty": st.booleans(),
                "sort": st.sampled_from(["name", "deep"]),
                "nested": st.sampled_from(["php", "json", "dot"]),
                "encode": st.sampled_from(["none", "form", "percent"]),
            }
        ),
        "text": st.sampled_from(
            ["{fields}{key}", "{key}{fields}{key}", "{fields}&apikey={key}", "{fields.sha1}{key.md5}"]
        ),
        "hash": st.sampled_from(["md5", "sha1", "sha256", "sha512", "hmac-md5", "hmac-sha256"]),
        "output": st.sampled_from(["hex", "HEX", "base64", "base64url", "base64_hex"]),
    }
)


@given(forms, DIALECT_CHANGES, st.randoms(use_true_random=False))
def test_the_order_of_the_fields_changes_nothing(form: dict[str, str], change: dict[str, Any], random: Any) -> None:
    mixed = list(form.items())
    random.shuffle(mixed)
    made = signer(EPAY, **change)
    first = made.sign(post(form=form), KEY, stamp_s=0, nonce="").parts
    second = made.sign(post(form=dict(mixed)), KEY, stamp_s=0, nonce="").parts
    assert first.form == second.form


@given(forms, DIALECT_CHANGES, st.data())
def test_what_is_signed_matches_and_any_change_does_not(
    form: dict[str, str], change: dict[str, Any], data: Any
) -> None:
    made = signer(EPAY, **change)
    signed = made.sign(post(form=form), KEY, stamp_s=0, nonce="").parts
    over_the_wire = dataclasses.replace(signed, form=parse_form(signed.body_bytes()))
    assert made.matches(over_the_wire, KEY, {})
    assert signed.form is not None
    word = data.draw(st.sampled_from(sorted(form)))
    other = data.draw(words.filter(lambda value: value != form[word]))
    assert not made.matches(dataclasses.replace(signed, form={**signed.form, word: other}), KEY, {})
    assert not made.matches(dataclasses.replace(signed, form={**signed.form, "more": "1"}), KEY, {})
    assert not made.matches(signed, {"secret.key": "other"}, {})


@given(st.binary(max_size=40), words, st.sampled_from(["GET", "PUT"]))
def test_a_signed_body_matches_and_another_does_not(body: bytes, query: str, method: str) -> None:
    made = signer(HMAC)
    signed = made.sign(Parts(method, "/a", query={"q": query}, body=body), KEY, stamp_s=1.5, nonce="0" * 16)
    parts, headers = signed.parts, {name.lower(): value for name, value in signed.headers.items()}
    assert made.matches(parts, KEY, headers)
    for other in (
        dataclasses.replace(parts, body=body + b"x"),
        dataclasses.replace(parts, query={"q": query + "x"}),
        dataclasses.replace(parts, raw_query="q=" + "x" + query),
        dataclasses.replace(parts, path="/b"),
        dataclasses.replace(parts, method="POST"),
    ):
        assert not made.matches(other, KEY, headers)
    for name in headers:
        assert not made.matches(parts, KEY, {**headers, name: "1"})
        assert not made.matches(parts, KEY, {key: value for key, value in headers.items() if key != name})


def test_hex_matches_in_either_case_and_base64_in_its_own() -> None:
    for output, same in (("hex", True), ("HEX", True), ("base64", False)):
        made = signer(EPAY, output=output)
        form = made.sign(post(form={"a": "1"}), KEY, stamp_s=0, nonce="").parts.form
        assert form is not None
        for odd in (form["sign"].swapcase(), form["sign"].upper(), form["sign"].lower()):
            assert made.matches(post(form={**form, "sign": odd}), KEY, {}) is (same or odd == form["sign"])


def deep(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    "parts",
    [
        post(), post(json="x"), post(json=[1]), post(json={"sign": 1}), post(json={"sign": None}), post(json={"sign": "\ud800"}),
        post(json={"sign": "0", "a": deep(100_000)}), post(json={"sign": "0", "a": float("nan")}),
    ],
    ids=range(8),
)  # fmt: skip
def test_garbage_matches_nothing_and_raises_nothing(parts: Parts) -> None:
    for nested in ("php", "json", "dot"):
        made = signer(EPAY, fields={"from": "json", "nested": nested}, sign="json sign", also={})
        assert made.matches(parts, KEY, {}) is False


# ── PHP itself ────────────────────────────────────────────────────────────────────────────────────────────────────────

PHP = """
foreach (json_decode(stream_get_contents(STDIN), true) as $f) {
    $plain = urldecode(http_build_query($f)); ksort($f, SORT_STRING);
    echo json_encode([http_build_query($f), http_build_query($f, '', '&', PHP_QUERY_RFC3986), $plain]), "\\n";
}
"""
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
trees = st.dictionaries(names, st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8), max_size=5)  # fmt: skip


@pytest.mark.skipif(shutil.which("php") is None, reason="compares with PHP itself")
@settings(max_examples=5, deadline=None)
@given(st.lists(trees, min_size=40, max_size=40))
def test_php_itself_agrees(batch: list[dict[str, Any]]) -> None:
    done = subprocess.run(
        ["php", "-r", PHP], input=json.dumps(batch), capture_output=True, text=True, check=True, timeout=60
    )
    for data, line in zip(batch, done.stdout.splitlines(), strict=True):
        ours = [
            signer(EPAY, fields={"from": "json", **change}).text(
                post(json=data), {"secret.key": ""}, stamp_s=0, nonce=""
            )
            for change in ({"encode": "form"}, {"encode": "percent"}, {"sort": "given", "drop_empty": False})
        ]
        assert ours == json.loads(line)
