"""A draft from answers: what somebody who knows the platform is asked, and what is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from surgekit.errors import ConfigError
from surgekit.target.draft import names
from surgekit.target.draft.writing import check, todo, written

MOST_ANSWER = 200
_PATH = r"/[!-~]*"


@dataclass(frozen=True, slots=True)
class Question:
    """``form`` is a pattern for the answer and ``hint`` says it in words. Asked only when earlier answers are ``when``; an
    empty ``default`` with ``form`` matching nothing means that an empty answer is fine."""

    key: str
    text: str
    default: str
    form: str = r".{0,200}"
    hint: str = "at most 200 characters"
    choices: tuple[str, ...] = ()
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def asked(self, answers: Mapping[str, str]) -> bool:
        """Whether the question makes sense after ``answers``."""
        return all(answers.get(key) in values for key, values in self.when)

    def wrong(self, answer: str) -> str | None:
        """What is wrong with an answer, or None."""
        if self.choices:
            return None if answer in self.choices else f"one of {', '.join(self.choices)}"
        return None if len(answer) <= MOST_ANSWER and re.fullmatch(self.form, answer) and answer.isprintable() else self.hint


_JSON, _HTML = (("kind", ("json",)),), (("kind", ("html",)),)
_PAYS, _LOOKS = (("pay", ("balance", "gateway")),), (("look", ("yes",)),)
_FIELD = r"[^\s{}]{0,80}"
_NAME = "the field's name without blanks, or nothing"
_STEP = (rf"(GET|POST|PUT) {_PATH}", "written GET /path or POST /path; {order_no} stands for the order's number")
_JSON_PATH = (r"[\w\-]+(\.[\w\-]+|\[([0-9]{1,9}|\*)\])*", "a path such as data.order_no")

QUESTIONS: tuple[Question, ...] = (
    Question("base_url", "Where does the platform run?", "http://127.0.0.1:8080", r"https?://[A-Za-z0-9.\-\[\]:]+/?", "written http://host:port"),
    Question("name", "What shall the target be called?", "my-platform", r"[\w.\-]{1,60}", "letters, digits, dots and dashes"),
    Question("kind", "Does it answer with JSON or with HTML pages?", "json", choices=("json", "html")),
    Question("submit", "Which request submits an order?", "POST /api/orders", rf"(POST|PUT|GET) {_PATH}", "written POST /path"),
    Question("body", "Is the order sent as JSON or as a form?", "json", choices=("json", "form")),
    Question("sku", "Which field names the product?", "sku", r"[^\s{}]{1,80}", "the field's name without blanks"),
    Question("qty", "Which field has the quantity?", "qty", _FIELD, _NAME),
    Question("key", "Which field takes a key of the buyer's own, by which the order can be found again? (empty: none)", "", _FIELD, _NAME),
    Question("contact", "Which field has the buyer's e-mail address? (empty: none)", "", _FIELD, _NAME),
    Question("csrf_page", "Which page has the CSRF token of the form? (empty: none)", "", rf"({_PATH})?", "a path such as /buy", when=_HTML),
    Question("csrf", "What is the token's field called?", "_token", r"[^\s{}\"\\]{1,80}", "the field's name", when=_HTML),
    Question("ok_path", "Where does a reply say that all went well?", "code", *_JSON_PATH, when=_JSON),
    Question("ok_value", "What stands there then?", "0", r".{1,60}", "a number, a word, true or false", when=_JSON),
    Question("ok_text", "Which words are on the page when the order was taken?", "订单号", r".{1,100}", "some words of that page", when=_HTML),
    Question("sold_out", "Which words say that it is sold out?", "库存不足", r".{1,100}", "some words of that reply"),
    Question("order_no", "Where is the order's number?", "data.order_no", *_JSON_PATH, when=_JSON),
    Question("order_page", "Where does the address after the order have its number? Write it with {order_no}.", "/order/{order_no}", r"/[!-~]*\{order_no\}[!-~]*",
             "a path with {order_no} in it", when=_HTML),
    Question("pay", "How are orders paid?", "balance", choices=("none", "balance", "gateway")),
    Question("pay_step", "Which request pays?", "POST /api/orders/{order_no}/pay", *_STEP, when=_PAYS),
    Question("pay_field", "Which field of it has the order's number? (empty: it stands in the path)", "", _FIELD, _NAME, when=_PAYS),
    Question("look", "Can a buyer look whether the card is there?", "yes", choices=("yes", "no")),
    Question("look_step", "Which request looks?", "GET /api/orders/{order_no}", *_STEP, when=_LOOKS),
    Question("status", "Where is the order's state?", "data.status", *_JSON_PATH, when=(*_LOOKS, *_JSON)),
    Question("status_css", "Which CSS selector finds the order's state?", ".status", r"[\w.#\-\[\]=\s>]{1,100}", "a selector such as .status", when=(*_LOOKS, *_HTML)),
    Question("delivered", "What is that state called when the card is there?", "delivered", r".{1,60}", "one word", when=_LOOKS),
    Question("paid", "And when the order is paid, but the card is not there yet?", "paid", r".{1,60}", "one word", when=_LOOKS),
    Question("cards", "Where are the cards?", "data.cards", *_JSON_PATH, when=(*_LOOKS, *_JSON)),
)  # fmt: skip


def from_answers(given: Mapping[str, str]) -> str:
    """The draft of a target file, as YAML; questions without an answer take their default.

    Raises ``ConfigError`` for an answer that is none.
    """
    told: dict[str, str] = {}
    for question in QUESTIONS:
        if question.asked(told):
            answer = given.get(question.key, question.default).strip()
            wrong = question.wrong(answer)
            if wrong is not None:
                raise ConfigError(f"{question.key}: {answer[:80]!r} is no answer; {wrong}")
            told[question.key] = answer
    steps: dict[str, Any] = {}
    if told.get("csrf_page"):
        steps["prepare"] = [{"request": f"GET {names.literal(told['csrf_page'])}", "replies": [{"class": "ok", "css": f'[name="{told["csrf"]}"]'}],
                             "extract": {"csrf": {"field": told["csrf"]}}}]  # fmt: skip
    steps["submit"] = _submit(told)
    if told["pay"] != "none":
        step: dict[str, Any] = {"request": _place(told["pay_step"])}
        if told["pay_field"]:
            step[told["body"]] = {told["pay_field"]: "{order_no}"}
        steps["pay"] = {told["pay"]: [{**step, "replies": _rules(told, check)}]}
    if told["look"] == "yes":
        state = told["status"] if told["kind"] == "json" else {"css": told["status_css"]}
        cards = {"cards": {"json": told["cards"], "optional": True}} if told["kind"] == "json" else {}
        rules = _rules(told, check) if told["kind"] == "json" else [{"class": "ok", "css": told["status_css"]}]
        steps["poll"] = {"request": _place(told["look_step"]), "replies": rules, "extract": {"status": state, **cards}}
    draft: dict[str, Any] = {
        "schema": "surgekit.target/1", "name": told["name"], "base_url": told["base_url"],
        "catalogue": [todo({"sku": "TODO-1", "price_fen": 100, "stock": 0}, "the products, hottest first, prices in fen")],
        "cookies": "order", "steps": steps,
    }  # fmt: skip
    if told["look"] == "yes":
        draft["statuses"] = {"paid": [told["paid"]], "delivered": [told["delivered"]]}
    foot = ["TODO: more classes of replies: throttled, refused, hidden_error", "TODO: reads.stock and reads.ledger, without which oversell cannot be judged"]
    if not told["key"]:
        foot.append("TODO: without a key of the buyer's own, an order whose reply is lost cannot be found again")
    if told["pay"] == "gateway":
        foot.append("TODO: edge.gateway.notify says how the gateway notifies the platform; end steps.pay.gateway with  act: {order_no: '{order_no}', amount: …}")
    head = ["A draft made from answers by surgekit targets new. It loads; CHECK marks guesses, TODO what is missing.",
            "surgekit targets schema explains every field."]  # fmt: skip
    return written(draft, head=head, foot=foot, name="these answers")


def _submit(told: Mapping[str, str]) -> dict[str, Any]:
    holes = (("sku", "{order.sku}"), ("qty", "{order.qty}"), ("key", "{order.key}"), ("contact", "{buyer.email}"))
    fields: dict[str, Any] = {told[key]: hole for key, hole in holes if told[key]}
    if told.get("csrf_page"):
        fields[told["csrf"]] = "{csrf}"
    step: dict[str, Any] = {"request": names.literal(told["submit"])}
    step["query" if told["submit"].startswith("GET") else told["body"]] = fields
    if told["kind"] == "json":
        return {**step, "replies": _rules(told), "extract": {"order_no": told["order_no"]}}
    before, _, after = told["order_page"].partition("{order_no}")
    number = {"url": True, "regex": f"{re.escape(before)}([^/?&#]+){re.escape(after)}"}
    return {**step, "follow": True, "replies": _rules(told), "extract": {"order_no": number}}


def _rules(told: Mapping[str, str], mark: Any = None) -> list[Any]:
    sold_out = {"class": "sold_out", "matches": re.escape(told["sold_out"])}
    if told["kind"] == "json":
        fine: dict[str, Any] = {"class": "ok", "path": told["ok_path"], "equals": _scalar(told["ok_value"])}
    else:
        fine = {"class": "ok", "matches": re.escape(told["ok_text"])}
    return [fine if mark is None else mark(fine, "the same as for the order?"), sold_out]


def _place(step: str) -> str:
    method, _, path = step.partition(" ")
    parts = path.split("{order_no}")
    return f"{method} " + "{order_no}".join(names.literal(part) for part in parts)


def _scalar(word: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    return int(word) if re.fullmatch(r"-?[0-9]{1,9}", word) else word
