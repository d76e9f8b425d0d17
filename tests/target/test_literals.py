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
