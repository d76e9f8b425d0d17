"""A blast with somebody's Locust tasks: the reference platform, bought from by a user class instead of by steps."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import yaml
from blast_tools import no_traceback, surgekit, tiny, valid_blast

from surgekit import catalogue

LOCUSTFILE = """
import time

from locust import HttpUser, between, task
from surgekit.adapter import order

class Buyer(HttpUser):
    wait_time = between(5, 9)

    def ask(self, method, path, /, **body):
        with self.client.request(method, path, json=body or None, name=path.partition("/C")[0], catch_response=True) as reply:
            told = reply.json()
            if told["status_code"] == 40901:
                order.rejected("sold_out")
            elif told["status_code"]:
                reply.failure(str(told["status_code"]))
            return None if told["status_code"] else told["data"]

    @task
    def buy(self):
        placed = self.ask("POST", "/api/orders", order_key=order.key, sku=order.sku, qty=order.qty, account=order.buyer_account, pay_by="balance")
        if placed is None:
            return
        order.accepted(placed["order_no"], amount_fen=placed["amount_fen"])
        if self.ask("POST", "/api/pay", order_no=placed["order_no"], account=order.buyer_account, method="balance") is None:
            return
        order.paid()
        for _ in range(40):
            found = self.ask("GET", "/api/orders/" + placed["order_no"])
            if found and found["status"] == "delivered":
                order.confirmed(cards=found["cards"])
                return
            time.sleep(0.1)
"""
PROFILE = """\
schema: surgekit.profile/1
name: tiny
seed: 7
phases: [{name: calm, duration: 1s, rate: 8}, {name: rush, duration: 2s, rate: 20}]
products: {shares: {1: 1.0}, stock: {1: 20}}
buyers: {accounts: 20, classes: {retail: {share: 1, pay: balance}}, patience: 6s, retry: {most: 0}}
settle: 500ms
"""


def test_locust_tasks_buy_under_a_surge_and_are_audited_by_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    told = yaml.safe_load((catalogue.folder("targets") / "cardshop.yaml").read_text(encoding="utf-8"))
    del told["steps"]
    told |= {"name": "tasks", "locust": {"file": "locustfile.py", "user": "Buyer"}}
    told["start"]["cardshop"]["strategy"] = "reserve"
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    run, _ = valid_blast("--profile", tiny(tmp_path, PROFILE), "--target", "shop.yaml", out=tmp_path / "run", cwd=tmp_path)
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert result["orders"]["sent"] == result["orders"]["scheduled"] > 30
    verdicts = {each["invariant"]: (each["verdict"], each["evidence"]) for each in result["audit"]}
    assert verdicts["card_sold_once"] == ("held", 20)
    assert verdicts["sold_within_stock"][0] == "held"
    assert any("orders are tasks of locustfile.py:Buyer" in note for note in result["notes"]), result["notes"]
    with duckdb.connect() as db:
        orders = db.execute(f"SELECT order_no, outcome FROM '{run}/orders.parquet'").fetchall()
        booked = {row[0] for row in db.execute(f"SELECT order_no FROM '{run}/ledger.parquet' WHERE status = 'delivered'").fetchall()}
    assert {number for number, outcome in orders if outcome == "confirmed"} == booked
    assert len(booked) == result["orders"]["confirmed"] == 20
    assert {outcome for number, outcome in orders if number not in booked} == {"rejected"}


def test_the_locustfile_is_not_run_to_plan_and_its_mistakes_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text("raise SystemExit('this file was run')\nclass Buyer:\n    host = 'http://127.0.0.1:9'\n")
    plan = ("blast", "--profile", tiny(tmp_path), "--dry-run", "--target")
    done = surgekit(*plan, "locustfile.py:Buyer", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tiny → locustfile.Buyer" in done.stdout
    done = surgekit(*plan, "locustfile.py:Byer", cwd=tmp_path)
    assert done.returncode == 2
    assert "no class Byer in it; there are Buyer" in done.stderr
    no_traceback(done.stdout, done.stderr)
    elsewhere = (tmp_path / "locustfile.py").read_text().replace("127.0.0.1:9", "192.0.2.1")
    (tmp_path / "locustfile.py").write_text(elsewhere)
    done = surgekit(*plan, "locustfile.py:Buyer", cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert "192.0.2.1" in done.stderr
