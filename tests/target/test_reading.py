"""What a reply means is decided by its body; what contradicts itself means nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass as C
from surgekit.target.extract import Extractor, shaped_number
from surgekit.target.reading import MISSING, MOST_TEXT, Document, Reply, compile_path, look, parsed
from surgekit.target.rules import Classifier
from surgekit.target.schema import Extract, ReplyRule

RULES = [
    {"class": "ok", "path": "code", "equals": 0},
    {"class": "sold_out", "path": "code", "equals": 40901},
    {"class": "throttled", "path": "code", "in": [42901, 42902]},
    {"class": "ok", "path": "done", "equals": True},
    {"class": "refused", "status": [400, 409], "path": "error.kind", "matches": "^(no_such|bad)_"},
    {"class": "queued", "path": "state", "equals": None},
    {"class": "hidden_error", "matches": "(?i)<title>.*(error|系统繁忙)"},
]


def told(body: Any, status: int = 200, rules: Any = RULES, **reply: Any) -> tuple[C, str | None]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = Classifier([ReplyRule.model_validate(rule) for rule in rules], "t")
    return found.classify(Document(Reply(status, raw, 0.0, 0.1, **reply)))


TABLE = [
    ("a success", {"code": 0}, 200, C.OK, None),
    ("an error in a reply that says 200", {"code": 40901}, 200, C.SOLD_OUT, "sold_out"),
    ("another one", {"code": 42902}, 200, C.THROTTLED, "throttled"),
    ("a code that nobody described", {"code": 50000}, 200, C.UNKNOWN, "odd_reply"),
    ("nothing at all", b"", 200, C.UNKNOWN, "empty_reply"),
    ("nothing, and no content", b"", 204, C.UNKNOWN, "empty_reply"),
    ("nothing, and an error", b"", 502, C.UNKNOWN, "http_502"),
    ("an error page behind 200", "<html><title>系统繁忙</title>".encode(), 200, C.HIDDEN_ERROR, "hidden_error"),
    ("an error page behind 502", b"<html><title>502 Error", 502, C.HIDDEN_ERROR, "hidden_error"),
    ("a page that nobody described", b"<html>hello", 200, C.UNKNOWN, "odd_reply"),
    ("a server error in JSON", {"detail": "x"}, 500, C.UNKNOWN, "http_500"),
    ("a success that is also an error", {"code": 0}, 500, C.UNKNOWN, "http_500"),
    ("a refusal with a status of its own", {"code": 40901}, 409, C.SOLD_OUT, "sold_out"),
    ("text instead of the number", {"code": "0"}, 200, C.UNKNOWN, "odd_reply"),
    ("false instead of 0", {"code": False}, 200, C.UNKNOWN, "odd_reply"),
    ("null instead of 0", {"code": None}, 200, C.UNKNOWN, "odd_reply"),
    ("0 written as 0.0", {"code": 0.0}, 200, C.OK, None),
    ("true", {"done": True}, 200, C.OK, None),
    ("1 instead of true", {"done": 1}, 200, C.UNKNOWN, "odd_reply"),
    ("null where null is meant", {"state": None}, 200, C.QUEUED, "queued"),
    ("missing where null is meant", {"stat": 1}, 200, C.UNKNOWN, "odd_reply"),
    ("the status of a rule", {"error": {"kind": "bad_sku"}}, 409, C.REFUSED, "refused"),
    ("the same without the status", {"error": {"kind": "bad_sku"}}, 200, C.UNKNOWN, "odd_reply"),
    ("a pattern that does not fit", {"error": {"kind": "x_bad_"}}, 409, C.UNKNOWN, "http_409"),
    ("a list where an object was", [{"code": 0}], 200, C.UNKNOWN, "odd_reply"),
    ("cut off", b'{"code": 0', 200, C.UNKNOWN, "odd_reply"),
    ("two answers in one", b'{"code": 0, "code": 40901}', 200, C.UNKNOWN, "odd_reply"),
    ("more after the end", b'{"code": 0}{"code": 0}', 200, C.UNKNOWN, "odd_reply"),
    ("a number that is none", b'{"code": 0, "x": NaN}', 200, C.UNKNOWN, "odd_reply"),
    ("a number beyond all", b'{"code": 0, "x": 1e999}', 200, C.UNKNOWN, "odd_reply"),
    ("not UTF-8", b'{"code": 0, "msg": "\xff\xfe\xfd"}', 200, C.UNKNOWN, "odd_reply"),
    ("a byte order mark", b'\xef\xbb\xbf{"code": 0}', 200, C.OK, None),
    ("nested without end", b'{"code": 0, "x": ' + b"[" * 500_000 + b"]" * 500_000 + b"}", 200, C.UNKNOWN, "odd_reply"),
    ("a number without end", b'{"code": ' + b"9" * 100_000 + b"}", 200, C.UNKNOWN, "odd_reply"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "kind", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_reply_means(body: Any, status: int, kind: C, reason: str | None) -> None:
    assert told(body, status) == (kind, reason)


def test_the_first_rule_that_fits_decides() -> None:
    both = [{"class": "ok", "path": "a", "equals": 1}, {"class": "refused", "path": "b", "equals": 1}]
    assert told({"a": 1, "b": 1}, rules=both)[0] is C.OK
    assert told({"a": 1, "b": 1}, rules=both[::-1])[0] is C.REFUSED


def test_an_error_status_that_the_file_calls_a_success_is_one() -> None:
    assert told({"code": 0}, 409, rules=[{"class": "ok", "status": 409, "path": "code", "equals": 0}])[0] is C.OK


def test_all_conditions_of_a_rule_must_hold() -> None:
    rule = [{"class": "ok", "path": "code", "equals": 0, "matches": "done"}]
    assert told({"code": 0, "msg": "done"}, rules=rule)[0] is C.OK
    assert told({"code": 0, "msg": "later"}, rules=rule)[0] is C.UNKNOWN
    assert told({"code": 1, "msg": "done"}, rules=rule)[0] is C.UNKNOWN


@pytest.mark.parametrize(("effect_free", "kind"), [(True, C.NOT_SENT), (False, C.UNKNOWN)])
def test_a_request_without_a_reply_is_unknown_unless_it_provably_never_left(effect_free: bool, kind: C) -> None:
    """Not even a body that says ok counts, when the reply broke off."""
    assert told({"code": 0}, error="reset", effect_free=effect_free) == (kind, "reset")


@pytest.mark.parametrize(("value", "text"), [(True, "^true$"), (None, "^null$"), ({"a": "卡"}, '^{"a": "卡"}$'), (1.5, r"^1\.5$"), ("x", "^x$")])
def test_a_pattern_sees_a_value_as_json_writes_it(value: Any, text: str) -> None:
    assert told({"v": value}, rules=[{"class": "ok", "path": "v", "matches": text}])[0] is C.OK


def test_a_pattern_reads_chinese_character_by_character() -> None:
    assert told("<p>售罄".encode(), rules=[{"class": "sold_out", "matches": "[售卖]罄"}])[0] is C.SOLD_OUT
    assert told("<p>失\xe7".encode(), rules=[{"class": "sold_out", "matches": "[售卖]"}])[0] is C.UNKNOWN


def test_a_pattern_looks_at_the_first_lines_only() -> None:
    rules = [{"class": "hidden_error", "matches": "needle"}]
    assert told(b" " * (MOST_TEXT - 6) + b"needle", rules=rules)[0] is C.HIDDEN_ERROR
    assert told(b" " * MOST_TEXT + b"needle", rules=rules)[0] is C.UNKNOWN


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()), ("$", ()), (".", ()), ("a", ("a",)), ("$.a.b", ("a", "b")), ("a[0].b", ("a", 0, "b")), ("[2]", (2,)), ("$[2][3]", (2, 3)),
        ("a.0", ("a", "0")), ("卡密.列表[1]", ("卡密", "列表", 1)), ("a b.c-d", ("a b", "c-d")),
        ("items[*].code", ("items", -1, "code")), ('a["b.c"][0]', ("a", "b.c", 0)), ("['a b']", ("a b",)),
    ],
)  # fmt: skip
def test_paths(text: str, path: tuple[str | int, ...]) -> None:
    assert compile_path(text, "t") == path


@pytest.mark.parametrize("text", ["a.", "a..b", "a[", "a[x]", "a[-1]", "a]", "a[]", "a[1", "a." * 3, "a[" + "9" * 5000 + "]"])
def test_what_is_no_path_says_where_and_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^shop: steps\.x: .* is not a path; write data\.order_no, data\.items\[0\]\.code or data\.items\[\*\]\.code$"):
        compile_path(text, "shop: steps.x")


DATA = {"a": {"b": [10, {"c": None}]}, "": 1, "0": "zero"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a", "b", 0), 10), (("a", "b", 1, "c"), None), ((), DATA), (("0",), "zero"),
        (("a", "b", 2), MISSING), (("a", "b", "0"), MISSING), ((0,), MISSING), (("a", "b", 1, "c", "d"), MISSING), (("x",), MISSING),
    ],
)  # fmt: skip
def test_looking_finds_the_value_or_nothing(path: tuple[str | int, ...], value: Any) -> None:
    assert look(DATA, path) is value or look(DATA, path) == value != MISSING


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_missing(body: bytes) -> None:
    found = parsed(body)
    if found is not MISSING:
        assert json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("name", ["idna", "punycode", "undefined", "unicode_escape", "zlib", "hex", "uu", "rot13", "x" * 40, "utf-8;"])
def test_a_charset_that_no_page_is_in_is_read_as_utf_8(name: str) -> None:
    reply = Reply(200, "库存: 7 \\u0041 é".encode(), 0.0, 0.1, headers={"content-type": f"text/html; charset={name}"})
    assert Document(reply).text == "库存: 7 \\u0041 é"


@pytest.mark.parametrize(
    "tag",
    ["<meta charset=gbk>", '<meta http-equiv="Content-Type" content="text/html; charset=gb2312">', "<META name=x\nCHARSET = 'GBK' />"],
)
def test_a_page_may_name_its_charset_itself(tag: str) -> None:
    body = f"<html><head>{tag}</head><p>库存不足</p>".encode("gbk")
    assert "库存不足" in Document(Reply(200, body, 0.0, 0.1, headers={"content-type": "text/html"})).text
    named = Reply(200, f"{tag}库存不足".encode(), 0.0, 0.1, headers={"content-type": "text/html; charset=utf-8"})
    assert "库存不足" in Document(named).text  # the header knows better
    late = Reply(200, (" " * 1024 + f"{tag}库存不足").encode(), 0.0, 0.1)
    assert "库存不足" in Document(late).text


@pytest.mark.parametrize("body", [b"[" + b"[]," * 600_000 + b"1]", b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}"])
def test_json_that_takes_a_hundred_times_its_room_is_not_read(body: bytes) -> None:
    assert Document(Reply(200, body, 0.0, 0.1)).data is MISSING
    assert Document(Reply(200, body, 0.0, 0.1), most_values=10_000_000).data is not MISSING


def test_a_page_of_nothing_but_tags_is_none() -> None:
    assert Document(Reply(200, b"<p>" * 60_001, 0.0, 0.1)).page is None
    assert Document(Reply(200, b"<p>" * 60_000, 0.0, 0.1)).page is not None


def test_a_text_longer_than_any_order_is_told_is_not_extracted() -> None:
    extractor = Extractor(Extract.model_validate({"json": "no"}), "t")
    assert extractor.value(Document(Reply(200, b'{"no":"%s"}' % (b"a" * MOST_TEXT), 0.0, 0.1))) == "a" * MOST_TEXT
    assert extractor.value(Document(Reply(200, b'{"no":"%s"}' % (b"a" * (MOST_TEXT + 1)), 0.0, 0.1))) is MISSING


@pytest.mark.parametrize(
    ("source", "body"),
    [({"css": "pre", "as": "lines"}, b"<pre>A 1<br>B 2<br/>\n <!-- c --><b>C</b> 3<BR /></pre>"), ({"json": "k", "as": "lines"}, b'{"k": "A 1<br/>B 2<br >C 3"}'),
     ({"css": "pre", "regex": "([A-C] [0-9])", "all": True}, b"<pre>A 1, B 2; C 3</pre>"), ({"regex": "([A-C] [0-9])", "all": True}, b"A 1, B 2; C 3")],
)  # fmt: skip
def test_cards_with_breaks_between_them_are_several_cards(source: dict[str, Any], body: bytes) -> None:
    assert Extractor(Extract.model_validate(source), "t").value(Document(Reply(200, body, 0.0, 0.1))) == ["A 1", "B 2", "C 3"]


@pytest.mark.parametrize(("told", "read"), [("3.00", 3), (3.0, 3), ("1,007", 1007), ("3.5", MISSING), ("NaN", MISSING), ("1e30", MISSING), ("九", MISSING)])
def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(told: object, read: object) -> None:
    assert shaped_number(told, "whole") == read


def test_amounts_of_several_orders_are_several() -> None:
    source = {"css": "td", "regex": "([0-9.]+)", "all": True, "as": "yuan"}
    pages = {b"<table><td>1.50 \xe5\x85\x83</td><td>2</td></table>": [150, 200], b"<table><td>free</td></table>": MISSING}
    for body, found in pages.items():
        assert Extractor(Extract.model_validate(source), "t").value(Document(Reply(200, body, 0.0, 0.1))) == found
