"""Because of what: the hop or the fault that made orders late, in surges whose reason is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from run_story import PROFILE, Row, notice, order, payment, plan, write

from surgekit.report.result import analyse

RATE, LENGTH, BREAK = 10, 40, 20.0
SHAPE = PROFILE | {"phases": [{"name": "calm", "duration": BREAK, "rate": RATE}, {"name": "rush", "duration": LENGTH - BREAK, "rate": RATE}]}
HOPS = ("client", "gateway", "supplier", "platform")


def took(**extra: float) -> dict[str, float]:
    """Seconds that an order spends in each hop, and more where the story says so."""
    usual = {"client": 0.001, "gateway": 0.05, "supplier": 0.04, "platform": 0.2}
    return {hop: usual[hop] + extra.get(hop, 0.0) for hop in HOPS}


def surge(
    run: Path, after: Callable[[int], dict[str, float]], *, cpu: float = 20.0, faults: list[Row] | None = None, from_s: float = BREAK
) -> Row:
    """A run in which order ``n`` takes what ``after(n)`` says from ``from_s`` on; its result."""
    orders, requests, edge = [], [], []
    for n in range(RATE * LENGTH):
        due = (n + 0.5) / RATE
        hops = after(n) if due >= from_s else took()
        done = due + sum(hops.values())
        orders.append(
            order(n, at=due, started_s=due + hops["client"], accepted_s=due + 0.1, paid_s=due + 0.15, confirmed_s=done, ended_s=done,
                  sku=("game", "topup")[n % 2], cards=[f"c{n}"])
        )  # fmt: skip
        for step, at, reply in (("submit", due, due + 0.05), ("pay", due + 0.1, due + 0.15), ("poll", done - 0.01, done)):
            requests.append({"seq": n, "shard": 0, "step": step, "attempt": 1, "due_s": at, "sent_s": at, "done_s": reply, "status": 200, "class": "ok"})
        edge += [payment(n, due + 0.15), notice(n, due + 0.15 + hops["gateway"], took_s=0.0)]
        edge.append({"t": done, "actor": "link", "event": "forward", "order_no": f"N{n}", "took_s": hops["supplier"], "status": "200"})
    samples = [{"t_s": float(t), "cpu_platform": cpu if t >= from_s else 10.0} for t in range(LENGTH)]
    write(run, plan(profile=SHAPE, ended_s=60.0), orders=orders, requests=requests, edge=edge, samples=samples, faults=faults or ())
    return analyse(run)[0]["breakdown"]["confirm_latency"]  # type: ignore[no-any-return]


def fault(name: str, start: float = BREAK, end: float = 35.0) -> list[Row]:
    return [{"name": name, "edge": "supplier", "planned_s": start, "start_s": start, "end_s": end, "injected": True, "healed": True}]


@pytest.mark.parametrize("hop", HOPS)
def test_the_hop_that_grew_is_to_blame(tmp_path: Path, hop: str) -> None:
    told = surge(tmp_path, lambda _: took(**{hop: 5.0}))
    assert (told["status"], told["blame"]["name"], told["blame"]["kind"]) == ("broke", hop, "hop")
    grown = {name: each["during_ms"] - each["before_ms"] for name, each in told["blame"]["hops"].items() if name in HOPS}
    assert grown == pytest.approx({name: 5000 * (name == hop) for name in HOPS}, abs=1)


def test_hops_add_up_to_the_whole(tmp_path: Path) -> None:
    hops = surge(tmp_path, lambda _: took(platform=4.0, supplier=1.0))["blame"]["hops"]
    assert sum(hops[hop]["during_ms"] for hop in HOPS) == pytest.approx(5000 + 1000 * sum(took().values()), abs=1)


def test_a_platform_without_cpu_left_is_told_from_one_that_waits(tmp_path: Path) -> None:
    busy = surge(tmp_path / "busy", lambda _: took(platform=5.0), cpu=97.0)["blame"]["text"]["en"]
    idle = surge(tmp_path / "idle", lambda _: took(platform=5.0), cpu=25.0)["blame"]["text"]["en"]
    assert busy == "the platform's CPU is used up (97 % of a core): 200 ms → 5,200 ms an order inside it"
    assert idle.startswith("orders wait inside the platform while its CPU does not (25 % of a core)")


def test_a_slow_supplier_that_was_made_slow_is_the_faults_doing(tmp_path: Path) -> None:
    told = surge(tmp_path, lambda _: took(supplier=4.0), faults=fault("supplier-slow"))
    assert (told["blame"]["name"], told["blame"]["kind"]) == ("supplier-slow", "fault")
    assert told["blame"]["text"]["en"] == "fault supplier-slow since 20 s: supplier 40 ms → 4,040 ms an order"


def test_a_queue_behind_a_slow_supplier_is_the_faults_doing_too(tmp_path: Path) -> None:
    blame = surge(tmp_path, lambda _: took(supplier=1.0, platform=4.0), faults=fault("supplier-slow"))["blame"]
    assert blame["name"] == "supplier-slow"
    assert "orders queue inside the platform behind it (200 ms → 4,200 ms)" in blame["text"]["en"]


def test_a_fault_that_changed_nothing_is_not_to_blame(tmp_path: Path) -> None:
    assert surge(tmp_path, lambda _: took(platform=5.0), faults=fault("supplier-slow"))["blame"]["name"] == "platform"


def test_a_fault_that_was_over_is_not_to_blame(tmp_path: Path) -> None:
    assert surge(tmp_path, lambda _: took(supplier=5.0), faults=fault("supplier-slow", 5.0, 10.0))["blame"]["name"] == "supplier"


def test_a_supplier_that_hangs_up_makes_only_bought_goods_late(tmp_path: Path) -> None:
    told = surge(tmp_path, lambda n: took(platform=9.0 * (n % 2)), faults=fault("supplier-refuse"))
    assert (told["blame"]["name"], told["blame"]["kind"]) == ("supplier-refuse", "fault")


def test_a_supplier_that_hangs_up_is_not_why_own_stock_is_late(tmp_path: Path) -> None:
    told = surge(tmp_path, lambda _: took(platform=9.0), faults=fault("supplier-refuse"))
    assert told["blame"]["name"] == "platform"


def test_a_fault_that_this_version_does_not_know_breaks_nothing(tmp_path: Path) -> None:
    assert surge(tmp_path, lambda _: took(platform=5.0), faults=fault("meteor"))["blame"]["name"] == "platform"


def test_late_from_the_start_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    told = surge(tmp_path, lambda _: took(platform=5.0), from_s=0.0)
    assert (told["status"], told["at_s"], told["blame"]["name"]) == ("broke", 0.05, "not attributable")
    assert told["blame"]["text"]["en"] == "it was so from the start: there is no quiet time to compare with"


def test_every_blame_is_told_in_both_languages(tmp_path: Path) -> None:
    for name, hop in enumerate(HOPS):
        assert set(surge(tmp_path / str(name), lambda _, hop=hop: took(**{hop: 5.0}))["blame"]["text"]) == {"en", "zh"}  # type: ignore[misc]
