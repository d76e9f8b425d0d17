"""Which operations of an OpenAPI document are the stations of an order: told by method, words and fields, in points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from surgekit.target.draft import names
from surgekit.target.draft.document import Document, Json, Leaf, choices, mapping, media, rows, text

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 3000
ORDER = names.several("order orders purchase purchases trade trades buy checkout 订单 下单 购买")
QUOTE = names.several("quote quotes quotation preview calculate calc price estimate precheck 报价 试算 询价 算价")
PAY = names.several("pay payment payments paying payup cashier 支付 付款")
STOCK = names.several("stock stocks inventory inventories 库存")
GOODS = names.several("product products goods commodity commodities items catalog catalogue sku skus 商品")
LIST = names.several("list ledger search orders export all 列表")
NOT_BUYING = names.several(
    "cancel refund refunds callback callbacks notify notification webhook webhooks close delete remove return ship deliver confirm export"
    " import statistics stats comment review rate rma dispute receipt 取消 退款 回调 通知 关闭 删除"
)
_NEEDED = {"submit": 5, "quote": 4, "pay": 5, "poll": 4, "stock": 4, "list": 4}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``body`` and ``reply`` are schemas; ``form`` is ``json``, ``form`` or ``multipart``. ``errors``: (status, description)."""

    method: str
    path: str
    told: dict[str, Any]
    params: list[dict[str, Any]]
    form: str
    body: dict[str, Any]
    reply: dict[str, Any]
    sample: Any
    errors: list[tuple[int, str]]
    fields: list[Leaf] = field(default_factory=list)
    values: list[Leaf] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What it is called in a comment."""
        said = text(self.told.get("operationId")) or text(self.told.get("summary"))
        return f"{self.method} {self.path}" + (f" ({said[:60]})" if said else "")

    @property
    def holes(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{") and part.endswith("}")]

    @property
    def given(self) -> set[str]:
        """Roles of what is sent: fields of the body, parameters, holes of the path."""
        sent = [leaf.name for leaf in self.fields] + [text(each.get("name")) for each in self.params]
        return {role for role in map(names.role, sent) if role is not None}

    @property
    def gives(self) -> set[str]:
        return {role for role in (names.role(leaf.name) for leaf in self.values) if role is not None}


def operations(document: Document, prefix: str) -> list[Operation]:
    """All operations of the document, ``prefix`` before each path."""
    found: list[Operation] = []
    for path, item in list(mapping(document.data.get("paths")).items())[:MOST_OPERATIONS]:
        if not path.startswith("/") or any(each.isspace() or not each.isprintable() for each in path):
            continue
        shared = document.seen(item)
        for method in METHODS:
            if isinstance(shared.get(method), dict) and len(found) < MOST_OPERATIONS:
                found.append(_operation(document, method, prefix + path, shared, mapping(shared[method])))
    return found


def _operation(document: Document, method: str, path: str, shared: Json, told: dict[str, Any]) -> Operation:
    params = [document.seen(each) for each in [*rows(shared.get("parameters")), *rows(told.get("parameters"))][:100]]
    form, body = _body(document, told, params)
    reply, sample = _reply(document, told)
    errors = []
    for status, each in sorted(mapping(told.get("responses")).items()):
        if status.isascii() and status.isdigit() and 400 <= int(status) <= 499:
            errors.append((int(status), text(document.seen(each).get("description"))))
    plain = [each for each in params if each.get("in") in ("path", "query", "header") and isinstance(each.get("name"), str)]
    return Operation(method.upper(), path, told, plain, form, body, reply, sample, errors, document.leaves(body), document.leaves(reply))


def _body(document: Document, told: Json, params: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    offers = dict(media(document.seen(told.get("requestBody")).get("content")))
    for kind, form in (("application/json", "json"), ("application/x-www-form-urlencoded", "form"), ("multipart/form-data", "multipart")):
        if kind in offers:
            return form, document.schema(offers[kind].get("schema"))
    if offers:
        return "json", document.schema(next(iter(offers.values())).get("schema"))
    whole = next((each for each in params if each.get("in") == "body"), None)  # Swagger 2.0
    if whole is not None:
        return "json", document.schema(whole.get("schema"))
    fields = [each for each in params if each.get("in") == "formData" and isinstance(each.get("name"), str)]
    if fields:
        many = "multipart/form-data" in rows(told.get("consumes"))
        needed = [each["name"] for each in fields if each.get("required") is True]
        return ("multipart" if many else "form"), {"type": "object", "properties": {each["name"]: each for each in fields}, "required": needed}
    return "json", {}


def _reply(document: Document, told: Json) -> tuple[dict[str, Any], Any]:
    answers = mapping(told.get("responses"))
    for status in ("200", "201", "202", "2XX", "2xx", "default"):
        answer = document.seen(answers.get(status))
        for kind, each in media(answer.get("content")):
            if "json" in kind or kind == "*/*":
                samples = [document.seen(one).get("value") for one in mapping(each.get("examples")).values()]
                return document.schema(each.get("schema")), each.get("example", samples[0] if samples else None)
        if "schema" in answer:  # Swagger 2.0
            return document.schema(answer["schema"]), mapping(answer.get("examples")).get("application/json")
    return {}, None


def chosen(found: Iterable[Operation]) -> dict[str, tuple[Operation, list[Operation]]]:
    """Of each station the operation with the most points, and the runners-up. A station that no operation fits is not there."""
    best: dict[str, tuple[Operation, list[Operation]]] = {}
    taken: set[tuple[str, str]] = set()
    everything = list(found)
    for kind in ("submit", "pay", "poll", "stock", "list", "quote"):
        scored = [(points(kind, each), number, each) for number, each in enumerate(everything) if (each.method, each.path) not in taken]
        fit = sorted((row for row in scored if row[0] >= _NEEDED[kind]), key=lambda row: (-row[0], len(row[2].path), row[1]))
        if fit:
            best[kind] = (fit[0][2], [row[2] for row in fit[1:4]])
            taken.add((fit[0][2].method, fit[0][2].path))
    return best


def points(kind: str, each: Operation) -> int:
    """How well an operation fits a station. The numbers only have to order what real documents contain."""
    return sum(_points(kind, each))


def _points(kind: str, each: Operation) -> Iterator[int]:
    said = names.words(each.path)
    more = names.words(text(each.told.get("operationId"))) | names.words(text(each.told.get("summary")))
    more |= {word for tag in rows(each.told.get("tags"))[:5] for word in names.words(text(tag))}
    both = said | more
    reads = each.method == "GET"
    last = names.words(each.path.rstrip("/").rpartition("/")[2])
    yield -6 * bool(both & NOT_BUYING) if kind in ("submit", "pay", "poll", "quote") else 0
    yield -3 * bool(said & {"admin", "manage", "internal", "backend"}) if kind not in ("list", "stock") else 0
    if kind == "submit":
        yield 2 if each.method in ("POST", "PUT") else -20
        yield 3 * bool(said & ORDER) + 2 * bool(more & ORDER) + bool(more & {"create", "submit", "place", "创建", "提交"})
        yield 2 * bool(last & ORDER) + bool(last & {"create", "submit", "place", "add"})
        yield 3 * bool("sku" in each.given or (said & ORDER and "qty" in each.given)) + bool("qty" in each.given) + 2 * bool("order_no" in each.gives)
        yield -4 * bool(both & (QUOTE | PAY)) - 4 * bool(each.holes and "sku" not in map(names.role, each.holes))
    elif kind == "quote":
        yield 4 * bool(said & QUOTE) + 2 * bool(more & QUOTE) + bool("sku" in each.given) + bool(each.gives & {"amount"})
        yield 0 if each.method in ("GET", "POST") else -20
    elif kind == "pay":
        yield 1 if each.method in ("POST", "PUT") else -3
        yield 4 * bool(said & PAY) + 2 * bool(more & PAY) + 2 * bool(_numbered(each)) + bool("pay_url" in each.gives)
        yield -4 * bool(both & {"methods", "method", "channels", "channel", "config", "list"}) - 2 * bool("sku" in each.given)
    elif kind == "poll":
        yield 1 if reads else -1 if each.method == "POST" else -20
        yield 2 * bool(said & ORDER) + bool(more & ORDER) + 2 * bool(_numbered(each)) + 2 * bool("status" in each.gives) + 2 * bool("cards" in each.gives)
        yield -20 if not _numbered(each) else 0
        yield -3 * bool(any(-1 in leaf.path and names.role(leaf.name) == "status" for leaf in each.values))
    elif kind == "stock":
        yield 0 if reads else -20
        yield 4 * bool(said & STOCK) + 2 * bool(more & STOCK) + 2 * bool(said & GOODS and "stock" in each.gives) + 2 * bool("stock" in each.gives)
    else:
        yield 0 if reads and not each.holes else -20
        yield 3 * bool(said & ORDER) + bool(both & LIST) + 2 * bool(any(-1 in leaf.path for leaf in each.values))
        yield 2 * bool("status" in each.gives)


def _numbered(each: Operation) -> bool:
    """Whether it is about one order: its number is sent."""
    return "order_no" in each.given or any(names.role(hole) == "order_no" or names.squeezed(hole) in ("id", "no", "sn", "code") for hole in each.holes)


def options(leaf: Leaf) -> list[tuple[Any, str]]:
    """(value, what it is called) of an enum: by ``x-enum-varnames`` and the like, by the description, or by the value itself."""
    allowed = choices(leaf.schema)
    for word in ("x-enum-varnames", "x-enumNames", "x-enum-descriptions", "x-enumDescriptions"):
        called = leaf.schema.get(word)
        if isinstance(called, list) and len(called) == len(allowed):
            return [(value, text(name) or str(value)) for value, name in zip(allowed, called, strict=True)]
    told = dict(names.numbered(leaf.schema.get("description")))
    if allowed:
        return [(value, told.get(value, str(value)) if isinstance(value, int) else str(value)) for value in allowed]
    return list(told.items())
