"""Keys that a target file has as they are: in nothing that is written down, and as good as ever for signing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from surgekit import check, clock
from surgekit.edge import notice
from surgekit.edge.config import EdgeConfig
from surgekit.errors import ConfigError
from surgekit.safety import Origin, Permit
from surgekit.target import literals, private
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target
from surgekit.world import edge_config

MD5 = {"fields": {"from": "form"}, "text": "{fields}&key={key}", "hash": "md5", "sign": "form sign"}
NOTIFY = {"request": "GET /n", "query": {"a": "{pay.order_no}", "api_key": "LITERAL7"}, "sign": "theirs"}
TARGET: dict[str, Any] = {
    "schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1:9", "catalogue": [{"sku": "a", "price_fen": 100}],
    "secrets": {"shop": {"value": "LITERAL0"}},
    "vars": {"shop_no": 12},
    "headers": {"Authorization": "Bearer LITERAL1", "X-Lang": "zh"},
    "signing": {
        "ours": {**MD5, "key": "LITERAL{{2}}"},
        "theirs": {**MD5, "fields": {"from": "query"}, "key": "LITERAL3", "sign": "query sign"},
        "mixed": {**MD5, "key": "{secret.shop}&LITERAL4"},
        "well": {**MD5, "key": "{secret.shop}&", "vectors": [{"key": "LITERAL5", "fields": {"a": "1"}, "sign": "0" * 32}]},
        "within": {"fields": {"from": "form"}, "text": "{fields}LITERAL6aB3cD9eF1gH7", "hash": "md5", "sign": "form sign"},
    },
    "steps": {
        "submit": {
            "request": "POST /o", "sign": "ours", "form": {"user": "u", "user[pwd]": "LITERAL8", "pin": 917917, "note": "n"},
            "replies": [{"class": "ok", "path": "code", "equals": 0}], "extract": {"order_no": "no", "token": "t"},
        },
        "pay": {"gateway": [{"act": {"order_no": "{order_no}", "amount_fen": "100"}}]},
    },
    "edge": {"supplier": {"key": "LITERAL9"}, "gateway": {"key": "LITERAL10", "notify": NOTIFY}},
    "reads": {
        "ledger": {
            "sql": {"url": "postgresql://root:LITERAL11@/@127.0.0.1/x", "query": "select 1"}, "columns": {"order_no": "a", "order_key": "b", "status": "c"},
        },
        "stock": {"sql": {"url": "mysql://root:{secret.shop}LITERAL12@127.0.0.1/x", "query": "select 1"}, "sku": "a", "unsold": "b"},
    },
}  # fmt: skip


def target(**changed: Any) -> Target:
    return Target.model_validate({**TARGET, **changed})


def written(shop: Target) -> str:
    """What stands of it in the files of a run."""
    run = private.hidden(shop).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps([run, edge_config(shop, None, "abc123")])


def test_no_key_and_no_password_is_written_down() -> None:
    text = written(target())
    assert "LITERAL" not in text
    assert "917917" not in text


def test_what_was_no_key_is_written_as_it_is() -> None:
    text = written(target())
    for word in ("X-Lang", "zh", "127.0.0.1/x", "root", "key={key}", "{secret.shop}&", "{order_no}", '"shop_no": 12', '"t"'):
        assert word in text
    plain = target(signing={}, headers={}, edge={}, reads={}, steps={"submit": {**TARGET["steps"]["submit"], "sign": None, "form": {"a": "b"}}})
    assert literals.lifted(plain).target is plain


def test_an_engine_that_is_told_the_secrets_apart_signs_and_sends_the_same() -> None:
    shop = target()
    told = private.secrets(shop)
    read = Target.model_validate(json.loads(json.dumps(private.hidden(shop).model_dump(mode="json", by_alias=True, exclude_unset=True))))
    sent = [compile_plan(each).submit.request({**private.names(each, told), "target.base_url": shop.base_url, "time.ms": 1, "nonce": "n"}) for each in (shop, read)]
    assert sent[0] == sent[1]
    assert b"LITERAL8" in sent[0].body
    assert b"pin=917917" in sent[0].body
    assert (b"Authorization", b"Bearer LITERAL1") in sent[0].headers
    assert private.filled(read.signing["mixed"].key, private.names(read, told), "key") == "LITERAL0&LITERAL4"
    assert private.filled(read.signing["ours"].key, private.names(read, told), "key") == "LITERAL{2}"


def test_a_secret_of_the_files_own_keeps_its_name() -> None:
    shop = target(secrets={"shop": {"value": "LITERAL0"}, "edge_supplier_key": {"value": "other"}})
    told = private.secrets(shop)
    assert told["edge_supplier_key"] == "other"
    assert told["edge_supplier_key_2"] == "LITERAL9"
    assert literals.lifted(shop).target.edge.supplier.key == "{secret.edge_supplier_key_2}"


def test_each_of_them_is_told_with_its_place() -> None:
    assert [where for where, _ in literals.found(target())] == [
        "headers.Authorization", "steps.submit.form.user[pwd]", "steps.submit.form.pin", "edge.gateway.notify.query.api_key", "signing.ours.key",
        "signing.theirs.key", "signing.mixed.key", "signing.within.text", "edge.supplier.key", "edge.gateway.key", "reads.stock.sql.url",
        "reads.ledger.sql.url",
    ]  # fmt: skip


def test_a_key_that_is_a_var_is_told_too() -> None:
    shop = target(vars={"k": "LITERAL", "api_token": "x", "goods": 12}, signing={**TARGET["signing"], "ours": {**MD5, "key": "{vars.k}"}})
    assert {"vars.k", "vars.api_token"} == {where for where, _ in literals.found(shop) if where.startswith("vars.")}


def test_a_key_that_is_no_template_is_said_before_anything_is_written() -> None:
    with pytest.raises(ConfigError, match=r"edge\.supplier\.key: a lone \{"):
        private.secrets(target(edge={**TARGET["edge"], "supplier": {"key": "LITERAL{"}}))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://root:pw@127.0.0.1/x", "postgresql://root:(hidden)@127.0.0.1/x"),
        ("postgresql://root:p@w/:@127.0.0.1/x", "postgresql://root:(hidden)@127.0.0.1/x"),
        ("mysql://root:{secret.db}@127.0.0.1/x", "mysql://root:{secret.db}@127.0.0.1/x"),
        ("mysql://root:x{secret.db}@127.0.0.1/x", "mysql://root:(hidden)@127.0.0.1/x"),
        ("mysql://root@127.0.0.1/x", "mysql://root@127.0.0.1/x"),
        ("postgresql:///x?host=/run/pg&password=pw", "postgresql:///x?host=/run/pg&password=(hidden)"),
        ("sqlite:////var/shop.db", "sqlite:////var/shop.db"),
    ],
)
def test_of_a_databases_address_only_the_password_is_left_out(url: str, shown: str) -> None:
    assert literals.without_password(url) == shown


def test_the_check_on_paper_says_what_belongs_into_secrets(tmp_path: Any) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(json.dumps({**TARGET, "signing": {each: TARGET["signing"][each] for each in ("ours", "theirs")}}))
    told = {each.what: each for each in check.on_paper(str(path))}
    assert told["signing.ours.key"].state == "open"
    assert "under secrets" in told["signing.ours.key"].told
    assert told["reads.ledger.sql.url"].told.startswith("its password")
    assert "LITERAL" not in str(told)


def test_the_edge_signs_its_notices_with_a_key_that_is_not_in_its_file() -> None:
    shop = target()
    config = EdgeConfig.model_validate(json.loads(json.dumps(edge_config(shop, None, "abc123"))))
    made = notice.plan(config, private.secrets(shop), Permit(Origin("http", "127.0.0.1", 9, ("127.0.0.1",)), "loopback"))
    assert made is not None
    sent = made.message(notice.Payment(0, "T1", "A1", 100, clock.utc()), {}).url
    signed = hashlib.md5(b"a=A1&api_key=LITERAL7&key=LITERAL3", usedforsecurity=False).hexdigest()
    assert sent == f"http://127.0.0.1:9/n?a=A1&api_key=LITERAL7&sign={signed}"


OK = {"replies": [{"class": "ok", "path": "code", "equals": 0}]}
ELSEWHERE: dict[str, Any] = {
    "schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1:9", "catalogue": [{"sku": "a", "price_fen": 100}],
    "vars": {"api_key": "LITERAL{{1", "pay_secret": 9179170, "guest": "{order.key}:{vars.api_key|md5}:{{vars.api_key}}", "auth": 1},
    "signing": {"ours": {**MD5, "key": "{vars.api_key}"}},
    "safety": {"echo": {"request": "GET /echo?token=LITERAL2", "header": "x"}},
    "steps": {
        "prepare": [
            {**OK, "request": "POST /login?a=1&password=LITERAL%2F3/x+y&user[pwd]=LITERAL4&api_key={nonce}LITERAL5#part", "body": """
                {{"password":"LITERAL6 and LITERAL7", "token": {vars.pay_secret}, "lang": "zh"}}&userpwd=LITERAL8&qty=1
                <Password kind="x">LITERAL9</Password> user%5Bpwd%5D=LITERAL10 secret: {nonce}LITERAL11 back=/x?token=LITERAL17 a="b pwd=LITERAL18'"""},
            {**OK, "request": "POST /b", "headers": {"Authorization": "Bearer LITERAL12 {nonce}", "Cookie": "sid={nonce}; own=LITERAL13"},
             "json": {"password": "LITERAL14{order.seq}", "tokens": ["LITERAL15", {"pin": 9179171}], "auth": 1, "x": "{vars.pay_secret}", "y": "{vars.guest}"}},
        ],
        "submit": {**OK, "request": "POST /c?token=LITERAL%2F16", "sign": "ours", "form": {"a": "b"}, "extract": {"order_no": "no"}},
    },
}  # fmt: skip


