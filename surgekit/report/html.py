"""The report as one HTML page that needs nothing else: no network, no server, no script for its words and tables.

From top to bottom: the verdict in words, charts on one time axis, the audit, then everything a doubter asks for.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from surgekit import __version__
from surgekit.report.page import figures, tables, verdict
from surgekit.report.page.markup import Html, el, join
from surgekit.report.page.reading import clipped, said
from surgekit.report.words import Lang, phrase


def render(result: Mapping[str, Any], series: Mapping[str, Any], lang: Lang) -> str:
    """The page for one run.

    ``result`` is result.json, ``series`` its per-second columns (seconds from the run's start, shares 0..1, CPU in
    percent). Both may lack any field, as those of a run that died early do: what is missing is left out or shown as
    undecided, and nothing raises. The page stays below 250 kB however long the run was.
    """
    script = Html(asset("charts.js"))
    library = Html(f"/*!\n{asset('vendor/uPlot.LICENSE')}*/\n{asset('vendor/uPlot.iife.min.js')}")
    title = phrase("page.title", lang, profile=clipped(said(result.get("profile"), lang), 80) or "?",
                   target=clipped(said(result.get("target"), lang), 80) or "?")  # fmt: skip
    return Template(asset("page.html")).substitute(
        lang="zh-CN" if lang == "zh" else "en",
        title=el("title", title),
        policy=el("meta", http_equiv="Content-Security-Policy", content=policy(library, script)).removesuffix(
            "</meta>"
        ),
        style=asset("vendor/uPlot.min.css") + asset("page.css"),
        body=body(result, series, lang),
        library=library,
        script=script,
    )


def body(result: Mapping[str, Any], series: Mapping[str, Any], lang: Lang) -> Html:
    """Everything between the body tags."""
    head = el(
        "header",
        el("p", "SurgeKit ", phrase("page.kind", lang), class_="kind"),
        el("h1", clipped(verdict.headline(result, lang), 1000)),
        verdict.identity(result, lang),
    )
    main = el(
        "main",
        verdict.banner(result, lang),
        verdict.cards(result, lang),
        figures.charts(result, series, lang),
        tables.audit(result, lang),
        tables.orders(result, lang),
        tables.latency(result, lang),
        tables.hops(result, lang),
        tables.recovery(result, lang),
        tables.faults(result, lang),
        tables.gates(result, lang),
        tables.validity(result, lang),
        tables.notes(result, lang),
        tables.reproduce(result, lang),
    )
    return join([head, main, el("footer", phrase("page.made_by", lang, version=__version__))])


def policy(*scripts: str) -> str:
    """A content policy that lets the page run its own scripts, named by digest, and fetch nothing at all."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; form-action 'none'"


def asset(name: str) -> str:
    """The text of a file that travels in the package, beside the sections."""
    return files("surgekit.report.page").joinpath(name).read_text(encoding="utf-8")
