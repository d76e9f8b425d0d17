"""Because of what: the fault or hop whose share of the time grew, or the reply that went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from surgekit.breakdown import hops
from surgekit.breakdown.detect import Breach
from surgekit.chaos.faults import FAULTS

Text = dict[str, str]
BUSY_PERCENT = 85.0
"""A Python process that uses this much of one core has nothing left to give."""

LEAST_MS = 50.0
"""A hop that grew by less is not what made orders late."""
MOST_PRODUCTS = 3
"""So many products are told of one by one."""

NOT_ATTRIBUTABLE: dict[str, Any] = {
    "name": "not attributable",
    "kind": "none",
    "text": {"en": "no hop took clearly longer than before", "zh": "没有任何环节明显变慢"},
    "hops": {},
}

NO_BEFORE: dict[str, Any] = {
    **NOT_ATTRIBUTABLE,
    "text": {"en": "it was so from the start: there is no quiet time to compare with", "zh": "从一开始就是如此，没有可对比的平稳时段"},
}


def of_latency(db: duckdb.DuckDBPyConnection, breach: Breach, width: float, limit_s: float) -> dict[str, Any]:
    """Compare each hop in the window of the breach with the orders before it; the one that grew most is to blame."""
    at = breach.at_s
    assert at is not None
    # The quiet time before: well clear of the orders that already met the breach.
    before, n_before = hops.means_ms(db, 0.0, max(at - width, at / 2))
    during, n_during = hops.means_ms(db, at, at + 2 * width)
    table = {hop: {"before_ms": before[hop], "during_ms": during[hop]} for hop in hops.HOPS}
    grown = {hop: during[hop] - before[hop] for hop in ("client", "gateway", "supplier", "platform")}
    worst = max(grown, key=lambda hop: grown[hop])
    if not n_before:
        return {**NO_BEFORE, "hops": table}
    if not n_during or grown[worst] < LEAST_MS:
        return {**NOT_ATTRIBUTABLE, "hops": table}
    times = f"{before[worst]:,.0f} ms → {during[worst]:,.0f} ms"
    fault = _fault_at(db, at, at + width)
    known = FAULTS.get(fault["name"]) if fault is not None else None
    if fault is not None and known is not None and known.kind == "refuse" and _only_bought_goods_late(db, at, at + 2 * width, limit_s):
        en = f"fault {fault['name']} since {fault['start_s']:.0f} s: what must be bought from the supplier is late, and own stock is not"
        zh = f"故障 {fault['name']} 自 {fault['start_s']:.0f} 秒起：只有需要向供货商采购的订单变慢，自有库存不受影响"
        return {"name": fault["name"], "kind": "fault", "text": {"en": en, "zh": zh}, "hops": table}
    if fault is not None and known is not None and grown[known.hop] > max(LEAST_MS, 0.5 * before[known.hop]):
        hop = known.hop
        en = f"fault {fault['name']} since {fault['start_s']:.0f} s: {hop} {before[hop]:,.0f} ms → {during[hop]:,.0f} ms an order"
        zh = f"故障 {fault['name']} 自 {fault['start_s']:.0f} 秒起:供货商环节 {before[hop]:,.0f} → {during[hop]:,.0f} 毫秒/单"
        if worst == "platform":
            en += f", and orders queue inside the platform behind it ({times})"
            zh += f",平台内部随之排队({times})"
        return {"name": fault["name"], "kind": "fault", "text": {"en": en, "zh": zh}, "hops": table}
    text = _hop_text(db, worst, times, at, at + 2 * width)
    return {"name": worst, "kind": "hop", "text": text, "hops": table}


def _hop_text(db: duckdb.DuckDBPyConnection, hop: str, times: str, begin: float, end: float) -> Text:
    if hop != "platform":
        names = {"client": ("the load generator itself", "压测机自身"), "gateway": ("the payment gateway's notice", "支付回调"),
                 "supplier": ("the supplier", "供货商")}  # fmt: skip
        return {"en": f"{names[hop][0]}: {times} an order", "zh": f"{names[hop][1]}:{times}/单"}
    cpu = _value(db, "SELECT avg(cpu_platform) FROM samples WHERE t_s >= ? AND t_s < ?", begin, end)
    if cpu is None:
        return {"en": f"time inside the platform: {times} an order", "zh": f"平台内部耗时:{times}/单"}
    if cpu >= BUSY_PERCENT:
        return {
            "en": f"the platform's CPU is used up ({cpu:.0f} % of a core): {times} an order inside it",
            "zh": f"平台 CPU 已耗尽(单核 {cpu:.0f} %):平台内部 {times}/单",
        }
    return {
        "en": f"orders wait inside the platform while its CPU does not ({cpu:.0f} % of a core): a lock, a connection pool or a "
        f"worker queue; {times} an order",
        "zh": f"订单在平台内部等待,而 CPU 并不忙(单核 {cpu:.0f} %):锁、连接池或工作线程排队;{times}/单",
    }


def of_errors(db: duckdb.DuckDBPyConnection, breach: Breach, width: float) -> dict[str, Any]:
    """The most frequent broken reply in the window of the breach, and the fault that was active, if any."""
    at = breach.at_s
    assert at is not None
    rows = db.execute(
        """
        SELECT r.step, coalesce(r.reason, 'odd'), count(*) AS n FROM requests r JOIN orders o USING (seq)
        WHERE r.class IN ('unknown', 'not_sent', 'hidden_error') AND o.intended_s >= ? AND o.intended_s < ?
        GROUP BY ALL ORDER BY n DESC, r.step
        """,
        [at, at + 2 * width],
    ).fetchall()
    if not rows:
        return dict(NOT_ATTRIBUTABLE)
    total = sum(row[2] for row in rows)
    step, reason, n = rows[0]
    en = f"{n / total:.0%} of the broken replies are {_reason(reason)['en']} to {step}"
    zh = f"{n / total:.0%} 的异常应答是 {step} 步骤的{_reason(reason)['zh']}"
    name, kind = f"{reason} at {step}", "hop"
    fault = _fault_during_errors(db, at, at + 2 * width)
    if fault is not None:
        en += f", most of them while fault {fault['name']} is active (since {fault['start_s']:.0f} s)"
        zh += f",多数发生在故障 {fault['name']} 期间(自 {fault['start_s']:.0f} 秒起)"
        name, kind = fault["name"], "fault"
    before, _ = hops.means_ms(db, 0.0, max(at - width, at / 2))
    during, _ = hops.means_ms(db, at, at + 2 * width)
    table = {hop: {"before_ms": before[hop], "during_ms": during[hop]} for hop in hops.HOPS}
    return {"name": name, "kind": kind, "text": {"en": en, "zh": zh}, "hops": table}


def of_oversell(by_sku: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """Which products, worst first, and by which of the two ways: paid for when nothing was left, or one card for two.

    ``by_sku`` has rows of (product, orders without a card, orders with a card that somebody else has).
    """
    en, zh = [], []
    for sku, beyond, twice in by_sku[:MOST_PRODUCTS]:
        ways_en, ways_zh = [], []
        if beyond:
            ways_en.append(f"{beyond} {'order was' if beyond == 1 else 'orders were'} paid for when no card was left")
            ways_zh.append(f"{beyond} 单付款时已无卡密")
        if twice:
            ways_en.append(f"{twice} got a card that somebody else has too")
            ways_zh.append(f"{twice} 单拿到了别人也有的卡密")
        en.append(f"{sku}: {', '.join(ways_en)}")
        zh.append(f"{sku}:{'，'.join(ways_zh)}")
    rest = sum(beyond + twice for _, beyond, twice in by_sku[MOST_PRODUCTS:])
    if rest:
        en.append(f"{rest} more of other products")
        zh.append(f"其他商品另有 {rest} 单")
    if any(beyond for _, beyond, _ in by_sku):
        en.append("no stock is held for an order when it is taken")
        zh.append("下单时没有预占库存")
    else:
        en.append("a card is picked for one buyer without being taken from the others")
        zh.append("取卡与标记已售之间没有锁定")
    return {"name": "stock check", "kind": "rule", "text": {"en": "; ".join(en), "zh": "；".join(zh)}, "hops": {}}


def _reason(word: str) -> Text:
    if word.startswith("http_"):
        return {"en": f"HTTP {word[5:]}", "zh": f" HTTP {word[5:]}"}
    known: dict[str, Sequence[str]] = {
        "timeout": ("time-outs", "超时"), "reset": ("connection resets", "连接被重置"), "closed": ("closed connections", "连接被关闭"),
        "connect_refused": ("refused connections", "拒绝连接"), "connect_timeout": ("connections that never opened", "连接超时"),
        "empty_reply": ("empty replies", "空应答"), "hidden_error": ("hidden errors", "隐藏错误"), "odd_reply": ("replies that no rule knows", "无法识别的应答"),
    }  # fmt: skip
    en, zh = known.get(word, (word, word))
    return {"en": en, "zh": zh}


def _fault_at(db: duckdb.DuckDBPyConnection, begin: float, end: float) -> dict[str, Any] | None:
    row = db.execute(
        "SELECT name, start_s FROM faults WHERE injected AND start_s < ? AND coalesce(end_s, 1e18) > ? ORDER BY start_s DESC",
        [end, begin],
    ).fetchone()
    return None if row is None else {"name": row[0], "start_s": row[1]}


def _only_bought_goods_late(db: duckdb.DuckDBPyConnection, begin: float, end: float, limit_s: float) -> bool:
    """Whether goods that the platform must buy first are late, and far more often so than goods that it has.

    A supplier that hangs up at once takes no time, so no hop shows it.
    """
    late = dict(
        db.execute(
            "SELECT bought, avg((total > ?)::INT) FROM hops WHERE intended_s >= ? AND intended_s < ? GROUP BY bought", [limit_s, begin, end]
        ).fetchall()
    )
    return float(late.get(True, 0.0)) >= 0.2 and float(late.get(True, 0.0)) > 3 * float(late.get(False, 0.0))


def _fault_during_errors(db: duckdb.DuckDBPyConnection, begin: float, end: float) -> dict[str, Any] | None:
    """The fault during which most of the broken requests of these orders were under way, if there is one."""
    row = db.execute(
        """
        WITH broken AS (
            SELECT r.due_s, r.done_s FROM requests r JOIN orders o USING (seq)
            WHERE r.class IN ('unknown', 'not_sent', 'hidden_error') AND o.intended_s >= ? AND o.intended_s < ?
        )
        SELECT f.name, f.start_s, count(*) FILTER (b.due_s < coalesce(f.end_s, 1e18) AND b.done_s > f.start_s) AS met, count(*) AS n
        FROM faults f CROSS JOIN broken b WHERE f.injected GROUP BY f.name, f.start_s HAVING met > n / 2 ORDER BY met DESC
        """,
        [begin, end],
    ).fetchone()
    return None if row is None else {"name": row[0], "start_s": row[1]}


def _value(db: duckdb.DuckDBPyConnection, query: str, *values: float) -> float | None:
    row = db.execute(query, list(values)).fetchone()
    return None if row is None or row[0] is None else float(row[0])
