"""Whether a run can be trusted: a generator that is late, stalls or has no processor left measures itself and not the platform.

Every bound is stated with its reason and with what to do. What is within its bound is told too, so that a reader sees how close it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import numpy as np

from surgekit.breakdown.history import History

SLIP_P99_MS = 100.0
"""A generator that is later than this for one order in a hundred has not sent the load that the profile asks for."""
STALL_SHARE = 0.5
"""…nor has one that ever stood still for longer than this part of the confirmation limit: what it then reports as late may be its own."""
GC_MS = 250.0
BUSY_SHARE = 0.1
"""Of the seconds of a surge: in so many may replies have waited in line for the generator, which then counts as the platform's."""
CLOCK_STEP_MS = 250.0
CLOCK_ERROR_MS = 50.0
"""Times of a worker on another machine are as true as its clock is known. Beyond this, a latency that ends there may be the clocks'."""
NO_SOCKETS = (
    "requests found no free socket on this machine (at most 0); raise its limit (ulimit -n, net.ipv4.ip_local_port_range), let connections live longer "
    "(timeouts.keep_alive, buyers.new_connection), or spread the surge over machines (--remote)"
)
ENGINE_ERROR = "orders met an error in the engine (at most 0): a fault of SurgeKit's own; the engine's log in the run folder has it"
MORE_CORES = "use --workers 2 or lower --peak, and leave a core to the generator"


