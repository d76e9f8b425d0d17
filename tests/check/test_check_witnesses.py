"""Whether the traffic passes through the stand-ins, and what to look at where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from check_story import exchange, shop, walked

from surgekit.check import witnesses
from surgekit.check.finding import Finding

PAID = {"actor": "gateway", "event": "payment", "acked": None}
ACT = [{"request": "GET /pay", "replies": [{"class": "ok", "location": "."}]}, {"act": {"order_no": "{order_no}", "amount_fen": "990"}}]
STEPS = {"submit": {"request": "POST /o", "replies": [{"class": "ok", "path": "c", "equals": 1}], "extract": {"order_no": "no"}}, "pay": {"gateway": ACT, "balance": ACT}}
NOTIFY = {"gateway": {"notify": {"request": "GET /notify", "query": {"no": "{pay.order_no}"}}, "configured_in": "config.php"}}
ODD = exchange("pay", "unknown", "odd_reply")


def notice(status: str, detail: str | None, attempt: int = 1) -> dict[str, Any]:
    return {"actor": "gateway", "event": "callback", "status": status, "detail": detail, "acked": False, "attempt": attempt}


def gateway(rows: list[dict[str, Any]], seen: list[dict[str, Any]], how: str = "unknown", way: str = "gateway", **more: Any) -> Finding:
    return witnesses.gateway(shop(steps=STEPS, edge=NOTIFY), rows, walked(how, **more), seen, way)


@pytest.mark.parametrize("way", ["gateway", "balance"])
def test_an_act_that_was_not_reached_names_the_step_before_it(way: str) -> None:
    found = gateway([], [exchange("submit"), ODD, exchange("poll", "unknown", "odd_reply")], way=way)
    assert (found.state, found.told) == ("bad", "act was not reached: pay: no rule fits this reply (HTTP 200)")


def test_an_act_that_was_refused_says_why() -> None:
    found = gateway([], [exchange("submit"), exchange("pay"), exchange("gateway", "not_sent", "act: amount: '0' is no amount to pay")])
    assert found.told == "act was reached and took no payment: gateway: the acted gateway refuses it: amount: '0' is no amount to pay"


def test_where_nothing_was_ordered_nothing_is_asked_for() -> None:
    found = gateway([], [exchange("submit", "refused", "refused")], "rejected", accepted=False)
    assert (found.state, found.told) == ("open", "not asked: there was no order to pay for")
    bought = witnesses.supplier(shop(edge={"plays": ["supplier"]}), [], walked("rejected", accepted=False), "skin")
    assert (bought.state, bought.told) == ("open", "not asked: there was no order to buy for")


def test_a_gateway_that_is_not_acted_still_points_at_its_address() -> None:
    steps = {**STEPS, "pay": {"gateway": ACT[:1]}}
    found = witnesses.gateway(shop(steps=steps, edge=NOTIFY), [], walked("unknown"), [ODD], "gateway")
    assert found.told == "no payment passed through the stand-in; its address is set in config.php"


def test_a_notice_that_was_not_understood_shows_the_answer() -> None:
    found = gateway([PAID, notice("200", "fail"), notice("200", "sign error", 2)], [])
    assert found.told == "paid, and none of 2 notices was acknowledged; the answer to the last: 'sign error' (HTTP 200), where '^success$' acknowledges"
    assert gateway([PAID, notice("timeout", None)], []).told == "paid, and the one notice was not acknowledged; the answer to the last: none (timeout)"
    assert gateway([PAID], []).told == "paid, and no notice was sent yet"


def forward(status: str, asked: str = "POST /shared/trade/create") -> dict[str, Any]:
    return {"actor": "link", "event": "forward", "status": status, "detail": asked, "acked": None}


PLAYED: dict[str, Any] = {"plays": ["supplier"], "supplier": {"configured_in": "DOCK_URL"}}
REAL: dict[str, Any] = {"supplier": {"upstream": "http://127.0.0.1:9001", "link_port": 9002}}


def supplier(rows: list[dict[str, Any]], edge: dict[str, Any] = PLAYED, how: str = "unknown", sku: str = "skin") -> Finding:
    return witnesses.supplier(shop(edge=edge), rows, walked(how, paid=True), sku)


def test_a_platform_that_speaks_another_dialect_than_the_stand_in_is_no_pass() -> None:
    found = supplier([forward("404"), forward("404")])
    assert (found.state, found.told) == (
        "bad",
        "POST /shared/trade/create was answered with HTTP 404: the stand-in does not speak this platform's dialect; "
        "put a link in front of a real supplier with edge.supplier.upstream",
    )


def test_a_real_supplier_that_refuses_is_told_with_what_was_asked() -> None:
    rows = [forward("200", "GET /stock"), forward("503")]
    assert supplier(rows, REAL).told == "POST /shared/trade/create was answered with HTTP 503 by the supplier at edge.supplier.upstream"
    assert supplier(rows, REAL, "confirmed").state == "ok"  # a second try that did it
    assert supplier([forward("200")], REAL) == Finding("supplier", "ok", "1 events passed through the link")


def test_a_signature_that_the_stand_in_does_not_take_points_at_the_key() -> None:
    wrong = {"actor": "supplier", "event": "bad_sign", "status": None, "acked": None}
    assert supplier([wrong, forward("200")]).told.endswith("does edge.supplier.key have the platform's key?")


def test_nothing_passed_and_nothing_asked_are_two_things() -> None:
    assert supplier([]).told == "skin is bought from the supplier, and nothing passed through the stand-in; the supplier's address is set in DOCK_URL"
    assert (supplier([]).state, supplier([], sku="game").state) == ("bad", "open")
    assert supplier([], REAL).told.endswith("nothing passed through the link; does the supplier at http://127.0.0.1:9001 answer?")
