"""The target file. ``surgekit targets schema`` prints it as JSON Schema for editors."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from surgekit.model import ReplyClass
from surgekit.units import Real, Span, Strict, Whole

_NESTED = re.compile(r"(?<!\\)[+*}]\??\)[+*{]")


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _NESTED.search(pattern):
        raise ValueError("a repeat of a repeat, such as (a+)+, can take hours on one odd reply; write it without")
    return pattern


def _with_group(pattern: str) -> str:
    if re.compile(pattern).groups < 1:
        raise ValueError("put the order number into round brackets, such as ^(C[0-9A-Z]+)")
    return pattern


Regex = Annotated[str, AfterValidator(_regex)]
Scalar = str | int | float | bool | None
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Status = Annotated[Whole, Field(ge=100, le=599)]
_REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*|\{[a-z][a-z0-9_]*\})")
_HOLE = re.compile(r"\{([^{}]*)\}")


class ReplyRule(Strict):
    """What a reply means when every condition given here holds. Rules are tried in order; the first that fits decides."""

    class_: ReplyClass = Field(alias="class")
    status: Status | list[Status] | None = None
    path: str | None = None
    equals: Scalar = None
    in_: Annotated[list[Scalar], Field(min_length=1)] | None = Field(default=None, alias="in")
    matches: Regex | None = None

    @model_validator(mode="after")
    def _conditions(self) -> ReplyRule:
        if self.class_ is ReplyClass.NOT_SENT:
            raise ValueError("not_sent is what a request without any reply is; a reply cannot mean it")
        if "equals" in self.model_fields_set and self.in_ is not None:
            raise ValueError("give equals or in, one of the two")
        compares = "equals" in self.model_fields_set or self.in_ is not None
        if compares and self.path is None:
            raise ValueError("equals and in compare the value at a path; give the path too")
        if not compares and self.matches is None:
            raise ValueError("a reply is told by its body: give path with equals or in, or matches (status alone never decides)")
        return self


class Step(Strict):
    """One request, how to read its reply, and what to keep of it."""

    request: str
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    replies: list[ReplyRule] = Field(min_length=1)
    extract: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str] = Field(default_factory=dict)

    @field_validator("request")
    @classmethod
    def _method_and_place(cls, given: str) -> str:
        if _REQUEST.fullmatch(given) is None:
            raise ValueError("written METHOD /path or METHOD {variable}, such as POST /api/orders")
        return given

    @field_validator("headers")
    @classmethod
    def _one_line(cls, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) is None or re.search(r"[\r\n\0]", value):
                raise ValueError(f"{name}: not an HTTP header (no line breaks, no spaces in the name)")
        return given

    @model_validator(mode="after")
    def _one_body(self) -> Step:
        if self.json_ is not None and self.form is not None:
            raise ValueError("json and form are two bodies; a request has one")
        return self

    @property
    def method(self) -> str:
        return self.request.split(" ", 1)[0]

    @property
    def place(self) -> str:
        return self.request.split(" ", 1)[1]


class Steps(Strict):
    """The stations of an order. ``pay`` has a list of steps for each way to pay."""

    quote: Step | None = None
    submit: Step
    pay: dict[Literal["balance", "gateway"], list[Step]] = Field(default_factory=dict)
    poll: Step | None = None


class Statuses(Strict):
    """What the platform's own status words mean."""

    paid: list[str] = Field(default_factory=list)
    delivered: list[str] = Field(default_factory=list)
    refunded: list[str] = Field(default_factory=list)
    failed: list[str] = Field(default_factory=list)


def _read(holes: frozenset[str], given: str) -> str:
    if re.fullmatch(r"GET /\S*", given) is None:
        raise ValueError("a read is written GET /path")
    for hole in _HOLE.findall(given):
        if hole not in holes:
            raise ValueError(f"nothing gives {{{hole}}} here; known: {', '.join(sorted(holes)) or 'none'}")
    for hole in holes - set(_HOLE.findall(given)):
        raise ValueError(f"{{{hole}}} must stand in it, or each read gives the same")
    return given


def _read_of(*holes: str) -> AfterValidator:
    return AfterValidator(functools.partial(_read, frozenset(holes)))


class StockRead(Strict):
    """Reading stock: ``items`` is the path to a mapping SKU → figures, ``unsold`` and so on name the figures."""

    request: Annotated[str, _read_of()]
    items: str
    total: str = "total"
    unsold: str = "unsold"


class LedgerRead(Strict):
    """Reading the platform's own orders, page by page; ``columns`` maps the audit's names to the platform's."""

    request: Annotated[str, _read_of("after")]
    rows: str
    next: str
    columns: dict[
        Literal["order_no", "order_key", "sku", "qty", "status", "amount_fen", "charged_fen", "charges", "refunded_fen", "cards"], str
    ]

    @model_validator(mode="after")
    def _needed(self) -> LedgerRead:
        missing = {"order_no", "order_key", "status"} - set(self.columns)
        if missing:
            raise ValueError(f"columns: {', '.join(sorted(missing))} must be named too")
        return self


