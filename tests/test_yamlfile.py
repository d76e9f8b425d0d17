"""A mistake in a file is told as one sentence: file, line, field, what is wrong, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from surgekit import yamlfile
from surgekit.errors import ConfigError
from surgekit.units import Real, Seconds, Share, Strict, Whole


class Room(Strict):
    name: str
    seats: Whole = Field(default=1, ge=1)
    kind: Literal["hall", "cabin"] = "cabin"


class House(Strict):
    name: str
    height: Real = Field(default=1.0, ge=0, allow_inf_nan=False)
    wait: Seconds = 0.0
    busy: Share = 0.0
    open: bool = True
    rooms: list[Room] = Field(default_factory=list)
    words: dict[str, str] = Field(default_factory=dict)


def read(text: str) -> House:
    return yamlfile.parse(text, House, name="house.yaml")


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        read(text)
    return str(raised.value)


MISTAKES = [
    # an unknown field, with the one that was meant, or with all there are
    ("name: a\nheigth: 2", "house.yaml:2: heigth: no such field; did you mean height?"),
    ("name: a\nxyz: 2", "house.yaml:2: xyz: no such field; allowed: busy, height, name, open, rooms, wait, words"),
    ("name: a\nrooms:\n  - name: b\n    setas: 2", "house.yaml:4: rooms[0].setas: no such field; did you mean seats?"),
    # missing: the line of what it is missing from
    ("height: 2", "house.yaml:1: name: is missing"),
    ("name: a\nrooms:\n  - name: b\n  - seats: 2", "house.yaml:4: rooms[1].name: is missing"),
    # the wrong kind of value
    ("name: a\nheight: tall", "house.yaml:2: height: a number is wanted (found 'tall')"),
    ("name: a\nheight: true", "house.yaml:2: height: a number is wanted (found true)"),
    ("name: a\nheight: [1]", "house.yaml:2: height: a number is wanted"),
    ("name: a\nheight:", "house.yaml:2: height: a number is wanted (found nothing)"),
    ("name: a\nrooms: 3", "house.yaml:2: rooms: a list is wanted, with a dash before each item or [in, brackets] (found 3)"),
    ("name: a\nrooms: [3]", "house.yaml:2: rooms[0]: fields are wanted here, written name: value (found 3)"),
    ("name: a\nwords: 3", "house.yaml:2: words: names and values are wanted here, written name: value (found 3)"),
    ("name: a\nopen: maybe", "house.yaml:2: open: true or false is wanted (found 'maybe')"),
    ("- a\n- b", "house.yaml:1: the whole file: fields are wanted here, written name: value"),
    ("name: a\nrooms: [{name: b, seats: 1.5}]", "house.yaml:2: rooms[0].seats: a whole number is wanted (found 1.5)"),
    ("name: a\nrooms: [{name: b, kind: barn}]", "house.yaml:2: rooms[0].kind: should be 'hall' or 'cabin' (found 'barn')"),
    # out of range
    ("name: a\nheight: -1", "house.yaml:2: height: should be greater than or equal to 0 (found -1)"),
    ("name: a\nbusy: 1.5", "house.yaml:2: busy: should be less than or equal to 1 (found 1.5)"),
    ("name: a\nheight: .nan", "house.yaml:2: height: a finite number is wanted (found nan)"),
    ("name: a\nheight: .inf", "house.yaml:2: height: a finite number is wanted (found inf)"),
    ("name: a\nwait: .nan", "house.yaml:2: wait: should be greater than or equal to 0 (found nan)"),
    ("name: a\nwait: soon", "house.yaml:2: wait: a duration such as 30s, 250ms, 2m or 1m30s is wanted (found 'soon')"),
    ("name: a\nwait: 25h", "house.yaml:2: wait: should be less than or equal to 86400 (found '25h')"),
    # what YAML makes of words
    ("name: 618", "house.yaml:1: name: text is wanted; put it into quotes (found 618)"),
    ("name: a\nwords: {618: x}", "house.yaml:2: words.618: text is wanted; put it into quotes (found 618)"),
    ("name: a\n618: x", "house.yaml:2: 618: a name is wanted here; put it into quotes (found 618)"),
    ("name: a\nwait: 1:30", "house.yaml:2: wait: a duration such as 30s, 250ms, 2m or 1m30s is wanted (found '1:30')"),
    # not YAML
    ("name: a\nwords: {a: b", "house.yaml:2: not valid YAML: expected ',' or '}', but got '<stream end>'"),
    ("name: a\n\theight: 2", "house.yaml:2: not valid YAML: found character '\\t' that cannot start any token"),
    ("name: a\nwords: *b", "house.yaml:2: not valid YAML: found undefined alias 'b'"),
    ("name: a\n---\nname: b", "house.yaml:2: not valid YAML: but found another document"),
    ("name: a\nheight: 2\x07", "house.yaml:2: not valid YAML: the character U+0007 is not allowed"),
    ("", "house.yaml:1: the file is empty"),
    ("# nothing but a comment", "house.yaml:1: the file is empty"),
    # YAML that is refused
    ("name: a\nheight: 2\nname: b", "house.yaml:3: name: given twice (first in line 1)"),
    ("name: a\nwords:\n  b: c\n  b: d", "house.yaml:4: b: given twice (first in line 3)"),
    ("name: a\n? [b, c]\n: d", "house.yaml:2: a list or a mapping cannot be the name of a field"),
    ("name: !!python/name:os.system a", "house.yaml:1: 'os.system': tags (!) are not used in this file; write plain values"),
    ("name: a\nwords: !!set {b, c}", "house.yaml:2: 'set': tags (!) are not used in this file; write plain values"),
    ("name: a\nheight: " + "9" * 5000, "house.yaml:2: height: a number of 5000 digits"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=[said[11:60] for _, said in MISTAKES])
def test_each_mistake_is_one_sentence_with_its_place(text: str, said: str) -> None:
    assert complaint(text) == said


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    assert complaint("heigth: 2\nbusy: 3").splitlines() == [
        "house.yaml:1: name: is missing",
        "house.yaml:2: busy: should be less than or equal to 1 (found 3)",
        "house.yaml:1: heigth: no such field; did you mean height?",
    ]


def test_a_file_that_is_wrong_everywhere_does_not_fill_the_screen() -> None:
    said = complaint("name: a\nrooms:\n" + "  - {nane: b}\n" * 500).splitlines()
    assert len(said) == 21
    assert said[-1] == "house.yaml: and 980 more mistakes"


def test_what_was_meant_is_looked_for_in_the_lines_that_are_told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("difflib.get_close_matches", lambda word, *_, **__: asked.append(word) or [])
    assert complaint("".join(f"nam{n}: a\n" for n in range(3000))).endswith("more mistakes")
    assert len(asked) <= 20


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "2026-02-17", "12:30:00", "=", "0o17", "1_000"])
def test_a_word_that_old_yaml_reads_as_something_else_stays_a_word(word: str) -> None:
    assert read(f"name: {word}").name == word


@pytest.mark.parametrize("word", ["on", "no", "1:30"])
def test_such_a_word_may_name_an_entry(word: str) -> None:
    assert read(f"name: a\nwords: {{{word}: b}}").words == {word: "b"}


@pytest.mark.parametrize(("word", "value"), [("010", 10), ("0x10", 16), ("+3", 3), ("1e2", 100), ("1.5E-1", 0.15), (".5", 0.5), ("3.", 3)])
def test_numbers_are_read_as_people_write_them(word: str, value: float) -> None:
    assert read(f"name: a\nheight: {word}").height == value


@pytest.mark.parametrize(("word", "value"), [("true", True), ("False", False)])
def test_true_and_false_are_the_only_booleans(word: str, value: bool) -> None:
    assert read(f"name: a\nopen: {word}").open is value


def test_anchors_and_merges_are_read() -> None:
    house = read("name: a\nrooms:\n  - &first {name: b, seats: 4}\n  - {<<: *first, name: c}\n  - *first")
    assert [(room.name, room.seats) for room in house.rooms] == [("b", 4), ("c", 4), ("b", 4)]


def test_a_mistake_in_merged_fields_has_the_line_where_it_is_written() -> None:
    assert complaint("name: a\nrooms:\n  - &first\n    name: b\n    seats: 0\n  - <<: *first\n    name: c").splitlines() == [
        "house.yaml:5: rooms[0].seats: should be greater than or equal to 1 (found 0)",
        "house.yaml:5: rooms[1].seats: should be greater than or equal to 1 (found 0)",
    ]


def bomb(levels: int, opening: str, more: str) -> str:
    """Each line is ten times the line before it."""
    lines = [f"a0: &a0 {opening}"]
    lines += [f"a{n}: &a{n} " + more.replace("*", f"*a{n - 1}") for n in range(1, levels)]
    return "\n".join(lines)


TEN = ", ".join(["*"] * 10)


@pytest.mark.parametrize(
    "text",
    [
        bomb(9, "[x, x, x, x, x, x, x, x, x, x]", f"[{TEN}]"),
        bomb(9, "{x: y}", "{" + ", ".join(f"k{n}: *" for n in range(10)) + "}"),
        bomb(9, "{x: y}", f"{{<<: [{TEN}]}}"),
    ],
    ids=["lists", "mappings", "merges"],
)
def test_a_billion_laughs_end_in_one_sentence(text: str) -> None:
    """Expanded, the nine lines have 10⁹ values: a test that does not end is this one failing."""
    said = complaint(text)
    assert "more than 200,000 values (each use of an alias counts)" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["a: &a [*a]", "a: &a {b: *a}", "[" * 42 + "]" * 42, "[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000],
    ids=["self list", "self mapping", "42 levels", "open lists", "open mappings", "dashes", "keys"],
)
def test_nesting_without_end_ends_in_one_sentence(text: str) -> None:
    assert complaint(text) == "house.yaml:1: nested more than 40 levels deep"


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_bytes("name: a\nwords: {a: 点卡}\n".encode("gbk"))
    with pytest.raises(ConfigError) as raised:
        yamlfile.load(path, House)
    assert str(raised.value) == f"{path}:2: not UTF-8 text; save the file as UTF-8"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\n")
    assert yamlfile.load(path, House).name == "a"


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing: reading it would not end
    with pytest.raises(ConfigError) as raised:
        yamlfile.load(path, House)
    assert str(raised.value) == f"{path}: too large; a file of this kind has at most 1,048,576 bytes"


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        yamlfile.load(tmp_path, House)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: !!bool x", "house.yaml:1: not valid YAML: 'x' is neither true nor false"),
        ("name: !!merge x", "house.yaml:1: 'merge': tags (!) are not used in this file; write plain values"),
        ("!!python/object:os.system name: a", "house.yaml:1: 'os.system': tags (!) are not used in this file; write plain values"),
        ("name: <<", "house.yaml:1: 'merge': tags (!) are not used in this file; write plain values"),
        ("name: " + "a" * 20_001, "house.yaml:1: name: a text of 20,001 characters; 20,000 are allowed"),
        ("b" * 201 + ": 1", f"house.yaml:1: {'b' * 40}…: a field's name of 201 characters; 200 are allowed"),
    ],
)
def test_what_no_reader_expects_is_told_in_a_sentence_that_fits_a_screen(text: str, said: str) -> None:
    assert complaint(text) == said


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{" * 1_000_000, "a: " + "[1, " * 250_000, "- " * 500_000])
def test_a_megabyte_of_brackets_is_refused_before_it_is_read(text: str) -> None:
    assert complaint(text) == "house.yaml:1: nested more than 40 levels deep"
