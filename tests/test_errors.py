"""What a user sees of an error fits on a screen, whatever stands in it."""

from __future__ import annotations

from surgekit.errors import MOST_LINE, ConfigError


def test_a_long_sentence_keeps_its_place_and_its_advice() -> None:
    said = str(ConfigError(f"shop.yaml:3: name: {'x' * 50_000} is too long; use 40 characters at most"))
    assert len(said) <= MOST_LINE
    assert said.startswith("shop.yaml:3: name: xxx")
    assert said.endswith("xxx is too long; use 40 characters at most")
    assert "(48,258 characters left out)" in said


def test_a_sentence_that_fits_is_left_as_it_is() -> None:
    said = "a" * MOST_LINE
    assert str(ConfigError(said)) == said
    assert str(ConfigError("one\ntwo\n")) == "one\ntwo\n"


def test_each_line_is_cut_by_itself() -> None:
    lines = str(ConfigError(f"shop.yaml:3: a\nshop.yaml:4: {'y' * 9_000}\nshop.yaml:5: b")).split("\n")
    assert (lines[0], lines[2], len(lines)) == ("shop.yaml:3: a", "shop.yaml:5: b", 3)
    assert len(lines[1]) <= MOST_LINE
