"""The HTML report: says the verdict first, and then what led to it, in words, charts and tables."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from html_page import LANGS, Page, cut
from report_samples import SAMPLES, broken, check, died, held, void

from surgekit.report.html import body, render
from surgekit.report.page.reading import amount, clock, millis, number, percent, range_of
from surgekit.report.page.series import MOST_POINTS, frame
from surgekit.report.words import PHRASES, Lang, phrase


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_each_run_becomes_a_well_formed_page(name: str, lang: Lang) -> None:
    page = Page(render(*SAMPLES[name](), lang))
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert [i for i, n in ids.items() if n > 1] == []
    assert next(a for t, a in page.tags if t == "html")["lang"] == {"en": "en", "zh": "zh-CN"}[lang]
    assert [t for t, _ in page.tags].count("h1") == 1
    assert not re.search(r"\{\w+\}|\bNone\b|\bnan\b", page.text)


# -- what is said, and in which order


def test_the_verdict_comes_before_the_charts_and_the_tables() -> None:
    source = render(*broken(), "en")
    places = [source.index(part) for part in (
        "<h1>", 'class="validity"', 'id="measure-confirm_latency"', 'id="measure-oversell"', 'id="measure-error_rate"',
        'id="charts"', 'id="audit"', 'id="orders"', 'id="latency"', 'id="hops-confirm_latency"', 'id="recovery"',
        'id="faults"', '<section id="validity"', 'id="notes"', 'id="reproduce"')]  # fmt: skip
    assert places == sorted(places)


def test_a_broken_measure_says_at_which_rate_when_how_far_why_and_what_to_try() -> None:
    card = Page(cut(body(*broken(), "en"), "measure-confirm_latency", "article")).text
    for said in ("broke", "112.4", "orders/s", "between 104.1 and 119.8", "33.2 s, in phase “drop”", "Limit 3 s",
                 "Observed 21.9 s", "The supplier link took", "run it again with --target cardshop-hardened"):  # fmt: skip
        assert said in card


def test_a_held_measure_says_up_to_which_rate_and_an_undecided_one_names_none() -> None:
    source = body(*held(), "en")
    assert "held up to 118 orders/s Limit 3 s" in Page(cut(source, "measure-confirm_latency", "article")).text
    undecided = Page(cut(source, "measure-oversell", "article")).text
    assert "undecided" in undecided
    assert "orders/s" not in undecided


@pytest.mark.parametrize("lang", LANGS)
def test_a_void_run_says_so_before_anything_else_with_each_reason(lang: Lang) -> None:
    source = body(*void(), lang)
    banner = Page(cut(source, "void", "section")).text
    assert phrase("page.void", lang) in banner
    assert "100 ms late" in banner
    assert {"en": "used 97 %", "zh": "占用 97%"}[lang] in banner
    assert source.index('id="void"') < source.index('id="verdicts"')
    assert source.count("doubtful") == 3
    assert phrase("page.valid", lang) not in source


def test_a_valid_run_has_no_banner() -> None:
    assert 'id="void"' not in body(*broken(), "en")


@pytest.mark.parametrize("lang", LANGS)
def test_a_run_that_died_early_decides_nothing_and_draws_nothing(lang: Lang) -> None:
    page = Page(body(*died(), lang))
    assert page.text.count(phrase("verdict.undecided", lang)) == 3
    assert phrase("page.no_series", lang) in page.text
    assert "port 8080" in page.text
    assert page.scripts == []


def test_a_run_without_a_headline_gets_one_from_its_verdicts() -> None:
    result, series = broken()
    del result["headline"]
    result["breakdown"]["oversell"]["status"] = "held"
    headline = "Confirmation latency broke at 112.4 orders/s; oversell held; error rate broke at 117 orders/s"
    assert headline in Page(body(result, series, "en")).text


def test_the_violated_invariants_come_first_and_each_is_explained() -> None:
    audit = Page(cut(body(*broken(), "en"), "audit", "section")).text
    assert audit.index("stock_conserved") < audit.index("balance_conserved") < audit.index("card_is_real")
    for name in (key for key in PHRASES if key.startswith("invariant.")):
        assert phrase(name, "en") in audit


def test_where_nothing_was_decided_the_audit_says_why() -> None:
    result, series = broken()
    result["audit"] = [check("paid_is_settled", "undecided", 3, 0, []) | {"because": "2 operations with an <unknown> outcome"}]
    assert "2 operations with an <unknown> outcome" in Page(cut(body(result, series, "en"), "audit", "section")).text


def test_examples_are_folded_and_counted() -> None:
    audit = Page(cut(body(*broken(), "en"), "audit", "section")).text
    assert "examples (17)" in audit
    assert "and 7 more" in audit
    assert "orders: C01K7, C01KB" in audit


def test_a_null_quantile_is_later_than_watched_and_a_missing_one_is_a_dash() -> None:
    result, series = broken()
    del result["latency_ms"]["accept"]["p999"]
    table = Page(cut(body(result, series, "en"), "latency", "section")).text
    assert table.endswith("9.8 ms 310 ms 1.42 s — Card visible (confirmed) 812 ms 9.12 s 21.9 s later than watched")


def test_hop_times_that_measures_share_are_shown_once() -> None:
    source = body(*broken(), "en")
    assert source.count('id="hops-') == 1
    assert "Supplier 41 ms 3.04 s ×74.1" in Page(source).text


def test_a_fault_that_was_not_healed_stands_out() -> None:
    result, series = broken()
    result["faults"][0]["healed"] = False
    assert "<strong>NO</strong>" in cut(body(result, series, "en"), "faults", "section")


def test_the_command_is_shown_as_it_would_be_typed() -> None:
    result, series = broken()
    result["run"]["command"] = ["surgekit", "blast", "--target", "my runs"]
    assert "surgekit blast --target &#x27;my runs&#x27;" in body(result, series, "en")


def test_the_chinese_page_has_no_english_phrase_left() -> None:
    page = Page(render(*broken(), "zh"))
    left = [key for key, (english, _) in PHRASES.items() if len(english) > 14 and english in page.text]
    assert left == []


# -- charts


def test_the_charts_get_their_numbers_and_a_gap_stays_a_gap() -> None:
    result, series = broken()
    data = Page(body(result, series, "en")).series
    assert data["t"] == series["t"]
    assert data["columns"]["confirmed"] == series["confirmed"]
    assert data["columns"]["p99_ms"][66] is None
    assert [p["name"] for p in data["panels"]] == ["rate", "latency", "shares", "stock", "oversold", "load", "cpu"]
    assert data["phases"] == series["phases"]
    assert data["marks"][0]["label"] == "oversell broke"


def test_latency_is_logarithmic_only_when_it_spans_much() -> None:
    assert Page(body(*broken(), "en")).series["panels"][1]["log"] is True
    assert Page(body(*held(), "en")).series["panels"][1]["log"] is False


def test_without_script_the_phases_are_there_in_numbers() -> None:
    source = body(*broken(), "en")
    assert "<noscript>" in source
    assert re.search(r"drop 28 s – 44 s 126 74 105\.9 s", Page(cut(source, "by-phase", "div")).text)


def test_oversold_has_its_own_chart_only_where_it_would_drown_in_the_stock() -> None:
    result, series = broken()
    series["stock_left"] = [100] * 70
    panels = Page(body(result, series, "en")).series["panels"]
    assert [line["column"] for p in panels if p["name"] == "stock" for line in p["lines"]] == ["stock_left", "oversold"]


def test_a_long_run_is_thinned_but_its_worst_second_is_kept() -> None:
    length = 14_400
    p99 = [100.0] * length
    p99[7_777] = 9_999.0
    stock = [500] * length
    stock[9_001] = 3
    data = frame({"t": list(range(length)), "p99_ms": p99, "stock_left": stock, "offered": [1, 3] * 7_200}, "en")
    assert len(data.t) <= MOST_POINTS
    assert data.step_s == 16
    assert max(v for v in data.columns["p99_ms"] if v is not None) == 9_999
    assert min(v for v in data.columns["stock_left"] if v is not None) == 3
    assert set(data.columns["offered"]) == {2}


def test_columns_of_the_wrong_length_or_kind_are_mended() -> None:
    data = frame({"t": [0, 1, 2], "sent": [1], "p99_ms": [1, float("nan"), "x", 4, 5], "cpu": {"engine": None}}, "en")
    assert data.columns["sent"] == [1, None, None]
    assert data.columns["p99_ms"] == [1, None, None]
    assert data.columns["cpu.engine"] == [None, None, None]


# -- numbers in words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(None), "—"),
        (number(1234567.0), "1,234,567"),
        (number(112.44), "112.4"),
        (number(0.0512), "0.0512"),
        (percent(0.05), "5%"),
        (percent(0.1271), "12.7%"),
        (percent(0.0004), "0.04%"),
        (millis(420.0, "en"), "420 ms"),
        (millis(3000.0, "zh"), "3 秒"),
        (clock(42.5, "en"), "42.5 s"),
        (clock(119.97, "en"), "120 s"),
        (clock(725, "en"), "12 min 05 s"),
        (clock(725, "zh"), "12 分 05 秒"),
        (amount(3000, "ms", "en"), "3 s"),
        (amount(0.05, "share", "en"), "5%"),
        (amount(71, "cards", "zh"), "71 张"),
        (amount(7, "hens", "en"), "7 hens"),
        (amount("p99 < 3 s", "", "en"), "p99 < 3 s"),
        (range_of([1, 2.5], "en"), "between 1 and 2.5"),
        (range_of([None, 9], "en"), "at most 9"),
        (range_of([None, None], "en"), ""),
        (range_of(None, "en"), ""),
    ],
)
def test_numbers_are_written_as_people_read_them(said: str, expected: str) -> None:
    assert said == expected
