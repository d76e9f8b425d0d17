"""What a step sends, from the names and schemas of an OpenAPI operation."""

from __future__ import annotations

import math
import re
from typing import Any

from surgekit.target.draft import names
from surgekit.target.draft.document import Document, choices, kind_of, mapping, rows, text
from surgekit.target.draft.operations import GOODS, Operation
from surgekit.target.draft.writing import Noted, check, todo

MOST_FIELDS = 60
_LEVELS = 5
_ASKED = frozenset({"key", "sku", "qty", "email", "contact", "pay_by", "order_no"})
"""Optional fields of these roles are sent too."""
_BALANCE = re.compile(r"(?i)balance|wallet|credit|余额|钱包")
_HOLE = re.compile(r"\{([^{}/]+)\}")
_AFTER = frozenset({"pay", "poll"})


class Sender:
    """Fills in requests, and remembers which secrets and vars they use. ``secrets`` and ``vars`` map names to what they stand for."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.secrets: dict[str, str] = {}
        self.vars: dict[str, str] = {}
        self.left_out: list[str] = []

    def secret(self, name: str, what: str) -> str:
        """The hole for a secret that is set in the environment."""
        word = names.slug(name, "secret")
        self.secrets.setdefault(word, what)
        return f"{{secret.{word}}}"

    def step(self, station: str, each: Operation, way: str = "gateway") -> dict[str, Any]:
        """request, headers, query and body of the step, in the words of the target file."""
        step: dict[str, Any] = {"request": f"{each.method} {self._place(station, each)}"}
        headers, query = {}, {}
        for param in each.params:
            name, where = text(param.get("name")), param.get("in")
            kind = names.role(name)
            if not name or where == "path" or not (param.get("required") is True or kind in _ASKED or kind == "time"):
                continue
            schema = mapping(param.get("schema")) or param
            value = self._value(station, name, self._document.schema(schema), way, text_only=True)
            if where == "query":
                query[name] = value
            elif names.squeezed(name) not in ("authorization", "contenttype", "accept", "cookie") and re.fullmatch(r"[A-Za-z0-9-]{1,60}", name):
                headers[name] = Noted(_word(value.value), value.note) if isinstance(value, Noted) else _word(value)
        if headers:
            step["headers"] = headers
        if query:
            step["query"] = query
        if each.method != "GET" and (each.body or each.method != "DELETE"):
            self._body(step, station, each, way)
        return step

    def _body(self, step: dict[str, Any], station: str, each: Operation, way: str) -> None:
        if not each.body:
            return
        self.left_out = []
        made = self._object(station, each.body, way, each.form != "json", 0)
        if each.form == "multipart":
            made = {name: _texts(value) for name, value in made.items()} if isinstance(made, dict) else {}
        elif each.form == "form" and not isinstance(made, dict):
            made = {}
        left = ", ".join(self.left_out[:12]) + ("…" if len(self.left_out) > 12 else "")
        step[each.form] = Noted(made, "", (f"Optional fields left out: {left}",)) if left else made

    def _place(self, station: str, each: Operation) -> str:
        done, at = "", 0
        for found in _HOLE.finditer(each.path):
            before = each.path[:found.start()].rstrip("/").rpartition("/")[2]
            done += names.literal(each.path[at : found.start()]) + self._hole(station, found[1], before)
            at = found.end()
        return done + names.literal(each.path[at:])

    def _hole(self, station: str, name: str, before: str) -> str:
        kind, bare = names.role(name), names.squeezed(name) in ("id", "no", "sn", "code", "number", "key", "uuid")
        if station in _AFTER and (kind == "order_no" or (bare and not names.words(before) & GOODS)):
            return "{order_no}"
        if kind == "sku" or (bare and names.words(before) & GOODS):
            return "{order.sku}"
        if kind == "account":
            return "{buyer.account}"
        if kind in ("key", "order_no") and station not in _AFTER:
            return "{order.key}"
        word = names.slug(name, "part")
        self.vars.setdefault(word, f"what stands for {{{name}}} in paths")
        return f"{{vars.{word}}}"

    def _object(self, station: str, schema: dict[str, Any], way: str, as_text: bool, depth: int) -> Any:
        kind = kind_of(schema)
        if kind == "array":
            return [self._object(station, self._document.schema(schema.get("items")), way, as_text, depth + 1)] if depth < _LEVELS else []
        if kind != "object":
            return _plain(schema)
        needed = {name for name in rows(schema.get("required")) if isinstance(name, str)}
        made: dict[str, Any] = {}
        for name, inner in list(mapping(schema.get("properties")).items())[:MOST_FIELDS]:
            each = self._document.schema(inner)
            if each.get("readOnly") is True:
                continue
            deep = kind_of(each) == "object" or (kind_of(each) == "array" and self._speaks(each))
            if name not in needed and names.role(name) not in _ASKED and not (deep and self._speaks(each)):
                self.left_out.append(name)
            elif deep and depth < _LEVELS:
                made[name] = self._object(station, each, way, as_text, depth + 1)
            else:
                made[name] = self._value(station, name, each, way, text_only=as_text)
        return made

    def _speaks(self, schema: dict[str, Any]) -> bool:
        """Whether an inner part says what is bought, or how much of it."""
        return any(names.role(leaf.name) in ("sku", "qty", "key") for leaf in self._document.leaves(schema)[:30])

    def _value(self, station: str, name: str, schema: dict[str, Any], way: str, *, text_only: bool) -> Any:
        kind, whole = names.role(name), kind_of(schema) == "integer"
        after = station in _AFTER
        if after and (kind in ("order_no", "key") or names.squeezed(name) in ("id", "no", "sn")):
            return "{order_no}"
        if kind == "order_no" and not after:
            return check("{order.key}", "a number that the buyer's side chooses")
        if kind == "pay_by":
            return _pay_by(station, schema, way)
        if kind == "amount":
            in_fen = whole or re.search(r"(?i)fen$|cents?$", name)
            return check("{order.total_fen}" if in_fen else "{order.total_fen|yuan}", "whole fen or yuan? one unit or all?")
        if kind in ("password", "token", "csrf"):
            return check(self.secret(name, f"sent as {name}"), "where does it come from?")
        if kind in ("sign", "captcha", "card_number"):
            where = {"sign": "describe it in signing", "captcha": "see captcha in surgekit targets schema"}.get(kind, "no real number belongs here")
            return todo("TODO", where)
        sent = {
            "key": "{order.key}", "sku": "{order.sku|int}" if whole and not text_only else "{order.sku}",
            "qty": "{order.qty}" if whole or text_only or kind_of(schema) == "number" else "{order.qty|text}",
            "account": "{buyer.account}", "email": "{buyer.email}", "contact": "{buyer.email}", "phone": "{buyer.phone}",
            "name": "{buyer.name}", "ip": "{buyer.ip}", "nonce": "{nonce}",
            "time": "{time.ms}" if "ms" in names.words(name) or "millis" in text(schema.get("description")).lower() else "{time.s}",
        }.get(kind or "")  # fmt: skip
        if sent is None:
            return _plain(schema)
        return check(sent, f"by its name, {name}") if kind in ("account", "contact", "name", "time") else sent


def _pay_by(station: str, schema: dict[str, Any], way: str) -> Any:
    allowed = choices(schema)
    told = {str(each) for each in allowed}
    if not allowed or {"balance", "gateway"} <= told:
        return check("{order.pay_by}", "its words are balance and gateway") if not allowed else "{order.pay_by}"
    fit = [each for each in allowed if bool(_BALANCE.search(str(each))) == (way == "balance")]
    rest = ", ".join(str(each) for each in allowed[:8])
    return check((fit or allowed)[0], f"one of {rest}" + (", the same for all buyers" if station == "submit" else ""))


def _plain(schema: dict[str, Any]) -> Any:
    """A value that the schema allows, or a placeholder of its type."""
    allowed = choices(schema)
    if len(allowed) == 1 and "const" in schema:
        return _safe(allowed[0])
    for word in ("default", "example"):
        if isinstance(schema.get(word), str | int | float | bool):
            return check(_safe(schema[word]), f"the document's {word}")
    if allowed:
        return check(_safe(allowed[0]), "one of " + ", ".join(str(each) for each in allowed[:8]))
    kind = kind_of(schema)
    empty: dict[str, Any] = {"integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}
    return todo(empty.get(kind, "TODO"), text(schema.get("description")) or "what belongs here?")


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return names.literal(value[:500])
    return 0 if isinstance(value, float) and not math.isfinite(value) else value


def _word(value: Any) -> str:
    """As one line of text, for a header."""
    word = str(int(value)) if isinstance(value, bool) else str(value)
    return "".join(each for each in word if each.isprintable()) or "TODO"


def _texts(value: Any) -> Any:
    """Of multipart, each field is a text."""
    if isinstance(value, Noted):
        return Noted(_texts(value.value), value.note, value.above)
    return todo("TODO", "a text") if isinstance(value, dict | list) or value is None else _word(value)
