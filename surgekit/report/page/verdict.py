"""The top of the page: what a reader needs before any chart. Headline, whether the run counts, one card a measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surgekit.report.page.markup import Html, el
from surgekit.report.page.reading import (
    DASH,
    NATURAL_UNIT,
    amount,
    clipped,
    clock,
    listing,
    mapping,
    moment,
    num,
    number,
    range_of,
    said,
    sentence,
)
from surgekit.report.words import Lang, phrase, phrase_or

MEASURES = ("confirm_latency", "oversell", "error_rate")

GLYPHS = {
    "broke": "✕",
    "violated": "✕",
    "failed": "✕",
    "void": "✕",
    "metastable": "✕",
    "held": "✓",
    "passed": "✓",
    "valid": "✓",
    "recovered": "✓",
}
TONES = {"✕": "bad", "✓": "good", "?": "open"}


def badge(verdict: str, lang: Lang, group: str = "verdict") -> Html:
    """A verdict as glyph and word on a colour, so that none of the three carries it alone."""
    glyph = GLYPHS.get(verdict, "?")
    word = phrase_or(f"{group}.{verdict}", lang, clipped(verdict, 40))
    return el("span", el("span", glyph, aria_hidden="true"), " ", word, class_=f"badge {TONES[glyph]}")


def is_void(result: Mapping[str, Any]) -> bool:
    """Whether the run declared itself void."""
    return mapping(result.get("validity")).get("status") == "void"


def status_of(found: Mapping[str, Any]) -> str:
    """broke, held or undecided; anything else counts as undecided."""
    status = found.get("status")
    return status if isinstance(status, str) and status in ("broke", "held") else "undecided"


def headline(result: Mapping[str, Any], lang: Lang) -> str:
    """The run's own headline, or one made of its verdicts."""
    own = said(result.get("headline"), lang)
    if own:
        return own
    if is_void(result):
        return phrase("headline.void", lang)
    parts = []
    breakdown = mapping(result.get("breakdown"))
    for measure in MEASURES:
        found = mapping(breakdown.get(measure))
        status = status_of(found)
        if status == "undecided":
            continue
        words = {"measure": phrase(f"measure.{measure}", lang), "verdict": phrase(f"verdict.{status}", lang)}
        rate = num(found.get("at_rate"))
        if status == "broke" and rate is not None:
            parts.append(phrase("headline.part_at", lang, rate=number(rate), **words))
        else:
            parts.append(phrase("headline.part", lang, **words))
    return sentence(phrase("headline.join", lang).join(parts)) if parts else phrase("headline.none", lang)


def banner(result: Mapping[str, Any], lang: Lang) -> Html:
    """Whether the run counts: one quiet line, or a loud banner with the reasons."""
    validity = mapping(result.get("validity"))
    if is_void(result):
        reasons = [el("li", clipped(said(reason, lang), 500)) for reason in listing(validity.get("reasons"))]
        return el(
            "section",
            el("h2", el("span", "⚠ ", aria_hidden="true"), phrase("page.void", lang)),
            el("p", phrase("page.void_why", lang)) if reasons else el("p", phrase("page.void_no_reason", lang)),
            el("ul", *reasons) if reasons else None,
            class_="void",
            id="void",
        )
    known = validity.get("status") == "valid"
    return el("p", badge("valid" if known else "inconclusive", lang), " ",
              phrase("page.valid" if known else "page.validity_unknown", lang), class_="validity")  # fmt: skip


def identity(result: Mapping[str, Any], lang: Lang) -> Html:
    """Which run this is: profile, target, start, length, peak, seed."""
    run = mapping(result.get("run"))
    duration, peak = num(run.get("duration_s")), num(run.get("peak_rate"))
    facts = [
        ("profile", clipped(said(result.get("profile") or run.get("name"), lang), 80)),
        ("target", clipped(said(result.get("target"), lang), 80)),
        ("started", moment(run.get("started"))),
        ("duration", clock(duration, lang) if duration is not None else ""),
        ("peak", f"{number(peak)} {phrase('unit.orders_s', lang)}" if peak is not None else ""),
        ("seed", clipped(said(result.get("seed"), lang), 40)),
    ]
    pairs = [el("div", el("dt", phrase(f"page.{name}", lang)), el("dd", text)) for name, text in facts if text]
    return el("dl", *pairs, class_="identity")


def card(measure: str, result: Mapping[str, Any], lang: Lang) -> Html:
    """One measure: the verdict, the rate it broke at (or held up to), then when, how far, why and what to try."""
    found = mapping(mapping(result.get("breakdown")).get(measure))
    status = status_of(found)
    unit = clipped(said(found.get("unit"), lang), 30) or NATURAL_UNIT.get(measure, "")
    blame = mapping(found.get("blame"))
    at_s = num(found.get("at_s"))
    phase = clipped(said(found.get("phase"), lang), 80)
    when = clock(at_s, lang) if at_s is not None else ""
    if when and phase:
        when = phrase("word.in_phase", lang, time=when, phase=phase)
    rows = [
        ("page.when", when),
        ("column.phase", phase if not when else ""),
        ("column.limit", clipped(said(found.get("limit_text"), lang), 200) or amount(found.get("limit"), unit, lang)),
        ("column.observed", clipped(said(found.get("observed_text"), lang), 200) or amount(found.get("observed"), unit, lang)),
        ("column.why", clipped(said(blame.get("text"), lang) or said(blame.get("name"), lang), 1500)),
        ("column.try_next", clipped(said(found.get("try_next"), lang), 1500)),
    ]
    shown = [(phrase(key, lang), text) for key, text in rows if text and text != DASH]
    return el(
        "article",
        el("h3", sentence(phrase(f"measure.{measure}", lang))),
        el("p", badge(status, lang), tag(phrase("page.void_card", lang)) if is_void(result) else None),
        rate_line(found, status, result, lang),
        el("dl", *[el("div", el("dt", sentence(name)), el("dd", text)) for name, text in shown]) if shown else None,
        class_=f"card {status} doubtful" if is_void(result) else f"card {status}",
        id=f"measure-{measure}",
    )


def tag(text: str) -> Html:
    """A small remark in a dashed frame."""
    return el("span", text, class_="tag")


def rate_line(found: Mapping[str, Any], status: str, result: Mapping[str, Any], lang: Lang) -> Html | None:
    """The rate in large type: where it broke, or how far it held. An undecided measure has none."""
    rate = num(found.get("at_rate"))
    if status == "held" and rate is None:
        rate = num(mapping(result.get("run")).get("peak_rate"))
    if status == "undecided" or rate is None:
        return None
    shown = number(rate) if status == "broke" else phrase("word.up_to", lang, rate=number(rate))
    # "Up to 118" already is the open interval of a measure that held.
    between = range_of(found.get("interval"), lang) if status == "broke" else ""
    return el(
        "p",
        el("strong", shown),
        " ",
        phrase("unit.orders_s", lang),
        el("span", between, class_="between") if between else None,
        class_="rate",
    )


def cards(result: Mapping[str, Any], lang: Lang) -> Html:
    """The three cards."""
    return el(
        "section",
        el("h2", phrase("page.verdicts", lang)),
        el("div", *[card(measure, result, lang) for measure in MEASURES], class_="cards"),
        id="verdicts",
    )
