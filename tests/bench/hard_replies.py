"""Is each awkward reply called what it is, without waiting for it beyond the time-outs, or taking all of the memory?

A server on loopback speaks the forms of ``hard_replies_forms.FORMS``; the engine's client asks for each as for an order, and
then for what the server has heard, which also shows that the client is well and whether the connection was used again. After
that come mutated replies (``hard_replies_fuzz``). One that was called wrongly can be asked for again by its number:
``python -m tests.bench.hard_replies N``.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from tabulate import tabulate

from surgekit.target.reading import Reply
from tests.bench.hard_replies_client import CONNECT_S, REPLY_S, ask
from tests.bench.hard_replies_forms import FORMS, Form
from tests.bench.hard_replies_fuzz import case, wrong
from tests.bench.hard_replies_server import PLAIN, TRUSTED

ROOT = Path(__file__).resolve().parents[2]
FUZZ_S = 60.0
QUICK_FUZZ_S = 4.0
FORM_S = 2 * (CONNECT_S + REPLY_S)
"""For one request, redirects apart: what has not come back then is called a hang."""
LATE_S = 0.5
"""Beyond the time-out of a reply, on a machine with other cares."""
BATCH = 50
"""Mutated replies between two controls."""
TRIES = 2
"""A machine that has other cares is late too; what came out wrongly is asked for once more. How often that was needed is counted."""
Got = tuple[Reply | None, str]
"""The reply, or what happened instead: ``hang``, or a traceback."""


@dataclass(frozen=True, slots=True)
class Server:
    ports: dict[str, int]
    trusted: str


@contextmanager
def serving() -> Iterator[Server]:
    """The server, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.bench.hard_replies_server", folder]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(json.loads(process.stdout.readline()), str(Path(folder) / TRUSTED))
        finally:
            process.stdin.close()
            process.stdout.close()
            process.kill()
            process.wait()


def bounded(work: Callable[[], Reply], seconds: float) -> Got:
    """What ``work`` gives, unless it raises or takes longer; then it is left behind."""
    told: list[Got] = []

    def done() -> None:
        try:
            told.append((work(), ""))
        except BaseException:  # noqa: BLE001 - whatever it is, it is what the bench looks for
            told.append((None, traceback.format_exc(limit=-3)))

    thread = threading.Thread(target=done, daemon=True)
    thread.start()
    thread.join(seconds)
    return told[0] if told else (None, "hang")


def asked(server: Server, form: Form) -> Got:
    trusted = server.trusted if form.scheme == "https" else None
    hops = 11 if form.follow else 1
    return bounded(lambda: ask(server.ports[form.at], form, tls=trusted), FORM_S * hops)


def control(server: Server, of: str, at: str = "plain", scheme: str = "http") -> dict[str, Any] | None:
    """``connection``, of this request, and ``heard``, the connections of ``of``; None where a sound reply does not come back."""
    got, _ = asked(server, Form("control", method="GET", payload=b"", path=f"/control/{of}", at=at, scheme=scheme))
    if got is None or (got.status, got.error) != (200, None):
        return None
    told: dict[str, Any] = json.loads(got.body)
    return told


def tried(server: Server, form: Form) -> tuple[str, Got]:
    """What is wrong with what came of ``form`` ("" for nothing), and what did."""
    known = control(server, form.name)
    if known is None:
        return "no sound reply before", (None, "")
    if form.first:
        asked(server, Form("first", payload=b"", path=form.first, at=form.at, scheme=form.scheme))
    got = asked(server, form)
    reply, instead = got
    if reply is None:
        return instead, got
    time.sleep(form.quiet_s)
    reachable = form.heard != 0
    told = control(server, form.name, *((form.at, form.scheme) if reachable else ()))
    if told is None:
        return "no sound reply afterwards", got
    heard = told["heard"][len(known["heard"]) :]
    if reply.error not in form.errors:
        return f"error {reply.error} instead of {' or '.join(map(str, form.errors))}", got
    if reply.error is None and reply.status != form.status:
        return f"status {reply.status} instead of {form.status}", got
    if reply.error is None and reply.body != form.body:
        return f"body {reply.body[:40]!r} ({len(reply.body)} bytes) instead of {form.body[:40]!r} ({len(form.body)})", got
    if not form.follow and reply.sent_s is not None and reply.done_s - reply.sent_s > REPLY_S + LATE_S:
        return f"took {reply.done_s - reply.sent_s:.1f} s instead of at most {REPLY_S:g}", got
    if form.heard is not None and len(heard) != form.heard:
        return f"heard {len(heard)} times instead of {form.heard}", got
    again = bool(heard) and told["connection"] == heard[-1]
    if form.again is not None and again != form.again:
        return "the connection was used again" if again else "the connection was not used again", got
    return "", got


