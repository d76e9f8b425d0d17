"""Does anything that a file or a server can say end in a traceback, in waiting without end, or in all of the memory?

Inputs 0 to 9,999 are mutated profile and target files, 10,000 to 19,999 mutated replies of a server on loopback. An input is
made from its number alone: ``python -m tests.bench.fuzz --only N`` makes and tries that one again, and shows it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz_files
import fuzz_hearing
import fuzz_judge
import fuzz_pool
import fuzz_replies
import fuzz_server

from surgekit import yamlfile
from surgekit.errors import ConfigError
from surgekit.model import ReplyClass
from surgekit.target.step import Read, StepPlan

EACH = 10_000
QUICK_STEP = 33
FILE_S = 5.0
"""For one file, however large the machine's other cares are; a single one takes 15 ms."""
FILE_MIB = 256.0
REPLY_S = 10.0
REPLY_MIB = 64.0
READ_MIB = 256.0
"""The control plane reads once and alone, and all orders of a run may stand on one page."""
WORKERS = os.cpu_count() or 2


def run(quick: bool) -> dict[str, Any]:
    """Counts, ``rows`` (part, kind, outcomes), ``failures``, and what the bench finds of faults that were planted for it."""
    step = QUICK_STEP if quick else 1
    began = time.monotonic()
    results = [*files(range(0, EACH, step)), *replies(range(EACH, 2 * EACH, step))]
    told = summary(results)
    return told | {"planted": planted(), "seconds": round(time.monotonic() - began, 1)}


