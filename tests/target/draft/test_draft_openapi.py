"""Drafts from OpenAPI documents: the stations are found, requests and rules follow the schemas, whatever the document refers to."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from draft_recordings import Loaded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass as C
from surgekit.target.draft import from_openapi
from surgekit.target.plan import compile_plan
from surgekit.target.reading import Reply
from surgekit.target.step import KNOWN

VALUES: dict[str, Any] = {
    **{name: name for name in KNOWN}, "order.key": "k-1", "order.sku": "88", "order.qty": 2, "order.pay_by": "balance", "buyer.email": "a@b.example",
    "order_no": "N/1", "secret.x_api_key": "sesame", "secret.token": "sesame", "target.base_url": "https://shop.cards.example",
}  # fmt: skip


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def reply(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}


def body(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def enveloped(data: Any) -> dict[str, Any]:
    return {"allOf": [ref("Envelope"), {"type": "object", "properties": {"data": data}}]}


def obj(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def document() -> dict[str, Any]:
    """A shop that sells top-ups: an envelope with codes, whole fen, statuses as numbers."""
    schemas = {
        "Code": {"type": "integer", "description": "0: 成功, 40001: 参数错误, 40901: 库存不足, 42901: 请求过于频繁"},
        "Envelope": obj(code=ref("Code"), msg=TEXT),
        "Goods": obj(sku=TEXT, title=TEXT, stock=WHOLE, similar={"type": "array", "items": ref("Goods")}),
        "NewOrder": obj("client_order_no contact items", client_order_no=TEXT, contact=obj("email", email=TEXT, mobile=TEXT),
                        items={"type": "array", "items": obj("sku_id quantity", sku_id=WHOLE, quantity=WHOLE)}, remark=TEXT),
        "Order": obj(order_no=TEXT, client_order_no=TEXT, total_fen=WHOLE, cards={"type": "array", "items": TEXT},
                     status={"type": "integer", "description": "0 待支付 1 已支付 2 已完成 3 已取消 4 已退款"}),
    }  # fmt: skip
    paths = {
        "/goods": {"get": {"operationId": "listGoods", "responses": reply(enveloped({"type": "array", "items": ref("Goods")}))}},
        "/orders/preview": {"post": {"summary": "试算价格", "requestBody": body(ref("NewOrder")), "responses": reply(enveloped(obj(total_fen=WHOLE)))}},
        "/orders": {
            "post": {"operationId": "createOrder", "requestBody": body(ref("NewOrder")),
                     "parameters": [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": TEXT}],
                     "responses": {**reply(enveloped(ref("Order"))), "429": {"description": "too many requests"}}},
            "get": {"operationId": "searchOrders", "parameters": [{"name": name, "in": "query", "schema": TEXT} for name in ("page", "page_size", "client_order_no")],
                    "responses": reply(enveloped(obj(rows={"type": "array", "items": ref("Order")})))},
        },
        "/orders/{order_no}": {"get": {"operationId": "getOrder", "responses": reply(enveloped(ref("Order")))}},
        "/orders/{order_no}/cancel": {"post": {"operationId": "cancelOrder", "responses": reply(ref("Envelope"))}},
        "/orders/{order_no}/pay": {"post": {"operationId": "payOrder", "requestBody": body(obj("channel", channel={"type": "string", "enum": ["alipay", "wallet"]})),
                                            "responses": reply(enveloped(obj(pay_url=TEXT)))}},
        "/pay/notify": {"post": {"operationId": "payNotify", "responses": reply(ref("Envelope"))}},
    }  # fmt: skip
    return {
        "openapi": "3.1.0", "info": {"title": "点卡商城", "version": "2"}, "servers": [{"url": "https://{env}.cards.example/v2", "variables": {"env": {"default": "shop"}}}],
        "security": [{"merchant": []}], "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"merchant": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}},
    }  # fmt: skip


def drafted(data: Any = None) -> str:
    return from_openapi(yaml.safe_dump(data or document(), allow_unicode=True, sort_keys=False), "shop.yaml")


def told(data: Any) -> Reply:
    return Reply(200, json.dumps(data).encode(), 0.0, 0.1)


def test_the_stations_of_an_order_are_found_and_their_bodies_filled_in(loaded: Loaded) -> None:
    shop = loaded(drafted())
    plan = compile_plan(shop)
    assert shop.base_url == "https://shop.cards.example"
    assert plan.quote is not None
    assert plan.poll is not None
    wanted = b'{"client_order_no":"k-1","contact":{"email":"a@b.example"},"items":[{"sku_id":88,"quantity":2}]}'
    sent = plan.submit.request(VALUES)
    assert (sent.method, sent.url, sent.body) == ("POST", b"/v2/orders", wanted)
    assert dict(sent.headers) == {b"X-Api-Key": b"sesame", b"Idempotency-Key": b"k-1", b"Content-Type": b"application/json"}
    assert plan.quote.request(VALUES).body == wanted
    assert plan.poll.request(VALUES).url == b"/v2/orders/N%2F1"
    ways = {way: steps[0].request(VALUES) for way, steps in plan.pay.items()}
    assert {way: (each.url, each.body) for way, each in ways.items()} == {
        "gateway": (b"/v2/orders/N%2F1/pay", b'{"channel":"alipay"}'), "balance": (b"/v2/orders/N%2F1/pay", b'{"channel":"wallet"}'),
    }  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), [(0, C.OK), (40901, C.SOLD_OUT), (42901, C.THROTTLED), (40001, C.REFUSED), (5, C.UNKNOWN)])
def test_codes_mean_what_the_document_says_of_them(code: int, kind: C, loaded: Loaded) -> None:
    read = compile_plan(loaded(drafted())).submit.read(told({"code": code, "msg": "", "data": {"order_no": "N1", "total_fen": 9900}}))
    assert read.kind is kind
    if kind is C.OK:
        assert read.values == {"order_no": "N1", "amount_fen": 9900}


def test_statuses_ledger_and_stock_are_mapped(loaded: Loaded) -> None:
    shop = loaded(drafted())
    assert shop.statuses.model_dump(exclude={"unpaid"}) == {"paid": ["1"], "delivered": ["2"], "refunded": ["4"], "failed": ["3"]}
    assert shop.reads.ledger is not None
    assert shop.reads.ledger.request == "GET /v2/orders?page={page}&page_size=100"
    assert shop.reads.ledger.columns["order_key"].name == "client_order_no"
    assert shop.reads.order is not None
    assert shop.reads.order.request == "GET /v2/orders?client_order_no={order.key}"
    assert shop.reads.stock is not None
    assert (shop.reads.stock.items, shop.reads.stock.sku, shop.reads.stock.unsold) == ("data", "sku", "stock")


def test_reads_take_no_error_page_where_the_document_tells_one_from_a_good_reply(loaded: Loaded) -> None:
    shop = loaded(drafted())
    reads = [shop.reads.stock, shop.reads.order, shop.reads.ledger]
    rules = [[rule.model_dump(by_alias=True, exclude_unset=True) for rule in read.replies] for read in reads if read is not None]
    assert rules == [[{"class": "ok", "path": "code", "equals": 0}]] * 3
    bare = document()
    bare["components"]["schemas"]["Envelope"] = obj()
    shop = loaded(drafted(bare))
    assert [read and read.replies for read in (shop.reads.stock, shop.reads.order, shop.reads.ledger)] == [[], [], []]


def test_each_guess_says_so_and_each_gap_too() -> None:
    draft = drafted()
    lines = [line for line in draft.splitlines() if "# CHECK:" in line or "# TODO:" in line]
    assert any("channel: alipay" in line and "one of alipay, wallet" in line for line in lines)
    assert any("TODO-1" in line for line in lines)
    assert "# POST /v2/orders (createOrder) submits the order" in draft
    assert drafted() == draft, "the same document, the same draft"


def test_a_document_in_json_gives_the_draft_of_the_one_in_yaml() -> None:
    assert from_openapi(json.dumps(document()), "shop.yaml") == drafted()


def test_swagger_2_is_read(loaded: Loaded) -> None:
    data = {
        "swagger": "2.0", "host": "127.0.0.1:9000", "basePath": "/api", "schemes": ["http"], "securityDefinitions": {"key": {"type": "http", "scheme": "bearer"}},
        "paths": {
            "/buy": {"post": {"consumes": ["application/x-www-form-urlencoded"], "parameters": [
                {"name": "goods_id", "in": "formData", "required": True, "type": "string"}, {"name": "num", "in": "formData", "required": True, "type": "integer"},
                {"name": "out_order_no", "in": "formData", "type": "string"}, {"name": "voucher", "in": "formData", "type": "string"}],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Made"}}}}},
            "/order/query": {"get": {"parameters": [{"name": "order_no", "in": "query", "required": True, "type": "string"}],
                                     "responses": {"200": {"schema": {"type": "object", "properties": {"state": {"type": "string", "enum": ["unpaid", "paid", "completed"]}, "kami": TEXT}}}}}},
        },
        "definitions": {"Made": {"type": "object", "properties": {"success": {"type": "boolean"}, "order_no": TEXT, "money": {"type": "number"}}}},
    }  # fmt: skip
    shop = loaded(drafted(data))
    plan = compile_plan(shop)
    assert shop.base_url == "http://127.0.0.1:9000"
    assert plan.submit.request(VALUES).body == b"goods_id=88&num=2&out_order_no=k-1"
    read = plan.submit.read(told({"success": True, "order_no": "N1", "money": 9.9}))
    assert (read.kind, read.values) == (C.OK, {"order_no": "N1", "amount_fen": 990})
    assert plan.submit.read(told({"success": False})).kind is C.REFUSED
    assert plan.poll is not None
    assert plan.poll.request(VALUES).url == b"/api/order/query?order_no=N%2F1"
    assert shop.statuses.delivered == ["completed"]


def test_references_in_a_circle_come_to_an_end(loaded: Loaded) -> None:
    data = document()
    schemas = data["components"]["schemas"]
    schemas["NewOrder"]["properties"]["parent"] = ref("NewOrder")
    schemas["NewOrder"]["required"].append("parent")
    schemas["Order"]["properties"]["self"] = {"allOf": [ref("Order")] * 20}
    schemas["A"], schemas["B"] = ref("B"), ref("A")
    schemas["Order"]["properties"]["loop"] = ref("A")
    loaded(drafted(data))


def test_a_document_without_replies_still_gives_a_draft_that_loads(loaded: Loaded) -> None:
    shop = loaded(from_openapi(json.dumps({"openapi": "3.0.0", "paths": {"/orders": {"post": {"operationId": "createOrder"}}}}), "a.json"))
    assert shop.steps.poll is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"), ("a: [", "neither JSON nor YAML"), ("{", "neither JSON nor YAML"), ("[]", "not an OpenAPI"), ("hello", "not an OpenAPI"), ("[" * 100_000, "deep"),
        ("- " * 3000 + "a", "deep"), ("openapi: 3.0.0", "none of its 0"), ("openapi: 3.0.0\npaths: {/pets: {get: {}, post: {operationId: addPet}}}", "none of its 2"),
        ("a: !!int ''", "neither JSON nor YAML"), ("a: !!python/object:os.system {}", "neither JSON nor YAML"), ("a: &a [*a]", "values"),
        ("a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 20)}]}}\n" for n in range(1, 9)), "values"),
    ],
)  # fmt: skip
def test_what_is_no_document_of_a_shop_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as said:
        from_openapi(text, "a.yaml")
    assert str(said.value).startswith("a.yaml")
    assert "\n" not in str(said.value)


WORDS = st.sampled_from(["type", "properties", "required", "items", "enum", "$ref", "allOf", "oneOf", "schema", "content", "application/json", "description", "code", "success",
                         "status", "order_no", "sku", "qty", "cards", "example", "default", "name", "in", "{x}", "a b", "", "\ud800"])  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
                   st.sampled_from(["object", "array", "string", "integer", "#/components/schemas/Order", "#", "#/paths", "query", "path", "0: ok 1: 库存不足", "a\n{b}"]))  # fmt: skip
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=15)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_document_raises_anything_but_a_config_error(data: st.DataObject) -> None:
    """Parts of a real document are replaced by anything."""
    whole = json.loads(json.dumps(document()))  # nothing in it is shared
    for _ in range(data.draw(st.integers(1, 4))):
        at: Any = whole
        for _ in range(data.draw(st.integers(0, 7))):
            inner = at[data.draw(st.sampled_from(sorted(at)))] if isinstance(at, dict) and at else at[0] if isinstance(at, list) and at else None
            if not isinstance(inner, dict | list) or not inner:
                break
            at = inner
        if isinstance(at, dict) and at:
            at[data.draw(st.sampled_from(sorted(at)) | WORDS)] = data.draw(JSON)
    with contextlib.suppress(ConfigError):
        from_openapi(json.dumps(whole), "a.json")


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_no_json_raises_anything_but_a_config_error(data: Any) -> None:
    with pytest.raises(ConfigError):
        from_openapi(json.dumps(data), "a.json")
