"""The HTML report in a real browser: the charts draw, and nothing complains."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_samples import SAMPLES

from surgekit.report.html import render

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=3000",
)  # fmt: skip

EVERY_LINE = {
    "rate.offered", "rate.sent", "rate.confirmed", "latency.p50_ms", "latency.p99_ms", "shares.error_share",
    "shares.late_share", "stock.stock_left", "oversold.oversold", "load.in_flight",
    "cpu.cpu.engine", "cpu.cpu.platform", "cpu.cpu.edge",
}  # fmt: skip


@pytest.fixture
def chromium() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have Chromium: without it nobody looks at the charts")
        pytest.skip("no Chromium on this machine")
    return found


def shown(chromium: str, source: str, folder: Path) -> tuple[str, str]:
    """(the document after its scripts ran, what the console said)."""
    page = folder / "report.html"
    page.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [
            chromium,
            *FLAGS,
            f"--user-data-dir={folder / 'user'}",
            "--window-size=1280,3000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_line_is_drawn_and_the_console_is_silent(chromium: str, lang: str, tmp_path: Path) -> None:
    drawn = None
    for attempt in range(3):  # a browser on a busy machine may draw no frame within its budget of time
        (folder := tmp_path / str(attempt)).mkdir()
        document, console = shown(chromium, render(*SAMPLES["broken"](), "zh" if lang == "zh" else "en"), folder)
        assert console == ""
        drawn = drawn or re.search(r'data-drawn="([^"]*)"', document)
        if drawn is not None:
            break
    assert drawn is not None
    assert set(drawn[1].split()) == EVERY_LINE
    assert document.count("<canvas") == 8
    assert document.count('role="img"') == 8


@pytest.mark.browser
def test_a_run_without_a_series_is_quiet_too(chromium: str, tmp_path: Path) -> None:
    document, console = shown(chromium, render(*SAMPLES["died"](), "en"), tmp_path)
    assert console == ""
    assert "<canvas" not in document
