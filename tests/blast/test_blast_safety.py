"""What keeps a surge from doing more than it may: budgets, the kill file, secrets that stay out of the run folder."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from blast_tools import no_traceback, running, surge_under_way, surgekit, table, tiny

from surgekit import catalogue, clock


def shop(folder: Path, *added: str) -> Path:
    """The reference platform's file, with further lines in it."""
    text = (catalogue.folder("targets") / "cardshop.yaml").read_text(encoding="utf-8")
    path = folder / "shop.yaml"
    path.write_text(text + "\n" + "\n".join(added) + "\n", encoding="utf-8")
    return path


def test_a_kill_file_ends_the_surge_within_a_second_and_it_is_reported(tmp_path: Path) -> None:
    run, stop, elsewhere = tmp_path / "run", tmp_path / "stop", tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = shop(tmp_path, "safety: {kill_file: stop}")  # beside the target file, wherever the command is called
    with running("blast", "--profile", tiny(tmp_path), "--target", target, "--out", run, cwd=elsewhere) as blast:
        t0 = surge_under_way(run, 2.5)["t0"]
        stop.touch()
        at = clock.now() - t0
        out, _ = blast.communicate(timeout=60)
    no_traceback(out)
    assert blast.returncode == 105, out
    assert max(table(run, "SELECT max(sent_s) FROM '$requests.parquet'")[0][0], 0) < at + 1.0
    assert any("kill file" in note for note in json.loads((run / "result.json").read_text())["notes"])


def test_a_kill_file_ends_the_logins_before_the_surge(tmp_path: Path) -> None:
    """Whoever throws it while five hundred accounts log in is not made to wait for the last of them."""
    heard: list[float] = []

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(clock.now())
            time.sleep(0.1)
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(b'{"code": 1}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ok = "[{class: ok, path: code, equals: 1}]"
    (tmp_path / "shop.yaml").write_text(f"""
schema: surgekit.target/1
name: slow
base_url: http://127.0.0.1:{server.server_port}
catalogue: [{{sku: game, price_fen: 100}}]
setup: {{at_once: 2, steps: [{{request: POST /login, form: {{user: "{{buyer.account}}"}}, replies: {ok}}}]}}
steps: {{submit: {{request: POST /orders, replies: {ok}}}}}
safety: {{kill_file: stop}}
""")
    with running("blast", "--profile", "steady", "--target", tmp_path / "shop.yaml", "--out", tmp_path / "run", cwd=tmp_path) as blast:
        until = clock.now() + 60
        while len(heard) < 6 and clock.now() < until:
            time.sleep(0.01)
        (tmp_path / "stop").touch()
        at = clock.now()
        out, _ = blast.communicate(timeout=30)
    server.shutdown()
    server.server_close()
    no_traceback(out)
    assert blast.returncode == 105, out
    assert f"stopped by the kill file {tmp_path / 'stop'}" in out
    assert max(heard) < at + 1.0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("{rate: 10}", "profile tiny peaks at 25 orders/s, and safety.budget.rate of target cardshop is 10; lower --peak"),
        ("{orders: 50}", "with seed 7, and safety.budget.orders of target cardshop is 50"),
    ],
)
def test_what_is_beyond_the_budget_by_the_schedule_is_refused(budget: str, said: str, tmp_path: Path) -> None:
    target = shop(tmp_path, f"safety: {{budget: {budget}}}")
    told = surgekit("blast", "--profile", tiny(tmp_path), "--target", target, "--out", tmp_path / "run", cwd=tmp_path)
    assert told.returncode == 2
    assert said in told.stderr
    assert not (tmp_path / "run").exists()


def test_money_that_is_spent_ends_the_run_and_two_engines_spend_no_more_of_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    target = shop(tmp_path, "safety: {budget: {money_fen: 200000}}")
    told = surgekit("blast", "--profile", tiny(tmp_path), "--target", target, "--workers", "2", "--out", run, cwd=tmp_path)
    no_traceback(told.stdout, told.stderr)
    assert told.returncode == 105, told.stdout + told.stderr
    assert any("safety.budget.money_fen is used up" in note for note in json.loads((run / "result.json").read_text())["notes"])
    assert 100_000 < table(run, "SELECT sum(amount_fen) FROM '$ledger.parquet'")[0][0] <= 200_000  # as the platform has it
    assert table(run, "SELECT count(*) FROM '$orders.parquet' WHERE reason = 'budget' AND sent_s IS NULL")[0][0] > 0


def test_a_secret_that_is_not_set_is_said_before_anything_starts(tmp_path: Path) -> None:
    target = shop(tmp_path, "secrets: {key: {env: SURGEKIT_NO_SUCH_VARIABLE}}")
    told = surgekit("blast", "--profile", tiny(tmp_path), "--target", target, "--out", tmp_path / "run", cwd=tmp_path)
    assert told.returncode == 2
    assert "secrets.key: the environment variable SURGEKIT_NO_SUCH_VARIABLE is not set" in told.stderr


def test_check_walks_an_order_and_shows_no_secret(tmp_path: Path) -> None:
    planted = "planted-secret-4711"
    (tmp_path / "key.txt").write_text(planted + "\n")
    budget = "safety: {budget: {rate: 1, orders: 1, units: 1}}"  # for the one order that is sent, and no other
    target = shop(tmp_path, "secrets: {key: {file: key.txt}}", 'headers: {X-Shop-Key: "{secret.key}"}', budget)
    told = surgekit("targets", "check", target, "--pay", "gateway", "--product", "topup-50", "--format", "json", cwd=tmp_path)
    no_traceback(told.stdout, told.stderr)
    found = json.loads(told.stdout)
    assert told.returncode == 0, found["findings"]
    states = {each["what"]: each["state"] for each in found["findings"]}
    assert states == dict.fromkeys(("file", "platform", "stock", "order", "ledger", "gateway", "supplier"), "ok")
    assert [each["step"] for each in found["exchanges"]][:4] == ["quote", "submit", "pay", "pay2"]
    assert planted not in told.stdout
    assert "<secret.key>" in told.stdout
    assert "<cards>" in told.stdout


def test_check_names_what_does_not_fit(tmp_path: Path) -> None:
    target = shop(tmp_path)
    target.write_text(target.read_text().replace("order_key: order_key", "order_key: order_no"))
    told = surgekit("targets", "check", target, cwd=tmp_path, timeout=90)
    no_traceback(told.stdout, told.stderr)
    assert told.returncode == 1
    assert "does reads.ledger.columns.order_key find it?" in " ".join(told.stdout.split())


def test_a_wrong_test_vector_fails_the_check_and_sends_nothing(tmp_path: Path) -> None:
    signing = """signing:
  epay:
    key: k
    text: "{fields}{key}"
    fields: {from: form}
    hash: md5
    sign: form sign
    vectors: [{key: secret, fields: {a: "1", b: "2"}, sign: "00000000000000000000000000000000"}]"""
    told = surgekit("targets", "check", shop(tmp_path, signing), "--static", cwd=tmp_path)
    assert told.returncode == 1
    assert "8d9f51949e440aa629fd1a035708473a" in told.stdout
    assert "submit:" not in told.stdout


def test_consent_is_printed_and_nothing_is_sent() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "surgekit", "targets", "consent", "https://shop.example.com", "--rate", "50"], capture_output=True, text=True, check=True
    )
    assert "https://shop.example.com/.well-known/surgekit-consent" in done.stdout
    assert "rate=50" in done.stdout
    token = done.stdout.rpartition("SURGEKIT_CONSENT=")[2].strip()
    assert len(token) == 64
    assert done.stdout.count(token) == 1  # what is published has its digest only
