"""The quick reader of JSON says what the strict one says, of whatever may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surgekit.target.strict import MISSING, parsed, strictly


def alike(body: bytes) -> bool:
    """Whether both say the same, to the last type: 1 is not 1.0, nor True; 0.0 not -0.0."""
    quick, strict = parsed(body), strictly(body)
    return (quick is MISSING) == (strict is MISSING) and (strict is MISSING or repr(quick) == repr(strict))


NUMBERS = st.sampled_from(
    ["0", "-0", "-0.0", "0.0", "1", "1.0", "1e2", "1E+2", "1e-2", "01", "1.", ".5", "+1", "-", "1e", "0e99999", "1e-9999", "1e308", "1e309", "-1e999", "NaN",
     "Infinity", "-Infinity", "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740992.0", "9007199254740991.0", "-9007199254740993",
     "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e15", "1e16",
     "123456789012345678901234567890", "0.1", "2.2250738585072011e-308", "5e-324", "2e-324", "1.7976931348623159e308", "9" * 310, "0." + "0" * 400 + "1",
     "179769313486231580793e289", "0.30000000000000004441", "8.988465674311581e307", "true1", "nul", "True"]
)  # fmt: skip
TEXTS = st.text(max_size=8) | st.sampled_from(['":', '" :', 'a":1', "\\", '\\":', "12:30", "http://x/", "\ud800", "\ud83d\ude00", "\0", "\x7f", "\u2028", " :"])
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t", "\r", "  ", "\x0b", "\xa0"])
RAW_TEXTS = st.sampled_from(['"a"', '"b"', '"a"', '"\\u0061"', '":"', '"\\":"', '"\\\\"', '" :"', '""', '"\\ud800"', '"\\ud83d\\ude00"', '"\\x"', '"\t"', '"x', '"\\/"'])


@st.composite
def written(draw: st.DrawFn, depth: int = 3) -> str:
    """JSON as somebody might have written it by hand: with names twice, blanks anywhere, and odd numbers."""
    blank = draw(BLANKS)
    kind = draw(st.sampled_from(["number", "text", "word", "object", "object", "list"] if depth else ["number", "text", "word"]))
    if kind == "number":
        return blank + draw(NUMBERS | st.integers().map(str) | st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str)) + draw(BLANKS)
    if kind == "text":
        return blank + draw(RAW_TEXTS) + draw(BLANKS)
    if kind == "word":
        return blank + draw(st.sampled_from(["true", "false", "null"])) + draw(BLANKS)
    inside = draw(st.lists(written(depth - 1), max_size=4))
    if kind == "list":
        return f"{blank}[{','.join(inside)}]{draw(BLANKS)}"
    members = [f"{draw(BLANKS)}{draw(RAW_TEXTS)}{draw(BLANKS)}:{value}" for value in inside]
    return f"{blank}{{{','.join(members)}}}{draw(BLANKS)}"


@given(written())
@example('{"a" :1,"a":2}')
@example('{"a" :1,"a":2,"x":"\\":"}')
@example('{"a":{"b":1},"a":":"}')
def test_of_what_somebody_wrote_by_hand(text: str) -> None:
    assert alike(text.encode("utf-8", "surrogatepass"))


@given(TREES, st.sampled_from([None, 1]), st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", "\n:\t")]))
def test_of_what_a_program_wrote(tree: Any, indent: int | None, ascii_only: bool, marks: tuple[str, str]) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only, indent=indent, separators=marks)
    body = text.encode("utf-8", "surrogatepass")
    assert alike(body)
    assert alike(b"\xef\xbb\xbf" + body)
    assert alike(text.encode("utf-16", "surrogatepass"))


@given(TREES, st.data())
def test_of_json_that_was_damaged(tree: Any, data: st.DataObject) -> None:
    body = json.dumps(tree, separators=data.draw(st.sampled_from([(",", ":"), (", ", ": ")]))).encode()
    for _ in range(data.draw(st.integers(1, 3))):
        at, to = sorted((data.draw(st.integers(0, len(body))), data.draw(st.integers(0, len(body)))))
        middle = data.draw(st.sampled_from([b"", body[at:to] * 2, b":", b'"', b'":', b" :", b",", b"\\", b"{", b"}", b"0", b"e9", b".", b"-", b"\0"]) | st.binary(max_size=2))
        body = body[:at] + middle + body[to:]
        assert alike(body)


@given(st.binary(max_size=40))
def test_of_any_bytes(body: bytes) -> None:
    assert alike(body)


@given(NUMBERS | st.integers(-(2**66), 2**66).map(str) | st.floats().map(repr) | st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_of_numbers_wherever_they_stand(number: str) -> None:
    for text in ("{}", '{{"a":{}}}', "[{}]", '{{"a":[1,{}],"b":"x"}}', '{{"a":"12:30","b":{{"c":{}}}}}'):
        assert alike(text.format(number).encode())


@pytest.mark.parametrize("depth", [1, 2, 62, 63, 64, 65, 66, 200, 5000])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_of_what_is_nested_deeply(depth: int, begin: bytes, end: bytes) -> None:
    assert alike(begin * depth + b"1" + end * depth)


@pytest.mark.parametrize("body", [b'{"a":1,"a":2}', b'{"a" :1,"a":2}', b'{"a":"x:y","a":2}', b'{"x":{"a":1,"a":1}}', b'{"a":1,"\\u0061":1}', b'{"a" :1,"a":2,"x":"\\":"}'])
def test_a_name_twice_is_seen_however_it_is_written(body: bytes) -> None:
    assert parsed(body) is MISSING


def test_a_whole_number_stays_whole_however_long_it_is() -> None:
    assert parsed(b'{"a":[123456789012345678901234567890]}') == {"a": [123456789012345678901234567890]}
    assert type(parsed(b"18446744073709551616")) is int


def test_plain_replies_never_need_the_strict_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes five times as long."""
    monkeypatch.setattr("surgekit.target.strict.strictly", lambda _: pytest.fail("the strict reader was asked"))
    for text in ('{"no":"A1","fen":100}', '{"at": "2026-11-25T12:30:00Z", "url": "http://x/", "ok": true, "left": null}', '{\n  "items" : [ {"a": 1.5}, {"a": 2} ]\n}', "[]", '"x"'):
        assert parsed(text.encode()) == json.loads(text)