def test_keys_in_addresses_bodies_and_vars_and_beside_holes_are_not_written_down_and_sent_the_same() -> None:
    shop = Target.model_validate(ELSEWHERE)
    text = written(shop)
    assert "LITERAL" not in text
    assert "917917" not in text
    for word in ("a=1&password=", "#part", "Bearer ", "sid={nonce}; own=", '\\"lang\\": \\"zh\\"', "{{vars.api_key}}", '"auth": 1', "kind="):
        assert word in text
    told = private.secrets(shop)
    read = Target.model_validate(json.loads(json.dumps(private.hidden(shop).model_dump(mode="json", by_alias=True, exclude_unset=True))))
    sent = []
    for each in (shop, read):
        plan = compile_plan(each)
        values = {**private.names(each, told), "target.base_url": shop.base_url, "time.ms": 1, "nonce": "n", "order.key": "k", "order.seq": 7}
        values |= {name: made.render(values) for name, made in plan.composed.items()}
        sent.append([step.request(values) for step in (*plan.prepare, plan.submit, plan.reads["echo"])])
    assert sent[0] == sent[1]
    assert sent[0][0].url.startswith(b"/login?a=1&password=LITERAL%2F3/x+y&user[pwd]=LITERAL4&api_key=nLITERAL5")
    assert b'"token": 9179170' in sent[0][0].body
    assert json.loads(sent[0][1].body)["x"] == 9179170
    assert b"token=LITERAL%2F16" in sent[0][2].url


