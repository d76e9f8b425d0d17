"""Runs as the report gets them: broken on all three measures, held, void, and one that died at once."""

from __future__ import annotations

import copy
import math
from typing import Any

Run = tuple[dict[str, Any], dict[str, Any]]

PHASES = [
    {"name": "warm-up", "start_s": 0, "end_s": 12},
    {"name": "ramp", "start_s": 12, "end_s": 28},
    {"name": "drop", "start_s": 28, "end_s": 44},
    {"name": "decay", "start_s": 44, "end_s": 60},
]
FAULT = {"name": "slow-supplier", "start_s": 32.0, "end_s": 42.0}


def offered_at(t: int) -> int:
    """Orders a second of a skin drop: warm-up, ramp, plateau, decay; jagged like real arrivals."""
    if t < 12:
        rate = 12.0
    elif t < 28:
        rate = 12 + (t - 12) * 6.2
    elif t < 44:
        rate = 118.0
    else:
        rate = 118 * math.exp(-(t - 44) / 5)
    return max(0, round(rate + 5 * math.sin(t * 2.399) + 3 * math.cos(t * 5.1)))


def broken() -> Run:
    """The naive platform under a skin drop with a slow supplier: late, oversold and failing."""
    t = list(range(70))
    offered = [offered_at(x) if x < 60 else 0 for x in t]
    sent = list(offered)
    backlog, confirmed, in_flight, p50, p99, late, error = 0.0, [], [], [], [], [], []
    sold, stock_left, oversold, stock, extra = 0.0, [], [], 2800, 0
    for x in t:
        capacity = 22 if 32 <= x < 42 else 74
        backlog += sent[x]
        done = min(backlog, capacity)
        backlog -= done
        confirmed.append(round(done))
        in_flight.append(round(backlog + 3))
        wait = backlog / capacity * 1000
        quiet = x in (66, 68, 69)
        p50.append(None if quiet else round(70 + wait * 0.8 + 9 * math.sin(x), 2))
        p99.append(None if quiet else round(170 + wait * 1.9 + 30 * math.cos(x), 2))
        late.append(None if quiet else min(1.0, max(0.0, (wait * 1.9 - 2600) / 9000)))
        error.append(None if quiet else min(1.0, max(0.0, (backlog - 160) / 1500)))
        sold += done
        stock_left.append(max(0, round(stock - sold)))
        extra += 9 if 31 <= x < 46 and x % 2 else 0
        oversold.append(min(71, extra))
    series = {
        "t": t, "offered": offered, "sent": sent, "confirmed": confirmed, "p50_ms": p50, "p99_ms": p99,
        "late_share": late, "error_share": error, "rejected": [0] * 70, "in_flight": in_flight,
        "stock_left": stock_left, "oversold": oversold,
        "cpu": {
            "engine": [round(8 + v / 6, 1) for v in offered],
            "platform": [round(min(99, 12 + v * 1.15), 1) for v in confirmed],
            "edge": [round(4 + v / 14, 1) for v in confirmed],
        },
        "phases": copy.deepcopy(PHASES), "faults": [dict(FAULT)],
        "marks": [
            {"measure": "oversell", "at_s": 31.4},
            {"measure": "confirm_latency", "at_s": 33.2},
            {"measure": "error_rate", "at_s": 34.6},
        ],
    }  # fmt: skip
    hops = {
        "client": {"before_ms": 92.0, "during_ms": 6120.0},
        "submit": {"before_ms": 9.4, "during_ms": 640.0},
        "pay": {"before_ms": 11.0, "during_ms": 910.5},
        "callback": {"before_ms": 61.0, "during_ms": 64.0},
        "supplier": {"before_ms": 41.0, "during_ms": 3040.0},
        "platform": {"before_ms": 14.0, "during_ms": 1980.0},
    }
    result = {
        "schema": "surgekit.result/1", "profile": "skin-drop", "target": "cardshop", "seed": 7,
        "run": {
            "started": "2026-05-01T12:00:03Z", "duration_s": 60, "peak_rate": 118, "name": "skin-drop",
            "command": "surgekit blast --profile skin-drop --fault slow-supplier@32+10 --seed 7 --peak 118",
        },
        "headline": {
            "en": "The platform starts to sell cards twice at 96 orders/s and keeps buyers waiting from 112 orders/s, "
                  "when the supplier turns slow.",
            "zh": "到 96 单/秒时开始超卖；供货商变慢后，从 112 单/秒起买家迟迟看不到卡密。",
        },
        "limits": {"confirm_ms": 3000, "late_share": 0.05, "error_share": 0.05, "oversold": 0},
        "validity": {"status": "valid", "reasons": [], "slip_ms": {"p50": 0.4, "p99": 3.1, "p999": 8.2, "max": 14.7},
                     "generator": {"lag_ms": 4.2, "gc_ms": 0.0, "clock_step_ms": 0.01, "rss_mib": 98.5, "busy_share": 0.02, "cpu_s": 12.5}},
        "orders": {"scheduled": 3461, "sent": 3461, "accepted": 3290, "confirmed": 2871,
                   "rejected": 38, "failed": 133, "unknown": 419},
        "latency_ms": {
            "accept": {"p50": 9.8, "p90": 310.0, "p99": 1420.0, "p999": 3002.5},
            "confirm": {"p50": 812.0, "p90": 9120.4, "p99": 21870.0, "p999": None},
        },
        "breakdown": {
            "confirm_latency": {
                "status": "broke", "at_s": 33.2, "at_rate": 112.4, "interval": [104.1, 119.8], "phase": "drop",
                "limit": 3000, "observed": 21870.0, "unit": "ms",
                "blame": {
                    "name": "slow-supplier", "kind": "fault", "hops": hops,
                    "text": {
                        "en": "The supplier link took 3.0 s instead of 41 ms from 32 s on, and the platform holds a "
                              "database connection while it waits for it.",
                        "zh": "从 32 秒起，供货商链路耗时由 41 毫秒升到 3.0 秒，而平台在等待期间一直占着数据库连接。",
                    },
                },
                "try_next": {
                    "en": "Call the supplier outside the transaction: run it again with --target cardshop-hardened.",
                    "zh": "把对供货商的调用移出事务：用 --target cardshop-hardened 再跑一次。",
                },
            },
            "oversell": {
                "status": "broke", "at_s": 31.4, "at_rate": 96.0, "interval": [88.2, 101.5], "phase": "drop",
                "limit": 0, "observed": 71, "unit": "units",
                "blame": {
                    "name": "platform", "kind": "rule", "hops": hops,
                    "text": {
                        "en": "Two deliveries pick the same unsold card, because it is selected without a lock.",
                        "zh": "取卡时没有加锁，两个订单会取到同一张未售卡密。",
                    },
                },
                "try_next": {
                    "en": "Reserve stock when the order is submitted.",
                    "zh": "在下单时就预占库存。",
                },
            },
            "error_rate": {
                "status": "broke", "at_s": 34.6, "at_rate": 117.0, "interval": [108.0, None], "phase": "drop",
                "limit": 0.05, "observed": 0.127, "unit": "share",
                "blame": {
                    "name": "platform", "kind": "hop", "hops": hops,
                    "text": {
                        "en": "The pool of 8 database connections was empty; requests gave up after 3 s with HTTP 500.",
                        "zh": "8 个数据库连接全部占满，请求等待 3 秒后以 HTTP 500 失败。",
                    },
                },
                "try_next": {
                    "en": "Refuse orders early when the backlog is full (--backlog 200).",
                    "zh": "积压满时尽早拒单（--backlog 200）。",
                },
            },
        },
        "audit": [
            check("card_sold_once", "violated", 2871, 24, [
                {"card": "d1f0a9c2", "orders": ["C01K7", "C01KB"], "first_s": 31.44, "second_s": 31.47},
                {"card": "77be0412", "orders": ["C01M2", "C01M9", "C01MA"], "first_s": 33.02, "second_s": 33.05},
            ]),
            check("card_is_real", "held", 2871),
            check("sold_within_stock", "violated", 2800, 71, [{"sku": "game-100", "stock": 2800, "delivered": 2871}]),
            check("delivery_complete", "held", 2871),
            check("paid_is_settled", "violated", 3105, 17, [
                {"order_no": f"C01P{n}", "paid_s": 38.0 + n / 10, "amount_fen": 10000, "status": "paid"}
                for n in range(17)
            ]),
            check("charged_once", "held", 3290),
            check("purchased_once", "violated", 640, 9, ["C01Q3: supplier orders C01Q3 and C01Q3-2", "C01Q8: twice"]),
            check("callback_idempotent", "held", 512),
            check("refund_conserved", "held", 88),
            check("balance_conserved", "undecided", 0),
            check("status_forward", "held", 3290),
            check("stock_conserved", "violated", 1, 1, [{"sku": "game-100", "missing": 71}]),
            check("reservation_returns", "undecided", 0),
        ],
        "recovery": {"verdict": "recovered", "seconds": 11.5},
        "faults": [{**FAULT, "edge": "supplier", "injected": True, "healed": True}],
        "gates": [
            {"name": "oversell", "verdict": "failed", "limit": 0, "observed": 71, "unit": "units"},
            {"name": "confirm p99", "verdict": "failed", "limit": 3000, "observed": 21870, "unit": "ms"},
        ],
        "notes": ["Balance checks need the platform's account statement, which this target does not offer."],
    }  # fmt: skip
    return result, series


