"""Whatever a value is, it stays inside its hole."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.target.template import Template, form_template, header_template, json_template, url_template

texts = st.text(max_size=30) | st.sampled_from(['"', "\\", '"}', "\r\nEvil: 1", "a&b=c", "../..", "{name}", "%0d%0a", "\ud800", "\0", "游戏", "#?"])


def whole(text: str) -> str:
    """``text`` as it can be encoded: half a surrogate pair has no encoding and is sent as a question mark."""
    return text.encode(errors="replace").decode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts.map(whole),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.map(whole), inner, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_a_json_string_that_is_one_hole_keeps_the_type(value: Any) -> None:
    body = json_template({"a": "{v}"}, "t").render({"v": value})
    assert json.loads(body) == {"a": value}
    assert type(json.loads(body)["a"]) is type(value)


@given(texts)
def test_no_value_breaks_out_of_a_longer_json_string(value: str) -> None:
    body = json_template({"a": "<{v}>", "b": 1}, "t").render({"v": value})
    assert json.loads(body) == {"a": f"<{whole(value)}>", "b": 1}


@given(texts)
def test_no_value_breaks_out_of_a_path_segment(value: str) -> None:
    url = url_template("/api/orders/{v}/cards", "t").render({"v": value}).decode("ascii")
    assert not set(url) & set(" \r\n\t\0?#\\")
    assert unquote(url).removeprefix("/api/orders/").removesuffix("/cards") == whole(value)
    assert url.count("/") == 4


@pytest.mark.parametrize("value", [".", ".."])
def test_a_value_of_dots_does_not_climb(value: str) -> None:
    assert url_template("/api/{v}", "t").render({"v": value}) == b"/api/" + b"%2E" * len(value)


@given(texts)
def test_no_value_breaks_out_of_a_query_written_in_the_request(value: str) -> None:
    url = url_template("/api?key={v}&limit=1", "t").render({"v": value}).decode("ascii")
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [("key", whole(value)), ("limit", "1")]


@given(texts)
def test_a_url_that_a_reply_gave_cannot_end_the_request_line(value: str) -> None:
    """``GET {pay_url}``: what has a meaning in a URL stays, what would end the line or start a header does not."""
    url = url_template("{v}", "t").render({"v": value})
    assert not set(url) & set(b" \r\n\t\0\\\"")
    assert url.isascii()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081/pay?a=1&b=%E6#c", "/pay/1?x=[2]&y='z'", "http://[::1]:80/~a;b=1,2!*(3)@+$"])
def test_a_url_that_a_reply_gave_is_otherwise_left_alone(url: str) -> None:
    assert url_template("{v}", "t").render({"v": url}) == url.encode()


def test_chinese_words_in_a_path_are_percent_encoded() -> None:
    assert url_template("/查询/{v}", "t").render({"v": "1"}) == b"/%E6%9F%A5%E8%AF%A2/1"


@given(texts)
def test_no_value_breaks_out_of_a_header(value: str) -> None:
    line = header_template("Bearer {v};", "t").render({"v": value})
    assert not set(line) & set(b"\r\n\0")
    assert line.startswith(b"Bearer ")
    assert line.endswith(b";")


@given(texts, texts)
def test_no_value_breaks_out_of_a_form(a: str, b: str) -> None:
    body = form_template({"a b": "{a}", "c": "<{b}>"}, "t").render({"a": a, "b": b}).decode("ascii")
    assert parse_qsl(body, keep_blank_values=True) == [("a b", whole(a)), ("c", f"<{whole(b)}>")]


@given(texts.map(whole))
def test_a_value_that_looks_like_a_hole_is_not_filled_again(value: str) -> None:
    body = json_template({"a": "x{v}"}, "t").render({"v": "{secret}", "secret": value})
    assert json.loads(body) == {"a": "x{secret}"}


def test_constants_of_a_form_are_encoded_too() -> None:
    assert form_template({"充值": "a&b {v}"}, "t").render({"v": 1}) == b"%E5%85%85%E5%80%BC=a%26b+1"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"a": 3, "b": [1.5, None, True]}, b'{"a":3,"b":[1.5,null,true]}'),
        ("{v}", b"7"),
        (["{v}", "n{v}"], b'[7,"n7"]'),
        ({}, b"{}"),
        ({"a": "{{v}}"}, b'{"a":"{v}"}'),
        ({618: "x", 'q"': "y"}, b'{"618":"x","q\\"":"y"}'),
        ({"名": "卡"}, '{"名":"卡"}'.encode()),
    ],
)
def test_a_json_body_is_what_the_file_shows(data: Any, body: bytes) -> None:
    assert json_template(data, "t").render({"v": 7}) == body


@pytest.mark.parametrize("word", ["{", "}", "a{b", "{}", "{A}", "{ v }", "{v", "{1}", "{v!r}", "{v.__class__}x{"])
def test_a_lone_brace_is_a_mistake_that_says_how_to_write_one(word: str) -> None:
    with pytest.raises(ConfigError, match=r"here: a lone [{}] in .*; write (\{\{|\}\}) for the character itself"):
        url_template(f"/{word}", "here")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_json_cannot_carry_is_a_mistake_of_the_file(value: Any) -> None:
    with pytest.raises(ConfigError, match="has no form in JSON"):
        json_template({"a": value}, "t")


def test_a_hole_is_a_name_and_never_an_expression() -> None:
    """``{a.b}`` looks up the name ``a.b``; there is no attribute access in it."""
    assert header_template("{v.real}", "t").names == {"v.real"}


def test_constants_are_joined_so_that_rendering_is_one_pass() -> None:
    assert Template([b"a", b"b", b"", b"c"]).pieces == [b"abc"]


@pytest.mark.parametrize(("value", "said"), [(None, ""), (True, "true"), (False, "false"), (0, "0")])
def test_what_is_not_there_is_nothing_in_a_text_and_truth_is_json_s(value: Any, said: str) -> None:
    values = {"a": value}
    in_form = str(int(value)) if isinstance(value, bool) else said
    assert form_template({"x": "{a}", "y": "1"}, "f").render(values) == f"x={in_form}&y=1".encode()
    assert url_template("/p?x={a}", "u").render(values) == f"/p?x={said}".encode()
    assert header_template("x {a}", "h").render(values) == f"x {said}".encode()
    assert json_template({"x": "no {a}", "y": "{a}"}, "j").render(values) == f'{{"x":"no {said}","y":{json.dumps(value)}}}'.encode()


def test_a_url_may_begin_with_one_that_the_shop_gave_and_go_on() -> None:
    made = url_template("{pay_url}&type={way}", "u")
    assert made.render({"pay_url": "http://127.0.0.1/p?a=b/c", "way": "a&b"}) == b"http://127.0.0.1/p?a=b/c&type=a%26b"
    assert url_template("/{path|raw}x", "u").render({"path": "other/submit.php?a=1&b= "}) == b"/other/submit.php?a=1&b=%20x"
    assert url_template("/{path}", "u").render({"path": "a/b?c"}) == b"/a%2Fb%3Fc"
    assert form_template({"a": "{path|raw}"}, "f").render({"path": "a&b"}) == b"a=a%26b"  # raw in a URL only
    assert header_template("{t|urldecode}", "h").render({"t": "%E7%82%B9+1"}) == "点 1".encode()