def test_each_of_those_is_told_with_its_place() -> None:
    assert [where for where, _ in literals.found(Target.model_validate(ELSEWHERE))] == [
        "steps.prepare[0].request", "steps.prepare[0].body", "steps.prepare[1].headers.Authorization", "steps.prepare[1].headers.Cookie",
        "steps.prepare[1].json.password", "steps.prepare[1].json.tokens[0]", "steps.prepare[1].json.tokens[1].pin", "steps.submit.request",
        "safety.echo.request", "vars.api_key", "vars.pay_secret",
    ]  # fmt: skip


def test_where_no_hole_can_stand_a_key_is_told() -> None:
    shop = target(
        ways={"gateway": {"pay_secret": "x", "pay_id": "y"}}, catalogue=[{"sku": "a", "price_fen": 1, "vars": {"api_token": "x", "slug": "y", "auth": 1}}],
        signing={**TARGET["signing"], "ours": {**MD5, "also": {"header X-Api-Key": "x", "form kind": "MD5"}}},
    )  # fmt: skip
    told = [where for where, what in literals.found(shop) if "no hole can stand here" in what]
    assert told == ["catalogue[0].vars.api_token", "ways.gateway.pay_secret", "signing.ours.also.header X-Api-Key"]


def test_a_prefix_a_scheme_and_a_name_beside_a_hole_are_no_key() -> None:
    step = {**OK, "request": "POST /o?token=t-{nonce}", "headers": {"Authorization": "Bearer {nonce}", "Cookie": "session={nonce}; a={order.key}"},
            "json": {"password": "p{order.seq}", "token": "{nonce}", "auth": 1}, "extract": {"order_no": "no"}}  # fmt: skip
    shop = Target.model_validate({**{name: ELSEWHERE[name] for name in ("schema", "name", "base_url", "catalogue")}, "steps": {"submit": step}})
    assert literals.lifted(shop).target is shop
    assert list(literals.found(shop)) == []


@pytest.mark.parametrize("odd", ["%Y\ud800", "\udfff", "\ud800\ud800 x"])
def test_a_key_with_half_a_character_is_sent_as_ever_and_upsets_nothing(odd: str) -> None:
    pay = {**OK, "request": "POST /o", "json": {"password": odd, "token": [odd], f"pin{odd}": odd}, "extract": {"order_no": "no"}}
    shop = Target.model_validate({**{name: ELSEWHERE[name] for name in ("schema", "name", "base_url", "catalogue")}, "steps": {"submit": pay}})
    made = literals.lifted(shop)
    values = private.names(made.target, private.secrets(shop))
    assert compile_plan(made.target).submit.request(values) == compile_plan(shop).submit.request({})
    for where, what in literals.found(shop):
        assert f"{where} {what}".encode()


def test_a_thousand_keys_of_one_kind_have_a_name_each() -> None:
    step = {**OK, "request": "POST /orders/place", "json": {"items": [{"very_long_name_of_a_password": f"LITERAL{n}"} for n in range(1200)]}, "extract": {"order_no": "no"}}
    shop = Target.model_validate({**{name: ELSEWHERE[name] for name in ("schema", "name", "base_url", "catalogue")}, "steps": {"submit": step}})
    assert len(private.secrets(shop)) == 1200


@pytest.mark.parametrize("unit", ["a", "a ", "password", "password=", "a=", '"password": "', "<a ", "password[", "%5B", "{{", "secret>"])
def test_what_a_body_is_made_of_does_not_take_long(unit: str) -> None:
    step = {**OK, "request": "POST /o", "body": unit * (60_000 // len(unit) // 2 * 2), "extract": {"order_no": "no"}}
    shop = Target.model_validate({**{name: ELSEWHERE[name] for name in ("schema", "name", "base_url", "catalogue")}, "steps": {"submit": step}})
    began_s = clock.now()
    literals.lifted(shop)
    assert clock.now() - began_s < 5.0  # it takes a few tenths
