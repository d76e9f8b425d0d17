"""What is written is what was meant, whatever the texts are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.target.draft.writing import Noted, bare, check, note, scalar, todo, written

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["true", "no", "1", "1e5", "~", "a: b", "# x", "- a", "{x}", "*a", "\x00\x7f\x85\u2028\ufeff", "😀"])
DATA = st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3) | inner.map(lambda each: check(each, "why: # {x}\nnot")), max_leaves=12)  # fmt: skip


def minimal(**more: Any) -> dict[str, Any]:
    submit = {"request": "POST /o", "replies": [{"class": "ok", "path": "code", "equals": 0}], **more}
    return {"schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1", "catalogue": [{"sku": "a", "price_fen": 1}], "steps": {"submit": submit}}


@given(DATA)
def test_yaml_gives_back_what_was_written(data: Any) -> None:
    text = written(minimal(), name="x") + "\n".join(__import__("surgekit.target.draft.writing", fromlist=["_entry"])._entry("extra:", data, ""))
    assert yaml.safe_load(text)["extra"] == bare(data)


def test_comments_stand_beside_the_value_and_never_break_out_of_their_line() -> None:
    text = written(minimal(json={"a": check("x", "first\nsecond: y"), "b": todo(1, "what?")}), head=["one\ntwo"], foot=["three"], name="x")
    assert "a: x   # CHECK: first second: y" in text
    assert "b: 1   # TODO: what?" in text
    assert text.startswith("# one two\n")
    assert text.endswith("# three\n")


def test_a_comment_is_cut_at_a_sensible_length() -> None:
    assert len(note("x" * 5000)) < 200


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_numbers_that_no_file_can_carry_become_text(value: Any) -> None:
    assert isinstance(yaml.safe_load(scalar(value)), str)


def test_a_draft_that_would_not_load_is_not_handed_out() -> None:
    with pytest.raises(ConfigError, match=r"^doc\.yaml: no target can be made of it"):
        written(minimal(form={"a": "{nothing_gives_this}"}), name="doc.yaml")


def test_notes_may_be_nested() -> None:
    assert bare(Noted([check({"a": todo(1, "x")}, "y")], "z")) == [{"a": 1}]
