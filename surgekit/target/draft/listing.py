"""Reads after the surge, from an OpenAPI document: stock, and the list of orders."""

from __future__ import annotations

import re
from typing import Any

from surgekit.target.draft import answers, names
from surgekit.target.draft.document import Leaf, text
from surgekit.target.draft.operations import Operation
from surgekit.target.draft.writing import Noted, check

_PAGES = names.several("page pageno pagenum pagenumber pageindex current currentpage p")
_SIZES = names.several("pagesize size limit perpage rows count")
_COLUMNS = {"order_no": "order_no", "key": "order_key", "sku": "sku", "qty": "qty", "status": "status", "cards": "cards"}
_QUERY_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,60}")


def reads(stock: Operation | None, listed: Operation | None, still: list[str]) -> dict[str, Any]:
    """``reads`` of the target file; what could not be told is added to ``still``."""
    found: dict[str, Any] = {}
    told = _stock(stock) if stock is not None else None
    if told is not None:
        found["stock"] = told
    else:
        still.append("reads.stock: the document does not say how stock is read; without it oversell is judged by the ledger alone")
    orders = _orders(listed) if listed is not None else None
    if orders is None:
        still.append("reads.ledger or reads.order: nothing lists the orders with number, the buyer's own key and status; SQL is possible too")
    return {**found, **(orders or {})}


def _stock(each: Operation) -> Any:
    leaf = next((leaf for leaf in each.values if names.role(leaf.name) == "stock"), None)
    if leaf is None or "{" in each.path.replace("{sku}", ""):
        return None
    if leaf.path.count(-1) == 1 and leaf.path[-2:-1] == (-1,):
        outer = leaf.path[:-2]
        row = [other.name for other in each.values if other.path[:-1] == leaf.path[:-1]]
        sku = next((name for name in row if names.role(name) == "sku"), "id" if "id" in row else None)
        path = names.path_text(outer)
        if sku is None or path is None or "{" in each.path:
            return None
        return check({"request": f"GET {each.path}", **answers.good(each), "items": path, "sku": sku, "unsold": leaf.name}, "all products on one page?")
    where = next((text(param.get("name")) for param in each.params if param.get("in") == "query" and names.role(text(param.get("name"))) == "sku"), None)
    path = names.path_text(leaf.path) if -1 not in leaf.path else None
    if path is None:
        return None
    if "{sku}" in each.path:
        return check({"request": f"GET {each.path.replace('{sku}', '{order.sku}')}", **answers.good(each), "value": path}, "units left")
    if where is not None and _QUERY_NAME.fullmatch(where):
        return check({"request": f"GET {names.literal(each.path)}?{where}={{order.sku}}", **answers.good(each), "value": path}, "units left")
    return None


def _orders(each: Operation) -> dict[str, Any] | None:
    status = next((leaf for leaf in each.values if names.role(leaf.name) == "status" and leaf.path.count(-1) == 1 and leaf.path[-2:-1] == (-1,)), None)
    if status is None or "{" in each.path:
        return None
    row = [leaf for leaf in each.values if leaf.path[:-1] == status.path[:-1]]
    columns: dict[str, Any] = {}
    for leaf in sorted(row, key=lambda leaf: names.squeezed(leaf.name) == "id"):
        word = _COLUMNS.get(names.role(leaf.name) or ("order_no" if names.squeezed(leaf.name) == "id" else ""))
        if word is not None and word not in columns:
            columns[word] = leaf.name
    _money(row, columns)
    path = names.path_text(status.path[:-2])
    if path is None or not {"order_no", "order_key", "status"} <= set(columns):
        return None
    asked = {names.squeezed(text(param.get("name"))): text(param.get("name")) for param in each.params if param.get("in") == "query"}
    asked = {word: name for word, name in asked.items() if _QUERY_NAME.fullmatch(name)}
    by_key = next((name for name in asked.values() if names.role(name) == "key"), None)
    size = next((f"&{name}=100" for word, name in asked.items() if word in _SIZES), "")
    page = next((f"?{name}={{page}}{size}" for word, name in asked.items() if word in _PAGES), "")
    found: dict[str, Any] = {}
    if by_key is not None:
        found["order"] = {"request": f"GET {each.path}?{by_key}={{order.key}}", **answers.good(each), "rows": path}
    note = "all orders of the run, seen with the rights of the secrets above?" + ("" if page else " the document shows no way to turn pages")
    found["ledger"] = Noted({"request": f"GET {each.path}{page}", **answers.good(each), "rows": path, "columns": columns}, f"CHECK: {note}")
    return found


def _money(row: list[Leaf], columns: dict[str, Any]) -> None:
    for leaf in row:
        if names.role(leaf.name) == "amount" and "amount_fen" not in columns and leaf.kind in ("integer", "number", "string"):
            plain = answers.in_fen(leaf) or leaf.kind == "integer"
            columns["amount_fen"] = leaf.name if plain else check({"name": leaf.name, "as": "yuan"}, "an amount in yuan")
