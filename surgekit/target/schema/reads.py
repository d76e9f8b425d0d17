"""What SurgeKit reads after (and before) the surge. Reads only: an unknown order is never submitted again."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from surgekit.target.schema.steps import MOST_RULES, Extracted, ReplyRule, Step
from surgekit.target.schema.words import Name, Picking, Regex
from surgekit.target.signing.schema import zone
from surgekit.units import Strict, Whole

_HOLE = re.compile(r"\{([^{}]*)\}")
LedgerName = Literal[
    "order_no", "order_key", "sku", "qty", "status", "amount_fen", "charged_fen", "charges", "refunded_fen", "cards", "created_s"
]
NEEDED = ("order_no", "order_key", "status")


def _zone(given: str) -> str:
    zone(given)
    return given


Zone = Annotated[str, AfterValidator(_zone)]


_SENT = ("request", "headers", "query", "json_", "form", "multipart", "body")


def _holes(read: Step) -> set[str]:
    """The names of the holes in what ``read`` sends."""
    return {hole.split("|", 1)[0] for hole in _HOLE.findall(str(read.model_dump(include=set(_SENT))))}


class Sql(Strict):
    """Reading from the platform's database: one SELECT in a read-only transaction.

    ``url``: ``sqlite:////path``, ``postgresql://…`` or ``mysql://…``, ``{secret.…}`` in it. ``:since`` in ``query`` is the run's start in
    the ledger's ``timezone``.
    """

    url: Annotated[str, Field(pattern=r"^(sqlite|postgresql|mysql)(\+[a-z0-9]+)?://")]
    query: Annotated[str, Field(pattern=r"(?is)^\s*(select|with)\b")]


class Asked(Step):
    """A read by HTTP, a step that changes nothing; or by ``sql`` in its place."""

    request: str | None = None  # type: ignore[assignment]  # or sql
    replies: Annotated[list[ReplyRule], Field(max_length=MOST_RULES)] = Field(default_factory=list)
    extract: SkipJsonSchema[dict[Name, Extracted]] = Field(default_factory=dict)
    sql: Sql | None = None

    @field_validator("request")
    @classmethod
    def _method_and_place(cls, given: str | None) -> str | None:  # type: ignore[override]
        return None if given is None else Step._method_and_place(given)

    @model_validator(mode="after")
    def _one_source(self) -> Asked:
        if (self.request is None) == (self.sql is None):
            raise ValueError("give request (HTTP) or sql, one of the two")
        if self.extract:
            raise ValueError("extract is for steps; what is read here has names of its own")
        lone = [name.rstrip("_") for name in (*_SENT[1:], "sign", "follow", "replies") if name in self.model_fields_set]
        if self.sql is not None and lone:
            raise ValueError(f"sql: {lone[0]} is for a request, and a query has none")
        return self


class StockWords(Strict):
    """What a shop says that shows no numbers: patterns for "there is some" and for "there is none"."""

    in_stock: Regex
    sold_out: Regex


class StockRead(Asked):
    """Reading stock, in one of three ways.

    All at once: ``items`` is the path to a mapping SKU → figures, or to a list of objects whose field ``sku`` is the SKU;
    ``total`` and ``unsold`` name the figures. Each product by itself: ``{order.sku}`` or ``{product.…}`` stands in what is sent,
    and ``value`` is the number of units left, or a text for ``words``. Or by ``sql``: a row for each product, with those columns
    (``sku`` is *sku* where nothing else is said).

    ``total`` counts sold units too. Where a platform tells only what is left, ``fixed`` says that nobody adds stock during a run:
    then what is there at the start is all there is, and selling more is oversell.

    ``replies``: only *ok* is read; anything else is an error page, whatever stands in it.
    """

    items: str | None = None
    sku: str | None = None
    total: str | None = None
    unsold: str = "unsold"
    value: Extracted | None = None
    words: StockWords | None = None
    fixed: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> StockRead:
        if self.fixed and self.total is not None:
            raise ValueError("fixed is for a platform that tells no total; give one of the two")
        if self.sql is not None:
            if self.items is not None or self.value is not None:
                raise ValueError("sql: items and value are for a request; name the query's columns by sku, unsold and total")
        elif (self.items is None) == (self.value is None):
            raise ValueError("give items (all products in one reply) or value (a reply for each product), one of the two")
        each = any(hole == "order.sku" or hole.startswith("product.") for hole in _holes(self))
        if self.value is not None and not each:
            raise ValueError("value: {order.sku} or {product.…} must stand in the request, or each product gives the same")
        if self.items is not None and each:
            raise ValueError("items: a request for all products has no {order.sku} in it")
        if self.words is not None and self.value is None:
            raise ValueError("words explain a value; give value too")
        if self.value is not None and self.value.default is not None and not self.replies:
            raise ValueError("value: an error page would be read as the default; say with replies which reply is a good one")
        return self


class Column(Strict):
    """A column of the platform's ledger, and what to make of it. A text in its place is short for ``name``.

    ``as``: ``text``, ``whole``, ``yuan`` (12.34 → 1234), ``list`` (as it is), ``lines`` (a card each), ``time`` (in the ledger's time
    zone, or seconds since 1970). ``regex`` picks its first group out of the text.
    """

    name: str
    regex: Picking | None = None
    as_: Literal["text", "whole", "yuan", "list", "lines", "time"] | None = Field(default=None, alias="as")


def _short(given: object) -> object:
    return {"name": given} if isinstance(given, str) else given


Columns = dict[LedgerName, Annotated[Column, BeforeValidator(_short, json_schema_input_type=Column | str)]]


class LedgerRead(Asked):
    """Reading the platform's own orders; ``columns`` maps the audit's names to the platform's.

    By HTTP, page by page: ``{after}`` in any part of the request is 0 first and then what ``next`` says; ``{page}`` counts from 1 until
    a page is empty. Or by ``sql``. ``timezone``: of times without one. ``statuses`` may be told as words or as numbers, here always as text.

    ``replies``: only *ok* is read, and there null is no orders as an empty list is. Without them null is an error, and an empty list
    is one where the reply says so (``success: false``, ``code: 500``).
    """

    rows: str = ""
    next: str | None = None
    timezone: Zone = "UTC"
    columns: Columns

    @model_validator(mode="after")
    def _whole(self) -> LedgerRead:
        missing = set(NEEDED) - set(self.columns)
        if missing:
            raise ValueError(f"columns: {', '.join(sorted(missing))} must be named too")
        if self.request is not None:
            holes = _holes(self)
            if {"after", "page"} <= holes:
                raise ValueError("{after} and {page} are two ways to turn pages; give one of them")
            if ("after" in holes) != (self.next is not None):
                raise ValueError("{after} in the request and next belong together: next says where the next {after} stands in the reply")
        return self


class OrderRead(Step):
    """Reading one order by the merchant's own key, for platforms without a ledger. A step that changes nothing.

    ``replies``: *ok*, here it is; *refused*, there is no such order; anything else leaves it unknown. ``rows`` is the path to the list
    of platform orders, or to the one order, read with ``columns`` or with those of the ledger; an empty list or null: there is none.
    Or ``extract`` takes one order from the reply: ``order_no``, ``status`` and more of those names, which need not be there (but for
    ``order_key``, which shows that it is the right one); lists (``all: true``) are several orders. Without ``replies`` any HTTP 2xx is
    ok, but only an empty list where ``rows`` points says that there is none: null may be an error page. *paid_undelivered*: paid,
    whatever status and cards stand there.
    """

    replies: Annotated[list[ReplyRule], Field(max_length=MOST_RULES)] = Field(default_factory=list)
    extract: dict[LedgerName, Extracted] = Field(default_factory=dict)  # type: ignore[assignment]  # fewer names than a step has
    rows: str = ""
    columns: Columns | None = None

    @model_validator(mode="after")
    def _by_key(self) -> OrderRead:
        if "order.key" not in _holes(self):
            raise ValueError("{order.key} must stand in the request, or each read gives the same")
        if self.extract and (self.columns is not None or self.rows):
            raise ValueError("extract takes one order from the reply, rows and columns take a list; give one of the two")
        if self.extract and not self.replies:
            raise ValueError("extract: say with replies which reply has the order in it (ok), and which says that there is none (refused)")
        return self


class Reads(Strict):
    """``setup`` logs in first (an administrator, say); its cookies and extracted values are there for every read.

    ``rate``: so many single reads a second at most.
    """

    setup: list[Step] = Field(default_factory=list, max_length=20)
    stock: StockRead | None = None
    order: OrderRead | None = None
    ledger: LedgerRead | None = None
    rate: Annotated[Whole, Field(ge=1, le=10_000)] = 50

    @model_validator(mode="after")
    def _mapping(self) -> Reads:
        if self.order is not None and self.ledger is None and self.order.columns is None and not self.order.extract:
            raise ValueError("order: give columns or extract, or describe ledger, whose columns it then shares")
        return self


def order_columns(reads: Reads) -> dict[Any, Column]:
    """The columns with which single orders are read."""
    if reads.order is not None and reads.order.extract:
        return {name: Column(name=name) for name in reads.order.extract}
    if reads.order is not None and reads.order.columns is not None:
        return dict(reads.order.columns)
    return dict(reads.ledger.columns) if reads.ledger is not None else {}
