"""What a run leaves behind for people and machines: ``result.json`` and ``report.html``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from surgekit.eventlog import folder
from surgekit.report.html import render
from surgekit.report.result import analyse
from surgekit.report.words import Lang


def finish(run: Path, lang: Lang) -> dict[str, Any]:
    """Work out what the run means and write both files, each whole or not at all. Returns the result.

    Raises ``RunError``.
    """
    result, series = analyse(run)
    folder.write_json(run / "result.json", result)
    folder.write(run / "report.html", render(result, series, lang).encode())
    return result
