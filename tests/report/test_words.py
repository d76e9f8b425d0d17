"""The phrases: complete in both languages, and each key that the report asks for is there."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from surgekit.report import words
from surgekit.report.words import PHRASES, Lang, phrase, phrase_or

LANGS: tuple[Lang, Lang] = ("en", "zh")
THE_SAME_IN_BOTH = {"line.p50_ms", "line.p99_ms", "chart.cpu", "column.examples"}

NEEDED_ELSEWHERE = [
    *[f"measure.{name}" for name in ("confirm_latency", "oversell", "error_rate")],
    *[f"verdict.{name}" for name in (
        "broke", "held", "undecided", "violated", "valid", "void", "passed", "failed", "inconclusive")],
    *[f"recovery.{name}" for name in ("recovered", "draining", "metastable", "inconclusive")],
    *[f"station.{name}" for name in ("client", "submit", "pay", "callback", "supplier", "platform")],
    *[f"column.{name}" for name in (
        "what", "verdict", "at_rate", "at_time", "phase", "limit", "observed", "why", "try_next")],
    *[f"invariant.{name}" for name in (
        "card_sold_once", "card_is_real", "sold_within_stock", "delivery_complete", "paid_is_settled", "charged_once",
        "purchased_once", "callback_idempotent", "refund_conserved", "balance_conserved", "status_forward",
        "stock_conserved", "reservation_returns")],
]  # fmt: skip


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_a_phrase_says_the_same_in_both_languages(key: str) -> None:
    english, chinese = PHRASES[key]
    assert english.strip()
    assert chinese.strip()
    assert blanks(english) == blanks(chinese)


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_the_chinese_is_chinese(key: str) -> None:
    english, chinese = PHRASES[key]
    words_left = re.sub(r"\{\w+\}", "", english)
    if key not in THE_SAME_IN_BOTH and re.search(r"[a-z]", words_left):
        assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]", english)


@pytest.mark.parametrize("key", NEEDED_ELSEWHERE)
@pytest.mark.parametrize("lang", LANGS)
def test_the_words_that_other_reports_share_are_there(key: str, lang: Lang) -> None:
    assert phrase(key, lang)


def test_blanks_are_filled() -> None:
    assert phrase("word.between", "en", lo=3, hi=5) == "between 3 and 5"
    assert phrase("word.between", "zh", lo=3, hi=5) == "区间 3 至 5"


@pytest.mark.parametrize("lang", LANGS)
def test_a_missing_key_is_an_error(lang: Lang) -> None:
    with pytest.raises(KeyError):
        phrase("verdict.maybe", lang)


@pytest.mark.parametrize("lang", LANGS)
def test_a_blank_left_empty_is_an_error(lang: Lang) -> None:
    with pytest.raises(KeyError):
        phrase("word.between", lang, lo=3)


def test_a_key_made_from_data_has_a_fallback() -> None:
    assert phrase_or("invariant.card_sold_once", "en", "") == phrase("invariant.card_sold_once", "en")
    assert phrase_or("invariant.from_the_future", "en", "?") == "?"


def test_every_key_that_the_report_names_is_in_the_table() -> None:
    named = set()
    for path in Path(words.__file__).parent.rglob("*.py"):
        named |= set(re.findall(r'phrase\(\s*"([a-z_0-9.]+)"', path.read_text(encoding="utf-8")))
    assert len(named) > 40
    assert named - set(PHRASES) == set()
