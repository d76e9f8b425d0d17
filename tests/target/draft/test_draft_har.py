"""Drafts from recordings: the recorded requests come out again, and nothing private gets in."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import draft_recordings as recordings
import pytest
from draft_recordings import CARD, CSRF, EMAIL, KEYED, PASSWORD, PHONE, SECRETS, TOKEN, TRACE, Loaded, entry, har
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surgekit.errors import ConfigError
from surgekit.model import ReplyClass as C
from surgekit.target.draft import from_har
from surgekit.target.draft.recording import telling
from surgekit.target.plan import Plan, compile_plan
from surgekit.target.reading import Reply
from surgekit.target.step import StepPlan

RECORDED = {
    "order.key": "3b9c7a52-8d1e-4f60-9a2b-1c3d5e7f9012", "buyer.account": "lilei", "buyer.phone": PHONE, "buyer.email": EMAIL, "order.pay_by": "balance",
    "secret.password": PASSWORD, "secret.pay_password": PASSWORD, "secret.search_pwd": KEYED, "secret.x_trace": TRACE, "secret.bank": recordings.BANK,
}  # fmt: skip
API = {**RECORDED, "order.sku": "1088", "order.qty": 2, "target.base_url": "https://shop.cards.example"}
PAGE = {**RECORDED, "order.sku": "7", "order.qty": 1, "target.base_url": "http://cards.example:8080"}


def replies(text: str) -> dict[int, Reply]:
    """The recorded replies, by the entry's number."""
    found = {}
    for number, each in enumerate(json.loads(text)["log"]["entries"]):
        headers = {row["name"].lower(): row["value"] for row in each["response"]["headers"]} | {"content-type": each["response"]["content"]["mimeType"]}
        cookies = dict([headers["set-cookie"].partition(";")[0].split("=", 1)]) if "set-cookie" in headers else {}
        found[number] = Reply(each["response"]["status"], each["response"]["content"]["text"].encode(), 0.0, 0.1, headers=headers, cookies=cookies)
    return found


def walked(plan: Plan, text: str, numbers: list[int], values: dict[str, Any]) -> list[tuple[StepPlan, Any]]:
    """Each step's request and class, as the recorded replies come in; what is extracted is there for the next."""
    steps = [*plan.setup, *plan.prepare, plan.submit, *(step for way in plan.pay.values() for step in way), *([plan.poll] if plan.poll else [])]
    assert len(steps) == len(numbers)
    answered, seen, have = replies(text), [], dict(values)
    for step, number in zip(steps, numbers, strict=True):
        sent, read = step.request(have), step.read(answered[number])
        assert read.kind is C.OK, (step.name, read)
        have |= read.values
        seen.append((sent, read))
    return seen


def recorded(text: str, number: int) -> tuple[str, str, str]:
    """(method, path and query, body) of an entry."""
    request = json.loads(text)["log"]["entries"][number]["request"]
    return request["method"], "/" + request["url"].split("/", 3)[3], request.get("postData", {}).get("text", "")


@pytest.mark.parametrize(("text", "numbers", "values"), [(recordings.api_shop(), [3, 6, 7, 9], API), (recordings.page_shop(), [0, 2, 4, 6], PAGE)], ids=["json", "pages"])
def test_the_draft_sends_the_requests_that_were_recorded(text: str, numbers: list[int], values: dict[str, Any], loaded: Loaded) -> None:
    plan = compile_plan(loaded(from_har(text, "shop.har")))
    for (sent, _), number in zip(walked(plan, text, numbers, values), numbers, strict=True):
        method, url, body = recorded(text, number)
        assert (sent.method, sent.url.decode()) == (method, url)
        assert sent.body.decode() == body


def test_headers_that_matter_are_sent_and_a_browser_s_own_are_not(loaded: Loaded) -> None:
    text = recordings.api_shop()
    plan = compile_plan(loaded(from_har(text, "shop.har")))
    headers = dict(walked(plan, text, [3, 6, 7, 9], API)[1][0].headers)
    assert headers[b"Authorization"] == f"Bearer {TOKEN}".encode()
    assert headers[b"Idempotency-Key"] == b"3b9c7a52-8d1e-4f60-9a2b-1c3d5e7f9012"
    assert headers[b"Origin"] == b"https://shop.cards.example"
    assert not {b"User-Agent", b"Cookie"} & set(headers)


