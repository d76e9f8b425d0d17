"""A target's steps, compiled: what is sent, and what a reply gives to the next step."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass as C
from surgekit.target.plan import Plan, compile_plan
from surgekit.target.reading import Reply
from surgekit.target.schema import Target
from surgekit.target.step import KNOWN

OK = {"class": "ok", "path": "code", "equals": 0}
VALUES: dict[str, Any] = {**dict.fromkeys(KNOWN, "x"), "order.qty": 3, "order_no": "C/1", "pay_url": "http://127.0.0.1/p?a=b"}


def plan(**steps: Any) -> Plan:
    submit = {"request": "POST /orders", "replies": [OK], "extract": {"order_no": "data.no", "note": "data.note"}}
    poll = {"request": "GET /orders/{order_no}", "replies": [OK], "extract": {"status": "data.status", "cards": "data.cards"}}
    pay = [
        {"request": "POST /pay", "json": {"no": "{order_no}", "qty": "{order.qty}"}, "replies": [OK], "extract": {"pay_url": "data.url"}},
        {"request": "GET {pay_url}", "replies": [OK]},
    ]
    whole = {"submit": submit, "poll": poll, "pay": {"gateway": pay}, **steps}
    data = {"schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1", "catalogue": [{"sku": "a", "price_fen": 1}],
            "statuses": {"delivered": ["done"]}, "steps": whole}  # fmt: skip
    return compile_plan(Target.model_validate(data))


def reply(data: Any) -> Reply:
    return Reply(200, json.dumps({"code": 0, "data": data}).encode(), 0.0, 0.1)


def test_a_json_step_is_sent_with_its_content_type() -> None:
    sent = plan().pay["gateway"][0].request(VALUES)
    assert (sent.method, sent.url, sent.body) == ("POST", b"/pay", b'{"no":"C/1","qty":3}')
    assert sent.headers == ((b"Content-Type", b"application/json"),)


def test_a_form_step_with_a_query_and_a_header() -> None:
    step = {"request": "POST /o?a=1", "query": {"k": "{order.key}"}, "form": {"q": "{order.qty}"}, "headers": {"X-Key": "{order.key}"}, "replies": [OK]}
    sent = plan(submit=step, pay={}, poll=None).submit.request({**VALUES, "order.key": "r&1"})
    assert (sent.url, sent.body) == (b"/o?a=1&k=r%261", b"q=3")
    assert sent.headers == ((b"X-Key", b"r&1"), (b"Content-Type", b"application/x-www-form-urlencoded"))


def test_a_value_in_a_path_stays_one_segment_and_a_whole_url_stays_a_url() -> None:
    made = plan()
    assert made.poll is not None
    assert made.poll.request(VALUES).url == b"/orders/C%2F1"
    assert made.pay["gateway"][1].request(VALUES).url == b"http://127.0.0.1/p?a=b"


def test_an_ok_reply_gives_what_the_step_extracts() -> None:
    read = plan().submit.read(reply({"no": "C1", "note": "n"}))
    assert (read.kind, read.reason, read.values) == (C.OK, None, {"order_no": "C1", "note": "n"})


@pytest.mark.parametrize("data", [{"note": "n"}, {"no": None, "note": "n"}, {"no": "", "note": "n"}, None, []])
def test_an_ok_reply_without_the_order_number_is_unknown(data: Any) -> None:
    """The order may exist, but nobody can go on with it: asking for order None would be worse."""
    read = plan().submit.read(reply(data))
    assert (read.kind, read.reason, read.values) == (C.UNKNOWN, "no_order_no", {})


def test_a_pay_step_without_its_url_is_unknown() -> None:
    assert plan().pay["gateway"][0].read(reply({"url": None})).reason == "no_pay_url"


def test_null_is_a_value_where_no_later_step_sends_it() -> None:
    made = plan()
    assert made.submit.read(reply({"no": "C1", "note": None})).kind is C.OK
    assert made.poll is not None
    assert made.poll.read(reply({"status": "paid", "cards": None})).values == {"status": "paid", "cards": None}


def test_order_number_0_is_an_order_number() -> None:
    assert plan().submit.read(reply({"no": 0, "note": ""})).values["order_no"] == 0


def test_a_reply_that_is_not_ok_gives_nothing() -> None:
    read = plan().submit.read(Reply(200, b'{"code": 1, "data": {"no": "C1"}}', 0.0, 0.1))
    assert (read.kind, read.values) == (C.UNKNOWN, {})


def test_a_missing_value_is_a_programming_error_and_not_silence() -> None:
    with pytest.raises(KeyError, match="order_no"):
        plan().pay["gateway"][0].request({"order.qty": 1})


def test_steps_name_themselves_for_the_history() -> None:
    made = plan()
    assert [made.submit.name, *(step.name for step in made.pay["gateway"])] == ["submit", "pay", "pay2"]
    assert made.poll is not None
    assert made.poll.needs == {"order_no"}


def test_what_orders_or_pays_is_sent_once_by_whatever_method() -> None:
    made = plan(submit={"request": "GET /buy", "replies": [OK], "extract": {"order_no": "data.no"}}, quote={"request": "GET /q", "replies": [OK]})
    pay, opened = made.pay["gateway"]
    assert (made.submit.request(VALUES).once, pay.request(VALUES).once, opened.request(VALUES).once) == (True, True, True)
    assert made.quote is not None
    assert made.poll is not None
    assert (made.quote.request(VALUES).once, made.poll.request(VALUES).once) == (False, False)


SIGNED = {"key": "k", "fields": {"from": "form", "exclude": ["sign"]}, "text": "{fields}{key}", "hash": "md5", "sign": "form sign"}


def signed(place: str, **more: Any) -> Plan:
    submit = {"request": f"POST {place}", "form": {"a": "1"}, "sign": "s", "replies": [OK], "extract": {"order_no": "n"}, **more}
    poll = {"request": "GET /orders/{order_no}", "replies": [OK], "extract": {"status": "s"}}
    data = {"schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1", "catalogue": [{"sku": "a", "price_fen": 1}],
            "signing": {"s": SIGNED}, "statuses": {"delivered": ["done"]}, "steps": {"submit": submit, "poll": poll}}  # fmt: skip
    return compile_plan(Target.model_validate(data))


def test_a_signed_request_may_have_its_query_behind_the_mark() -> None:
    values = {**VALUES, "time.ms": 1000, "time.s": 1, "nonce": "0" * 64, "target.base_url": "http://127.0.0.1", "order.key": "k 1"}
    sent = signed("/api.php?act=buy&key={order.key}", query={"v": "2"}).submit.request(values)
    assert sent.url == b"/api.php?act=buy&key=k+1&v=2"
    assert sent.body == b"a=1&sign=" + hashlib.md5(b"a=1k").hexdigest().encode()


@pytest.mark.parametrize(
    ("place", "more", "said"),
    [("/api.php?wsdl", {}, "put what stands behind the [?] into query"), ("/a?x=1&x=2", {}, "a second time"), ("/a?x=1", {"query": {"x": 2}}, "a second time")],
)
def test_a_signed_query_that_is_not_clear_is_refused(place: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        signed(place, **more)


def test_what_a_composed_value_is_made_of_has_to_be_there() -> None:
    step = {"request": "POST /login", "replies": [OK], "extract": {"token": "data.token", "note": "data.note"}}
    submit = {"request": "POST /o", "form": {"who": "{vars.who}"}, "replies": [OK], "extract": {"order_no": "data.no"}}
    data = {"schema": "surgekit.target/1", "name": "t", "base_url": "http://127.0.0.1", "catalogue": [{"sku": "a", "price_fen": 1}],
            "vars": {"who": "{token}:{order.key}"}, "setup": {"steps": [step]}, "steps": {"submit": submit}}  # fmt: skip
    login = compile_plan(Target.model_validate(data)).setup[0]
    assert login.read(reply({"token": None, "note": "n"})).reason == "no_token"
    assert login.read(reply({"token": "T", "note": None})).kind is C.OK
