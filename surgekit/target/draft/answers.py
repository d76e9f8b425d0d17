"""What a reply means, and what is kept of it, from the schema of an OpenAPI operation."""

from __future__ import annotations

import re
from typing import Any

from surgekit.target.draft import names
from surgekit.target.draft.document import Leaf, text
from surgekit.target.draft.operations import Operation, options
from surgekit.target.draft.writing import Noted, check, todo
from surgekit.target.reading import MISSING, look

MOST_CODES = 60
_BARE = frozenset({"id", "no", "sn", "uuid", "number", "code"})
_AMOUNTS = ("totalfen", "totalamount", "totalprice", "payamount", "amountfen", "amount", "total", "money", "price")


def envelope(each: Operation) -> Leaf | None:
    """The value at the top of a reply that says whether all went well."""
    top = {leaf.name: leaf for leaf in each.values if len(leaf.path) == 1}
    found = next((top[name] for name in names.ENVELOPE if name in top), None)
    if found is not None or len(top) == len(each.values):
        return found
    return next((top[name] for name in ("status", "result") if name in top and any(other in top for other in ("msg", "message"))), None)



def rules(each: Operation, wanted: Leaf | None) -> list[Any]:
    """The reply rules. ``wanted``: the value without which the reply is of no use."""
    told = envelope(each)
    found = _by_code(each, told) if told is not None else _by_value(each, wanted)
    for status, said in each.errors[:10]:
        kind = names.message_kind(said) or ("throttled" if status == 429 else "refused")
        kind = "refused" if kind in ("ok", "queued") else kind
        found.append(Noted({"class": kind, "status": status, "matches": "^"}, f"CHECK: the document says {status}: {said or 'no more'}"))
    return found


def good(each: Operation) -> dict[str, Any]:
    """``replies`` of a read, where the document tells a good reply from an error page: nothing but the rule for ok. Else nothing."""
    told = envelope(each)
    return {} if told is None else {"replies": _by_code(each, told)[:1]}


def _by_value(each: Operation, wanted: Leaf | None) -> list[Any]:
    path = names.path_text(wanted.path) if wanted is not None else None
    if path is None:
        top = next((names.path_text(leaf.path) for leaf in each.values if leaf.path), None)
        if top is None:
            return [todo({"class": "ok", "content_type": "application/json"}, "the document does not say what a good reply has in it")]
        path = top
    return [check({"class": "ok", "path": path, "matches": "."}, "a reply with this value counts as ok")]


def _by_code(each: Operation, told: Leaf) -> list[Any]:
    path = names.path_text(told.path) or "code"
    if told.kind == "boolean":
        return [{"class": "ok", "path": path, "equals": True}, *_by_message(each), check({"class": "refused", "path": path, "equals": False}, "or was it sold out, throttled?")]
    known = options(told)[:MOST_CODES]
    fine, sure = _fine(each, told, known)
    rule = {"class": "ok", "path": path, "equals": fine}
    found: list[Any] = [rule if sure else check(rule, "the document does not say which value means ok")]
    classes: dict[str, list[Any]] = {}
    for value, word in known:
        if value != fine:
            kind = names.message_kind(word)
            classes.setdefault("refused" if kind in (None, "ok") else kind, []).append(value)
    found += [
        check({"class": kind, "path": path, "in": classes[kind]}, ", ".join(word for value, word in known if value in classes[kind]))
        for kind in ("sold_out", "throttled", "queued", "refused") if kind in classes
    ]  # fmt: skip
    if not classes:
        found += _by_message(each)
        found[-1] = Noted(found[-1], "TODO: a rule of class refused for each code that means no")
    return found


def _by_message(each: Operation) -> list[Any]:
    told = next((leaf for leaf in each.values if len(leaf.path) == 1 and names.role(leaf.name) == "message"), None)
    path = names.path_text(told.path) if told is not None else None
    if path is None:
        return []
    why = "the platform's own words for it"
    return [check({"class": "sold_out", "path": path, "matches": names.SOLD_OUT}, why),
            check({"class": "throttled", "path": path, "matches": names.THROTTLED}, why)]  # fmt: skip


def _fine(each: Operation, told: Leaf, known: list[tuple[Any, str]]) -> tuple[Any, bool]:
    """(the value that means ok, whether the document says so)."""
    if each.sample is not None:
        value = look(each.sample, told.path)
        if value is not MISSING and isinstance(value, str | int):
            return value, True
    named = [value for value, word in known if names.message_kind(word) == "ok"]
    if named:
        return named[0], True
    for word in ("const", "example", "default"):
        if isinstance(told.schema.get(word), str | int):
            return told.schema[word], False
    if told.choices:
        return told.choices[0], False
    return (0 if told.kind in ("integer", "number") else "OK"), False


def order_no(each: Operation) -> Leaf | None:
    """Where the reply names the order."""
    named = [leaf for leaf in each.values if names.role(leaf.name) == "order_no"]
    numbers = [leaf for leaf in each.values if names.squeezed(leaf.name) in _BARE and leaf is not envelope(each)]
    fit = [leaf for leaf in [*named, *numbers] if leaf.kind in ("string", "integer", "number")]
    # The platform's own number before that of the gateway, and an order's before that of one of its rows.
    return min(fit, key=lambda leaf: (-1 in leaf.path, leaf not in named, "trade" in leaf.name.lower(), len(leaf.path)), default=None)


def of_role(each: Operation, role: str) -> Leaf | None:
    """The outermost value of this role, lists last."""
    top = envelope(each)
    fit = [leaf for leaf in each.values if names.role(leaf.name) == role and leaf is not top]
    if role == "cards":
        return min(fit, key=lambda leaf: (leaf.kind != "array", len(leaf.path)), default=None)
    return min(fit, key=lambda leaf: (-1 in leaf.path, len(leaf.path)), default=None)


def amount(each: Operation) -> Any:
    """How the amount is extracted, or None."""
    fit = [leaf for leaf in each.values if names.role(leaf.name) == "amount" and -1 not in leaf.path and leaf.kind in ("integer", "number", "string")]
    ranked = {word: rank for rank, word in enumerate(_AMOUNTS)}
    best = min(fit, key=lambda leaf: (ranked.get(names.squeezed(leaf.name), 99), len(leaf.path)), default=None)
    path = names.path_text(best.path) if best is not None else None
    if best is None or path is None:
        return None
    if in_fen(best):
        return path
    if best.kind == "integer":
        return check(path, "whole fen? in yuan write {json: …, as: yuan}")
    return check({"json": path, "as": "yuan"}, "an amount in yuan")


def in_fen(leaf: Leaf) -> bool:
    """Whether the name or the description says that an amount is in whole fen."""
    said = text(leaf.schema.get("description"))
    return (leaf.kind == "integer" and re.search(r"(?i)fen$|cents?$", leaf.name) is not None) or "单位分" in said or "单位：分" in said