def test_order_number_status_and_card_are_read_from_the_replies(loaded: Loaded) -> None:
    for text, numbers, values, number, state in (
        (recordings.api_shop(), [3, 6, 7, 9], API, "N202611250042", "delivered"), (recordings.page_shop(), [0, 2, 4, 6], PAGE, "D20261125777", "已完成"),
    ):  # fmt: skip
        shop = loaded(from_har(text, "shop.har"))
        reads = [read for _, read in walked(compile_plan(shop), text, numbers, values)]
        assert reads[1].values["order_no"] == number
        assert reads[-1].values == {"status": state, "cards": [CARD]}
        assert shop.statuses.delivered == [state]


def test_the_quote_is_a_step_of_its_own(loaded: Loaded) -> None:
    plan = compile_plan(loaded(from_har(recordings.api_shop(), "shop.har")))
    assert plan.quote is not None
    assert plan.quote.request({**API, "access_token": TOKEN}).body == b'{"goods_id":1088,"num":2}'


@pytest.mark.parametrize("text", [recordings.api_shop(), recordings.page_shop()], ids=["json", "pages"])
def test_no_secret_of_the_recording_is_in_the_draft(text: str) -> None:
    draft = from_har(text, "shop.har")
    assert [secret for secret in SECRETS if secret in text], "the recording has some"
    assert not [secret for secret in SECRETS if secret in draft]
    assert "are not in it" in draft


def test_secrets_in_paths_queries_names_and_odd_places_stay_out(loaded: Loaded) -> None:
    base = "http://127.0.0.1:9000"
    text = har(
        entry("POST", f"{base}/s/{TOKEN}/orders?auth={CSRF}&phone={PHONE}", body={"sku": "a", "qty": 1, PHONE: 1, "note": f"call {PHONE}", "deep": {EMAIL: [KEYED]}},
              headers={"X-Api-Key": PASSWORD, "Referer": f"{base}/s/{TOKEN}"}, reply={"order_no": "N77777777", "phone": PHONE, "card": {CARD: CARD}}),
        entry("GET", f"{base}/orders/N77777777/{TOKEN}", reply={"status": "done", "cards": [CARD], "list": {PHONE: CARD}}),
    )  # fmt: skip
    draft = from_har(text, "a.har")
    loaded(draft)
    assert not [secret for secret in SECRETS if secret in draft]


def test_a_token_in_a_script_a_meta_tag_or_a_cookie_is_taken_from_there(loaded: Loaded) -> None:
    base, order = "http://127.0.0.1:9000", {"order_no": "N77777777"}
    for page, cookie, want in (
        (f'<meta name="csrf-token" content="{CSRF}">', "", 'css: "meta[name'), (f"<script>var csrfToken = '{CSRF}';</script>", "", "regex: \"csrfToken"),
        ("<p>hello</p>", f"XSRF-TOKEN={CSRF}", "cookie: XSRF-TOKEN"),
    ):  # fmt: skip
        text = har(entry("GET", f"{base}/buy", reply=f"<html>{page}</html>", answer={"Set-Cookie": cookie} if cookie else {}),
                   entry("POST", f"{base}/orders", headers={"X-CSRF-Token": CSRF}, body={"sku": "a"}, reply=order))  # fmt: skip
        draft = from_har(text, "a.har")
        plan = compile_plan(loaded(draft))
        assert want in draft
        assert CSRF not in draft
        read = plan.prepare[0].read(replies(text)[0])
        assert CSRF in read.values.values()
        assert dict(plan.submit.request({**API, **read.values}).headers)[b"X-CSRF-Token"] == CSRF.encode()


def test_a_recording_gives_the_same_draft_each_time_whatever_the_order_of_its_entries() -> None:
    text = recordings.api_shop()
    data = json.loads(text)
    data["log"]["entries"].reverse()
    assert from_har(text, "a.har") == from_har(text, "a.har") == from_har(json.dumps(data), "a.har")


