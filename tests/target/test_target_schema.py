"""What a target file may say, and how a mistake in it is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from surgekit import catalogue, target, yamlfile
from surgekit.errors import ConfigError
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target

OK = {"class": "ok", "path": "code", "equals": 0}
SHOP: dict[str, Any] = {
    "schema": "surgekit.target/1",
    "name": "shop",
    "base_url": "http://127.0.0.1:8080",
    "catalogue": [{"sku": "a", "price_fen": 100}, {"sku": "b", "price_fen": 200}],
    "steps": {
        "quote": {"request": "GET /quote/{order.sku}", "replies": [OK]},
        "submit": {"request": "POST /orders", "json": {"key": "{order.key}"}, "replies": [OK], "extract": {"order_no": "data.no"}},
        "pay": {
            "gateway": [
                {"request": "POST /pay", "form": {"no": "{order_no}"}, "replies": [OK], "extract": {"pay_url": "data.url"}},
                {"request": "GET {pay_url}", "replies": [OK]},
            ]
        },
        "poll": {"request": "GET /orders/{order_no}", "replies": [OK], "extract": {"status": "data.status"}},
    },
    "statuses": {"delivered": ["done"]},
    "reads": {
        "stock": {"request": "GET /stock", "items": "data"},
        "order": {"request": "GET /find?key={order.key}", "rows": "data"},
        "ledger": {
            "request": "GET /ledger?after={after}", "rows": "data.rows", "next": "data.next",
            "columns": {"order_no": "no", "order_key": "key", "status": "status"},
        },
    },
}  # fmt: skip


def shop(change: str = "", value: Any = None) -> Target:
    """The shop above, with ``value`` at the place ``change`` names (``steps.submit.request``); None takes it away."""
    data = copy.deepcopy(SHOP)
    if change:
        *way, last = [int(word) if word.isdecimal() else word for word in change.split(".")]
        inner: Any = data
        for word in way:
            inner = inner[word]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    found = yamlfile.parse(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), Target, name="shop.yaml")
    compile_plan(found, where="shop.yaml")
    return found


def test_the_shop_of_these_tests_is_right() -> None:
    assert shop().skus == ["a", "b"]


MISTAKES = [
    ("base_url", None, "give either base_url (a platform that runs already) or start, one of the two"),
    ("start", {"cardshop": {}}, "give either base_url (a platform that runs already) or start, one of the two"),
    ("base_url", "http://127.0.0.1/shop", "base_url: written http://host:port or https://host; a path belongs into the steps"),
    ("base_url", "127.0.0.1:8080", "base_url: written http://host:port or https://host; a path belongs into the steps"),
    ("catalogue", [], "catalogue: list should have at least 1 item"),
    ("catalogue.1.sku", "a", "catalogue: a stands in it twice"),
    ("catalogue.0.price_fen", -1, "catalogue[0].price_fen: should be greater than or equal to 1 (found -1)"),
    ("catalogue.0.price_fen", 1.5, "catalogue[0].price_fen: a whole number is wanted (found 1.5)"),
    ("catalogue.0.suply", "stock", "catalogue[0].suply: no such field; did you mean supply?"),
    ("steps.submit", None, "steps.submit: is missing"),
    ("steps.submit.request", "POST orders", "steps.submit.request: written METHOD /path or METHOD {variable}, such as POST /api/orders"),
    ("steps.submit.request", "get /orders", "steps.submit.request: written METHOD /path"),
    ("steps.submit.request", "POST http://evil.test/x", "steps.submit.request: written METHOD /path"),
    ("steps.submit.request", "POST /a b", "steps.submit.request: written METHOD /path"),
    ("steps.submit.request", "POST /orders/{order.kez}", "steps.submit: nothing gives {order.kez}; known here: buyer.account, buyer.email,"),
    ("steps.submit.request", "POST /orders/{order_no}", "steps.submit: nothing gives {order_no}; known here: buyer.account"),
    ("steps.submit.request", "POST /{", "steps.submit.request: a lone { in '/{'; write {{ for the character itself"),
    ("steps.submit.json", {"a": "{x}"}, "steps.submit: nothing gives {x}"),
    ("steps.submit.json", {"a": "}"}, "steps.submit.json: a lone } in '}'; write }} for the character itself"),
    ("steps.submit.form", {"a": "b"}, "steps.submit: json and form are two bodies; a request has one"),
    ("steps.submit.multipart", {"a": "b"}, "steps.submit: json and multipart are two bodies; a request has one"),
    ("steps.submit.sign", "epay", "steps.submit.sign: no dialect 'epay' in signing; there are none"),
    ("steps.submit.headers", {"X-A": "{order.key|rot13}"}, "steps.submit.headers.X-A: no filter 'rot13'; there are base64, base64url, fen"),
    ("steps.submit.extract", {"order_no": {"css": "b", "json": "a"}}, "steps.submit.extract.order_no: json and css are two sources"),
    ("steps.submit.extract", {"order_no": {"css": "b["}}, "steps.submit.extract.order_no.css: not a CSS selector"),
    ("steps.submit.extract", {"order_no": {}}, "steps.submit.extract.order_no: say where the value is"),
    ("steps.submit.extract", {"order_no": {"regex": "a"}}, "steps.submit.extract.order_no: regex: put what is wanted into round brackets"),
    ("steps.poll.every", "0s", "steps.poll.every: should be greater than 0"),
    ("steps.pay.gateway", [{"act": {"order_no": "{order_no}"}}], "give amount_fen or amount (in yuan)"),
    ("steps.pay.gateway", [{"act": {"order_no": "{order_no}", "amount": "1"}}], "edge.gateway.notify: is missing"),
    ("secrets", {"key": {}}, "secrets.key: give env, file or value"),
    ("safety", {"echo": {"request": "GET /ping"}}, "safety.echo: give header or path"),
    ("steps.submit.jsn", {}, "steps.submit.jsn: no such field; did you mean json?"),
    ("steps.poll.replies.0", {"clas": "ok"}, "steps.poll.replies[0].class: is missing"),
    ("steps.submit.query", {"a": "{x}"}, "steps.submit: nothing gives {x}"),
    ("steps.submit.headers", {"X-A": "{x}"}, "steps.submit: nothing gives {x}"),
    ("steps.submit.headers", {"X A": "b"}, "steps.submit.headers: X A: not an HTTP header"),
    ("steps.submit.headers", {"X-A": "b\nc"}, "steps.submit.headers: X-A: not an HTTP header"),
    ("steps.submit.headers", {"X-A": "b\0c"}, "steps.submit.headers: X-A: not an HTTP header"),
    ("steps.submit.extract", {"order.no": "data"}, "steps.submit.extract.order.no: string should match pattern"),
    ("steps.submit.extract", {"order_no": "a..b"}, "steps.submit.extract.order_no: 'a..b' is not a path"),
    ("steps.submit.extract", {}, "steps.pay.gateway[0]: nothing gives {order_no}"),
    ("steps.pay.gateway.0.extract", {}, "steps.pay.gateway[1]: nothing gives {pay_url}; known here: buyer.account"),
    ("steps.pay.cash", [], "steps.pay.cash: should be 'balance' or 'gateway'"),
    ("steps.poll.extract", {}, "steps.poll.extract: status is missing; the order's state is read from it"),
    ("steps.poll.replies", [], "steps.poll.replies: list should have at least 1 item"),
    ("steps.poll.replies.0", {"class": "ok"}, "steps.poll.replies[0]: a reply is told by what it says"),
    ("steps.poll.replies.0", {"class": "ok", "status": 200}, "steps.poll.replies[0]: a reply is told by what it says"),
    ("steps.poll.replies.0", {"class": "ok", "status": 2000, "matches": "x"}, "steps.poll.replies[0].status: should be less than or equal to 599"),
    ("steps.poll.replies.0", {"class": "ok", "equals": 0}, "steps.poll.replies[0]: equals and in compare the value at a path"),
    ("steps.poll.replies.0", {**OK, "in": [0]}, "steps.poll.replies[0]: give equals or in, one of the two"),
    ("steps.poll.replies.0", {"class": "ok", "path": "a", "in": []}, "steps.poll.replies[0].in: list should have at least 1 item"),
    ("steps.poll.replies.0", {**OK, "path": "a[x]"}, "steps.poll.replies[0].path: 'a[x]' is not a path"),
    ("steps.poll.replies.0", {**OK, "class": "fine"}, "steps.poll.replies[0].class: should be 'ok', 'sold_out'"),
    ("steps.poll.replies.0", {**OK, "class": "not_sent"}, "steps.poll.replies[0]: not_sent is what a request without any reply is"),
    ("steps.poll.replies.0", {"class": "ok", "matches": "("}, "steps.poll.replies[0].matches: not a regular expression: missing )"),
    ("steps.poll.replies.0", {"class": "ok", "matches": "(?=a)b"}, "steps.poll.replies[0].matches: not a regular expression: invalid perl operator: (?=; look-ahead"),
    ("steps.poll.replies.0", {"class": "ok", "matches": r"(a)\1"}, "steps.poll.replies[0].matches: not a regular expression: invalid escape sequence: \\1; this escape is not known here"),
    ("reads.stock.request", "/stock", "reads.stock.request: written METHOD /path"),
    ("reads.stock.request", "GET /stock/{order.sku}", "reads.stock: items: a request for all products has no {order.sku} in it"),
    ("reads.stock.items", "a..b", "reads.stock.items: 'a..b' is not a path"),
    ("reads.order.request", "GET /find", "reads.order: {order.key} must stand in the request"),
    ("reads.order.rows", "a[", "reads.order.rows: 'a[' is not a path"),
    ("reads.ledger.request", "GET /ledger", "reads.ledger: {after} in the request and next belong together"),
    ("reads.ledger.rows", "a[", "reads.ledger.rows: 'a[' is not a path"),
    ("reads.ledger.next", "a[", "reads.ledger.next: 'a[' is not a path"),
    ("reads.ledger.columns.order_key", None, "reads.ledger: columns: order_key must be named too"),
    ("reads.ledger.columns.colour", "c", "reads.ledger.columns.colour: should be 'order_no', 'order_key'"),
    ("reads.ledger", None, "reads: order: give columns or extract, or describe ledger, whose columns it then shares"),
    ("edge", {"supplier": {"upstream": "http://127.0.0.1:99999", "link_port": 9002}}, "edge.supplier: upstream: a port is a number from 1 to 65535"),
    ("edge", {"supplier": {"upstream": "http://127.0.0.1:9001"}}, "edge.supplier: upstream: give link_port too"),
    ("edge", {"supplier": {"upstream": "http://192.0.2.1:9001", "link_port": 9002}}, "edge.supplier.upstream: "),
    ("edge", {"plays": ["supplier"], "supplier": {"upstream": "http://127.0.0.1:9001", "link_port": 9002}}, "edge.supplier.upstream: names a real supplier"),
    ("edge", {"order_no": "^C[0-9]+"}, "edge.order_no: put what is wanted into round brackets"),
    ("statuses", {"paid": ["paid"]}, "statuses.delivered: name at least one status word"),
    ("edge", {"order_no": "("}, "edge.order_no: not a regular expression"),
    ("timeouts", {"reply": "0s"}, "timeouts.reply: should be greater than 0"),
    ("name", "a/b", "name: string should match pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "value", "said"), MISTAKES, ids=[f"{change} {said[:30]}" for change, _, said in MISTAKES])
def test_each_mistake_names_its_place(change: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        shop(change, value)
    first = str(raised.value).splitlines()[0]
    assert first.startswith("shop.yaml:")
    assert said in first


def test_true_and_1_and_null_are_three_values() -> None:
    """YAML and pydantic must not make one of them into another on the way to the rule."""
    rules = shop("steps.poll.replies", [{"class": "ok", "path": "a", "in": [True, 1, "1", None, 1.0, "true"]}]).steps.poll
    assert rules is not None
    assert [repr(value) for value in rules.replies[0].in_ or []] == ["True", "1", "'1'", "None", "1.0", "'true'"]


def test_a_target_survives_the_way_through_a_run_folder() -> None:
    """``equals: null`` compares with null; left out, it compares nothing. Writing and reading must keep that apart."""
    found = shop("steps.poll.replies", [{"class": "queued", "path": "a", "equals": None}])
    again = Target.model_validate(found.model_dump(mode="json", by_alias=True, exclude_unset=True))
    assert again == found
    assert again.steps.poll is not None
    assert "equals" in again.steps.poll.replies[0].model_fields_set


@pytest.mark.parametrize("name", catalogue.names("targets"))
def test_every_shipped_target_loads_and_compiles(name: str) -> None:
    assert target.load(name).name == name


def test_a_target_that_never_polls_needs_no_word_for_delivered() -> None:
    data = copy.deepcopy(SHOP)
    del data["steps"]["poll"], data["statuses"]
    assert Target.model_validate(data).statuses.delivered == []
