"""Requests of an order: what is sent, what the reply means, what is kept of it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from surgekit.model import ReplyClass
from surgekit.target.pattern import Pattern
from surgekit.target.schema.words import Css, Fields, Headers, Name, Regex, Scalar, Status, Way
from surgekit.units import Real, Span, Strict, Whole

_REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*|\{[a-z][a-z0-9_.]*(\|[a-z0-9]+)*\}\S*)")
BODIES = ("json", "form", "multipart", "body")


MOST_RULES = 200
"""Of a step. No shop has so many answers, and each is tried for every reply."""


class ReplyRule(Strict):
    """What a reply means when every condition given here holds. Rules are tried in order; the first that fits decides.

    ``matches`` looks at the value at ``path``, at the text of what ``css`` finds, at ``header``, or else at the whole body.
    """

    class_: ReplyClass = Field(alias="class")
    status: Status | list[Status] | None = None
    content_type: str | None = None
    path: str | None = None
    equals: Scalar = None
    in_: Annotated[list[Scalar], Field(min_length=1)] | None = Field(default=None, alias="in")
    css: Css | None = None
    header: str | None = None
    location: Regex | None = None
    matches: Regex | None = None

    @model_validator(mode="after")
    def _conditions(self) -> ReplyRule:
        if self.class_ is ReplyClass.NOT_SENT:
            raise ValueError("not_sent is what a request without any reply is; a reply cannot mean it")
        if "equals" in self.model_fields_set and self.in_ is not None:
            raise ValueError("give equals or in, one of the two")
        if sum(each is not None for each in (self.path, self.css, self.header)) > 1:
            raise ValueError("path, css and header each say where to look; give one of them")
        compares = "equals" in self.model_fields_set or self.in_ is not None
        if compares and self.path is None:
            raise ValueError("equals and in compare the value at a path; give the path too")
        if self.header is not None and self.matches is None:
            raise ValueError("header says where to look; say with matches what for")
        told = compares or any(each is not None for each in (self.matches, self.css, self.location, self.content_type))
        if not told:
            raise ValueError(
                "a reply is told by what it says: give path with equals or in, or matches, css, location or content_type (status alone never decides)"
            )
        return self


class Extract(Strict):
    """One value of a reply. A text in its place is short for ``json``.

    Exactly one source; ``regex`` alone looks at the body, beside another source it picks its first group out of that. ``as``:
    ``text`` (default: as it is), ``whole`` (a number), ``yuan`` (12.34 → 1234 fen), ``lines`` (a list, a line each).
    """

    json_: str | None = Field(default=None, alias="json")
    css: Css | None = None
    attr: str | None = None
    field: str | None = None
    header: str | None = None
    cookie: str | None = None
    location: Literal[True] | None = None
    url: Literal[True] | None = None
    body: Literal[True] | None = None
    regex: Regex | None = None
    all: bool = False
    as_: Literal["text", "whole", "yuan", "lines"] | None = Field(default=None, alias="as")
    optional: bool = False
    default: Scalar = None

    @model_validator(mode="after")
    def _one_source(self) -> Extract:
        sources = [name for name in ("json", "css", "field", "header", "cookie", "location", "url", "body") if self._given(name)]
        if len(sources) > 1:
            raise ValueError(f"{' and '.join(sources)} are two sources; a value has one")
        if not sources and self.regex is None:
            raise ValueError("say where the value is: json, css, field, header, cookie, location, url, body or regex")
        if self.regex is not None and Pattern(self.regex).groups < 1:
            raise ValueError("regex: put what is wanted into round brackets, such as No\\. ([0-9]+)")
        if self.attr is not None and self.css is None:
            raise ValueError("attr is an attribute of what css finds; give css too")
        if self.all and self.css is None and (sources or self.regex is None):
            raise ValueError("all takes every match of css or of regex; in JSON write items[*].code")
        if "default" in self.model_fields_set and not self.optional:
            raise ValueError("default is for a value that is optional; add optional: true")
        return self

    def _given(self, name: str) -> bool:
        return getattr(self, "json_" if name == "json" else name) is not None


def _short(given: object) -> object:
    return {"json": given} if isinstance(given, str) else given


Extracted = Annotated[Extract, BeforeValidator(_short, json_schema_input_type=Extract | str)]


class Step(Strict):
    """One request, how to read its reply, and what to keep of it.

    ``sign`` names a dialect of ``signing``; ``follow`` goes after redirects, and the last reply counts.
    """

    name: Name | None = None
    request: str
    headers: Headers = Field(default_factory=dict)
    query: Fields = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    form: Fields | None = None
    multipart: dict[str, str] | None = None
    body: str | None = None
    sign: Name | None = None
    follow: bool = False
    replies: Annotated[list[ReplyRule], Field(min_length=1, max_length=MOST_RULES)]
    extract: dict[Name, Extracted] = Field(default_factory=dict)

    @field_validator("request")
    @classmethod
    def _method_and_place(cls, given: str) -> str:
        if _REQUEST.fullmatch(given) is None:
            raise ValueError("written METHOD /path or METHOD {variable}, such as POST /api/orders or GET {pay_url}")
        return given

    @model_validator(mode="after")
    def _one_body(self) -> Step:
        bodies = [name for name in BODIES if getattr(self, "json_" if name == "json" else name) is not None]
        if len(bodies) > 1:
            raise ValueError(f"{' and '.join(bodies)} are two bodies; a request has one")
        if self.sign is not None and {"multipart", "body"} & set(bodies):
            raise ValueError("what is signed is a form, a query or JSON; multipart and body cannot be signed")
        return self

    @property
    def method(self) -> str:
        return self.request.split(" ", 1)[0]

    @property
    def place(self) -> str:
        return self.request.split(" ", 1)[1]


class Captcha(Strict):
    """A picture that somebody has to read: ``solver`` gets the reply's body by POST and answers with the text.

    The solver runs on this machine; ``fixed`` is for a shop whose test mode takes one word always. The answer is ``{captcha}``.
    """

    request: str | None = None
    solver: str | None = None
    fixed: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Captcha:
        if (self.solver is None) == (self.fixed is None):
            raise ValueError("give solver (a URL on this machine) or fixed, one of the two")
        if self.solver is not None and self.request is None:
            raise ValueError("request: say where the picture is, such as GET /captcha")
        return self

    @field_validator("request")
    @classmethod
    def _a_get(cls, given: str | None) -> str | None:
        if given is not None and re.fullmatch(r"GET /\S*", given) is None:
            raise ValueError("written GET /path")
        return given

    @field_validator("solver")
    @classmethod
    def _a_url(cls, given: str | None) -> str | None:
        if given is not None and re.fullmatch(r"http://[^/?#\s@]+(/\S*)?", given) is None:
            raise ValueError("written http://127.0.0.1:PORT/path")
        return given


class Act(Strict):
    """The buyer pays, and SurgeKit plays the gateway: it captures the payment and notifies the platform as ``edge.gateway``
    says. ``amount_fen`` or ``amount`` (in yuan); every other field is there for the notice as ``{pay.<field>}``."""

    act: dict[Name, str]

    @model_validator(mode="after")
    def _needed(self) -> Act:
        if "order_no" not in self.act:
            raise ValueError("act: order_no is missing; write order_no: '{order_no}'")
        if ("amount" in self.act) == ("amount_fen" in self.act):
            raise ValueError("act: give amount_fen or amount (in yuan), one of the two")
        return self


def _kind(given: object) -> str:
    return "act" if isinstance(given, Act) or (isinstance(given, dict) and "act" in given) else "step"


# The form decides what is tried, so that a mistake in one is not also called a mistake in the other.
Paying = Annotated[Annotated[Step, Tag("step")] | Annotated[Act, Tag("act")], Discriminator(_kind)]


class Poll(Step):
    """Looking for the card. ``every``: not more often than that; ``most``: so many looks an order; a throttled look, or one
    with Retry-After, makes the next wait longer by ``backoff``. ``deadline``: nobody looks longer than that."""

    every: Span | None = None
    most: Annotated[Whole, Field(ge=1)] | None = None
    backoff: Annotated[Real, Field(ge=1, le=10)] = 2.0
    deadline: Span | None = None


class Steps(Strict):
    """The stations of an order. ``prepare`` comes before each submission and creates no order: a CSRF token, a basket, an
    address. ``pay`` has a list of steps for each way to pay."""

    quote: Step | None = None
    prepare: list[Step] = Field(default_factory=list, max_length=20)
    captcha: Captcha | None = None
    submit: Step
    pay: dict[Way, list[Paying]] = Field(default_factory=dict)
    poll: Poll | None = None


class Setup(Strict):
    """What a buyer's account does once before its first order: register, log in. ``when``: before the surge, or at the
    account's first order. What it extracts, and its cookies, are there for all orders of the account."""

    steps: list[Step] = Field(min_length=1, max_length=20)
    when: Literal["before", "first_order"] = "before"
    at_once: Annotated[Whole, Field(ge=1, le=256)] = 8


class Admin(Strict):
    """A person behind the counter: logs in once, and delivers each paid order ``after`` a while."""

    setup: list[Step] = Field(default_factory=list, max_length=20)
    deliver: Step
    after: Span = 1.0
