"""What a run leaves behind for people and machines: ``result.json``, ``report.html``, ``report.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from surgekit.eventlog import folder
from surgekit.report.html import render
from surgekit.report.result import analyse
from surgekit.report.terminal import markdown
from surgekit.report.words import Lang

KINDS: Final[Mapping[str, str]] = {"html": "report.html", "md": "report.md", "json": "result.json"}
"""Kind of report → file in the run folder."""


def finish(run: Path, lang: Lang, kinds: Sequence[str] = ("json", "html")) -> dict[str, Any]:
    """Work out what the run means and write the files, each whole or not at all. Returns the result.

    Raises ``RunError``.
    """
    result, series = analyse(run)
    for kind in kinds:
        if kind == "json":
            data = as_json(result).encode()
        elif kind == "md":
            data = markdown(result, lang).encode()
        else:
            data = render(result, series, lang).encode()
        folder.write(run / KINDS[kind], data)
    return result


def as_json(result: Mapping[str, Any]) -> str:
    """The result as the text of ``result.json``."""
    return orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
