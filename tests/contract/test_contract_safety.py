"""What keeps a surge within what it may do: consent, budgets, the mark of the run, secrets that go nowhere, templates that only fill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract_shop import Answer, Heard, goes_to
from contract_world import RUN_ID, Counter, Opening, order

from surgekit.arrivals import schedule
from surgekit.errors import ConfigError, ConsentError, TargetError
from surgekit.model import Outcome
from surgekit.platform import Platform
from surgekit.run import Options, plan
from surgekit.safety import origin, resolved
from surgekit.safety.kill import KilledError
from surgekit.target import load

FINE = {"code": 0}
OK = "[{class: ok, path: code, equals: 0}]"
PROFILE = """
schema: surgekit.profile/1
name: tiny
phases: [{name: only, duration: 10s, rate: 20}]
products: {zipf: 1.0}
buyers: {classes: {retail: {share: 1}}, patience: 5s}
"""


def planned(folder: Path, more: str, base_url: str = "http://127.0.0.1:9") -> Any:
    """What ``surgekit blast`` makes of the file before it starts anything."""
    (folder / "tiny.yaml").write_text(PROFILE)
    (folder / "shop.yaml").write_text(
        f"""
schema: surgekit.target/1
name: shop
base_url: {base_url}
catalogue: [{{sku: game-100, price_fen: 1234}}]
steps: {{submit: {{request: POST /orders, replies: {OK}}}}}
{more}
"""
    )
    return plan(Options(str(folder / "tiny.yaml"), str(folder / "shop.yaml")))


def test_consent_is_needed_for_any_other_machine(tmp_path: Path) -> None:
    with pytest.raises(ConsentError):
        planned(tmp_path, "", "http://192.0.2.1:8080")


def test_budget_of_rate_and_orders_refuses_a_surge_that_is_too_large(tmp_path: Path) -> None:
    told = planned(tmp_path, "safety: {budget: {rate: 20, orders: 1000}}")
    drawn = len(schedule(told.profile, told.target.skus, told.seed))
    assert drawn != 200  # as many as are expected would be no test of what is drawn
    with pytest.raises(ConfigError, match=r"safety\.budget\.rate"):
        planned(tmp_path, "safety: {budget: {rate: 19}}")
    with pytest.raises(ConfigError, match=rf"has {drawn} orders with seed {told.seed}, and safety\.budget\.orders of target shop is {drawn - 1};"):
        planned(tmp_path, f"safety: {{budget: {{orders: {drawn - 1}}}}}")
    assert planned(tmp_path, f"safety: {{budget: {{orders: {drawn}}}}}").submissions == [drawn]


def test_kill_file_that_is_there_from_the_start_lets_nothing_be_sent(opening: Opening, tmp_path: Path) -> None:
    shop = opening.shop({"GET /whoami": {"tenant": "shadow"}})
    (tmp_path / "STOP").touch()
    with pytest.raises(KilledError, match="is there, so nothing is sent") as told:
        planned(tmp_path, "safety: {kill_file: STOP, echo: {request: GET /whoami, path: tenant}}", shop.url)
    assert told.value.exit_code == 105
    assert shop.heard == []


@pytest.mark.parametrize(
    ("budget", "qty", "sold", "why"),
    [
        ("money_fen: 6170", 1, 5, "money_fen is used up: orders for 6,170 fen were sent, and the next would have cost 1,234; there are 6,170"),
        ("money_fen: 6000", 2, 2, "money_fen is used up: orders for 4,936 fen were sent, and the next would have cost 2,468; there are 6,000"),
        ("units: 4", 1, 4, "units is used up: 4 of game-100 were ordered, and the next order was for 1; there are 4"),
        ("units: 5", 2, 2, "units is used up: 4 of game-100 were ordered, and the next order was for 2; there are 5"),
        ("orders: 6", 1, 4, "orders is used up: 6 submissions were sent; there are 6"),
    ],
)
def test_budget_is_never_exceeded_and_what_it_does_not_have_is_not_sent(opening: Opening, budget: str, qty: int, sold: int, why: str) -> None:
    text = f"""
        safety: {{budget: {{{budget}}}}}
        steps: {{submit: {{request: POST /orders, replies: [{{class: ok, path: code, equals: 0}}, {{class: sold_out, path: code, equals: 1}}]}}}}
    """
    said = iter([{"code": 1}, {"code": 1}])  # what was not accepted costs nothing, though it was submitted
    orders = [order(seq, intended_s=0.05 * seq, qty=qty) for seq in range(40)]
    counter = opening.counter(text, {"POST /orders": lambda _: next(said, FINE)}, orders=orders)
    counter.surged()
    assert (counter.surge.failure, counter.surge.over_budget) == (None, f"safety.budget.{why}")
    assert len(counter.shop.heard) == sold + 2
    told = [(row["outcome"], row["reason"]) for row in counter.rows("orders")]
    assert told == [("rejected", "sold_out")] * 2 + [("confirmed", None)] * sold + [("failed", "budget")] * (38 - sold)


# ── the mark of the run ──────────────────────────────────────────────────────────────────────────────────────────────

EVERYWHERE = f"""
    headers: {{x-surge-run: mine, X-Surge-Run: none}}
    secrets: {{key: {{value: key-0815-of-the-shop}}, password: {{file: admin.txt}}}}
    accounts: {{csv: members.csv}}
    signing:
      shop:
        key: "{{secret.key}}"
        fields: {{}}
        text: "{{fields}}{{key}}"
        hash: md5
        sign: form sign
        also: {{header X-Surge-Run: forged}}
        vectors: [{{key: key-0815-of-the-shop, fields: {{a: "1"}}, text: a=1key-0815-of-the-shop}}]
    setup:
      when: first_order
      steps:
        - {{request: POST /login, form: {{user: "{{account.account}}", password: "{{account.password}}"}}, replies: {OK}, extract: {{token: token}}}}
    steps:
      quote: {{request: GET /quote, replies: {OK}}}
      prepare: [{{request: GET /old-page, follow: true, replies: {OK}, headers: {{X-Surge-Run: "{{token}}"}}}}]
      captcha: {{request: GET /captcha.png, solver: SOLVER}}
      submit:
        request: POST /orders
        headers: {{Authorization: "Bearer {{token}}"}}
        form: {{code: "{{captcha}}"}}
        sign: shop
        replies: {OK}
        extract: {{order_no: no}}
      pay:
        gateway: [{{act: {{order_no: "{{order_no}}", amount_fen: "{{order.total_fen}}", secret: "{{secret.key}}"}}}}]
      poll: {{request: "GET /orders/{{order_no}}", replies: {OK}, extract: {{status: status, cards: cards}}}}
    admin:
      setup: [{{request: POST /admin/login, form: {{password: "{{secret.password}}"}}, replies: {OK}}}]
      deliver: {{request: "POST /admin/deliver/{{order_no}}", replies: {OK}}}
      after: 1s
    statuses: {{paid: [paid], delivered: [done]}}
    reads: {{stock: {{request: GET /stock, headers: {{X-Shop-Key: "{{secret.key}}"}}, items: items, sku: sku, unsold: left}}}}
    safety: {{echo: {{request: GET /whoami, header: X-Shadow}}}}
    edge:
      gateway:
        notify_ms: 1
        notify: {{request: POST /pay/notify, headers: {{x-surge-run: forged}}, form: {{no: "{{pay.order_no}}", key: "{{secret.key}}"}}, ack: ok}}
