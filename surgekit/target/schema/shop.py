"""The target file as a whole. ``surgekit targets schema`` prints it as JSON Schema for editors."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from surgekit.target.schema.reads import Reads
from surgekit.target.schema.steps import Act, Admin, Setup, Steps
from surgekit.target.schema.surroundings import Edge, Part, Start
from surgekit.target.schema.words import Headers, Name, Scalar, Way
from surgekit.target.signing.schema import Dialect
from surgekit.units import Real, Span, Strict, Whole


class Product(Strict):
    """One product, hottest first in the catalogue. ``supply``: held as stock, or bought from a supplier at order time.

    ``vars``: the platform's own words for it, as ``{product.<name>}``.
    """

    sku: Annotated[str, Field(min_length=1, max_length=80)]
    name: str = ""
    price_fen: Annotated[Whole, Field(ge=1)]
    supply: Literal["stock", "supplier"] = "stock"
    stock: Annotated[Whole, Field(ge=0, le=10_000_000)] = 0
    vars: dict[Name, Scalar] = Field(default_factory=dict)


class Statuses(Strict):
    """What the platform's own status words mean. ``unpaid``: begun, and nothing has been taken for it yet."""

    unpaid: list[str] = Field(default_factory=list)
    paid: list[str] = Field(default_factory=list)
    delivered: list[str] = Field(default_factory=list)
    refunded: list[str] = Field(default_factory=list)
    failed: list[str] = Field(default_factory=list)

    @field_validator("unpaid", "paid", "delivered", "refunded", "failed", mode="before")
    @classmethod
    def _numbers_are_words(cls, given: object) -> object:
        whole = isinstance(given, list)
        return [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in given] if whole else given  # type: ignore[attr-defined]


class Timeouts(Strict):
    """Of each request. ``connect`` has the TLS hand-shake in it, unless ``tls`` is given for that. ``first_byte``: of the reply, which has to be whole
    within ``reply``. ``keep_alive``: an idle connection older than this is not used again."""

    connect: Span = 2.0
    tls: Span | None = None
    first_byte: Span | None = None
    reply: Span = 8.0
    keep_alive: Span = 4.0


class Accounts(Strict):
    """Accounts that exist on the platform: ``{prefix}0001`` and so on, or the rows of a ``csv`` file beside the target file, whose
    columns are ``{account.<column>}``; the column ``account`` is ``{buyer.account}`` too. More buyers than rows share them."""

    prefix: str = "buyer-"
    balance_fen: Annotated[Whole, Field(ge=0)] = 1_000_000_000
    csv: str | None = None


class Secret(Strict):
    """A value that goes into no artifact: from the environment, or the first line of a file beside the target file."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: str | None = None
    value: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if sum(each is not None for each in (self.env, self.file, self.value)) != 1:
            raise ValueError("give env, file or value, one of the three")
        return self


class Budget(Strict):
    """What a run may cost the platform; more is refused beforehand, or not sent, which ends the run.

    ``orders``: submissions, second clicks and retries too. ``money_fen``: prices of what was submitted, unless it provably had no
    effect; ``units`` likewise, of each product.
    """

    rate: Annotated[Real, Field(gt=0)] | None = None
    orders: Annotated[Whole, Field(ge=1)] | None = None
    money_fen: Annotated[Whole, Field(ge=1)] | None = None
    units: Annotated[Whole, Field(ge=1)] | None = None


class Echo(Strict):
    """Proof that marked traffic reaches the shadow tenant: the reply to ``request`` has the mark (the run's id, as every request
    carries it in X-Surge-Run) in ``header``, or at ``path`` of its JSON."""

    request: Annotated[str, Field(pattern=r"^GET /\S*$")]
    header: str | None = None
    path: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Echo:
        if (self.header is None) == (self.path is None):
            raise ValueError("give header or path, one of the two")
        return self


class Safety(Strict):
    """``consent``: the token that the platform's owner published (``{secret.…}``). ``kill_file``: a file that, once it is there, ends the run."""

    consent: str | None = None
    budget: Budget = Budget()
    echo: Echo | None = None
    kill_file: str | None = None


class LocustUser(Strict):
    """A Locust user whose tasks place the orders: a Python file, meant beside the target file, and a class in it."""

    file: Annotated[str, Field(min_length=1, max_length=4096)]
    user: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]


class Target(Strict):
    """A platform: where it is, how an order goes through it, and how to read what became of it.

    ``vars`` are values of the file's own, ``{vars.<name>}``; a text among them may have holes of an order. ``ways``: what a way to pay is
    called on this platform, ``{way.<name>}``. ``headers`` go with every request to the platform. ``cookies``: a jar for each account, for each order (a new visitor every time), or none.
    """

    schema_: Literal["surgekit.target/1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.\-]+$")]
    about: str = ""
    base_url: str | None = None
    start: Start | None = None
    safety: Safety = Safety()
    vars: dict[Name, Scalar] = Field(default_factory=dict)
    ways: dict[Way, dict[Name, Scalar]] = Field(default_factory=dict)
    secrets: dict[Name, Secret] = Field(default_factory=dict)
    catalogue: list[Product] = Field(min_length=1, max_length=10_000)
    accounts: Accounts = Accounts()
    timeouts: Timeouts = Timeouts()
    headers: Headers = Field(default_factory=dict)
    cookies: Literal["account", "order", "none"] | None = None
    signing: dict[Name, Dialect] = Field(default_factory=dict)
    setup: Setup | None = None
    steps: Steps | None = None
    locust: LocustUser | None = None
    admin: Admin | None = None
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
        places = (self.base_url is not None) + (self.start is not None)
        if places > 1 or (places < 1 and self.locust is None):
            raise ValueError("give either base_url (a platform that runs already) or start, one of the two")
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Target:
        if (self.steps is None) == (self.locust is None):
            raise ValueError("give steps, or locust with a file and a user, one of the two")
        if self.locust is not None:
            for name in ("setup", "admin", "cookies"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}: has no effect with locust, whose user does that itself; leave it out")
        return self

    @model_validator(mode="after")
    def _can_be_confirmed(self) -> Target:
        if self.steps is not None and self.steps.poll is not None and not self.statuses.delivered:
            raise ValueError("statuses.delivered: name at least one status word; without it steps.poll can never confirm an order")
        return self

    @model_validator(mode="after")
    def _acted(self) -> Target:
        acts = any(isinstance(step, Act) for way in (self.steps.pay.values() if self.steps is not None else ()) for step in way)
        if acts and self.edge.gateway.notify is None:
            raise ValueError("edge.gateway.notify: is missing; an acted payment has to be told to the platform")
        if self.edge.supplier.upstream is not None and "supplier" in self.plays:
            raise ValueError("edge.supplier.upstream: names a real supplier, and edge.plays (or start) has SurgeKit play one; choose one of the two")
        return self

    @property
    def skus(self) -> list[str]:
        """Hottest first."""
        return [product.sku for product in self.catalogue]

    @property
    def links(self) -> bool:
        """Whether there is a link between the platform and its supplier, that a fault can break."""
        return "supplier" in self.plays or self.edge.supplier.upstream is not None

    @property
    def plays(self) -> frozenset[Part]:
        """The parts of its surroundings that SurgeKit plays."""
        if self.edge.plays is not None:
            return frozenset(self.edge.plays)
        if self.start is not None:
            return frozenset(("supplier", "gateway"))
        return frozenset(("gateway",)) if self.edge.gateway.notify is not None else frozenset()

    @property
    def jar(self) -> Literal["account", "order", "none"]:
        """For whom cookies are kept."""
        return self.cookies or ("account" if self.setup is not None else "order")