def check(invariant: str, verdict: str, evidence: int, violations: int = 0, examples: Any = ()) -> dict[str, Any]:
    """A row of the audit."""
    return {"invariant": invariant, "verdict": verdict, "evidence": evidence, "violations": violations,
            "examples": list(examples)}  # fmt: skip


def held() -> Run:
    """A hardened platform under the same load: nothing breaks, and one measure could not be judged."""
    result, series = broken()
    result |= {
        "target": "cardshop-hardened",
        "recovery": {"verdict": "recovered", "seconds": None},
        "notes": [],
        "gates": [],
    }
    result["headline"] = {"en": "Nothing broke up to 118 orders/s.", "zh": "到 118 单/秒为止全部守住。"}
    for measure, observed in {"confirm_latency": 810.0, "oversell": 0, "error_rate": 0.004}.items():
        result["breakdown"][measure] |= {
            "status": "held", "at_s": None, "at_rate": 118.0, "interval": [110.0, None], "phase": None,
            "observed": observed, "blame": {"name": "", "kind": "none", "text": {}, "hops": {}}, "try_next": {},
        }  # fmt: skip
    result["breakdown"]["oversell"] |= {"status": "undecided", "at_rate": None, "interval": None}
    result["audit"] = [check(row["invariant"], "held", row["evidence"] or 12) for row in result["audit"]]
    series |= {
        "p99_ms": [300.0 + 5 * (x % 9) for x in series["t"]], "p50_ms": [90.0 + x % 7 for x in series["t"]],
        "error_share": [0.0] * 70, "late_share": [0.0] * 70, "oversold": [0] * 70, "marks": [], "faults": [],
        "confirmed": series["sent"], "in_flight": [v // 8 for v in series["sent"]],
    }  # fmt: skip
    result["faults"] = []
    return result, series


def void() -> Run:
    """The broken run, but its generator ran late: whatever it shows proves nothing."""
    result, series = broken()
    result["headline"] = {
        "en": "This run is void: the load generator could not keep up.",
        "zh": "本次运行作废：发压端跟不上计划。",
    }
    result["validity"] = {
        "status": "void",
        "reasons": [
            "1.8 % of the orders left more than 100 ms late (limit 1 %).",
            {"en": "The load generator used 97 % of its CPU.", "zh": "发压端 CPU 占用 97%。"},
        ],
        "slip_ms": {"p50": 2.0, "p99": 180.0, "p999": 950.0, "max": 1420.0},
    }
    result["recovery"] = {"verdict": "inconclusive", "seconds": None}
    return result, series


def died() -> Run:
    """A run that ended before its first order."""
    result = {
        "schema": "surgekit.result/1", "profile": "skin-drop", "target": "cardshop", "seed": 7,
        "validity": {"status": "void", "reasons": ["The platform did not start: port 8080 is taken."], "slip_ms": {}},
        "orders": {}, "latency_ms": {}, "audit": [], "recovery": {"verdict": "inconclusive", "seconds": None},
        "breakdown": {m: {"status": "undecided", "at_s": None, "at_rate": None, "interval": None}
                      for m in ("confirm_latency", "oversell", "error_rate")},
    }  # fmt: skip
    series = {"t": [], "offered": [], "sent": [], "confirmed": [], "cpu": {}, "phases": [], "faults": [], "marks": []}
    return result, series


SAMPLES = {"broken": broken, "held": held, "void": void, "died": died}
