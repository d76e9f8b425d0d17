"""Stock Locust with its fast client. Each user sends the next order when the last one was answered."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bench.peers import Figures, Load

NAME = "fasthttp"
OPEN = False
NOTE = "Locust's FastHttpUser without waits: its users wait for the server"


def found() -> str | None:
    return None


def words(folder: Path, load: Load) -> list[str]:
    return [sys.executable, "-m", "tests.bench.closed_loop", str(load.port), str(load.clients), f"{load.seconds:g}", load.flow]


def figures(folder: Path, load: Load) -> Figures:
    told = json.loads((folder / "out").read_text())
    return Figures(told["requests"], told["failures"], told["p50"], told["p99"], told["p999"])
