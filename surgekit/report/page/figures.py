"""The charts: which panels there are, what each says in words, and the table by phase that stands in for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from surgekit.report.page.markup import Column, Html, el, embed_json, table
from surgekit.report.page.reading import clock, mapping, millis, num, number, percent, sentence
from surgekit.report.page.series import Frame, frame
from surgekit.report.words import Lang, phrase, phrase_or


@dataclass(frozen=True)
class Line:
    """One line of a panel. ``look`` is a style that page.css and charts.js know by name."""

    column: str
    label: str
    look: str


@dataclass(frozen=True)
class Panel:
    """One chart. ``kind`` says how values are written: rate, ms, share, count or percent."""

    name: str
    title: str
    says: str
    kind: str
    lines: list[Line]
    measures: list[str]
    limit: float | None = None
    limit_label: str = ""
    log: bool = False


def charts(result: Mapping[str, Any], series: Mapping[str, Any], lang: Lang) -> Html:
    """The section with all charts, their data, and the table by phase."""
    data = frame(series, lang)
    panels = [panel for panel in panels_of(data, mapping(result.get("limits")), lang) if panel.lines]
    heading = el("h2", phrase("page.charts", lang))
    if not data.t or not panels:
        return el("section", heading, el("p", phrase("page.no_series", lang)), id="charts")
    return el(
        "section",
        heading,
        el("p", phrase("page.charts_hint", lang), class_="hint scripted"),
        el("noscript", el("p", phrase("page.no_script", lang), class_="hint")),
        el("p", phrase("page.charts_thinned", lang, n=data.step_s), class_="hint") if data.step_s > 1 else None,
        el(
            "div",
            el("div", class_="plot", id="timeline", data_label=phrase("chart.timeline", lang)),
            *[figure(panel, lang) for panel in panels],
            class_="scripted",
        ),
        el("script", embed_json(payload(data, panels, lang)), type="application/json", id="series"),
        by_phase(data, lang),
        id="charts",
    )


def figure(panel: Panel, lang: Lang) -> Html:
    """A titled place for one chart, with what it says in words: that is also its text alternative."""
    log = el("span", phrase("chart.log", lang), class_="tag") if panel.log else None
    return el(
        "figure",
        el("figcaption", el("h3", panel.title), el("span", panel.says, class_="says"), log),
        el("div", class_="plot", data_panel=panel.name),
        class_="chart",
        id=f"chart-{panel.name}",
    )


def payload(data: Frame, panels: list[Panel], lang: Lang) -> dict[str, object]:
    """What charts.js reads."""
    drawn = {line.column for panel in panels for line in panel.lines}
    return {
        "t": data.t,
        "columns": {name: values for name, values in data.columns.items() if name in drawn},
        "panels": [asdict(panel) for panel in panels],
        "phases": [asdict(span) for span in data.phases],
        "faults": [asdict(span) for span in data.faults],
        "marks": [
            {"measure": mark.measure, "at_s": mark.at_s,
             "label": phrase("chart.broke", lang, measure=phrase_or(f"measure.{mark.measure}", lang, mark.measure))}
            for mark in data.marks
        ],
        "words": {"time": phrase("chart.time", lang), "seconds": phrase("time.s", lang, s="#"),
                  "millis": phrase("time.ms", lang, ms="#")},
    }  # fmt: skip


def panels_of(data: Frame, limits: Mapping[str, Any], lang: Lang) -> list[Panel]:
    """The panels, from top to bottom; one without data has no lines."""

    def lines(*columns: tuple[str, str]) -> list[Line]:
        return [Line(name, phrase(f"line.{name}", lang), look) for name, look in columns if data.has(name)]

    def limit(key: str) -> float | None:
        return num(limits.get(key))

    def limit_label(text: str) -> str:
        return phrase("chart.limit", lang, value=text)

    late_after, share = limit("confirm_ms"), limit("error_share")
    panels = [
        Panel("rate", phrase("chart.rate", lang), says_rate(data, lang), "rate",
              lines(("offered", "plan"), ("sent", "sent"), ("confirmed", "good")), []),
        Panel("latency", phrase("chart.latency", lang), says_top(data, "latency", "p99_ms", lang), "ms",
              lines(("p50_ms", "sent"), ("p99_ms", "slow")), ["confirm_latency"],
              late_after, limit_label(millis(late_after, lang)), wide(data)),
        Panel("shares", phrase("chart.shares", lang), says_shares(data, lang), "share",
              lines(("error_share", "bad"), ("late_share", "late")), ["error_rate"],
              share, limit_label(percent(share))),
    ]  # fmt: skip
    stock, over = data.top("stock_left"), data.top("oversold")
    # Twelve oversold cards would be invisible on an axis made for ten thousand in stock.
    apart = stock is not None and over is not None and 0 < over[0] < stock[0] / 10
    together = [("stock_left", "sent")] if apart else [("stock_left", "sent"), ("oversold", "over")]
    stock_title = phrase("chart.stock_of", lang, sku=data.stock_of) if data.stock_of else phrase("chart.stock", lang)
    panels.append(Panel("stock", stock_title, says_stock(data, lang), "count",
                        lines(*together), [] if apart else ["oversell"]))  # fmt: skip
    if apart and over is not None:
        panels.append(Panel("oversold", phrase("chart.oversold", lang),
                            phrase("chart.oversold.says", lang, n=number(over[0])), "count",
                            lines(("oversold", "over")), ["oversell"]))  # fmt: skip
    panels.append(Panel("load", phrase("chart.load", lang), says_top(data, "load", "in_flight", lang), "count",
                        lines(("in_flight", "sent")), []))  # fmt: skip
    looks = {"platform": "slow", "engine": "sent", "edge": "good"}
    cpu = [
        Line(name, station(name, lang), looks.get(name.removeprefix("cpu."), "plan"))
        for name in data.columns
        if name.startswith("cpu.") and data.has(name)
    ]
    panels.append(Panel("cpu", phrase("chart.cpu", lang), says_cpu(data, cpu, lang), "percent", cpu, []))
    return panels


def station(column: str, lang: Lang) -> str:
    """The name of a process whose CPU is drawn."""
    name = column.removeprefix("cpu.")
    return phrase_or(f"station.{name}", lang, name)


def wide(data: Frame) -> bool:
    """Whether the latencies span so much that a linear axis would flatten the healthy part."""
    values = [v for name in ("p50_ms", "p99_ms") for v in data.columns[name] if v is not None and v > 0]
    return bool(values) and max(values) > 30 * min(values)


def says_rate(data: Frame, lang: Lang) -> str:
    offered, confirmed = data.top("offered"), data.top("confirmed")
    if offered is None or confirmed is None:
        return ""
    return phrase("chart.rate.says", lang, offered=number(offered[0]), at=clock(offered[1], lang),
                  confirmed=number(confirmed[0]))  # fmt: skip


def says_top(data: Frame, chart: str, column: str, lang: Lang) -> str:
    top = data.top(column)
    if top is None:
        return ""
    return phrase(f"chart.{chart}.says", lang, worst=millis(top[0], lang), n=number(top[0]), at=clock(top[1], lang))


def says_shares(data: Frame, lang: Lang) -> str:
    tops = [(top, name) for name in ("error_share", "late_share") if (top := data.top(name)) is not None]
    if not tops:
        return ""
    (worst, at), name = max(tops)
    if worst == 0:
        return phrase("chart.shares.none", lang)
    return phrase(
        "chart.shares.says", lang, worst=percent(worst), at=clock(at, lang), name=phrase(f"line.{name}", lang)
    )


def says_stock(data: Frame, lang: Lang) -> str:
    over = data.top("oversold")
    if over is None:
        return ""
    gone = [at for at, left in zip(data.t, data.columns["stock_left"], strict=True) if left is not None and left <= 0]
    if gone:
        return phrase("chart.stock.gone", lang, at=clock(gone[0], lang), n=number(over[0]))
    return phrase("chart.stock.says", lang, n=number(over[0]))


def says_cpu(data: Frame, lines: list[Line], lang: Lang) -> str:
    tops = [(top, line.label) for line in lines if (top := data.top(line.column)) is not None]
    if not tops:
        return ""
    (worst, at), name = max(tops)
    return phrase("chart.cpu.says", lang, worst=percent(worst / 100), at=clock(at, lang), name=name)


def by_phase(data: Frame, lang: Lang) -> Html | None:
    """The same run in numbers, for those who see no charts."""
    if not data.phases:
        return None
    rows = []
    for span in data.phases:

        def top(column: str) -> float | None:
            best = data.top(column, span)  # noqa: B023 - called within this turn of the loop
            return None if best is None else best[0]

        ahead = [
            v for at, v in zip(data.t, data.columns["oversold"], strict=True) if at < span.start_s and v is not None
        ]
        over = top("oversold")
        rows.append(
            [
                span.name,
                f"{clock(span.start_s, lang)} – {clock(span.end_s, lang)}",
                number(top("offered")),
                number(top("confirmed")),
                millis(top("p99_ms"), lang),
                percent(top("error_share")),
                number(None if over is None else over - max(ahead, default=0)),
            ]
        )
    headings = ("phase", "at_time", "offered_peak", "confirmed_peak", "p99_worst", "error_worst", "oversold_more")
    columns = [Column(sentence(phrase(f"column.{h}", lang)), numeric=i > 1) for i, h in enumerate(headings)]
    return el("div", el("h3", phrase("page.by_phase", lang)), table(columns, rows), id="by-phase")
