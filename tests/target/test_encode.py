"""Values are written at once where that can be, and then as they are written by the book."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.target import encode
from surgekit.target.encode import Raw
from surgekit.target.filters import any_fen, fen
from surgekit.target.template import Piece, Template, json_template, url_template

WRITERS: list[tuple[Callable[[Any], bytes], Callable[[Any], bytes]]] = [
    (encode.header, encode.any_header), (encode.url, encode.any_url), (encode.segment, encode.any_segment), (encode.query, encode.any_query),
    (encode.json_value, encode.any_json), (encode.json_inside, encode.any_json_inside), (encode.text, encode.any_text),
]  # fmt: skip
NAMES = [quick.__name__ for quick, _ in WRITERS]


class Word(str):
    def __str__(self) -> str:
        return "another"


class Level(enum.IntEnum):
    HIGH = 3


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.from_regex(r"[A-Za-z0-9_.~-]{0,20}", fullmatch=True)
    | st.text().map(Raw) | st.sampled_from([".", "..", "...", "\ud800", "a\ud800b", "\x7f", "\u2028", "a\r\nB: c", "a\0", "/a?b=c", "%", "%s", Word("x"), Level.HIGH, "", "-"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@pytest.mark.parametrize(("quick", "any_way"), WRITERS, ids=NAMES)
@given(value=VALUES)
def test_both_ways_write_the_same(quick: Callable[[Any], bytes], any_way: Callable[[Any], bytes], value: Any) -> None:
    assert quick(value) == any_way(value)
    assert type(quick(value)) is bytes


ODD = [0, -0.0, 1e16, 1e-7, 1.5, 1e22, 2**63, 2**64, -(2**64), 10**30, True, False, None, Level.HIGH, Word("x"), Raw("a b"), "", ".", "..", "...", "-", [1], {"a": "\ud800"}]


@pytest.mark.parametrize(("quick", "any_way"), WRITERS, ids=NAMES)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_both_ways_write_what_is_odd_alike(quick: Callable[[Any], bytes], any_way: Callable[[Any], bytes], value: Any) -> None:
    assert quick(value) == any_way(value)


@pytest.mark.parametrize(("quick", "any_way"), WRITERS, ids=NAMES)
def test_both_ways_write_every_character_alike(quick: Callable[[Any], bytes], any_way: Callable[[Any], bytes]) -> None:
    for point in range(0x180):
        for text in (chr(point), f"ab{chr(point)}", f"{chr(point)}.-", chr(point) * 3):
            assert quick(text) == any_way(text), point
    for first in range(0, 0x110000, 0x100):
        text = "".join(map(chr, range(first, first + 0x100)))
        assert quick(text) == any_way(text), first


AMOUNTS = st.from_regex(r"-?[¥ ]?[0-9]{0,16}[.,]?[0-9]{0,9}", fullmatch=True) | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.booleans() | st.none() | st.text()


@given(AMOUNTS | st.sampled_from(["٣.٤٥", "12.3٤", "²1.00", "1.2.3", "12.34.5", ".50", "1234567890123.45", 10**13 - 1, 10**13, "00012.30"]))
def test_an_amount_is_the_same_both_ways(value: Any) -> None:
    assert fen(value) == any_fen(value)


PIECES = st.lists(st.binary(max_size=4) | st.sampled_from([b"%", b"%b", b"%%d", b""]) | st.sampled_from("abcdefg").map(lambda name: (name, encode.text)), max_size=14)
FILLING = st.fixed_dictionaries({name: st.text(max_size=4) | st.just("%b") for name in "abcdefg"})


@given(PIECES, FILLING)
def test_a_template_is_its_pieces_in_turn_however_many_holes_it_has(pieces: list[Piece], values: dict[str, str]) -> None:
    told = b"".join(piece if isinstance(piece, bytes) else piece[1](values[piece[0]]) for piece in pieces)
    made = Template(pieces)
    assert made.render(values) == told
    assert made.constant == (told if not made.names else None)


@given(PIECES, FILLING, st.sets(st.sampled_from("abcdefg")))
def test_holes_that_are_filled_for_good_are_none_any_more(pieces: list[Piece], values: dict[str, str], early: set[str]) -> None:
    made = Template(pieces)
    fixed = made.fixed({name: values[name] for name in early})
    assert fixed.names == made.names - early
    assert fixed.render(values) == made.render(values)
    assert fixed.render({name: values[name] for name in fixed.names}) == made.render(values)


def test_what_is_filled_early_is_written_as_it_would_be_later() -> None:
    made = url_template("{base}/o/{key}?x={key}", "t").fixed({"base": "http://127.0.0.1/a b", "key": ".."})
    assert made.constant == b"http://127.0.0.1/a%20b/o/%2E%2E?x=%2E%2E"
    assert json_template({"a": "{n}", "b": "x{n}", "c": "{m}"}, "t").fixed({"n": True}).pieces[0] == b'{"a":true,"b":"xtrue","c":'


@pytest.mark.parametrize("count", range(7))
def test_a_name_without_a_value_is_a_mistake_whatever_else_is_there(count: int) -> None:
    names = [f"n{number}" for number in range(count + 1)]
    made = Template([piece for name in names for piece in (b"-", (name, encode.text))])
    for lacking in names:
        with pytest.raises(KeyError, match=lacking):
            made.render({name: "x" for name in names if name != lacking})
