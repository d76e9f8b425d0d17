"""The HTML report survives any result, lets no data become markup, and asks nobody for anything."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from html_page import LANGS, Page
from report_samples import Run, broken, check

from surgekit.report.html import body, render
from surgekit.report.page.markup import el
from surgekit.report.words import Lang, phrase


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place in a nested result, lists by their first item only."""
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*at, key))
    elif isinstance(value, list) and value:
        yield from paths(value[0], (*at, 0))


MISSING = object()
ODD: list[Any] = [MISSING, None, "x", float("nan"), -1, [], {}, [None], [{}], True, 10**400]


@pytest.mark.parametrize("odd", ODD, ids=[repr(o)[:12] if o is not MISSING else "missing" for o in ODD])
def test_no_odd_or_missing_field_stops_the_report(odd: Any) -> None:
    result, series = broken()
    short = {name: values[:4] if isinstance(values, list) else values for name, values in series.items()}
    whole = {"result": result, "series": short}
    for path in list(paths(whole)):
        if len(path) < 2:
            continue
        hurt = copy.deepcopy(whole)
        holder: Any = hurt
        for key in path[:-1]:
            holder = holder[key]
        if odd is MISSING:
            del holder[path[-1]]
        else:
            holder[path[-1]] = odd
        body(hurt["result"], hurt["series"], "en")


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_result_is_still_a_page(lang: Lang) -> None:
    assert Page(render({}, {}, lang)).text.count(phrase("verdict.undecided", lang)) == 3


HOSTILE = "</script><script>a()</script><!--<img src=x onerror=b()>'\"&amp;$title\u2028{x}"


def hostile(value: Any) -> Any:
    """The same shape with the hostile text in every string that does not choose a verdict, and in every odd key."""
    if isinstance(value, dict):
        kept = ("status", "verdict", "measure", "at_s", "invariant", "started")
        return {k: v if k in kept else hostile(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def planted() -> Run:
    result, series = broken()
    result, series = hostile(result), hostile(series)
    result["audit"].append(check(HOSTILE, HOSTILE, 1, 1, [{HOSTILE: [HOSTILE]}, HOSTILE]))
    result["latency_ms"][HOSTILE] = {"p50": 1.0}
    result["limits"][HOSTILE] = 1
    result["breakdown"]["confirm_latency"]["blame"]["hops"][HOSTILE] = {"before_ms": 1.0, "during_ms": 2.0}
    result["validity"] |= {"status": "void", "reasons": [HOSTILE]}
    result["recovery"]["verdict"] = HOSTILE
    series["cpu"][HOSTILE] = [1.0] * 70
    series["marks"].append({"measure": HOSTILE, "at_s": 3})
    return result, series


@pytest.mark.parametrize("lang", LANGS)
def test_no_text_from_data_becomes_markup(lang: Lang) -> None:
    source = render(*planted(), lang)
    page = Page(source)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 3
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "\u2028" not in "".join(page.scripts)
    assert "<!--" not in source
    assert page.series["phases"][0]["name"] == HOSTILE
    assert page.series["marks"][0]["label"].count(HOSTILE) == 1


def test_an_attribute_cannot_be_left() -> None:
    assert el("p", "a<b", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;">a&lt;b</p>'
    assert el("p", el("b", "x"), None, hidden=True, id=None, class_="n") == '<p hidden class="n"><b>x</b></p>'


def test_the_page_stays_small_however_long_the_run() -> None:
    result, series = broken()
    length = 14_400
    for name, values in series.items():
        if name not in ("phases", "faults", "marks", "cpu"):
            series[name] = [(values[i % 70] or 0) * 1.0123457 for i in range(length)]
    series["t"] = list(range(length))
    series["cpu"] = {name: [i * 1.37 % 100 for i in range(length)] for name in series["cpu"]}
    many = [{"order_no": "C" * 60, "cards": ["x" * 50] * 9, "n": n} for n in range(5_000)]
    result["audit"] = [row | {"examples": many} for row in result["audit"]]
    assert len(render(result, series, "zh").encode()) < 250_000


# -- on its own


def test_the_page_asks_nobody_for_anything() -> None:
    source = render(*broken(), "en")
    page = Page(source)
    assert not any({"src", "href", "action", "srcset"} & set(attrs) for _, attrs in page.tags)
    style = source[source.index("<style>") : source.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")


def test_only_the_pages_own_scripts_may_run() -> None:
    page = Page(render(*broken(), "en"))
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    own = [text for kind, text in zip(kinds, page.scripts, strict=True) if kind is None]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    assert len(own) == 2
    assert "script-src " + " ".join(f"'sha256-{d}'" for d in digests) + ";" in (policy or "")


def test_the_chart_library_brings_its_licence() -> None:
    assert "Copyright (c) 2022 Leon Sorokin" in render(*broken(), "en")