class OrderRead(Strict):
    """Reading one order by the merchant's own key; ``rows`` is the path to the list of platform orders."""

    request: Annotated[str, _read_of("order.key")]
    rows: str


class Reads(Strict):
    """What SurgeKit reads after the surge. Reads only: an unknown order is never submitted again."""

    stock: StockRead | None = None
    order: OrderRead | None = None
    ledger: LedgerRead | None = None

    @model_validator(mode="after")
    def _mapping(self) -> Reads:
        if self.order is not None and self.ledger is None:
            raise ValueError("order is read with the columns of ledger; describe ledger too")
        return self


class Product(Strict):
    """One product, hottest first in the catalogue. ``supply``: held as stock, or bought from a supplier at order time."""

    sku: Annotated[str, Field(min_length=1, max_length=80)]
    name: str = ""
    price_fen: Annotated[Whole, Field(ge=1)]
    supply: Literal["stock", "supplier"] = "stock"
    stock: Annotated[Whole, Field(ge=0, le=10_000_000)] = 0


class CardshopStart(Strict):
    """The reference platform, started for the run and stopped after it."""

    strategy: Literal["naive", "conditional", "reserve"] = "naive"
    fulfil: Literal["inline", "background"] | None = None
    dedupe: bool | None = None
    workers: Annotated[Whole, Field(ge=1, le=512)] = 16
    pool: Annotated[Whole, Field(ge=1, le=512)] = 8
    pool_timeout: Span = 3.0
    reserve: Span = 30.0
    backlog: Annotated[Whole, Field(ge=0)] = 0
    supplier_timeout: Span = 5.0
    port: Annotated[Whole, Field(ge=0, le=65535)] = 0
    db: str | None = None


class Start(Strict):
    """Which platform SurgeKit starts itself."""

    cardshop: CardshopStart


class SupplierStandIn(Strict):
    """How the supplier behaves when nothing is broken."""

    latency_ms: Annotated[Real, Field(gt=0)] = 40.0
    sigma: Annotated[Real, Field(ge=0, le=3)] = 0.35
    slots: Annotated[Whole, Field(ge=1)] = 64
    later_share: Annotated[Real, Field(ge=0, le=1)] = 0.0


class GatewayStandIn(Strict):
    """How long the payment gateway takes to notify the platform."""

    notify_ms: Annotated[Real, Field(gt=0)] = 60.0
    sigma: Annotated[Real, Field(ge=0, le=3)] = 0.4


class Edge(Strict):
    """The world around the platform, played by SurgeKit.

    ``order_no`` finds the platform's order number in what it sends to its supplier: group 1.
    """

    supplier: SupplierStandIn = SupplierStandIn()
    gateway: GatewayStandIn = GatewayStandIn()
    order_no: Annotated[Regex, AfterValidator(_with_group)] = r"^(.+)$"


class Timeouts(Strict):
    """Of each request. ``keep_alive``: an idle connection older than this is not used again."""

    connect: Span = 2.0
    reply: Span = 8.0
    keep_alive: Span = 4.0


class Accounts(Strict):
    """Accounts that exist on the platform: ``{prefix}0001`` and so on."""

    prefix: str = "buyer-"
    balance_fen: Annotated[Whole, Field(ge=0)] = 1_000_000_000


class Target(Strict):
    """A platform: where it is, how an order goes through it, and how to read what became of it."""

    schema_: Literal["surgekit.target/1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.\-]+$")]
    about: str = ""
    base_url: str | None = None
    start: Start | None = None
    catalogue: list[Product] = Field(min_length=1, max_length=10_000)
    accounts: Accounts = Accounts()
    timeouts: Timeouts = Timeouts()
    steps: Steps
    statuses: Statuses = Statuses()
    reads: Reads = Reads()
    edge: Edge = Edge()

    @field_validator("base_url")
    @classmethod
    def _only_an_origin(cls, given: str | None) -> str | None:
        if given is not None and re.fullmatch(r"https?://[^/?#\s]+/?", given) is None:
            raise ValueError("written http://host:port or https://host; a path belongs into the steps")
        return given

    @field_validator("catalogue")
    @classmethod
    def _each_once(cls, given: list[Product]) -> list[Product]:
        seen: set[str] = set()
        for product in given:
            if product.sku in seen:
                raise ValueError(f"{product.sku} stands in it twice")
            seen.add(product.sku)
        return given

    @model_validator(mode="after")
    def _one_place(self) -> Target:
        if (self.base_url is None) == (self.start is None):
            raise ValueError("give either base_url (a platform that runs already) or start, one of the two")
        return self

    @model_validator(mode="after")
    def _can_be_confirmed(self) -> Target:
        if self.steps.poll is not None and not self.statuses.delivered:
            raise ValueError("statuses.delivered: name at least one status word; without it steps.poll can never confirm an order")
        return self

    @property
    def skus(self) -> list[str]:
        """Hottest first."""
        return [product.sku for product in self.catalogue]
