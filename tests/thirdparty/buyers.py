"""One order by one buyer, written out by hand for each shop: what a target file has to say in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

Pause = Callable[[], object]
SOLD_OUT = "sold out"


class Odd(Exception):
    """The shop answered as nobody expected."""


def client(base_url: str) -> httpx.Client:
    """A buyer's browser: cookies of its own, and no redirect followed unseen."""
    return httpx.Client(base_url=base_url, trust_env=False, timeout=30.0)


def oscar_order(base_url: str, email: str, product: int, *, quantity: int = 1, before_placing: Pause | None = None) -> str:
    """Order from django-oscar. Returns the order number, or ``SOLD_OUT``. Raises ``Odd``."""
    with client(base_url) as buyer:
        page = buyer.get(f"/catalogue/card_{product}/", follow_redirects=True)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        if page.status_code != 200 or token is None:
            raise Odd(f"product page: HTTP {page.status_code}")
        if 'id="add_to_basket_form"' not in page.text:
            return SOLD_OUT
        csrf = {"csrfmiddlewaretoken": token[1]}
        steps: list[tuple[str, str, dict[str, Any] | None, str]] = [
            ("POST", f"/basket/add/{product}/", {"quantity": quantity}, "/basket/"),
            ("POST", "/checkout/", {"username": email, "options": "anonymous"}, "/checkout/shipping-address/"),
            ("GET", "/checkout/shipping-method/", None, "/checkout/payment-method/"),
            ("POST", "/checkout/preview/", {"action": "place_order"}, "/checkout/thank-you/"),
        ]
        for method, path, form, expected in steps:
            if path == "/checkout/preview/" and before_placing is not None:
                before_placing()
            reply = buyer.request(method, path, data=None if form is None else csrf | form)
            went = reply.headers.get("location")
            if went == "/basket/" != expected:
                return SOLD_OUT
            if went != expected:
                raise Odd(f"{method} {path}: HTTP {reply.status_code} {went}")
        thanks = buyer.get("/checkout/thank-you/")
        number = re.search(r'<p class="lead">.*?<strong>(\w+)</strong>', thanks.text, re.DOTALL)
        if number is None:
            raise Odd(f"thank-you page: HTTP {thanks.status_code}")
        return number[1]


ERROR = "... on ErrorResult { errorCode message }"
VENDURE_STEPS = {
    "add": "mutation($v: ID!, $n: Int!) { addItemToOrder(productVariantId: $v, quantity: $n)"
    " { __typename ... on Order { code } %s } }",
    "customer": "mutation($e: String!) { setCustomerForOrder(input: {firstName: \"A\", lastName: \"B\", emailAddress: $e})"
    " { __typename ... on Order { code } %s } }",
    "shipping": 'mutation { setOrderShippingMethod(shippingMethodId: ["1"]) { __typename ... on Order { code } %s } }',
    "arrange": 'mutation { transitionOrderToState(state: "ArrangingPayment")'
    " { __typename ... on Order { state } %s ... on OrderStateTransitionError { transitionError } } }",
    "pay": 'mutation { addPaymentToOrder(input: {method: "dummy", metadata: {}})'
    " { __typename ... on Order { code state } %s } }",
}  # fmt: skip


def vendure_order(base_url: str, email: str, product: int, *, quantity: int = 1, before_placing: Pause | None = None) -> str:
    """Order from Vendure, and pay. Returns the order code, or ``SOLD_OUT``. Raises ``Odd``."""
    values = {"add": {"v": str(product), "n": quantity}, "customer": {"e": email}}
    with client(base_url) as buyer:
        said: dict[str, Any] = {}
        for step, query in VENDURE_STEPS.items():
            if step == "pay" and before_placing is not None:
                before_placing()
            reply = buyer.post("/shop-api", json={"query": query % ERROR, "variables": values.get(step, {})})
            body = reply.json()
            if reply.status_code != 200 or "errors" in body:
                raise Odd(f"{step}: HTTP {reply.status_code} {reply.text[:300]}")
            (said,) = body["data"].values()
            if "insufficient stock" in said.get("transitionError", "") or said["__typename"] == "InsufficientStockError":
                return SOLD_OUT
            if said["__typename"] != "Order":
                raise Odd(f"{step}: {said}")
        assert said["state"] == "PaymentSettled"
        return str(said["code"])
