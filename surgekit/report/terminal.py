"""What a person at a terminal sees: progress while it runs, then a verdict that takes ten seconds to read."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from surgekit.arrivals import RateCurve
from surgekit.arrivals.schedule import curve
from surgekit.profile.schema import Profile
from surgekit.report.words import Lang, phrase
from surgekit.target.schema import Target

PLAIN_EVERY_S = 5.0
"""Where nobody watches, one line in so many seconds is enough."""


class Terminal:
    """Implements ``Show``: a live table on a terminal, plain lines elsewhere. Writes to standard error."""

    def __init__(self, lang: Lang) -> None:
        self._lang: Lang = lang
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._profile: Profile | None = None
        self._rate: RateCurve | None = None
        self._next_line = 0.0
        self._before: tuple[float, int] = (0.0, 0)

    def planned(self, profile: Profile, target: Target, run: Path, seed: int) -> None:
        self._profile, self._rate = profile, curve(profile)
        expected = profile.orders or round(self._rate.total)
        self._console.print(
            Text(
                self._say(
                    f"{profile.name} → {target.name}: about {expected:,} orders in {profile.duration:.0f} s, "
                    f"peak {profile.peak:g}/s, seed {seed}; history in {run}",
                    f"{profile.name} → {target.name}：{profile.duration:.0f} 秒内约 {expected:,} 单，峰值 {profile.peak:g} 单/秒，"
                    f"种子 {seed}；记录在 {run}",
                )
            ),
            soft_wrap=True,
        )

    def waiting(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def progress(self, t_s: float, counts: dict[str, Any], faults: list[str]) -> None:
        assert self._profile is not None
        assert self._rate is not None
        row = self._row(t_s, counts, faults)
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, refresh_per_second=4, transient=True)
                self._live.start()
            self._live.update(self._table(row))
        elif t_s >= self._next_line:
            self._next_line = t_s // PLAIN_EVERY_S * PLAIN_EVERY_S + PLAIN_EVERY_S
            self._console.print(Text("  ".join(f"{name} {value}" for name, value in row)), soft_wrap=True)

    def settling(self) -> None:
        self._stop()
        self._console.print(
            Text(self._say("the surge is over; waiting for what is still under way, then reading stock and orders …",
                           "冲击结束；等待在途订单，然后读取库存与订单……")),
            soft_wrap=True,
        )  # fmt: skip

    def finished(self, run: Path) -> None:  # noqa: ARG002
        self._stop()

    def close(self) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _say(self, en: str, zh: str) -> str:
        return zh if self._lang == "zh" else en

    def _row(self, t_s: float, counts: dict[str, Any], faults: list[str]) -> list[tuple[str, str]]:
        assert self._profile is not None
        assert self._rate is not None
        if t_s < 0:
            phase = self._say("starting", "启动")
        elif t_s > self._profile.duration:
            phase = self._say("last orders", "收尾")
        else:
            phase = self._profile.phases[int(self._rate.index(t_s))].name
        at, sent = self._before
        now_sent = int(counts.get("sent", 0)) + int(counts.get("in_flight", 0))
        achieved = (now_sent - sent) / (t_s - at) if t_s > at else 0.0
        self._before = (t_s, now_sent)
        p99 = counts.get("confirm_p99_ms")
        oversold = int(counts.get("refunded", 0)) + int(counts.get("twice", 0))
        return [
            ("t", f"{max(t_s, 0):.0f}/{self._profile.duration:.0f}s"),
            (self._say("phase", "阶段"), phase),
            (self._say("offered/s", "计划/秒"), f"{float(self._rate.rate(np.clip(t_s, 0, None))[0]):.0f}"),
            (self._say("achieved/s", "实际/秒"), f"{max(achieved, 0):.0f}"),
            (self._say("in flight", "在途"), f"{counts.get('in_flight', 0)}"),
            (self._say("confirm p99", "确认 p99"), "-" if p99 is None else f"{p99 / 1000:.1f}s"),
            (self._say("confirmed", "已确认"), f"{counts.get('confirmed', 0)}"),
            (self._say("with errors", "遇错"), f"{counts.get('bad', 0)}"),
            (self._say("oversold", "超卖"), f"{oversold}"),
            (self._say("faults", "故障"), ", ".join(faults) or "-"),
        ]

    def _table(self, row: list[tuple[str, str]]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name, _ in row:
            table.add_column(name, no_wrap=True)
        alarm = {self._say("with errors", "遇错"), self._say("oversold", "超卖")}
        table.add_row(*(Text(value, style="bold red" if name in alarm and value != "0" else "") for name, value in row))
        return table


def verdict(result: dict[str, Any], lang: Lang, *, width: int | None = None) -> str:
    """The result in words and two tables, no wider than the terminal."""
    wide = width or shutil.get_terminal_size((110, 40)).columns
    lines = [result["headline"][lang], ""]
    if result["validity"]["status"] == "void":
        lines[0:0] = [f"*** {phrase('page.void', lang)} ***", *(f"  - {reason}" for reason in result["validity"]["reasons"]), ""]
    lines += [_measures(result, lang), "", *_reasons(result, lang, wide)]
    counts = result["orders"]
    names = ("scheduled", "sent", "accepted", "confirmed", "rejected", "failed", "unknown")
    lines.append("  ".join(f"{phrase(f'order.{name}', lang)} {counts[name]:,}" for name in names))
    confirm = result["latency_ms"]["confirm"]
    beyond = f"> {_s(confirm['watched_to'])}" if confirm["watched_to"] is not None else "-"
    quantiles = "  ".join(f"{name} {_s(confirm[name]) if confirm[name] is not None else beyond}" for name in ("p50", "p90", "p99"))
    lines.append(f"{phrase('measure.confirm_latency', lang)}: {quantiles}")
    recovery = result["recovery"]
    seconds = f" ({recovery['seconds']:g} s)" if recovery["seconds"] else ""
    lines += [f"{phrase('page.recovery', lang)}: {phrase('recovery.' + recovery['verdict'], lang)}{seconds}", ""]
    lines += [_audit(result, lang, wide)]
    lines += ["", *(f"! {note}" for note in result["notes"])]
    return "\n".join(lines).rstrip()


def _measures(result: dict[str, Any], lang: Lang, *, tablefmt: str = "simple") -> str:
    rows = []
    for name, told in result["breakdown"].items():
        word = phrase(f"verdict.{told['status']}", lang)
        rate = "-" if told["at_rate"] is None else f"{told['at_rate']:.0f}"
        if told["interval"]:
            rate += f" ({told['interval'][0]:.0f}-{told['interval'][1]:.0f})"
        rows.append(
            [
                phrase(f"measure.{name}", lang),
                word.upper() if told["status"] == "broke" else word,
                rate,
                "-" if told["at_s"] is None else phrase("time.s", lang, s=f"{told['at_s']:.0f}"),
                told["phase"] or "-",
                told["limit_text"][lang],
                told["observed_text"][lang],
            ]
        )
    columns = ("what", "verdict", "at_rate", "at_time", "phase", "limit", "observed")
    heads = [phrase(f"column.{key}", lang) for key in columns]
    return tabulate(rows, headers=heads, tablefmt=tablefmt, disable_numparse=True)


def _reasons(result: dict[str, Any], lang: Lang, wide: int) -> list[str]:
    """For each broken measure: why, and what to try next."""
    lines: list[str] = []
    for name, told in result["breakdown"].items():
        if told["status"] != "broke":
            continue
        for head, text in (
            (phrase(f"measure.{name}", lang) + ": ", told["blame"]["text"][lang]),
            ("  → ", told["try_next"][lang] if told["try_next"] else None),
        ):
            if text:
                lines += _wrapped(head + text, wide)
    return [*lines, ""] if lines else []


def _wrapped(text: str, wide: int) -> list[str]:
    """Lines of at most ``wide`` columns; a Chinese character takes two and may stand at the end of a line."""
    lines, line, used = [], "", 0
    for part in re.findall(r"[\x21-\u2e7f]+|.", text):
        width = cell_len(part)
        if used + width > wide and line.strip():
            lines.append(line.rstrip())
            line, used = "    ", 4
            if part == " ":
                continue
        line, used = line + part, used + width
    return [*lines, line.rstrip()]


def audit_table(verdicts: list[dict[str, Any]], lang: Lang) -> str:
    """The audit's verdicts as a table, no wider than the terminal."""
    return _audit({"audit": verdicts}, lang, shutil.get_terminal_size((110, 40)).columns)


