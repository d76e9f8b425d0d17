"""Every hole of a target file is filled by something, or the file is refused: nobody finds an empty one in the middle of a run."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from surgekit import clock
from surgekit.edge.notice import Payment
from surgekit.errors import ConfigError
from surgekit.target import holes, load
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target

OK = [{"class": "ok", "path": "code", "equals": 0}]
SIGN = {"fields": {"from": "form"}, "text": "{fields}{key}", "key": "{secret.key}", "hash": "md5", "sign": "form sign"}
TARGET: dict[str, Any] = {
    "schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1:9", "catalogue": [{"sku": "a", "price_fen": 1, "vars": {"slug": "s"}}],
    "vars": {"plain": "x", "guest": "{order.key}@{account.mail}"},
    "ways": {"balance": {"id": 1}, "gateway": {"id": 2, "channel": "c"}},
    "secrets": {"key": {"value": "k"}},
    "accounts": {"csv": "accounts.csv"},
    "headers": {"X-All": "{run.id}"},
    "signing": {"ours": SIGN, "idle": {**SIGN, "text": "{fields}{key}{vars.guest}"}, "theirs": {**SIGN, "fields": {"from": "query"}, "sign": "query sign"}},
    "setup": {"steps": [{"request": "POST /login", "form": {"u": "{account.account}"}, "replies": OK, "extract": {"token": "t"}}]},
    "steps": {
        "quote": {"request": "GET /q", "headers": {"X-Q": "{token}"}, "replies": OK},
        "prepare": [{"request": "GET /p/{product.slug}", "replies": OK, "extract": {"csrf": "c"}}],
        "captcha": {"request": "GET /captcha?c={csrf}", "solver": "http://127.0.0.1:9/"},
        "submit": {"request": "POST /o", "query": {"w": "{way.id}"}, "form": {"g": "{vars.guest}", "c": "{captcha}"}, "sign": "ours", "replies": OK,
                   "extract": {"order_no": "no"}},
        "pay": {"gateway": [{"act": {"order_no": "{order_no}", "amount_fen": "1", "title": "{way.channel}"}}],
                "balance": [{"request": "POST /pay", "json": {"a": ["{order_no}"]}, "replies": OK}]},
        "poll": {"request": "GET /o/{order_no}", "replies": OK, "extract": {"status": "s"}},
    },
    "admin": {"setup": [{"request": "POST /a", "body": "{secret.key}", "replies": OK, "extract": {"admin": "a"}}],
              "deliver": {"request": "POST /d", "multipart": {"n": "{order_no}", "a": "{admin}"}, "replies": OK}},
    "statuses": {"delivered": ["3"]},
    "safety": {"consent": "{secret.key}", "echo": {"request": "GET /e?{run.id}", "header": "X"}},
    "reads": {
        "setup": [{"request": "POST /r", "json": {"k": "{secret.key}"}, "replies": OK, "extract": {"reader": "r"}}],
        "stock": {"request": "POST /s/{product.slug}/{reader}", "form": {"s": "{order.sku}"}, "headers": {"X-R": "{time.s}"}, "value": "left"},
        "order": {"request": "GET /f?k={order.key}", "headers": {"X-R": "{reader}"}, "rows": "data"},
        "ledger": {"request": "POST /l?p={page}", "json": {"n": ["{nonce}"]}, "headers": {"X-R": "{reader}"}, "columns": {"order_no": "n", "order_key": "k", "status": "s"}},
    },
    "edge": {
        "supplier": {"key": "{secret.key}"},
        "gateway": {"key": "{vars.plain}", "notify": {"request": "GET /n/{run.id}", "headers": {"X-N": "{nonce}"}, "sign": "theirs",
                                                       "query": {"t": "{pay.trade_no}", "n": ["{pay.title}"]}}},
    },
}  # fmt: skip
PLACES = [
    "vars.guest", "headers.X-All", "setup.steps.0.form.u", "steps.quote.headers.X-Q", "steps.prepare.0.request", "steps.captcha.request",
    "steps.submit.query.w", "steps.submit.form.g", "steps.pay.gateway.0.act.title", "steps.pay.balance.0.json.a.0", "steps.poll.request",
    "admin.setup.0.body", "admin.deliver.multipart.n", "safety.consent", "safety.echo.request", "reads.setup.0.json.k", "reads.stock.request",
    "reads.stock.headers.X-R", "reads.stock.form.s", "reads.ledger.json.n.0", "reads.order.request", "reads.order.headers.X-R", "reads.ledger.request", "reads.ledger.headers.X-R",
    "edge.supplier.key", "edge.gateway.key", "edge.gateway.notify.request", "edge.gateway.notify.headers.X-N", "edge.gateway.notify.query.t",
    "edge.gateway.notify.query.n.0", "signing.ours.key", "signing.ours.text", "signing.idle.key", "signing.idle.text", "signing.theirs.text",
]  # fmt: skip


def changed(place: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(TARGET)
    at: Any = made
    *way, last = [int(step) if step.isdecimal() else step for step in place.split(".")]
    for step in way:
        at = at[step]
    at[last] = value(at[last]) if callable(value) else value
    return made


def holes_of(data: Any, at: str = "") -> set[str]:
    """The places that have a hole in them."""
    if isinstance(data, dict):
        return {each for name, value in data.items() for each in holes_of(value, f"{at}.{name}")}
    if isinstance(data, list):
        return {each for number, value in enumerate(data) for each in holes_of(value, f"{at}.{number}")}
    return {at[1:]} if isinstance(data, str) and re.search(r"\{[a-z]", data) else set()


def test_the_file_is_right_as_it_is_and_every_place_with_a_hole_is_tried() -> None:
    compile_plan(Target.model_validate(TARGET), columns=frozenset({"account", "mail"}))
    tried = {place for place in PLACES if "." in place}
    same = {"steps.submit.form.c", "admin.deliver.multipart.a", "signing.theirs.key", "steps.pay.gateway.0.act.order_no"}  # as their neighbours
    assert holes_of(TARGET) - same == tried


@pytest.mark.parametrize("place", PLACES)
def test_a_hole_that_nothing_fills_is_said_with_its_place(place: str) -> None:
    word = "secret.nothing" if place.startswith("signing.idle") else "no.thing" if place.startswith("signing.") else "nothing"
    with pytest.raises(ConfigError) as caught:
        compile_plan(Target.model_validate(changed(place, lambda was: f"{was}{{{word}}}")), where="shop.yaml")
    part = ".".join(place.split(".")[:2])
    signed = {"signing.ours": "steps.submit", "signing.theirs": "edge.gateway"}
    where = "setup.steps" if place == "headers.X-All" else signed.get(part, part)
    assert str(caught.value).startswith(f"shop.yaml: {where}")
    assert f"nothing gives {{{word}}}" in str(caught.value)


@pytest.mark.parametrize("place", [place for place in PLACES if not place.startswith(("signing.idle", "vars", "headers"))])
def test_a_column_has_a_place_where_there_is_an_account_and_only_if_the_file_has_it(place: str) -> None:
    """The reads, the notices and the person behind the counter have none; only a delivery is about somebody's order."""
    target = Target.model_validate(changed(place, lambda was: f"{was}{{account.mail}}"))
    if place.startswith(("setup", "steps", "admin.deliver", "signing.ours")):
        compile_plan(target)
        compile_plan(target, columns=frozenset({"account", "mail"}))
        with pytest.raises(ConfigError, match=r"nothing gives \{account\.mail\}"):
            compile_plan(target, columns=frozenset({"account"}))
    else:
        with pytest.raises(ConfigError, match=r"nothing gives \{account\.mail\}"):
            compile_plan(target)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [("vars.guest", "{vars.other}", r"vars\.guest: nothing gives \{vars\.other\}"), ("vars.guest", "{nonce}", r"vars\.guest: nothing gives \{nonce\}"),
     ("vars.plain", "{vars.guest}", r"vars\.plain: nothing gives \{vars\.guest\}"), ("safety.consent", "{vars.guest}", r"safety\.consent: nothing gives"),
     ("safety.echo.request", "GET /e?{reader}", r"safety\.echo: nothing gives \{reader\}"),
     ("edge.gateway.notify.query.t", "{pay.body}", r"nothing gives \{pay\.body\}; steps\.pay\.gateway\[0\]\.act has no field body"),
     ("edge.gateway.notify.sign", "others", r"edge\.gateway\.notify\.sign: no dialect 'others' in signing; there are idle, ours, theirs"),
     ("edge.gateway.notify.request", "POST {pay.notify_url}", r"nothing gives \{pay\.notify_url\}"),
     ("steps.submit.query.w", "{way.channel}", r"steps\.submit: ways\.balance does not give \{way\.channel\}, and buyers may pay so"),
     ("steps.pay.balance.0.json.a.0", "{way.channel}", r"steps\.pay\.balance\[0\]: ways\.balance does not give"),
     ("steps.captcha.request", "GET /c?{captcha}", r"steps\.captcha: nothing gives \{captcha\}")],
)  # fmt: skip
def test_a_name_is_given_where_it_is_used_and_not_only_elsewhere(place: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        compile_plan(Target.model_validate(changed(place, value)))


@pytest.mark.parametrize(
    ("place", "value"),
    [("catalogue.0.vars.slug", "{order.sku}"), ("ways.balance.id", "{vars.plain}"), ("signing.ours.also", {"form v": "{vars.plain}"}),
     ("steps.captcha", {"fixed": "{secret.key}"})],
)  # fmt: skip
def test_a_hole_in_what_is_sent_as_it_is_is_not_sent_as_a_hole(place: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{place.partition('.')[0]}.*: is sent as it is, so nothing fills '{{"):
        compile_plan(Target.model_validate(changed(place, value)))


@pytest.mark.parametrize("read", ["ledger", "stock"])
def test_the_address_of_a_database_has_secrets_in_it_that_there_are(read: str) -> None:
    made = copy.deepcopy(TARGET)
    made["reads"].pop("order")
    more = {"sku": "s"} if read == "stock" else {"columns": TARGET["reads"]["ledger"]["columns"]}
    made["reads"][read] = {"sql": {"url": "mysql://u:{secret.db}@127.0.0.1/x", "query": "SELECT 1"}, **more}
    with pytest.raises(ConfigError, match=rf"reads\.{read}\.sql\.url: nothing gives \{{secret\.db\}}"):
        compile_plan(Target.model_validate(made))


def test_a_shop_with_one_way_to_pay_needs_the_names_of_that_way_only() -> None:
    made = changed("steps.submit.query.w", "{way.channel}")
    del made["steps"]["pay"]["balance"]
    compile_plan(Target.model_validate(made))
    del made["steps"]["pay"]["gateway"]  # paid with the submission, by buyers of both kinds
    with pytest.raises(ConfigError, match=r"ways\.balance does not give \{way\.channel\}"):
        compile_plan(Target.model_validate(made))


def test_what_a_notice_is_given_is_what_the_gateway_gives() -> None:
    assert set(Payment(0, "G1", "A1", 5, clock.utc()).values()) == holes.GIVEN


def written(folder: Path, columns: str | None, data: dict[str, Any]) -> str:
    if columns is not None:
        (folder / "accounts.csv").write_text(f"{columns}\n{','.join('x' for _ in columns.split(','))}\n")
    (folder / "shop.yaml").write_text(yaml.safe_dump(data))
    return str(folder / "shop.yaml")


def test_the_columns_are_checked_with_the_file_where_its_accounts_are_there(tmp_path: Path) -> None:
    load(written(tmp_path, None, TARGET))  # to be written yet
    load(written(tmp_path, "account,mail", TARGET))
    with pytest.raises(ConfigError, match=r"shop\.yaml: vars\.guest: nothing gives \{account\.mail\}; known here: account\.account"):
        load(written(tmp_path, "account,e-mail", TARGET))
