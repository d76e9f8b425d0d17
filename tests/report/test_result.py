"""``result.json``: the contract with everything that reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_story import PROFILE, Row, booked, order, payment, plan, stocked, write

from surgekit.errors import RunError
from surgekit.report.finish import as_json, finish
from surgekit.report.result import analyse
from surgekit.report.validity import MORE_CORES

NUMBER = (int, float)


def story(run: Path, told: Row | None = None, **tables: Any) -> Row:
    """The result of a small run in which one order fails, one is sold out, and one is unknown."""
    rows = {
        "orders": [order(1, cards=["a"]), order(2, outcome="failed", reason="refunded"), order(3, outcome="rejected", accepted_s=None),
                   order(4, outcome="unknown", reason="deadline", accepted_s=None), order(5, cards=["b"])],
        "ledger": [booked(1, cards=["a"]), booked(2, "refunded"), booked(5, cards=["b"])],
        "stock": stocked(9), "edge": [payment(1, 1.2)],
        "faults": [{"name": "supplier-slow", "edge": "supplier", "kind": "delay", "planned_s": 2.0, "start_s": 2.01, "end_s": 4.0,
                    "injected": True, "healed": True, "note": None}],
    } | tables  # fmt: skip
    return analyse(write(run, told, **rows))[0]


TEXTS = {"en": str, "zh": str}
MEASURE = {
    "status": str, "at_s": (*NUMBER, None), "at_rate": (*NUMBER, None), "interval": (list, None), "phase": (str, None), "limit": NUMBER,
    "observed": (*NUMBER, None), "unit": str, "blame": {"name": str, "kind": str, "text": TEXTS, "hops": dict}, "limit_text": TEXTS,
    "observed_text": TEXTS, "try_next": (dict, None),
}  # fmt: skip
LATENCY = {"p50": (*NUMBER, None), "p90": (*NUMBER, None), "p99": (*NUMBER, None), "p999": (*NUMBER, None), "orders": int, "censored": int,
           "watched_to": (*NUMBER, None)}  # fmt: skip
SHAPE = {
    "schema": str, "profile": str, "target": str, "seed": int,
    "run": {"name": str, "started": str, "duration_s": NUMBER, "peak_rate": NUMBER, "command": str, "version": str, "aborted": bool},
    "validity": {
        "status": str, "reasons": list, "slip_ms": {"p50": NUMBER, "p99": NUMBER, "p999": NUMBER, "max": NUMBER},
        "generator": dict.fromkeys(("lag_ms", "gc_ms", "clock_step_ms", "rss_mib", "busy_share", "cpu_s"), NUMBER),
        "bounds": dict.fromkeys(("slip_p99_ms", "slip_max_ms", "lag_ms", "gc_ms", "busy_share", "clock_step_ms", "clock_error_ms"), NUMBER),
    },
    "orders": dict.fromkeys(("scheduled", "sent", "accepted", "confirmed", "rejected", "failed", "unknown", "refunded", "unsent"), int),
    "latency_ms": {"accept": LATENCY, "confirm": LATENCY},
    "breakdown": {"confirm_latency": MEASURE, "oversell": MEASURE, "error_rate": MEASURE},
    "audit": [{"invariant": str, "says": str, "why": str, "verdict": str, "evidence": int, "violations": int, "unknown": int,
               "examples": list, "because": (str, None)}],
    "recovery": {"verdict": str, "seconds": (*NUMBER, None), "note": (str, None)},
    "faults": [{"name": str, "edge": str, "start_s": NUMBER, "end_s": NUMBER, "injected": bool, "healed": bool, "note": (str, None)}],
    "gates": list, "limits": {"confirm_ms": NUMBER, "late_share": NUMBER, "error_share": NUMBER, "oversold": int},
    "notes": list, "headline": TEXTS,
}  # fmt: skip


def differences(found: Any, shape: Any, where: str = "") -> list[str]:
    """Where ``found`` is not of this shape: a key too many or too few, or a value of another type."""
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            return [f"{where}: no object"]
        told = [f"{where}.{key}: {'too many' if key in found else 'missing'}" for key in found.keys() ^ shape.keys()]
        return told + [each for key in found.keys() & shape.keys() for each in differences(found[key], shape[key], f"{where}.{key}")]
    if isinstance(shape, list):
        return [each for number, row in enumerate(found) for each in differences(row, shape[0], f"{where}[{number}]")]
    types = shape if isinstance(shape, tuple) else (shape,)
    fits = any(found is None if kind is None else isinstance(found, kind) and isinstance(found, bool) == (kind is bool) for kind in types)
    return [] if fits else [f"{where}: {found!r}"]


WELL = {"lag_ms": 12.0, "gc_ms": 3.0, "gc_total_ms": 9.0, "clock_step_ms": 0.01, "seconds": 20, "busy_seconds": 0, "cpu_s": 4.5, "rss_mib": 90.0}


def test_every_key_is_there_and_of_its_type(tmp_path: Path) -> None:
    assert differences(json.loads(as_json(story(tmp_path, plan(engines={"0": WELL})))), SHAPE, "result") == []


@pytest.mark.parametrize(
    ("hurt", "says"),
    [
        ({"lag_ms": 1600}, "loop stood still for 1600 ms (at most 1500); use --workers 2"),
        ({"gc_ms": 300}, "stood still for 300 ms to look for garbage (at most 250)"),
        ({"busy_seconds": 3}, "no processor left in 15% of the seconds (at most 10%), so that replies waited for it; use --workers 2"),
        ({"clock_step_ms": 60_000}, "clock was set by 60,000 ms during the surge, or the machine slept (at most 250)"),
    ],
)
def test_a_generator_that_was_unwell_makes_the_run_void_with_what_to_do(tmp_path: Path, hurt: dict[str, Any], says: str) -> None:
    """The worst of several engines counts."""
    (tmp_path / "well").mkdir()
    (tmp_path / "unwell").mkdir()
    assert story(tmp_path / "well", plan(engines={"0": WELL, "1": WELL}))["validity"] | {"generator": {}, "bounds": {}, "slip_ms": {}} == {
        "status": "valid", "reasons": [], "generator": {}, "bounds": {}, "slip_ms": {},
    }  # fmt: skip
    told = story(tmp_path / "unwell", plan(engines={"0": WELL, "1": WELL | hurt}))["validity"]
    assert told["status"] == "void"
    (reason,) = told["reasons"]
    assert says in reason


def test_a_lost_worker_and_a_clock_that_is_not_known_make_the_run_void(tmp_path: Path) -> None:
    fine = {"offset_s": 3.0, "error_s": 0.049, "drift_ppm": None, "pings": 45}
    told = {"lost": {"1": 7.25}, "clocks": {"0": fine, "2": fine | {"error_s": 0.0612}}}
    for folder, more in (("well", {"lost": {}, "clocks": {"0": fine}}), ("unwell", told)):
        (tmp_path / folder).mkdir()
        result = story(tmp_path / folder, plan(shards=3, **more))["validity"]
        assert result["status"] == ("valid" if folder == "well" else "void")
    lost, clock = result["reasons"]
    assert "shard 1" in lost
    assert "7.2 s" in lost
    assert "clock of shard 2 is known to within 61 ms only (at most 50)" in clock
    assert result["generator"]["clock_error_ms"] == 61.2


def test_words_are_those_of_the_contract(tmp_path: Path) -> None:
    told = story(tmp_path)
    assert told["schema"] == "surgekit.result/1"
    assert told["validity"]["status"] in ("valid", "void")
    assert {each["status"] for each in told["breakdown"].values()} <= {"broke", "held", "undecided"}
    assert {each["verdict"] for each in told["audit"]} <= {"held", "violated", "undecided"}
    assert told["recovery"]["verdict"] in ("recovered", "draining", "metastable", "inconclusive")


def test_every_scheduled_order_ended_in_one_of_four_ways(tmp_path: Path) -> None:
    told = story(tmp_path)["orders"]
    assert told == {"scheduled": 5, "sent": 5, "accepted": 3, "confirmed": 2, "rejected": 1, "failed": 1, "unknown": 1, "refunded": 1, "unsent": 0}
    assert told["scheduled"] == sum(told[end] for end in ("confirmed", "rejected", "failed", "unknown"))


def test_working_it_out_again_gives_the_same(tmp_path: Path) -> None:
    first, again = (as_json(finish(each, "en")) for each in (write(tmp_path, orders=[order(1)]), tmp_path))
    assert first == again == (tmp_path / "result.json").read_text()


def test_what_it_says_can_be_written_as_json(tmp_path: Path) -> None:
    """Also what is not a number has to be null, not NaN."""
    result, series = analyse(write(tmp_path))
    json.dumps([result, series], allow_nan=False)


def test_series_have_one_value_for_each_second(tmp_path: Path) -> None:
    rows = [order(1, cards=["a"]), order(2, cards=["b"], qty=3)]
    _, series = analyse(write(tmp_path, orders=rows, ledger=[booked(1, cards=["a"]), booked(2, cards=["b"])], stock=stocked(3)))
    columns = [name for name in series if name not in ("cpu", "phases", "faults", "marks", "limit_ms", "stock_sku")]
    assert {name: len(series[name]) for name in columns} == dict.fromkeys(columns, 21)
    assert (series["stock_left"][:4], series["confirmed"][:4]) == ([3.0, 2.0, 0.0, 0.0], [0, 1, 1, 0])


# Valid or void.


def test_a_run_in_order_is_valid(tmp_path: Path) -> None:
    assert story(tmp_path)["validity"]["reasons"] == []


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ({"t0": None, "engine_ended": None}, "the surge never began"),
        ({"engine_ended": None}, "the run was cut off: SurgeKit itself ended before the surge did"),
        ({"engine_ended": "lost"}, "the load engine was lost during the surge"),
    ],
)
def test_a_run_that_did_not_end_in_order_is_void(tmp_path: Path, ended: Row, reason: str) -> None:
    told = story(tmp_path, plan(**ended))["validity"]
    assert (told["status"], told["reasons"]) == ("void", [reason])


def test_a_run_that_sent_nothing_is_void(tmp_path: Path) -> None:
    unsent = {"outcome": "failed", "reason": "unsent", "started_s": None, "sent_s": None}
    told = story(tmp_path, plan(aborted=True), orders=[order(1, **unsent)])["validity"]
    assert told["reasons"] == ["no order was sent"]
    assert told["slip_ms"] == {"p50": None, "p99": None, "p999": None, "max": None}


def test_a_generator_that_ran_late_proves_nothing(tmp_path: Path) -> None:
    told = story(tmp_path, orders=[order(n, started_s=n + 0.15) for n in range(9)])["validity"]
    assert told["reasons"] == ["the generator ran late: p99 of the slip is 150 ms (at most 100); " + MORE_CORES]


def test_a_generator_that_stood_still_once_proves_nothing(tmp_path: Path) -> None:
    rows = [order(n, at=n / 100) for n in range(999)]
    told = story(tmp_path, orders=[*rows, order(999, at=15.0, started_s=17.0)])["validity"]
    assert told["reasons"] == ["the generator stood still: one order left 2000 ms late (at most 1500); " + MORE_CORES]


def test_orders_that_were_held_back_void_the_run(tmp_path: Path) -> None:
    rows = [order(1), order(2, outcome="failed", reason="unsent", started_s=None, sent_s=None)]
    told = story(tmp_path, orders=rows)["validity"]
    assert told["reasons"] == ["1 orders were not sent: more than in_flight: 4000 were under way; raise it in the profile"]


def test_with_several_workers_each_has_its_part_of_what_may_be_under_way(tmp_path: Path) -> None:
    rows = [order(1), order(2, outcome="failed", reason="unsent", started_s=None, sent_s=None)]
    (told,) = story(tmp_path, plan(shards=4), orders=rows)["validity"]["reasons"]
    assert "in_flight: 4000, 1000 for each of 4 workers, were under way" in told


def test_orders_that_were_called_off_do_not(tmp_path: Path) -> None:
    rows = [order(1), order(2, outcome="failed", reason="unsent", started_s=None, sent_s=None)]
    assert story(tmp_path, plan(aborted=True), orders=rows)["validity"]["status"] == "valid"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("no_sockets", "1 requests found no free socket on this machine (at most 0); raise"), ("engine_error", "1 orders met an error in the engine (at most 0)")],
)
def test_a_fault_of_the_generator_voids_the_run(tmp_path: Path, word: str, reason: str) -> None:
    hurt = {"requests": [{"seq": 1, "step": "submit", "due_s": 1.0, "sent_s": 1.0, "done_s": 1.0, "class": "not_sent", "reason": word}]}
    if word == "engine_error":
        hurt = {"orders": [order(1), order(2, outcome="unknown", reason=word)]}
    (told,) = story(tmp_path, **hurt)["validity"]["reasons"]
    assert told.startswith(reason)


def test_a_void_run_claims_nothing(tmp_path: Path) -> None:
    rows = [order(n, cards=["a"]) for n in range(9)]
    told = story(tmp_path, plan(engine_ended="lost"), orders=rows, ledger=[])
    assert told["breakdown"]["oversell"]["status"] == "broke"
    for words in told["headline"].values():
        assert not {"broke", "held", "失守", "守住"} & set(words.replace("；", " ").split())
        assert "orders/s" not in words
        assert "单/秒" not in words


# What it could not see, it says.


def test_absent_witnesses_and_broken_tables_are_noted(tmp_path: Path) -> None:
    run = write(tmp_path, plan(witnesses={"ledger": "absent: HTTP 500", "edge": "whole", "stock": "whole"}, notes=["it rained"]), orders=[order(1)])
    (run / "edge.parquet").write_bytes(b"PAR1")
    first, second, third = analyse(run)[0]["notes"]
    assert (first, second) == ("it rained", "witness ledger: absent: HTTP 500")
    assert third.startswith("edge.parquet cannot be read: ")


def test_what_only_reading_told_is_said(tmp_path: Path) -> None:
    """One that its buyer had lost sight of was delivered; one buyer's second click made a second order."""
    rows = [order(1), order(2, seen="unknown", reason="timeout, read: delivered"), order(3)]
    told = story(tmp_path, plan(), orders=rows, ledger=[booked(1), booked(2), booked(3), booked(3, "expired", order_no="N3b")])
    assert told["notes"][-2:] == [
        "1 orders that their buyers had lost sight of were found by reading: 1 confirmed",
        "the platform has 4 orders for 3 order keys: second clicks and retries made more than one of some",
    ]


def test_a_run_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    run = write(tmp_path, plan(profile={**PROFILE, "swarm": 1}), orders=[order(1)])
    with pytest.raises(RunError, match=r"run\.json: profile\.swarm"):
        analyse(run)