def _audit(result: dict[str, Any], lang: Lang, wide: int, *, tablefmt: str = "simple") -> str:
    rows = []
    for each in result["audit"]:
        example = each["examples"][0]["detail"] if each["examples"] else each.get("because") or "-"
        rows.append(
            [each["invariant"], phrase(f"verdict.{each['verdict']}", lang), f"{each['evidence']:,}", f"{each['violations']:,}", example]
        )
    heads = [phrase(f"column.{key}", lang) for key in ("invariant", "verdict", "evidence", "violations", "examples")]
    widths = [None, None, None, None, max(24, wide - 58)] if wide else None
    return tabulate(rows, headers=heads, tablefmt=tablefmt, maxcolwidths=widths, disable_numparse=True)


def _s(ms: float) -> str:
    return f"{ms / 1000:.2f} s"


def markdown(result: dict[str, Any], lang: Lang) -> str:
    """The verdict as GitHub-flavoured Markdown, for a job's summary page or a ticket."""
    state = phrase(f"verdict.{result['validity']['status']}", lang)
    lines = [f"# {result['profile']} → {result['target']}", "", f"**{result['headline'][lang]}** ({state})", ""]
    lines += [f"- {reason}" for reason in result["validity"]["reasons"]]
    lines += ["", _measures(result, lang, tablefmt="github"), "", _audit(result, lang, 0, tablefmt="github"), ""]
    names = ("scheduled", "sent", "accepted", "confirmed", "rejected", "failed", "unknown")
    heads = [phrase(f"order.{name}", lang) for name in names]
    lines += [tabulate([[result["orders"][name] for name in names]], headers=heads, tablefmt="github"), ""]
    lines += [f"- {note}" for note in result["notes"]]
    return "\n".join(lines).rstrip() + "\n"
