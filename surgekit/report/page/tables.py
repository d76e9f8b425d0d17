"""The tables below the charts: audit, orders, latency, hops, recovery, faults, gates, validity, notes, reproduction."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from surgekit.report.page.markup import Column, Html, Kid, el, join, table
from surgekit.report.page.reading import (
    DASH,
    amount,
    clipped,
    clock,
    listing,
    mapping,
    mappings,
    millis,
    num,
    number,
    percent,
    said,
    sentence,
)
from surgekit.report.page.verdict import MEASURES, badge, status_of
from surgekit.report.words import Lang, phrase, phrase_or

MOST_EXAMPLES = 10
FATES = ("scheduled", "sent", "accepted", "confirmed", "rejected", "failed", "unknown")
QUANTILES = ("p50", "p90", "p99", "p999")
STATIONS = ("client", "submit", "pay", "callback", "supplier", "platform")


def columns(lang: Lang, *names: str, numeric: tuple[str, ...] = ()) -> list[Column]:
    """Columns by their phrase."""
    return [Column(sentence(phrase(f"column.{name}", lang)), name in numeric) for name in names]


def section(name: str, heading: str, *kids: Kid) -> Html:
    """A section with its heading."""
    return el("section", el("h2", heading), *kids, id=name)


def audit(result: Mapping[str, Any], lang: Lang) -> Html:
    """What the audit found, the violated first."""
    order = {"violated": 0, "undecided": 1}
    checks = sorted(mappings(result.get("audit")), key=lambda c: order.get(str(c.get("verdict")), 2))
    heading = phrase("page.audit", lang)
    if not checks:
        return section("audit", heading, el("p", phrase("page.audit_none", lang)))
    rows: list[list[Kid]] = []
    for check in checks:
        name = clipped(said(check.get("invariant"), lang), 80)
        says = phrase_or(f"invariant.{name}", lang, "")
        rows.append(
            [
                join([el("code", name), el("span", says, class_="says") if says else None]),
                badge(said(check.get("verdict"), lang) or "undecided", lang),
                number(num(check.get("evidence"))),
                number(num(check.get("violations"))),
                examples(check.get("examples"), lang) if listing(check.get("examples")) else _because(check),
            ]
        )
    heads = columns(
        lang, "invariant", "verdict", "evidence", "violations", "examples", numeric=("evidence", "violations")
    )
    return section("audit", heading, el("p", phrase("page.audit_hint", lang), class_="hint"), table(heads, rows))


def _because(check: Mapping[str, Any]) -> Html:
    """Why nothing was decided, where the examples would stand."""
    why = said(check.get("because"), "en")
    return el("span", clipped(why, 300), class_="says") if why else Html(DASH)


def examples(value: object, lang: Lang) -> Html:
    """The first examples, folded away; each as name: value pairs or as plain text."""
    found = listing(value)
    if not found:
        return Html(DASH)
    items = []
    for example in found[:MOST_EXAMPLES]:
        if isinstance(example, Mapping):
            pairs = [
                phrase("word.colon", lang, name=clipped(str(k), 60), value=clipped(plain(v), 120))
                for k, v in list(example.items())[:12]
            ]
            items.append(el("li", phrase("headline.join", lang).join(pairs)))
        else:
            items.append(el("li", clipped(plain(example), 300)))
    rest = len(found) - len(items)
    return el(
        "details",
        el("summary", f"{phrase('column.examples', lang)} ({len(found)})"),
        el("ul", *items, el("li", phrase("word.more", lang, n=rest)) if rest else None),
    )


def plain(value: object) -> str:
    """A value of an example in one line."""
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={plain(v)}" for k, v in value.items())
    if isinstance(value, float):
        return f"{value:.6g}"
    return DASH if value is None else str(value)


def orders(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """The funnel from scheduled to confirmed, and the other fates."""
    counts = mapping(result.get("orders"))
    if not counts:
        return None
    whole = num(counts.get("scheduled"))
    rows: list[list[Kid]] = []
    for fate in FATES:
        count = num(counts.get(fate))
        share = count / whole if count is not None and whole else None
        rows.append(
            [
                join(
                    [
                        sentence(phrase(f"order.{fate}", lang)),
                        el("span", phrase(f"order.{fate}.says", lang), class_="says"),
                    ]
                ),
                number(count),
                percent(share),
                bar(share, fate),
            ]
        )
    heads = [*columns(lang, "fate", "orders", "share", numeric=("orders", "share")), Column("")]
    return section("orders", phrase("page.orders", lang), table(heads, rows))


def bar(share: float | None, look: str) -> Html:
    """A bar as long as the share (0..1) of the row."""
    width = f"{max(0.0, min(1.0, share or 0.0)) * 100:.1f}"
    rect = el("rect", width=width, height="10", class_=f"bar {look}")
    return el("svg", rect, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true", class_="bars")


def latency(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """Quantiles; null is not missing, it is later than any order was watched."""
    measured = mapping(result.get("latency_ms"))
    later = phrase("word.later", lang)
    rows: list[list[Kid]] = []
    for name, value in measured.items():
        quantiles = mapping(value)
        if not quantiles:
            continue
        cells: list[Kid] = [sentence(phrase_or(f"latency.{name}", lang, clipped(str(name), 40)))]
        for q in QUANTILES:
            if q not in quantiles:
                cells.append(DASH)
            elif quantiles[q] is None:
                cells.append(el("em", later))
            else:
                cells.append(millis(num(quantiles[q]), lang))
        rows.append(cells)
    if not rows:
        return None
    heads = [*columns(lang, "latency"), *[Column(q.replace("p999", "p99.9"), numeric=True) for q in QUANTILES]]
    hint = el("p", phrase("page.latency_hint", lang, later=later), class_="hint")
    return section("latency", phrase("page.latency", lang), hint, table(heads, rows))


def hops(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """The time at each station before and during the break, once for each measure whose blame carries it."""
    breakdown = mapping(result.get("breakdown"))
    seen: list[Mapping[str, Any]] = []
    parts = []
    for measure in MEASURES:
        found = mapping(breakdown.get(measure))
        times = mapping(mapping(found.get("blame")).get("hops"))
        if not times or times in seen or status_of(found) != "broke":
            continue
        seen.append(times)
        names = [s for s in STATIONS if s in times] + [s for s in times if s not in STATIONS]
        longest = max((num(mapping(times[s]).get("during_ms")) or 0.0 for s in names), default=0.0)
        rows: list[list[Kid]] = []
        for name in names:
            before, during = (num(mapping(times[name]).get(key)) for key in ("before_ms", "during_ms"))
            factor = f"×{number(round(during / before, 1))}" if before and during is not None else DASH
            rows.append(
                [
                    sentence(phrase_or(f"station.{name}", lang, clipped(str(name), 40))),
                    millis(before, lang),
                    millis(during, lang),
                    factor,
                    bar(during / longest if during and longest else None, "during"),
                ]
            )
        heads = [
            *columns(lang, "step", "before", "during", "factor", numeric=("before", "during", "factor")),
            Column(""),
        ]
        parts.append(section(f"hops-{measure}", phrase("page.hops", lang, measure=phrase(f"measure.{measure}", lang)),
                             el("p", phrase("page.hops_hint", lang), class_="hint"), table(heads, rows)))  # fmt: skip
    return join(parts) if parts else None


def recovery(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """Whether the platform came back, and how long it took."""
    found = mapping(result.get("recovery"))
    verdict = said(found.get("verdict"), lang)
    if not verdict:
        return None
    seconds = num(found.get("seconds"))
    if verdict == "recovered" and seconds is not None:
        text = phrase("page.recovery.recovered", lang, time=clock(seconds, lang))
    elif verdict == "recovered":
        text = phrase("page.recovery.recovered_untimed", lang)
    else:
        text = phrase_or(f"page.recovery.{verdict}", lang, "")
    return section("recovery", phrase("page.recovery", lang), el("p", badge(verdict, lang, "recovery"), " ", text))


def faults(result: Mapping[str, Any], lang: Lang) -> Html:
    """The faults of the timeline, and whether each was really injected and undone."""

    def answer(value: object) -> Kid:
        if not isinstance(value, bool):
            return DASH
        return phrase("word.yes", lang) if value else el("strong", phrase("word.no", lang))

    rows: list[list[Kid]] = [
        [
            clipped(said(fault.get("name"), lang), 80),
            phrase_or(
                f"station.{said(fault.get('edge'), lang)}", lang, clipped(said(fault.get("edge"), lang), 80) or DASH
            ),
            clock(num(fault.get("start_s")), lang),
            clock(num(fault.get("end_s")), lang),
            answer(fault.get("injected")),
            answer(fault.get("healed")),
        ]
        for fault in mappings(result.get("faults"))
    ]
    heading = phrase("page.faults", lang)
    if not rows:
        return section("faults", heading, el("p", phrase("page.faults_none", lang)))
    heads = columns(lang, "fault", "edge", "start", "end", "injected", "healed", numeric=("start", "end"))
    return section("faults", heading, table(heads, rows))


def gates(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """The thresholds of ``--gate``, if there were any."""
    rows: list[list[Kid]] = []
    for gate in mappings(result.get("gates")):
        unit = said(gate.get("unit"), lang)
        rows.append(
            [
                clipped(said(gate.get("name") or gate.get("gate") or gate.get("metric"), lang), 120),
                badge(said(gate.get("verdict") or gate.get("status"), lang) or "inconclusive", lang),
                amount(gate.get("limit", gate.get("threshold")), unit, lang),
                amount(gate.get("observed", gate.get("value")), unit, lang),
            ]
        )
    if not rows:
        return None
    return section(
        "gates", phrase("page.gates", lang), table(columns(lang, "gate", "verdict", "limit", "observed"), rows)
    )


def validity(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """How punctual the load was, and the limits it was judged by."""
    found = mapping(result.get("validity"))
    slip = mapping(found.get("slip_ms"))
    limits = mapping(result.get("limits"))
    units = {"confirm_ms": "ms", "late_share": "share", "error_share": "share", "oversold": "units"}
    facts = [
        el("div", el("dt", sentence(phrase_or(f"page.limit.{k}", lang, clipped(str(k), 60)))),
           el("dd", amount(v, units.get(str(k), ""), lang)))
        for k, v in limits.items()
    ]  # fmt: skip
    if not found and not limits:
        return None
    kids: list[Kid] = [el("p", badge(said(found.get("status"), lang) or "inconclusive", lang))]
    reasons = [el("li", clipped(said(reason, lang), 500)) for reason in listing(found.get("reasons"))]
    if reasons:
        kids.append(el("ul", *reasons))
    if slip:
        late = [
            el("div", el("dt", name.replace("p999", "p99.9")), el("dd", millis(num(slip[name]), lang)))
            for name in ("p50", "p99", "p999", "max")
            if name in slip
        ]
        kids += [el("p", phrase("page.slip", lang)), el("dl", *late, class_="facts")]
    engine = mapping(found.get("generator"))
    well = [
        el("div", el("dt", phrase(f"page.generator.{name}", lang)), el("dd", amount(engine[name], unit, lang)))
        for name, unit in (("lag_ms", "ms"), ("gc_ms", "ms"), ("busy_share", "share"), ("clock_step_ms", "ms"))
        if name in engine
    ]
    if well:
        kids += [el("p", phrase("page.generator", lang)), el("dl", *well, class_="facts")]
    if facts:
        kids += [el("h3", phrase("page.limits", lang)), el("dl", *facts, class_="facts")]
    return section("validity", phrase("page.validity", lang), *kids)


def notes(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """What the run wanted to add."""
    items = [el("li", clipped(said(note, lang), 1000)) for note in listing(result.get("notes"))[:100]]
    return section("notes", phrase("page.notes", lang), el("ul", *items)) if items else None


def again(command: str) -> str:
    """``command`` without its ``--out``: that folder is not empty any more, and would be refused."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    kept, skips = [], False
    for word in words:
        if not skips and not word.startswith("--out="):
            skips = word == "--out"
            kept += [] if skips else [word]
        else:
            skips = False
    return command if kept == words else shlex.join(kept)


def reproduce(result: Mapping[str, Any], lang: Lang) -> Html | None:
    """The command that sends the same buyers again."""
    command = mapping(result.get("run")).get("command")
    text = again(shlex.join(str(part) for part in command) if isinstance(command, (list, tuple)) else said(command, lang))
    if not text:
        return None
    return section("reproduce", phrase("page.reproduce", lang),
                   el("pre", el("code", clipped(text, 2000)), tabindex="0"),
                   el("p", phrase("page.reproduce_hint", lang), class_="hint"))  # fmt: skip