def run(quick: bool) -> dict[str, Any]:
    """Counts, ``rows`` (form, what was told, seconds), ``wrong``; ``second_try``: forms, and mutated replies, that were right only then; ``rss_growth_mib`` after all of it, and ``peak_mib`` on the way,
    which the largest replies that are allowed account for."""
    with serving() as server:
        control(server, "nothing")
        control(server, "nothing", "tls", "https")
        process = psutil.Process()
        gc.collect()
        before, peak = process.memory_info().rss, _peak_mib()
        rows, faults = formed(server)
        fuzzed, second, more = fuzz(server, QUICK_FUZZ_S if quick else FUZZ_S)
        gc.collect()
        grown = (process.memory_info().rss - before) / (1 << 20)
    faults += more
    return {
        "forms": len(FORMS),
        "right": sum(row["right"] for row in rows),
        "wrong": faults,
        "second_try": {"forms": [row["form"] for row in rows if row["second_try"]], "fuzz": second},
        "fuzz": fuzzed,
        "hangs": sum(fault["what"] == "hang" for fault in faults),
        "crashes": sum(fault["what"].startswith("Traceback") for fault in faults),
        "rss_growth_mib": round(grown, 1),
        "peak_mib": round(_peak_mib() - peak, 1),
        "rows": rows,
    }


def _peak_mib() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20) if sys.platform == "darwin" else most / (1 << 10)


def formed(server: Server) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A row for each form, and a fault for each that is wrong."""
    rows, faults = [], []
    for form in FORMS:
        tries = 0
        for _ in range(TRIES):
            tries += 1
            began = time.monotonic()
            what, (reply, _) = tried(server, form)
            seconds = time.monotonic() - began
            if not what:
                break
        else:
            faults.append({"form": form.name, "what": what})
        told = "" if reply is None else reply.error or f"{reply.status}, {len(reply.body)} bytes"
        rows.append({"form": form.name, "told": told, "right": not what, "second_try": tries > 1 and not what, "seconds": round(seconds, 2)})
    return rows, faults


def fuzz(server: Server, seconds: float) -> tuple[int, int, list[dict[str, Any]]]:
    """How many mutated replies there were in so many seconds, how many of them were right only at the second try, and the faults."""
    second = 0
    faults: list[dict[str, Any]] = []
    over = time.monotonic() + seconds
    for number in count():
        if time.monotonic() > over or len(faults) > 20:
            return number, second, faults
        if mutated(server, number):
            what = mutated(server, number)
            second += not what
            if what:
                faults.append({"fuzz": number, "what": what})
        if number % BATCH == 0 and control(server, "nothing", PLAIN[number % len(PLAIN)]) is None:
            faults.append({"fuzz": number, "what": "no sound reply afterwards"})
    raise AssertionError


def mutated(server: Server, number: int) -> str:
    """What is wrong with what came of mutated reply ``number``."""
    made = case(number)
    form = Form("fuzz", path=f"/fuzz/{number}", at=PLAIN[number % len(PLAIN)], plain_way=number // len(PLAIN) % 2 == 1)
    reply, instead = asked(server, form)
    if reply is None:
        return instead
    return f"{made.kind}: {reply.error or (reply.status, reply.body[:60])}" if wrong(made, reply) else ""


def table(result: dict[str, Any]) -> str:
    rows = [[row["form"], row["told"], "NO" if not row["right"] else "at the second try" if row["second_try"] else "yes", row["seconds"]] for row in result["rows"]]
    faults = [[fault.get("form", fault.get("fuzz")), fault["what"].strip().splitlines()[-1][:150]] for fault in result["wrong"]]
    return "\n".join(
        [
            tabulate(rows, headers=["form", "told", "right", "seconds"], disable_numparse=True), "",
            *([tabulate(faults, headers=["form or number", "what is wrong"]), ""] if faults else []),
            f"{result['right']} of {result['forms']} forms right, {result['fuzz']:,} mutated replies, {len(result['wrong'])} wrong: "
            f"{result['hangs']} hangs, {result['crashes']} crashes; {result['rss_growth_mib']:g} MiB more afterwards, {result['peak_mib']:g} on the way",
            f"right only at the second try: {len(result['second_try']['forms'])} forms, {result['second_try']['fuzz']:,} mutated replies",
        ]
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hard_replies", description="Ask for one mutated reply again.")
    parser.add_argument("number", type=int)
    number = parser.parse_args().number
    print(case(number))
    with serving() as server:
        what = mutated(server, number)
    print(what or "right")
    return int(bool(what))


if __name__ == "__main__":
    sys.exit(main())
