"""Compiled rules and extractors say what they said when each reply was gone through by the book."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.model import ReplyClass
from surgekit.target.extract import Extractor
from surgekit.target.pattern import Pattern
from surgekit.target.reading import MISSING, MOST_TEXT, MOST_VALUES, Document, Reply, compile_path, finder, look
from surgekit.target.rules import Classifier
from surgekit.target.schema import Extract, ReplyRule, Step
from surgekit.target.step import StepPlan

SCALARS: st.SearchStrategy[Any] = st.sampled_from([None, True, False, 0, 1, 0.0, 1.0, 1.5, -1, 2**63, "", "0", "1", "a", "paid", "12.34", "1,234.5", "¥3", "\ud800", 12.34])
WRITTEN = SCALARS.filter(lambda value: value != "\ud800")
"""Those that can stand in a target file."""
NAMES = st.sampled_from(["a", "b", "c"])
TREES: st.SearchStrategy[Any] = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
BODIES = TREES.map(lambda tree: json.dumps(tree).encode()) | st.dictionaries(NAMES, TREES, max_size=3).map(lambda tree: json.dumps(tree).encode()) | st.sampled_from(
    [b"", b"<html><b>a 1</b><i>paid</i>", b'{"a":1,"a":2}', b'{"a":', b"a", b"\xff"]
)
PATHS = st.sampled_from(["a", "b", "a.b", "b.a", "a.b.c", "a[0]", "[0]", "a[*]", "[*].a", "", 'a["b"]', "c"])
KINDS = st.sampled_from(["application/json", "application/json; charset=utf-8", "text/html;x", "TEXT/HTML", ""])
PATTERNS = st.sampled_from(["a", "^1", "paid", "null", ".", "^$", "true"])


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    named = draw(st.none() | st.fixed_dictionaries({}, optional={"content-type": KINDS, "location": SCALARS.map(str), "x-no": SCALARS.map(str)}))
    error = draw(st.sampled_from([None] * 9 + ["reset"]))
    cookies = draw(st.none() | st.dictionaries(NAMES, st.text(max_size=3)))
    return Reply(draw(st.sampled_from([0, 200, 201, 302, 399, 400, 409, 500])), draw(BODIES), 0.0, 0.1, error, draw(st.booleans()), named, "http://x/", cookies)


def _rule(draw: st.DrawFn) -> dict[str, Any]:
    rule: dict[str, Any] = {"class": draw(st.sampled_from(["ok", "ok", "sold_out", "queued", "hidden_error"]))}
    status = draw(st.sampled_from([None, None, 200, 409, [200, 201], [400, 500]]))
    if status is not None:
        rule["status"] = status
    where = draw(st.sampled_from(["path", "path", "path", "path matches", "css", "header", "body", "type"]))
    if where.startswith("path"):
        rule["path"] = draw(PATHS)
        how = draw(st.sampled_from(["equals", "in", "equals matches"])) if where == "path" else "matches"
        if "equals" in how:
            rule["equals"] = draw(WRITTEN)
        if how == "in":
            rule["in"] = draw(st.lists(WRITTEN, min_size=1, max_size=4))
        if "matches" in how:
            rule["matches"] = draw(PATTERNS)
    elif where == "css":
        rule["css"] = draw(st.sampled_from(["b", "i", "u"]))
    elif where == "header":
        rule["header"] = draw(st.sampled_from(["X-No", "location"]))
    if where in ("header", "body") or (where == "css" and draw(st.booleans())):
        rule["matches"] = draw(PATTERNS)
    if where == "type" or draw(st.integers(0, 3)) == 0:
        rule["content_type"] = draw(st.sampled_from(["application/json", "Text/HTML"]))
    if draw(st.integers(0, 5)) == 0:
        rule["location"] = draw(PATTERNS)
    return rule


@st.composite
def rules(draw: st.DrawFn) -> list[ReplyRule]:
    return [ReplyRule.model_validate(_rule(draw)) for _ in range(draw(st.integers(1, 4)))]


def fits(rule: ReplyRule, document: Document) -> bool:
    """What the target file's manual says of a rule, condition by condition."""
    reply = document.reply
    if rule.status is None and rule.class_ is ReplyClass.OK and reply.status >= 400:
        return False
    if rule.status is not None and reply.status not in ([rule.status] if isinstance(rule.status, int) else rule.status):
        return False
    if rule.content_type is not None and (document.header("content-type") or "").split(";")[0].strip().lower() != rule.content_type.lower():
        return False
    if rule.location is not None and not Pattern(rule.location).found(document.header("location") or ""):
        return False
    value = MISSING if rule.path is None else look(document.data, compile_path(rule.path, "t"))
    allowed = rule.in_ if rule.in_ is not None else [rule.equals] if "equals" in rule.model_fields_set else None
    if allowed is not None and not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed):
        return False
    texts: list[str] = [document.text]
    if rule.css is not None:
        tag, tree = rule.css, document.page
        texts = [] if tree is None else ["".join(each.itertext()).strip() for each in tree._root.iter(tag)]
    elif rule.header is not None:
        texts = [document.header(rule.header) or ""]
    elif rule.path is not None and allowed is None and rule.matches is not None:
        texts = [] if value is MISSING else [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return (rule.css is None or bool(texts)) and (rule.matches is None or any(Pattern(rule.matches).found(text) for text in texts))


@given(rules(), st.lists(replies(), min_size=1, max_size=3))
def test_the_first_rule_that_fits_by_the_book_is_the_one(given_rules: list[ReplyRule], said: list[Reply]) -> None:
    compiled = Classifier(given_rules, "t")
    for reply in (*said, *said):  # each status once as a new one, once as one that was seen
        kind = next((rule.class_ for rule in given_rules if fits(rule, Document(reply))), None) if reply.error is None else None
        found, reason = compiled.classify(Document(reply))
        if kind is not None:
            assert (found, reason) == (kind, None if kind is ReplyClass.OK else kind.value)
        elif reply.error is not None:
            assert (found, reason) == (ReplyClass.NOT_SENT if reply.effect_free else ReplyClass.UNKNOWN, reply.error)
        else:
            word = f"http_{reply.status}" if reply.status >= 400 else "odd_reply" if reply.body else "empty_reply"
            assert (found, reason) == (ReplyClass.UNKNOWN, word)


VALUES = [None, True, False, 0, 1, 0.0, 1.0, 1.5, -1, 2**63, float(2**63), "", "0", "1", "true", "paid", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize(("path", "around"), [("a", '{"a":%s}'), ("b.a", '{"b":{"a":%s}}'), ("c[1]", '{"c":[7,%s]}'), ("", "%s")])
def test_a_value_is_told_from_every_other_that_python_takes_for_the_same(path: str, around: str) -> None:
    plain = [each for each in VALUES if not isinstance(each, list | dict)]
    alone = [[each] for each in plain]
    for allowed in [*alone, *([each, other] for each in plain for other in plain), plain]:
        compare = {"equals": allowed[0]} if len(allowed) == 1 else {"in": allowed}
        rule = ReplyRule.model_validate({"class": "ok", "path": path, **compare})
        compiled = Classifier([rule], "t")
        for value in VALUES:
            reply = Reply(200, (around % json.dumps(value)).encode(), 0.0, 0.1)
            told = compiled.classify(Document(reply))[0] is ReplyClass.OK
            assert told == any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed), (value, allowed)
    assert compiled.classify(Document(Reply(200, b'{"x":[]}', 0.0, 0.1)))[0] is ReplyClass.UNKNOWN


@st.composite
def extracts(draw: st.DrawFn) -> Extract:
    source = draw(st.sampled_from(["json", "json", "json", "header", "cookie", "location", "url", "body", "css", "field"]))
    value: Any = {"json": PATHS, "header": st.sampled_from(["X-No", "content-type"]), "cookie": NAMES, "css": st.just("b"), "field": NAMES}.get(source, st.just(True))
    asked: dict[str, Any] = {source: draw(value)}
    if draw(st.integers(0, 3)) == 0:
        asked["regex"] = draw(st.sampled_from(["(.)", "([0-9]+)"]))
    if draw(st.booleans()):
        asked["as"] = draw(st.sampled_from(["text", "whole", "yuan", "lines"]))
    if draw(st.booleans()):
        asked["optional"] = True
        if draw(st.booleans()):
            asked["default"] = draw(WRITTEN)
    return Extract.model_validate(asked)


@given(extracts(), replies())
def test_a_value_is_the_same_in_one_go_and_by_the_book(asked: Extract, reply: Reply) -> None:
    made = Extractor(asked, "t")
    quick, general = made.value(Document(reply)), made.general(Document(reply))
    assert quick is general or (type(quick) is type(general) and quick == general)


@pytest.mark.parametrize("asked", [{"json": "a"}, {"json": "a", "as": "text"}, {"json": "b.a"}, {"header": "x"}, {"cookie": "x"}, {"json": "a", "optional": True, "default": 7}])
@pytest.mark.parametrize("size", [MOST_TEXT, MOST_TEXT + 1])
def test_both_draw_the_line_at_the_same_length(asked: dict[str, Any], size: int) -> None:
    text = "a" * size
    reply = Reply(200, json.dumps({"a": text, "b": {"a": text}}).encode(), 0.0, 0.1, headers={"x": text}, cookies={"x": text})
    made = Extractor(Extract.model_validate(asked), "t")
    found = made.value(Document(reply))
    assert found == made.general(Document(reply)) == (text if size == MOST_TEXT else asked.get("default", MISSING))


@given(rules(), st.dictionaries(NAMES, extracts(), max_size=3), st.sets(NAMES), replies(), st.booleans())
def test_a_step_reads_the_same_at_once_and_in_turn(told: list[ReplyRule], extract: dict[str, Extract], carries: set[str], reply: Reply, plain: bool) -> None:
    if plain:  # such as nearly all steps are
        told = [ReplyRule.model_validate({"class": "ok", "path": "a", "equals": 1}), *told]
        extract = {name: Extract.model_validate({"json": name, "optional": each.optional}) for name, each in extract.items()}
        reply = replace(reply, body=b'{"a":1,' + reply.body[1:] if reply.body[:1] == b"{" else reply.body)
    plan = StepPlan("poll", Step(request="GET /", replies=told, extract=extract), "t")
    plan.carries |= carries
    assert repr(plan.read(reply)) == repr(plan.meant(Document(reply)))


@pytest.mark.parametrize("body", ['{"a":1,"b":"%s"}' % ("x" * MOST_TEXT), '{"a":1,"b":"%s"}' % ("x" * (MOST_TEXT + 1)), '{"a":true,"b":1}', '{"a":1.0,"b":null}', '{"a":1,"a":1,"b":2}', '{"b":2}', "[1]"])
@pytest.mark.parametrize("status", [99, 200, 399, 400, 600])
def test_what_is_not_as_it_mostly_is_goes_the_long_way(body: str, status: int) -> None:
    step = {"request": "GET /", "replies": [{"class": "ok", "path": "a", "equals": 1}, {"class": "refused", "path": "b", "equals": 2}], "extract": {"b": "b"}}
    plan = StepPlan("poll", Step.model_validate(step), "t")
    reply = Reply(status, body.encode(), 0.0, 0.1)
    assert plan.read(reply) == plan.meant(Document(reply))
    assert plan.read(replace(reply, error="reset")) == plan.meant(Document(replace(reply, error="reset")))


@pytest.mark.parametrize("more", [{"matches": "sold"}, {"content_type": "text/html"}, {"location": "sold"}, {"status": [201, 400]}, {"class": "queued"}, {"path": "a.b"}])
def test_a_rule_that_asks_for_more_is_not_cut_short(more: dict[str, Any]) -> None:
    rule = {"class": "ok", "path": "a", "equals": 1, **more}
    plan = StepPlan("poll", Step.model_validate({"request": "GET /", "replies": [rule], "extract": {"a": "a"}}), "t")
    for status in (200, 201, 400):
        reply = Reply(status, b'{"a":1}', 0.0, 0.1)
        assert plan.read(reply) == plan.meant(Document(reply))
        assert (plan.read(reply).kind is ReplyClass.OK) == ("status" in more and status > 200)


def test_the_long_way_alone_measures_texts() -> None:
    assert MOST_VALUES < MOST_TEXT


@given(PATHS, TREES)
def test_a_finder_finds_what_a_look_finds(path: str, tree: Any) -> None:
    document = Document(Reply(200, json.dumps(tree).encode(), 0.0, 0.1))
    steps = compile_path(path, "t")
    quick, slow = finder(steps)(document), look(document.data, steps)
    assert quick is slow or quick == slow


STEP = {
    "request": "GET /o/{order_no}?a={x}", "query": {"q": "{q}"}, "headers": {"X-Is": "constant", "X-Of": "{x}"},
    "replies": [{"class": "ok", "path": "code", "equals": 0}, {"class": "queued", "path": "code", "equals": 1}, {"class": "refused", "path": "code", "equals": 2}],
    "extract": {"no": "no", "link": "link", "state": {"json": "state", "optional": True}},
}  # fmt: skip


def read(body: dict[str, Any], carries: set[str]) -> tuple[ReplyClass, str | None, dict[str, Any]]:
    plan = StepPlan("poll", Step.model_validate(STEP), "t")
    plan.carries |= carries
    said = plan.read(Reply(200, json.dumps(body).encode(), 0.0, 0.1))
    return said.kind, said.reason, dict(said.values)


def test_a_reply_is_ok_only_with_all_that_the_step_extracts() -> None:
    whole = {"code": 0, "no": "A1", "link": "", "state": None}
    assert read(whole, set()) == (ReplyClass.OK, None, {"no": "A1", "link": "", "state": None})
    assert read(whole, {"no", "state"}) == (ReplyClass.OK, None, {"no": "A1", "link": "", "state": None})
    assert read(whole, {"link"}) == (ReplyClass.UNKNOWN, "no_link", {})
    assert read({"code": 0, "link": "x"}, set()) == (ReplyClass.UNKNOWN, "no_no", {})
    assert read({"code": 0, "no": None, "link": "x"}, {"no"}) == (ReplyClass.UNKNOWN, "no_no", {})
    assert read({"code": 0, "no": 0, "link": 1}, {"no", "link"}) == (ReplyClass.OK, None, {"no": 0, "link": 1, "state": None})
    assert read({"code": 1, "no": ""}, {"no"}) == (ReplyClass.QUEUED, "queued", {"no": "", "state": None})
    assert read({"code": 2, "no": "A1"}, set()) == (ReplyClass.REFUSED, "refused", {})


def test_what_a_step_sends_is_there_in_parts_too() -> None:
    """For an engine that puts the bytes together itself."""
    plan = StepPlan("poll", Step.model_validate(STEP), "t")
    values = {"order_no": "A/1", "x": "a b", "q": "ü"}
    made = plan.request(values)
    assert (made.url, made.body) == (b"/o/A%2F1?a=a%20b&q=%C3%BC", b"")
    assert made.headers == ((b"X-Is", b"constant"), (b"X-Of", b"a b"))
    assert plan.query is not None
    assert made.url == plan.url.render(values) + b"&" + plan.query.render(values)
    assert made.headers == tuple((name, value.render(values)) for name, value in plan.headers)
    assert [value.constant for _, value in plan.headers] == [b"constant", None]
    assert (plan.body, plan.signed, plan.follow) == (None, False, False)


def test_rules_of_two_statuses_that_python_takes_for_the_same_are_told_apart() -> None:
    told = [ReplyRule.model_validate({"class": "ok", "status": status, "path": "code", "equals": value}) for status, value in ((200, 1), (201, True))]
    plan = StepPlan("poll", Step(request="GET /", replies=told), "t")
    for status in (200, 201):
        for body in (b'{"code":1}', b'{"code":true}'):
            reply = Reply(status, body, 0.0, 0.1)
            assert repr(plan.read(reply)) == repr(plan.meant(Document(reply)))
