"""Paying: by balance, with the submission, or at a gateway that SurgeKit acts; and paid is one state, delivered another."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from contract_shop import RESET, Answer, CardShop, Heard
from contract_world import RUN_ID, Counter, Opening

from surgekit.model import Outcome

FINE = {"code": 0}
OK = "[{class: ok, path: code, equals: 0}]"
POLL = """
          poll:
            request: GET /orders/{order_no}
            replies: [{class: ok, path: code, equals: 0}]
            extract: {status: status, cards: {json: cards, optional: true}}
        statuses: {paid: [paid], delivered: [delivered], refunded: [refunded], failed: [closed]}
"""
BALANCE = f"""
        steps:
          submit: {{request: POST /orders, replies: {OK}, extract: {{order_no: no, amount_fen: {{json: money, as: yuan}}}}}}
          pay:
            balance:
              - {{request: "POST /pay/{{order_no}}", form: {{from: "{{buyer.account}}"}}, replies: [{{class: ok, path: code, equals: 0}}, {{class: refused, path: msg, matches: 余额不足}}]}}
              - {{request: "POST /confirm/{{order_no}}", replies: {OK}}}
{POLL}
"""
TAKEN = {"code": 0, "no": "N1", "money": "12.34"}


def status(word: str, *cards: str) -> dict[str, Any]:
    return {"code": 0, "status": word, "cards": list(cards)}


def balance(opening: Opening, **manners: Any) -> Counter:
    return opening.counter(
        BALANCE,
        {
            "POST /orders": TAKEN, "POST /pay/N1": FINE, "POST /confirm/N1": FINE,
            "GET /orders/N1": [status("paid"), status("paid"), status("delivered", "AAA-1")], **manners,
        },
    )  # fmt: skip


def test_by_balance_and_paid_and_delivered_are_two_states(opening: Opening) -> None:
    counter = balance(opening)
    told = counter.buy()
    assert (told.outcome, told.amount_fen) == (Outcome.CONFIRMED, 1234)
    assert told.accepted_s is not None
    assert told.paid_s is not None
    assert told.confirmed_s is not None
    assert told.accepted_s < told.paid_s < told.confirmed_s
    assert counter.shop.steps == ["POST /orders", "POST /pay/N1", "POST /confirm/N1", *["GET /orders/N1"] * 3]
    assert counter.shop.asked("POST /pay/N1")[0].form == {"from": "buyer-0001"}


def test_paid_and_never_delivered_stays_paid_and_unknown(opening: Opening) -> None:
    told = balance(opening, **{"GET /orders/N1": status("paid")}).buy()
    assert (told.outcome, told.reason, told.status, told.paid_s is not None, told.confirmed_s) == (Outcome.UNKNOWN, "deadline", "paid", True, None)


def test_delivered_without_a_card_is_not_delivered(opening: Opening) -> None:
    told = balance(opening, **{"GET /orders/N1": status("delivered")}).buy()
    assert (told.outcome, told.confirmed_s) == (Outcome.UNKNOWN, None)


def test_a_balance_that_is_too_low(opening: Opening) -> None:
    told = balance(opening, **{"POST /pay/N1": {"code": 1, "msg": "余额不足"}}).buy()
    assert (told.outcome, told.reason, told.paid_s) == (Outcome.REJECTED, "pay_refused", None)


def test_a_payment_in_doubt_is_looked_up_and_never_made_again(opening: Opening) -> None:
    counter = balance(opening, **{"POST /pay/N1": RESET})
    told = counter.buy()
    assert (told.outcome, told.paid_s is not None) == (Outcome.CONFIRMED, True)
    assert counter.shop.steps.count("POST /pay/N1") == 1


def test_paid_undelivered_by_the_text_of_the_order(opening: Opening) -> None:
    rules = "[{class: paid_undelivered, path: card, matches: '^库存不足'}, {class: ok, path: code, equals: 0}]"
    text = f"""
        steps:
          submit: {{request: POST /orders, replies: {OK}, extract: {{order_no: no}}}}
          poll: {{request: "GET /orders/{{order_no}}", replies: {rules}, extract: {{status: status}}}}
        statuses: {{delivered: [delivered]}}
    """
    counter = opening.counter(text, {"POST /orders": TAKEN, "GET /orders/N1": {"code": 0, "status": "delivered", "card": "库存不足，请联系客服"}})
    told = counter.buy()
    assert (told.outcome, told.reason, told.paid_s is not None, told.confirmed_s) == (Outcome.UNKNOWN, "paid_undelivered", True, None)


def test_paid_and_delivered_by_the_submission_itself(opening: Opening) -> None:
    text = f"""
        steps:
          submit: {{request: POST /buy, replies: {OK}, extract: {{order_no: no, cards: cards}}}}
    """
    told = opening.counter(text, {"POST /buy": TAKEN | {"cards": ["AAA-1", "BBB-2"]}}).buy()
    assert (told.outcome, told.order_no, len(told.card_digests or ())) == (Outcome.CONFIRMED, "N1", 2)


def test_paid_by_the_submission_and_without_the_card_that_belongs_to_it(opening: Opening) -> None:
    text = f"""
        steps:
          submit: {{request: POST /buy, replies: {OK}, extract: {{order_no: no, cards: {{json: cards, as: lines}}}}}}
    """
    told = opening.counter(text, {"POST /buy": TAKEN | {"cards": ""}}).buy()
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "paid_undelivered")


# ── the acted gateway ────────────────────────────────────────────────────────────────────────────────────────────────

EPAY_KEY = "merchant-key-1"


def acted(method: str, body: str, more: str = "") -> str:
    return f"""
        vars: {{pid: "1000"}}
        secrets: {{epay: {{value: {EPAY_KEY}}}}}
        signing:
          epay:
            key: "{{secret.epay}}"
            fields: {{from: {body}, exclude: [sign, sign_type], drop_empty: true}}
            text: "{{fields}}{{key}}"
            hash: md5
            sign: {body} sign
            also: {{{body} sign_type: MD5}}
        steps:
          submit: {{request: POST /orders, replies: {OK}, extract: {{order_no: no, money: money}}}}
          pay:
            gateway:
              - act: {{order_no: "{{order_no}}", amount: "{{money}}", type: alipay, title: "{{order.sku}}"}}
{POLL}
        edge:
          gateway:
            notify_ms: 1
            sigma: 0
            retries: [1s, 1s]
            compress: 1000
            {more}
            notify:
              request: {method} /pay/notify
              {"query" if body == "query" else "form"}:
                pid: "{{vars.pid}}"
                out_trade_no: "{{pay.order_no}}"
                trade_no: "{{pay.trade_no}}"
                type: "{{pay.type}}"
                name: "{{pay.title}}"
                money: "{{pay.amount}}"
                trade_status: TRADE_SUCCESS
              sign: epay
              ack: "^success$"
    """


def till(opening: Opening, *answers: Any) -> CardShop:
    """A shop that verifies each notice, answers it with the next of ``answers``, and delivers once it has said success."""
    paid = threading.Event()
    said = list(answers or ["success"])

    def hear(heard: Heard) -> Any:
        told = heard.form if heard.method == "POST" else heard.query
        text = "&".join(f"{name}={told[name]}" for name in sorted(told) if told[name] and name not in ("sign", "sign_type"))
        if told["sign"] != hashlib.md5((text + EPAY_KEY).encode()).hexdigest() or told["money"] != "12.34":
            return Answer(b"fail")
        answer = said.pop(0) if len(said) > 1 else said[0]
        if answer == "success":
            paid.set()
        return Answer(answer.encode())

    def look(_: Heard) -> Any:
        paid.wait(5)
        return status("delivered", "AAA-1")

    return opening.shop({"POST /orders": TAKEN, "GET /pay/notify": hear, "POST /pay/notify": hear, "GET /orders/N1": look})


@pytest.mark.parametrize(("method", "body"), [("GET", "query"), ("POST", "form")])
def test_acted_gateway_tells_the_platform_by(opening: Opening, method: str, body: str) -> None:
    counter = opening.counter(acted(method, body), till(opening))
    told = counter.buy(pay_by="gateway")
    assert told.outcome is Outcome.CONFIRMED
    assert told.paid_s is not None
    assert counter.gateway is not None
    (row,) = counter.gateway.rows("callback")
    assert (row["acked"], row["order_no"]) == (True, "N1")
    (notice,) = counter.shop.asked(f"{method} /pay/notify")
    told_form = notice.form if method == "POST" else notice.query
    assert (told_form["pid"], told_form["type"], told_form["name"], told_form["sign_type"]) == ("1000", "alipay", "game-100", "MD5")
    assert notice.headers["x-surge-run"] == RUN_ID


def test_acted_gateway_tries_again_until_it_is_understood(opening: Opening) -> None:
    counter = opening.counter(acted("POST", "form"), till(opening, "fail", "<p>success</p>", "success"))
    assert counter.buy(pay_by="gateway").outcome is Outcome.CONFIRMED
    assert counter.gateway is not None
    assert [row["acked"] for row in counter.gateway.rows("callback")] == [False, False, True]


def test_acted_gateway_sends_duplicates_at_the_same_moment(opening: Opening) -> None:
    counter = opening.counter(acted("GET", "query", "duplicates: {share: 1.0, most: 2}"), till(opening))
    assert counter.buy(pay_by="gateway").outcome is Outcome.CONFIRMED
    assert counter.gateway is not None
    assert len(counter.shop.asked_when("GET /pay/notify", 2)) == 2
    assert len(counter.gateway.rows("payment")) == 1


def test_acted_gateway_that_is_paid_is_not_delivered_before_the_platform_says_so(opening: Opening) -> None:
    shop = till(opening, "fail")
    shop.manners["GET /orders/N1"] = status("unpaid")
    told = opening.counter(acted("POST", "form"), shop).buy(pay_by="gateway")
    assert (told.outcome, told.paid_s is not None, told.confirmed_s) == (Outcome.UNKNOWN, True, None)


def test_a_buyer_may_come_back_from_the_acted_gateway_with_its_number(opening: Opening) -> None:
    back = '- {request: "GET /return?no={order_no}", query: {trade_no: "{pay.trade_no}"}, replies: [{class: ok, path: code, equals: 0}]}'
    text = acted("GET", "query").replace('title: "{order.sku}"}', f'title: "{{order.sku}}"}}\n              {back}')
    shop = till(opening)
    shop.manners["GET /return"] = FINE
    counter = opening.counter(text, shop)
    assert counter.buy(pay_by="gateway").outcome is Outcome.CONFIRMED
    assert counter.gateway is not None
    (payment,) = counter.gateway.rows("payment")
    (came,) = counter.shop.asked("GET /return")
    assert came.query["trade_no"] == counter.shop.asked("GET /pay/notify")[0].query["trade_no"]
    assert payment["order_no"] == came.query["no"] == "N1"


def test_what_the_acted_gateway_cannot_do_is_an_error_of_the_run_and_no_answer_of_the_platform(opening: Opening) -> None:
    """No amount to pay: nothing is captured, nobody was turned away, and the reason says what is wrong."""
    shop = till(opening)
    shop.manners["POST /orders"] = {"code": 0, "no": "N1", "money": "free"}
    counter = opening.counter(acted("GET", "query"), shop)
    told = counter.buy(pay_by="gateway")
    assert (told.outcome, told.paid_s, told.errors) == (Outcome.FAILED, None, 1)
    assert told.reason == "pay_act: amount: 'free' is no amount to pay; yuan such as 12.30 is wanted"
    assert counter.gateway is not None
    assert counter.gateway.rows("payment") == []
