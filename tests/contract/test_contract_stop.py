"""The engine in its own process: after a stop nothing leaves any more, by the shop's own log; and what it leaves behind has no secret."""

from __future__ import annotations

import json
import time
from collections import Counter as Count
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from contract_shop import CardShop, Heard, goes_to
from contract_world import RUN_ID, Opening, order

from surgekit import clock
from surgekit.children import Child
from surgekit.engine.surge import Walk
from surgekit.eventlog import folder
from surgekit.target import load, private

FINE = {"code": 0}
OK = "[{class: ok, path: code, equals: 0}]"
TARGET = f"""
schema: surgekit.target/1
name: shop
catalogue: [{{sku: game-100, price_fen: 1234}}]
accounts: {{csv: members.csv}}
secrets: {{key: {{value: key-0815-of-the-shop}}}}
setup:
  when: first_order
  steps:
    - {{request: GET /login, replies: {OK}, extract: {{csrf: csrf}}}}
    - {{request: POST /login, form: {{password: "{{account.password}}", csrf: "{{csrf}}"}}, replies: {OK}, extract: {{token: token}}}}
steps:
  prepare: [{{request: GET /old, follow: true, replies: {OK}}}]
  submit: {{request: POST /orders, headers: {{X-Token: "{{token}}", X-Key: "{{secret.key}}"}}, form: {{key: "{{order.key}}"}}, replies: {OK}, extract: {{order_no: no}}}}
  pay:
    balance: [{{request: POST /pay, form: {{no: "{{order_no}}"}}, replies: {OK}}}]
  poll: {{request: "GET /orders/{{order_no}}", replies: {OK}, extract: {{status: status}}}}
admin:
  deliver: {{request: "POST /deliver/{{order_no}}", replies: {OK}}}
  after: 800ms
statuses: {{paid: [paid], delivered: [done]}}
"""
PROFILE: dict[str, Any] = {
    "schema": "surgekit.profile/1", "name": "story", "phases": [{"name": "only", "duration": 60, "rate": 40}], "products": {"shares": {"game-100": 1}},
    "buyers": {"classes": {"retail": {"share": 1, "pay": "balance"}}, "patience": 60, "poll_every": 0.1, "retry": {"most": 3, "after": 0.2}, "accounts": 7},
}  # fmt: skip


class Busy(CardShop):
    """Takes every order, and delivers none: its buyers look and look. ``hops``: so often, and slowly, is the form somewhere else."""

    def __init__(self, hops: int) -> None:
        self._hops = hops
        manners: dict[str, Any] = {"GET /login": {"code": 0, "csrf": "c"}, "POST /login": {"code": 0, "token": "token-of-ann-99"}}
        super().__init__(manners)

    def _answer(self, heard: Heard) -> Any:
        known = super()._answer(heard)
        if heard.path == "/login":
            return known
        hop = int(heard.query.get("hop", 0))
        if heard.path == "/old" and hop < self._hops:
            time.sleep(0.25)
            return goes_to(f"/old?hop={hop + 1}")
        return {"code": 0, "no": heard.form.get("key"), "status": "paid"} if heard.body else {"code": 0, "status": "paid"}


@contextmanager
def engine(opening: Opening, shop: CardShop) -> Iterator[tuple[Child, Path]]:
    """An engine that is ready, and its run folder."""
    (opening.folder / "members.csv").write_text("account,password\nann,pw-of-ann-4711\nbob,pw-of-bob-4712\n")
    path = opening.folder / "shop.yaml"
    path.write_text(TARGET + yaml.safe_dump({"base_url": shop.url}))
    target = load(str(path))
    run = opening.folder / "run"
    (run / "spool").mkdir(parents=True)
    record = {
        "schema": folder.SCHEMA, "profile": PROFILE, "target": private.hidden(target).model_dump(mode="json", by_alias=True, exclude_unset=True),
        "base_url": shop.url, "seed": 5, "shards": 1, "run_id": RUN_ID, "salt": "salt", "started": "2026-11-25T00:00:00Z", "command": "surgekit blast",
        "version": "0",
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(record))
    child = Child("surgekit.engine", [str(run)], run / "engine.log", env=private.to_env(private.secrets(target)))
    try:
        child.ready()
        yield child, run
    finally:
        child.end()


def stopped_in_the_middle(child: Child) -> tuple[float, dict[str, Any]]:
    """Start the engine, and stop it with forty buyers under way; when that was (the host's clock), and its last word."""
    child.tell(f"start {clock.now() + 0.2!r}")
    while (told := child.said.get(timeout=30) or {}).get("in_flight", 0) < 40:
        assert "done" not in told, child.last_words()
    child.tell("stop")
    stopped_s = clock.now()
    while "done" not in (told := child.said.get(timeout=30) or {"done": False}):
        pass
    child.process.wait(timeout=30)
    return stopped_s, told


def test_kill_switch_no_request_leaves_later_than_a_second_after_a_stop(opening: Opening) -> None:
    shop = Busy(hops=0)
    opening.closes(shop.close)
    with engine(opening, shop) as (child, run):
        stopped_s, told = stopped_in_the_middle(child)
        assert (told["done"], told["stopped"], told.keys()) == (True, True, {"done", "stopped", "health"})
    before = Count(each.step.partition(" /orders/")[0] for each in shop.heard if stopped_s - 1 < each.at_s <= stopped_s)
    assert before["GET"] > 20  # they were looking, ten times a second each
    assert before["POST /orders"] > 1
    assert [each.step for each in shop.heard if each.at_s > stopped_s + 1.0] == []
    assert [each.step for each in shop.heard if each.headers.get("x-surge-run") != RUN_ID] == []
    assert Count(each.step for each in shop.heard if each.path == "/login") == {"GET /login": 2, "POST /login": 2}
    files = [each for each in run.rglob("*") if each.is_file()]
    assert {"run.json", "engine.log", "orders-0.bin", "requests-0.bin", "begun-0.bin", "words-0.jsonl", "texts-0.jsonl"} <= {each.name for each in files}
    assert (run / "spool" / "requests-0.bin").stat().st_size > 5_000
    for word in ("key-0815-of-the-shop", "pw-of-ann-4711", "pw-of-bob-4712", "token-of-ann-99"):
        assert [each.name for each in files if word.encode() in each.read_bytes()] == []


def test_kill_switch_holds_for_redirects_that_are_being_followed(opening: Opening) -> None:
    shop = Busy(hops=9)
    opening.closes(shop.close)
    with engine(opening, shop) as (child, _):
        stopped_s, _ = stopped_in_the_middle(child)
    assert len([each for each in shop.heard if each.query.get("hop") and stopped_s - 1 < each.at_s <= stopped_s]) > 20
    assert [each.step for each in shop.heard if each.at_s > stopped_s + 1.0] == []


def test_an_order_whose_way_cannot_even_begin_is_in_the_history_and_voids_the_run(opening: Opening) -> None:
    text = "steps: {submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}]}}"
    counter = opening.counter(text, {"POST /orders": {"code": 0}}, orders=[order(0), order(1)])

    def broken(*_: object) -> Walk:
        raise KeyError("account.level")

    counter.surge._walk = broken
    counter.surged()
    assert counter.surge.failure == "KeyError: 'account.level'"
    assert [(row["seq"], row["outcome"], row["reason"]) for row in counter.rows("orders")] == [(n, "unknown", "engine_error") for n in range(2)]