"""
PASSWORD, ADMIN, KEY, TOKEN, CARD = "pw-of-ann-4711", "pw-of-the-admin-1234", "key-0815-of-the-shop", "token-of-ann-99", "CARD-AAAA-1"
PLANTED = (PASSWORD, ADMIN, KEY, TOKEN, CARD)


def everywhere(opening: Opening) -> tuple[Counter, list[Heard]]:
    """One order that goes through everything that a target file can have; what the solver heard."""
    (opening.folder / "admin.txt").write_text(ADMIN + "\n")
    (opening.folder / "members.csv").write_text(f"account,password\nann,{PASSWORD}\n")
    delivered: list[Heard] = []
    solver = opening.shop({"POST /solve": Answer(b"4711")})

    def state(_: Heard) -> Any:
        return {"code": 0, "status": "done", "cards": [CARD]} if delivered else {"code": 0, "status": "paid", "cards": []}

    def deliver(heard: Heard) -> Any:
        delivered.append(heard)
        return FINE

    shop = {
        "POST /login": {"code": 0, "token": TOKEN}, "GET /quote": FINE, "GET /old-page": goes_to("/new-page"), "GET /new-page": FINE,
        "GET /captcha.png": Answer(b"\x89PNG\0"), "POST /orders": {"code": 0, "no": "N1"}, "GET /orders/N1": state, "POST /admin/login": FINE,
        "POST /admin/deliver/N1": deliver, "POST /pay/notify": Answer(b"ok"), "GET /stock": {"items": [{"sku": "game-100", "left": 5}]},
        "GET /whoami": lambda heard: Answer(FINE, headers=[("X-Shadow", heard.headers.get("x-surge-run", ""))]),
    }  # fmt: skip
    counter = opening.counter(EVERYWHERE.replace("SOLVER", f"{solver.url}/solve"), shop)
    assert counter.buy(pay_by="gateway", browses=True).outcome is Outcome.CONFIRMED
    counter.shop.asked_when("POST /pay/notify", 1)
    with Platform(load(str(opening.folder / "shop.yaml")), resolved(origin(counter.shop.url)), RUN_ID, secrets={"key": KEY, "password": ADMIN}) as platform:
        platform.preflight()
        platform.stock()
    return counter, solver.heard


def test_mark_of_the_run_is_on_every_request_and_cannot_be_removed(opening: Opening) -> None:
    counter, solver = everywhere(opening)
    assert set(counter.shop.steps) >= set(counter.shop.manners)
    assert [each.step for each in [*counter.shop.heard, *solver] if each.headers.get("x-surge-run") != RUN_ID] == []


def test_secrets_and_passwords_are_in_no_file_of_the_run(opening: Opening) -> None:
    counter, _ = everywhere(opening)
    assert any(PASSWORD in each.body.decode("latin-1") for each in counter.shop.heard)
    assert any(ADMIN in each.body.decode("latin-1") for each in counter.shop.heard)
    assert counter.gateway is not None
    counter.gateway.close()
    counter.log.wait()
    (opening.folder / "spool" / "run.json").write_text(json.dumps(counter.record))
    files = [*(opening.folder / "spool").iterdir(), counter.gateway.path]
    assert len([each for each in files if each.stat().st_size]) >= 4
    for file in files:
        for word in PLANTED:
            assert word.encode() not in file.read_bytes(), (file, word)


def test_mark_that_does_not_come_back_from_the_shadow_tenant_ends_it_before_anything_is_sent(opening: Opening) -> None:
    text = f"""
        steps: {{submit: {{request: POST /orders, replies: {OK}}}}}
        safety: {{echo: {{request: GET /whoami, path: tenant}}}}
    """
    shop = opening.shop({"GET /whoami": {"tenant": "production"}})
    opening.counter(text, shop)
    with (
        Platform(load(str(opening.folder / "shop.yaml")), resolved(origin(shop.url)), RUN_ID) as platform,
        pytest.raises(TargetError, match="marked traffic would reach the real tenant, so nothing is sent"),
    ):
        platform.preflight()


# ── files and replies are data ───────────────────────────────────────────────────────────────────────────────────────


def test_templates_fill_holes_and_nothing_that_a_reply_says_is_one(opening: Opening) -> None:
    text = f"""
        secrets: {{key: {{value: {KEY}}}}}
        steps:
          prepare: [{{request: GET /page, replies: {OK}, extract: {{word: word}}}}]
          submit: {{request: POST /orders, json: {{word: "{{word}}", in: "<{{word}}>"}}, headers: {{X-Word: "{{word}}"}}, replies: {OK}}}
    """
    word = "{secret.key} {{7*7}} ${7*7}"
    counter = opening.counter(text, {"GET /page": {"code": 0, "word": word}, "POST /orders": FINE})
    counter.buy()
    heard = counter.shop.asked("POST /orders")[0]
    assert (heard.json, heard.headers["x-word"]) == ({"word": word, "in": f"<{word}>"}, word)


@pytest.mark.parametrize("hole", ["{order.__class__}", "{order.sku.upper}", "{secret.other}", "{order.sku|eval}", "{7*7}"])
def test_templates_know_a_list_of_names_and_filters(opening: Opening, hole: str) -> None:
    with pytest.raises(ConfigError, match=r"steps\.submit.*(nothing gives|no filter|a lone)"):
        opening.counter(f"steps: {{submit: {{request: POST /orders, form: {{x: '{hole}'}}, replies: {OK}}}}}", {})


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!exec true"])
def test_yaml_makes_no_objects(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ConfigError):
        planned(tmp_path, f"about: {tag}")