def test_content_in_base64_is_read(loaded: Loaded) -> None:
    data = json.loads(recordings.api_shop())
    for each in data["log"]["entries"]:
        content = each["response"]["content"]
        content.update(text=base64.b64encode(content["text"].encode()).decode(), encoding="base64")
    assert from_har(json.dumps(data), "a.har") == from_har(recordings.api_shop(), "a.har")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a HAR"), ("{", "not JSON"), ("[]", "log.entries"), ('{"log": {"entries": []}}', "empty"), ('{"log": {"entries": {}}}', "log.entries"),
        ("[" * 100_000, "deep"), ('{"a":' * 100_000, "deep"), (har(entry("GET", "http://127.0.0.1/", reply="hello")), "submits an order"),
        (har(entry("POST", "http://127.0.0.1/orders", body={"sku": "a", "qty": 1, "email": EMAIL})), "no content"),
        (json.dumps({"log": {"entries": [{}, None, 3, {"request": 5}, {"request": {"url": "http://[", "method": "GET"}}]}}), "submits an order"),
    ],
)  # fmt: skip
def test_what_is_no_recording_of_an_order_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as told:
        from_har(text, "a.har")
    assert str(told.value).startswith("a.har")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("word", "is_one"), [("orders", False), ("v1", False), ("detail-order-sn", False), ("12", False), ("N202611250042", True),
                                              ("3b9c7a52-8d1e-4f60-9a2b-1c3d5e7f9012", True), ("balance", False), ("13812345678", True)])  # fmt: skip
def test_what_looks_like_a_value_of_its_own(word: str, is_one: bool) -> None:
    assert telling(word) is is_one


NAMES = st.sampled_from(["sku", "qty", "email", "order_no", "status", "cards", "code", "msg", "token", "_token", "a[]", "a b", "", "{x}", "items", "pay_type", "id", "data", "\ud800"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from([TOKEN, PHONE, EMAIL, "N20261125", "{", "}}", "a\nb", "\ud800"]))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=6), inner, max_size=4), max_leaves=12)
PATHS = st.lists(st.sampled_from(["orders", "order", "pay", "N20261125", "api", "goods", "7", "{x}", "%2F", "..", "中文", "login", "quote", "", "a'b\"c"]), max_size=4)


@st.composite
def entries(draw: st.DrawFn) -> Any:
    url = "http://127.0.0.1/" + "/".join(draw(PATHS)) + draw(st.sampled_from(["", "?no=N20261125", "?a[]=1&a[]=2&{=}", "?=&&%", "#x"]))
    reply = draw(JSON.map(json.dumps) | st.sampled_from([f'<form><input name="_token" value="{TOKEN}">', "订单号 N20261125", "<p class=status>paid</p>", ""]))
    made = entry(draw(st.sampled_from(["GET", "POST", "PUT", "get", "X"])), url, body=draw(JSON), reply=reply, status=draw(st.sampled_from([200, 302, 404, 0, -1])),
                 headers={draw(st.sampled_from(["X-CSRF-Token", "Authorization", "bad name", "X-A", "Origin", "Referer"])): draw(st.text(max_size=8) | st.just(f"Bearer {TOKEN}"))},
                 answer={"Location": draw(st.sampled_from(["/order/N20261125", "http://[", "/x?no=N20261125", "", "//"])), "Set-Cookie": f"s={TOKEN}"})  # fmt: skip
    for part in draw(st.lists(st.sampled_from(["request", "response"]), max_size=1)):
        key = draw(st.sampled_from(sorted(made[part])))
        made[part][key] = draw(JSON)
    return made


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(entries(), min_size=1, max_size=7))
def test_no_recording_raises_anything_but_a_config_error(rows: list[Any]) -> None:
    with contextlib.suppress(ConfigError):
        assert TOKEN not in from_har(json.dumps({"log": {"entries": rows}}), "a.har")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_mutation_of_a_recording_raises_anything_but_a_config_error(data: st.DataObject) -> None:
    """Parts of a real recording are replaced by anything."""
    whole = json.loads(data.draw(st.sampled_from([recordings.api_shop(), recordings.page_shop()])))
    for _ in range(data.draw(st.integers(1, 4))):
        at: Any = data.draw(st.sampled_from(whole["log"]["entries"]))
        for _ in range(data.draw(st.integers(0, 5))):
            inner = at[data.draw(st.sampled_from(sorted(at)))] if isinstance(at, dict) and at else data.draw(st.sampled_from(at)) if isinstance(at, list) and at else None
            if not isinstance(inner, dict | list) or not inner:
                break
            at = inner
        if isinstance(at, dict) and at:
            at[data.draw(st.sampled_from(sorted(at)))] = data.draw(JSON | JSON.map(json.dumps) | PATHS.map("/".join))
    with contextlib.suppress(ConfigError):
        from_har(json.dumps(whole), "a.har")


@settings(max_examples=100, deadline=None)
@given(JSON | st.fixed_dictionaries({"log": st.fixed_dictionaries({"entries": st.lists(JSON)})}))
def test_no_json_raises_anything_but_a_config_error(data: Any) -> None:
    with pytest.raises(ConfigError):
        from_har(json.dumps(data), "a.har")
