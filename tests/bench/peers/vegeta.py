"""vegeta: an even grid of requests from a list. It cannot carry anything from a reply into the next request."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from tests.bench.peers import Figures, Load

NAME = "vegeta"
OPEN = True
NOTE = "an even grid; requests from a list, so that nothing is looked up by its reply, and no reply is read"


def found() -> str | None:
    return None if shutil.which("vegeta") else "vegeta is not installed"


def words(folder: Path, load: Load) -> list[str]:
    (folder / "order.json").write_text(json.dumps({"order": "listed-1"}))
    at = f"http://127.0.0.1:{load.port}/orders"
    submit = f"POST {at}\nContent-Type: application/json\n@order.json\n"
    (folder / "list").write_text(f"{submit}\nGET {at}/1\n" if load.flow == "order" else submit)
    return [
        "vegeta", "attack", "-targets", "list", "-rate", f"{round(load.rate * load.each)}/1s", "-duration", f"{load.seconds:g}s",
        "-timeout", "30s", "-max-workers", "4000", "-max-connections", "4000", "-connections", "4000", "-output", "results",
    ]  # fmt: skip


def figures(folder: Path, load: Load) -> Figures:
    """Quantiles from its results one by one: its report has no p99.9. In them: when, status, ns."""
    told = subprocess.run(["vegeta", "encode", "-to", "csv", "results"], cwd=folder, capture_output=True, text=True, check=True, timeout=120).stdout
    rows = [row[:3] for row in csv.reader(told.splitlines())]
    took_ms = np.array([int(row[2]) for row in rows]) / 1e6
    p50, p99, p999 = np.quantile(took_ms, (0.5, 0.99, 0.999))
    return Figures(len(rows), sum(row[1] not in ("200", "201") for row in rows), float(p50), float(p99), float(p999))


def due_s(folder: Path, load: Load) -> np.ndarray:  # type: ignore[type-arg]
    rate = round(load.rate * load.each)
    return np.arange(round(load.seconds * rate)) / rate
