"""Drafts from answers."""

from __future__ import annotations

import pytest
from draft_recordings import Loaded
from hypothesis import given, settings
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass as C
from surgekit.target.draft import QUESTIONS, from_answers
from surgekit.target.plan import compile_plan
from surgekit.target.reading import Reply
from surgekit.target.step import KNOWN

VALUES = {**dict.fromkeys(KNOWN, "x"), "order.sku": "a", "order.qty": 2, "order_no": "N1", "order.key": "k"}


def test_the_defaults_alone_are_a_target(loaded: Loaded) -> None:
    shop = loaded(from_answers({}))
    plan = compile_plan(shop)
    assert plan.submit.request(VALUES).body == b'{"sku":"a","qty":2}'
    assert plan.submit.read(Reply(200, b'{"code":0,"data":{"order_no":"N1"}}', 0.0, 0.1)).values == {"order_no": "N1"}
    assert list(plan.pay) == ["balance"]
    assert shop.statuses.delivered == ["delivered"]


def test_a_shop_of_pages_with_a_csrf_field_a_form_and_no_payment(loaded: Loaded) -> None:
    answers = {"kind": "html", "body": "form", "submit": "POST /buy", "key": "contact", "csrf_page": "/buy", "ok_text": "下单成功", "order_page": "/bill/{order_no}.html", "pay": "none",
               "look_step": "GET /bill/{order_no}.html"}  # fmt: skip
    plan = compile_plan(loaded(from_answers(answers)))
    page = Reply(200, b'<form><input name="_token" value="t1"></form>', 0.0, 0.1, headers={"content-type": "text/html"})
    assert plan.prepare[0].read(page).values == {"csrf": "t1"}
    assert plan.submit.request({**VALUES, "csrf": "t1"}).body == b"sku=a&qty=2&contact=k&_token=t1"
    done = Reply(200, "<h1>下单成功</h1>".encode(), 0.0, 0.1, url="http://127.0.0.1/bill/N9.html")
    assert plan.submit.read(done).values == {"order_no": "N9"}
    assert plan.submit.read(Reply(200, "库存不足".encode(), 0.0, 0.1)).kind is C.SOLD_OUT
    assert plan.poll is not None
    assert plan.poll.request(VALUES).url == b"/bill/N1.html"


def test_only_questions_that_make_sense_are_asked() -> None:
    asked = {question.key for question in QUESTIONS if question.asked({"kind": "json", "pay": "none", "look": "no"})}
    assert not asked & {"csrf_page", "ok_text", "pay_step", "look_step", "cards"}
    assert {"ok_path", "order_no", "submit"} <= asked


@pytest.mark.parametrize(("key", "answer"), [("base_url", "shop"), ("kind", "xml"), ("submit", "orders"), ("sku", "a b"), ("ok_path", "data[[x"), ("look_step", "GET {x}")])
def test_an_answer_that_is_none_is_named(key: str, answer: str) -> None:
    with pytest.raises(ConfigError, match=key):
        from_answers({key: answer})


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([each.key for each in QUESTIONS]),
                       st.sampled_from(["json", "html", "form", "none", "gateway", "no", "", "/a{b}", "POST /a{b}?c={order_no}", "GET /{", "a[b]", "(", "\\", "true", "中", "x\ny"])
                       | st.text(max_size=6)))  # fmt: skip
def test_no_answers_raise_anything_but_a_config_error(answers: dict[str, str]) -> None:
    try:
        from_answers(answers)
    except ConfigError:
        return