def validity(plan: Mapping[str, Any], found: History, db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """``validity`` of ``result.json``."""
    slip = (found.started_s - found.intended_s)[~np.isnan(found.started_s)] * 1000
    late = dict(zip(("p50", "p99", "p999"), np.quantile(slip, [0.5, 0.99, 0.999]).tolist(), strict=True)) if len(slip) else {}
    late = {"p50": None, "p99": None, "p999": None, **late, "max": float(slip.max()) if len(slip) else None}
    stall_ms = STALL_SHARE * found.limits.confirm * 1000
    generator = _generator(plan)
    reasons = [*_ended(plan, len(slip)), *_late(late, stall_ms), *_unwell(generator, stall_ms), *_clocks(plan), *_unsent(plan, found, db)]
    return {
        "status": "void" if reasons else "valid",
        "reasons": reasons,
        "slip_ms": {name: None if value is None else round(value, 3) for name, value in late.items()},
        "generator": generator,
        "bounds": {
            "slip_p99_ms": SLIP_P99_MS, "slip_max_ms": stall_ms, "lag_ms": stall_ms, "gc_ms": GC_MS, "busy_share": BUSY_SHARE, "clock_step_ms": CLOCK_STEP_MS,
            "clock_error_ms": CLOCK_ERROR_MS,
        },
    }  # fmt: skip


def _generator(plan: Mapping[str, Any]) -> dict[str, Any]:
    """How the engines were, the worst of them; what no engine told is left out."""
    told = [each for each in (plan.get("engines") or {}).values() if isinstance(each, Mapping)]
    worst = {name: max((float(each[name]) for each in told if name in each), default=None) for name in ("lag_ms", "gc_ms", "clock_step_ms", "rss_mib")}
    clocks = list((plan.get("clocks") or {}).values())
    shares = [each["busy_seconds"] / each["seconds"] for each in told if each.get("seconds")]
    return {
        **{name: value for name, value in worst.items() if value is not None},
        **({"clock_error_ms": round(1000 * max(float(each["error_s"]) for each in clocks), 3)} if clocks else {}),
        **({"busy_share": round(max(shares), 3)} if shares else {}),
        **({"cpu_s": round(sum(float(each.get("cpu_s", 0)) for each in told), 3)} if told else {}),
    }


def _ended(plan: Mapping[str, Any], sent: int) -> Iterator[str]:
    if plan.get("t0") is None:
        yield "the surge never began"
    elif plan.get("engine_ended") is None:
        yield "the run was cut off: SurgeKit itself ended before the surge did"
    elif plan["engine_ended"] != "in_order":
        yield "the load engine was lost during the surge"
    elif not plan.get("witnesses"):
        yield "the run was cut off: SurgeKit ended before the platform was asked what became of the orders"
    elif not sent:
        yield "no order was sent"
    for shard, at in sorted((plan.get("lost") or {}).items()):
        yield f"a worker was lost: what became of the orders of shard {shard} that were under way or due until {at:.1f} s, nobody knows; run again"


def _late(late: Mapping[str, float | None], stall_ms: float) -> Iterator[str]:
    p99, most = late["p99"], late["max"]
    if p99 is not None and p99 > SLIP_P99_MS:
        yield f"the generator ran late: p99 of the slip is {p99:.0f} ms (at most {SLIP_P99_MS:.0f}); {MORE_CORES}"
    if most is not None and most > stall_ms:
        yield f"the generator stood still: one order left {most:.0f} ms late (at most {stall_ms:.0f}); {MORE_CORES}"


def _unwell(generator: Mapping[str, float], stall_ms: float) -> Iterator[str]:
    if generator.get("busy_share", 0) > BUSY_SHARE:
        yield (
            f"the generator had no processor left in {generator['busy_share']:.0%} of the seconds (at most {BUSY_SHARE:.0%}), so that replies waited "
            f"for it; {MORE_CORES}"
        )
    if generator.get("lag_ms", 0) > stall_ms:
        yield f"the generator's loop stood still for {generator['lag_ms']:.0f} ms (at most {stall_ms:.0f}); {MORE_CORES}"
    if generator.get("gc_ms", 0) > GC_MS:
        yield (
            f"the generator stood still for {generator['gc_ms']:.0f} ms to look for garbage (at most {GC_MS:.0f}): it has very many orders under way; "
            "use --workers 2 or lower in_flight in the profile"
        )
    if generator.get("clock_step_ms", 0) > CLOCK_STEP_MS:
        yield (
            f"the machine's clock was set by {generator['clock_step_ms']:,.0f} ms during the surge, or the machine slept (at most {CLOCK_STEP_MS:.0f}): "
            "times of the platform and of the run do not fit together; run again"
        )


def _clocks(plan: Mapping[str, Any]) -> Iterator[str]:
    for shard, told in sorted((plan.get("clocks") or {}).items()):
        error_ms = 1000 * float(told["error_s"])
        if error_ms > CLOCK_ERROR_MS:
            yield (
                f"the clock of shard {shard} is known to within {error_ms:,.0f} ms only (at most {CLOCK_ERROR_MS:.0f}), so that its times do not fit to the "
                "others'; use a machine that is nearer, or one whose clock nobody sets"
            )


def _unsent(plan: Mapping[str, Any], found: History, db: duckdb.DuckDBPyConnection) -> Iterator[str]:
    whole = plan.get("engine_ended") == "in_order" and not plan.get("aborted") and not plan.get("lost")
    unsent = _count(db, "SELECT count(*) FROM orders WHERE reason = 'unsent'")
    if unsent and whole:
        most, shards = found.profile.in_flight, int(plan.get("shards") or 1)
        each = "" if shards == 1 else f", {max(1, most // shards)} for each of {shards} workers,"
        yield f"{unsent} orders were not sent: more than in_flight: {most}{each} were under way; raise it in the profile"
    for word, what in (("no_sockets", NO_SOCKETS), ("engine_error", ENGINE_ERROR)):
        n = _count(db, f"SELECT count(*) FROM requests WHERE reason = '{word}'") + _count(  # noqa: S608
            db, f"SELECT count(*) FROM orders WHERE reason = '{word}'"  # noqa: S608
        )
        if n:
            yield f"{n} {what}"
    if whole:
        late = db.execute("SELECT name, planned_s, note FROM faults WHERE NOT injected ORDER BY planned_s").fetchall()
        for name, due, note in late:
            yield f"fault {name} was due at {due:g} s and was not injected: {note or 'no reason given'}"


def _count(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0