def files(numbers: Iterable[int], limit_s: float = FILE_S) -> list[fuzz_pool.Result]:
    """What became of the files of these numbers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def work(number: int) -> tuple[str, str, str]:
            own = root / str(os.getpid())
            if not own.is_dir():
                own.mkdir()
                fuzz_judge.furnish(own)
            return fuzz_judge.judged(number, own)

        return _named(_tried_twice(work, numbers, WORKERS, limit_s, FILE_MIB))


def replies(numbers: Iterable[int], limit_s: float = REPLY_S) -> list[fuzz_pool.Result]:
    """What became of the replies of these numbers."""
    fuzz_hearing.prepare()
    found: list[fuzz_pool.Result] = []
    all_of_them = list(numbers)
    with fuzz_pool.beside(fuzz_server.serve, WORKERS) as ports:

        def work(number: int) -> tuple[str, str, str]:
            return fuzz_hearing.heard(number, ports[number % len(ports)])

        for by_platform, most_mib in ((False, REPLY_MIB), (True, READ_MIB)):
            mine = [number for number in all_of_them if fuzz_hearing.is_read(number) == by_platform]
            # Many of them wait, and a waiting client needs no processor.
            found += _named(_tried_twice(work, mine, 2 * WORKERS, limit_s, most_mib))
    return found


def _tried_twice(work: fuzz_pool.Work, numbers: Iterable[int], workers: int, limit_s: float, most_mib: float) -> Iterator[fuzz_pool.Result]:
    """A busy machine is late too: what was late is tried once more, alone and for twice as long."""
    late = []
    for result in fuzz_pool.watched(work, numbers, workers=workers, limit_s=limit_s, most_mib=most_mib):
        if result.outcome == "hang":
            late.append(result.number)
        else:
            yield result
    yield from fuzz_pool.watched(work, late, workers=1, limit_s=2 * limit_s, most_mib=most_mib)


def _named(results: Iterable[fuzz_pool.Result]) -> list[fuzz_pool.Result]:
    return [_with_kind(result) for result in results]


def _with_kind(result: fuzz_pool.Result) -> fuzz_pool.Result:
    """A worker that failed says no kind."""
    if result.kind:
        return result
    if result.number >= EACH:
        by = "reads" if fuzz_hearing.is_read(result.number) else "engine"
        kind = f"{by}: {fuzz_replies.kind_of(result.number)}"
    else:
        made = fuzz_files.mutant(result.number)
        kind = f"{made.base.kind}: {made.kind}"
    return fuzz_pool.Result(result.number, kind, result.outcome, result.said, result.seconds, result.mib)


def summary(results: list[fuzz_pool.Result]) -> dict[str, Any]:
    """The figures of these results."""
    outcomes = Counter(result.outcome for result in results)
    of_files = [result for result in results if result.number < EACH]
    loaded = sum(result.outcome.startswith(("loads", "runs")) for result in of_files)
    rows = []
    for part in ("files", "replies"):
        mine = [result for result in results if (result.number < EACH) == (part == "files")]
        for kind in sorted({result.kind for result in mine}):
            counts = Counter(result.outcome for result in mine if result.kind == kind)
            rows.append({"part": part, "kind": kind, "inputs": counts.total(), "outcomes": dict(counts.most_common())})
    return {
        "inputs": len(results), "files": len(of_files), "replies": len(results) - len(of_files),
        "tracebacks": outcomes["traceback"], "hangs": outcomes["hang"], "memory": outcomes["memory"],
        "files_loaded_share": round(loaded / max(1, len(of_files)), 3),
        "most_mib": round(max((result.mib for result in results), default=0.0), 1),
        "failures": [
            {"number": each.number, "kind": each.kind, "outcome": each.outcome, "said": each.said, "seconds": round(each.seconds, 2), "mib": round(each.mib)}
            for each in results if each.outcome in fuzz_pool.FAULTS
        ],
        "rows": rows,
    }  # fmt: skip


# --- does the bench see anything at all? -----------------------------------------------------------------------------------


def _raises(*_: object, **__: object) -> Any:
    raise KeyError("planted")


def _sleeps(*_: object, **__: object) -> Any:
    time.sleep(60)


def _allocates(*given: object, **__: object) -> Any:
    kept = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
    if isinstance(given[0], Path):  # a file: a sentence, as if nothing had been
        raise ConfigError(f"{len(kept)} MiB")
    return Read(ReplyClass.UNKNOWN, f"{len(kept)} MiB")


def _dies(*_: object, **__: object) -> Any:
    os._exit(9)


PLANTS: dict[str, tuple[Callable[..., Any], str]] = {
    "an exception": (_raises, "traceback"), "a process that dies": (_dies, "traceback"), "sleep": (_sleeps, "hang"), "an allocation": (_allocates, "memory"),
}  # fmt: skip


@contextmanager
def plant(fault: Callable[..., Any]) -> Iterator[None]:
    """Wherever files are loaded or replies are read, ``fault`` is called instead."""
    with mock.patch.object(yamlfile, "load", fault), mock.patch.object(StepPlan, "read", fault):
        yield


def planted() -> dict[str, dict[str, bool]]:
    """Fault that was planted → whether it was found in files and in replies."""
    sound = next(number for number in range(EACH, 2 * EACH) if fuzz_replies.kind_of(number) == "sound")
    found = {}
    for name, (fault, word) in PLANTS.items():
        limit_s = 1.0 if word == "hang" else REPLY_S
        with plant(fault):
            found[name] = {
                "files": [each.outcome for each in files([0], limit_s)] == [word],
                "replies": [each.outcome for each in replies([sound], limit_s)] == [word],
            }
    return found


def table(result: dict[str, Any]) -> str:
    rows = [[row["part"], row["kind"], row["inputs"], textwrap.fill(_shares(row["outcomes"]), 110)] for row in result["rows"]]
    failures = [[each["number"], each["kind"], each["outcome"], textwrap.fill(ascii(each["said"]), 110)] for each in islice(result["failures"], 40)]
    seen = all(found for each in result["planted"].values() for found in each.values())
    return "\n".join(
        [
            tabulate(rows, headers=["part", "kind", "inputs", "outcomes"]), "",
            *([tabulate(failures, headers=["number", "kind", "outcome", "what"]), ""] if failures else []),
            f"{result['inputs']:,} inputs ({result['files']:,} files, of which {result['files_loaded_share']:.0%} load, and {result['replies']:,} replies) in {result['seconds']:g} s: "
            f"{result['tracebacks']} tracebacks, {result['hangs']} hangs, {result['memory']} beyond memory (at most {result['most_mib']:g} MiB more); "
            f"planted faults {'all found' if seen else 'NOT all found'}",
        ]
    )  # fmt: skip


def _shares(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{outcome} {count}" for outcome, count in outcomes.items())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fuzz", description="Make one input again, show it, and try it.")
    parser.add_argument("--only", type=int, required=True, metavar="N", help=f"0 to {2 * EACH - 1}")
    number = parser.parse_args().only
    if number < EACH:
        made = fuzz_files.mutant(number)
        print(f"{made.base.kind}/{made.base.name}, {made.kind}, {len(made.raw):,} bytes:\n{made.raw[:4000].decode('utf-8', 'replace')}")
        results = files([number])
    else:
        script = fuzz_replies.script(number)
        print(f"{script.kind}, then {script.end}; it begins with {b''.join(islice(script.pieces, 3))[:2000]!r}")
        results = replies([number])
    print(*(ascii(result) for result in results), sep="\n")
    return int(any(result.outcome in fuzz_pool.FAULTS for result in results))


if __name__ == "__main__":
    sys.exit(main())
