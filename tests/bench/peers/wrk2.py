"""wrk2: each connection sends by a grid of its own, and latency counts from there. The flow in Lua."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from tests.bench.peers import Load, wrk

NAME = "wrk2"
OPEN = True
NOTE = "an even grid for each connection; the flow in Lua, replies read by patterns; it leaves out its own first 10 s"
CALIBRATION_S = 10
"""What it measures in its first ten seconds it does not report."""


def found() -> str | None:
    return None if shutil.which("wrk2") else "wrk2 is not installed"


def words(folder: Path, load: Load) -> list[str]:
    wrk.script(folder, load)
    return [
        "wrk2", "-t1", f"-c{load.clients}", f"-d{math.ceil(load.seconds)}s", f"-R{round(load.rate * load.each)}", "--timeout", "10s",
        "-s", "flow.lua", f"http://127.0.0.1:{load.port}",
    ]  # fmt: skip


figures = wrk.figures


def period_s(load: Load) -> float:
    """From one request of a connection to its next."""
    return load.clients / round(load.rate * load.each)
