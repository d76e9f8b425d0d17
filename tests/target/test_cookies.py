"""A jar gives back what it was given, in the order that browsers have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.target.cookies import Jar

PATHS = st.sampled_from(["/", "/a", "/a/", "/a/b", "/b"])
LINES = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("123"), PATHS, st.booleans()), max_size=6)


@given(LINES, PATHS, st.booleans())
def test_longer_paths_come_first_and_else_the_older(lines: list[tuple[str, str, str, bool]], path: str, secure: bool) -> None:
    jar, kept = Jar(), dict[tuple[str, str], tuple[str, bool]]()
    for name, value, below, tls in lines:
        jar.store("h", "/", [f"{name}={value}; Path={below}{'; Secure' if tls else ''}"])
        kept.pop((name, below), None)
        kept[name, below] = value, tls
    fits = [
        (len(below), f"{name}={value}") for (name, below), (value, tls) in kept.items()
        if (secure or not tls) and (path == below or path.startswith(below if below.endswith("/") else f"{below}/"))
    ]  # fmt: skip
    in_turn = [pair for length in range(9, 0, -1) for own, pair in fits if own == length]
    assert jar.header("h", path, secure=secure) == ("; ".join(in_turn) or None)
    assert jar.header("other", path, secure=secure) is None


@pytest.mark.parametrize("point", [*range(33), 127, 128, 160])
def test_a_cookie_with_a_control_character_is_none(point: int) -> None:
    jar = Jar()
    jar.store("h", "/", [f"a=1{chr(point)}2"])
    assert (jar.header("h", "/", secure=False) is None) == (point < 32 or point == 127) == jar.empty


@pytest.mark.parametrize(
    ("more", "gone"),
    [("Max-Age=0", True), ("Max-Age=-5", True), ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False), ("Expires=Thu, 01-Jan-1970 00:00:00 GMT", True),
     ("Expires=Wed, 25 Nov 2099 00:00:00 GMT", False), ("Expires=soon", False), ("Expires=", False), ("HttpOnly", False)],
)  # fmt: skip
def test_a_cookie_is_deleted_by_its_age_or_a_date_of_long_ago(more: str, gone: bool) -> None:
    jar = Jar()
    jar.store("h", "/", ["a=1"])
    jar.store("h", "/", [f"a=2; {more}"])
    assert jar.view("h") == ({} if gone else {"a": "2"})
