"""Forms and JSON as they are sent, and forms as PHP reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.target.signing import parse_form, render_form, render_json


def test_a_form_is_written_in_phps_way() -> None:
    data = {"a": {"b": True, "c": None}, "l": [1, 2.0, False], "m": [{"x": 1}, {"x": "游 ~"}], "n": None, "e": []}
    assert (
        render_form(data) == b"a%5Bb%5D=1&l%5B%5D=1&l%5B%5D=2&l%5B%5D=0&m%5B0%5D%5Bx%5D=1&m%5B1%5D%5Bx%5D=%E6%B8%B8+%7E"
    )
    assert parse_form(render_form(data)) == {"a": {"b": "1"}, "l": ["1", "2", "0"], "m": [{"x": "1"}, {"x": "游 ~"}]}


# What PHP 8.2's parse_str makes of it.
ODD_FORM = b"a[b]=1&a[c][]=2&a[c][]=3&d[]=x&k[l]m=4&n=1&n=2&=5&o&p[]=&q[0][b]=1&q[0][c]=2&r[a[b]]=3&s[][x]=1&s[][y]=2&t[1]=a&t[0]=b&v=1&v[a]=2&w[a]=1&w=2&x[5]=1&x[]=2"
ODD_READ = {
    "a": {"b": "1", "c": ["2", "3"]}, "d": ["x"], "k": {"l": "4"}, "n": "2", "o": "", "p": [""], "q": [{"b": "1", "c": "2"}],
    "r": {"a[b": "3"}, "s": [{"x": "1"}, {"y": "2"}], "t": {"1": "a", "0": "b"}, "v": {"a": "2"}, "w": "2", "x": {"5": "1", "6": "2"},
}  # fmt: skip


def test_a_form_is_read_as_php_reads_it() -> None:
    assert parse_form(ODD_FORM) == ODD_READ


@given(st.binary(max_size=60))
def test_any_bytes_can_be_read_as_a_form(raw: bytes) -> None:
    parse_form(raw)


def test_a_hostile_form_is_cut_short() -> None:
    assert len(parse_form(b"&".join(b"f%d=1" % number for number in range(5000)))) == 1000
    read: Any = parse_form(b"a" + b"[b]" * 50_000 + b"=1")
    levels = 0
    while isinstance(read, dict):
        read, levels = next(iter(read.values())), levels + 1
    assert levels <= 33


def test_json_is_compact_and_says_what_it_cannot_carry() -> None:
    assert render_json({"名": [1, 1.5, None, "a/b"]}) == '{"名":[1,1.5,null,"a/b"]}'.encode()
    for odd in (float("nan"), {1, 2}, b"x"):
        with pytest.raises(ConfigError, match="has no form in JSON"):
            render_json({"a": odd})
