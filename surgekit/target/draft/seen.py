"""What a recorded reply says about the replies to come: rules, statuses, cards, the order's number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from surgekit.target import page
from surgekit.target.draft import names
from surgekit.target.draft.recording import Entry, telling
from surgekit.target.draft.writing import Noted, check, todo
from surgekit.target.reading import MISSING

_FINE = (True, 0, 1, 200, 20000, "0", "1", "200", "0000", "00000", "ok", "OK", "success", "SUCCESS", "Success")
_WELCOME = ("下单成功", "提交成功", "支付成功", "订单号", "订单编号", "Thank you", "thank you", "Order number", "Order No", "order has been placed")
_STATES = ("待支付", "待付款", "未支付", "已支付", "已付款", "待发货", "处理中", "已发货", "已完成", "已退款", "已取消", "已过期", "已关闭",
           "unpaid", "pending", "processing", "paid", "delivered", "completed", "shipped", "refunded", "cancelled", "canceled", "expired", "failed")  # fmt: skip
_SHOWN = page.selector("[class], [id]")
_WORD = re.compile(r"[A-Za-z_\-]{1,24}|[一-鿿]{1,8}|-?[0-9]{1,3}")


def status_word(value: Any) -> str | None:
    """A status as it may be copied: one word, or a small number."""
    return str(value) if _WORD.fullmatch(str(value)) else None


def leaf_name(path: tuple[str | int, ...]) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _every(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(-1 if isinstance(step, int) else step for step in path)


def rules(entry: Entry, keeps: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """The reply rules of a step that was answered as recorded."""
    if entry.location and 300 <= entry.status < 400:
        return [check({"class": "ok", "status": entry.status, "location": _place(entry.location)}, "the recorded redirect"),
                Noted({"class": "refused", "location": "/TODO-where-a-refused-buyer-is-sent"}, "TODO: sold out, throttled and refused are told by what?")]  # fmt: skip
    if isinstance(entry.json, Mapping):
        return _of_json(entry, keeps)
    if entry.page is not None:
        return _of_page(entry, entry.page, keeps)
    if not entry.said.strip():
        return [check({"class": "ok", "status": entry.status if 200 <= entry.status < 300 else 200, "matches": "^"}, "the recorded reply has no body")]
    return [todo({"class": "ok", "content_type": entry.kind or "text/plain"}, "what does a good reply say?")]


def _place(location: str) -> str:
    try:
        path = urlsplit(location).path
    except ValueError:
        path = ""
    kept: list[str] = []
    for part in path.split("/"):
        if telling(unquote(part)) or part.isdigit():
            kept.append("")
            break
        kept.append(part)
    return re.escape("/".join(kept)) or "."


def envelope(entry: Entry) -> tuple[str, Any] | None:
    """(path, value) by which the reply says that all went well."""
    if not isinstance(entry.json, Mapping):
        return None
    for name in (*names.ENVELOPE, "status", "result"):
        value = entry.json.get(name, MISSING)
        fine = any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in _FINE if value is not MISSING and not isinstance(value, list | dict))
        if fine:
            return name, value
    return None


def _of_json(entry: Entry, keeps: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    told = envelope(entry)
    bad = {"status": entry.status} if entry.status >= 400 else {}
    if told is None:
        path = next((str(each["json"]) for each in keeps.values() if "json" in each), None)
        path = path or next((where for where in (names.path_text(path) for path, _ in entry.values if not telling(leaf_name(path))) if where), None)
        if path is None:
            return [todo({"class": "ok", **bad, "content_type": "application/json"}, "what does a good reply say?")]
        return [check({"class": "ok", **bad, "path": path, "matches": "."}, "a reply with this value counts as ok")]
    name, value = told
    found: list[Any] = [Noted({"class": "ok", **bad, "path": name, "equals": value}, "as recorded")]
    message = next((str(key) for key in entry.json if names.role(str(key)) == "message" and names.path_text((str(key),)) == str(key)), None)
    if message is not None:
        found += [check({"class": "sold_out", "path": message, "matches": names.SOLD_OUT}, "the platform's own words for it"),
                  check({"class": "throttled", "path": message, "matches": names.THROTTLED}, "the platform's own words for it")]  # fmt: skip
    if isinstance(value, bool):
        found.append(check({"class": "refused", "path": name, "equals": not value}, "has the order had no effect then?"))
    else:
        found[-1] = Noted(found[-1], f"TODO: a rule of class refused for each {name} that means no")
    return found


def _of_page(entry: Entry, shown: page.Page, keeps: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    for each in keeps.values():
        name = str(each.get("field", ""))
        if name and '"' not in name and "\\" not in name:
            return [check({"class": "ok", "css": f'[name="{name}"]'}, "the page has this form field")]
        if "css" in each:
            return [check({"class": "ok", "css": each["css"]}, "the page has this element")]
    body = shown.texts(page.selector("body"))
    word = next((word for word in _WELCOME if any(word in text for text in body)), None)
    state = _state(entry)
    if word is None and state is not None:
        word = state
    if word is not None:
        return [check({"class": "ok", "matches": word}, "words of the recorded page"),
                check({"class": "sold_out", "matches": names.SOLD_OUT}, "the platform's own words for it")]  # fmt: skip
    return [todo({"class": "ok", "content_type": "text/html"}, "an error page is HTML too: say with css or matches what a good page has")]


def _state(entry: Entry) -> str | None:
    return next((word for word in _STATES if word in entry.said), None)


def status_of(entry: Entry) -> tuple[dict[str, Any], Any] | None:
    """(how the order's state is extracted, its recorded value)."""
    top = envelope(entry)
    fit = [(path, value) for path, value in entry.values if names.role(leaf_name(path)) == "status" and (top is None or path != (top[0],))]
    fit = [(path, value) for path, value in fit if status_word(value) is not None and names.path_text(path)]
    if fit:
        path, value = min(fit, key=lambda pair: (any(isinstance(step, int) for step in pair[0]), "pay" in leaf_name(pair[0]).lower(), len(pair[0])))
        return {"json": names.path_text(path)}, value
    if entry.page is None:
        return None
    for each in entry.page.found(_SHOWN):
        words = str(each.get("class") or "").split()
        word = next((word for word in words if "stat" in word.lower() and re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]{1,40}", word) and not telling(word)), None)
        if word is not None and status_word(page.text_of(each)) is not None:
            return {"css": f".{word}"}, page.text_of(each)
    state = _state(entry)
    return None if state is None else ({"regex": f"({'|'.join(_STATES)})"}, state)


def cards_of(entry: Entry) -> dict[str, Any] | None:
    """How the cards are extracted."""
    fit = sorted({_every(path) for path, _ in entry.values if any(names.role(step) == "cards" for step in path if isinstance(step, str))}, key=lambda path: (len(path), str(path)))
    found = next((path for path in fit if names.role(leaf_name(path)) == "cards"), fit[0] if fit else None)
    where = names.path_text(found) if found is not None else None
    if where is not None:
        return {"json": where, "as": "lines", "optional": True} if found is not None and -1 not in found else {"json": where, "optional": True}
    if entry.page is None:
        return None
    for each in entry.page.found(_SHOWN):
        for word in [*str(each.get("class") or "").split(), str(each.get("id") or "")]:
            if re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]{1,40}", word) and not telling(word) and re.search(r"(?i)kami|card-?_?(code|key|secret|no)|cdk|secret|voucher", word):
                mark = "#" if word == each.get("id") else "."
                return {"css": f"{mark}{word}", "all": True, "as": "lines", "optional": True}
    return None


def amount_of(entry: Entry) -> tuple[Any, int] | None:
    """(how the amount is extracted, what it is in fen)."""
    fit = [(path, value) for path, value in entry.values if names.role(leaf_name(path)) == "amount" and names.path_text(path)
           and not any(isinstance(step, int) for step in path) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", str(value))]  # fmt: skip
    if not fit:
        return None
    path, value = min(fit, key=lambda pair: ("total" not in leaf_name(pair[0]).lower(), len(pair[0])))
    where = names.path_text(path)
    if isinstance(value, int) or re.search(r"(?i)fen$|cents?$", leaf_name(path)):
        return (where if re.search(r"(?i)fen$", leaf_name(path)) else check(where, "whole fen? in yuan write {json: …, as: yuan}")), round(float(value))
    return check({"json": where, "as": "yuan"}, "an amount in yuan"), round(float(value) * 100)
