"""The profile file. ``surgekit profiles schema`` prints it as JSON Schema for editors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_serializer, field_validator, model_validator

from surgekit.units import DAY_S, Real, Seconds, Share, Span, Strict, Whole, seconds

Rate = Annotated[Real, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Weight = Annotated[Real, Field(ge=0, le=1e9, allow_inf_nan=False)]
PayBy = Literal["balance", "gateway"]
SLOWEST_EXPONENTIAL = 1e-6
_FAULT = re.compile(r"(?P<fault>[a-z0-9][a-z0-9\-]*)(?:@(?P<start>[0-9.a-z]+)(?:\+(?P<length>[0-9.a-z]+))?)?")


def short_fault(text: str) -> dict[str, Any]:
    """``supplier-slow@30s+20s`` → the fields of a ``FaultPlan``. Raises ``ValueError`` with the form that is wanted."""
    found = _FAULT.fullmatch(text.strip())
    if found is None:
        raise ValueError("a fault is written NAME, NAME@START or NAME@START+LENGTH, such as supplier-slow@30s+20s")
    times = {key: seconds(found[key]) for key in ("start", "length") if found[key] is not None}
    return {"fault": found["fault"], "start": 0.0, **times}


class Ramp(Strict):
    """A rate that moves, in orders/s. ``exponential`` grows by equal factors in equal times, as crowds do."""

    from_: Rate = Field(alias="from")
    to: Rate
    curve: Literal["linear", "exponential"] = "linear"

    @model_validator(mode="after")
    def _positive(self) -> Ramp:
        if self.curve == "exponential" and min(self.from_, self.to) < SLOWEST_EXPONENTIAL:
            raise ValueError(f"an exponential curve needs rates above 0 at both ends (at least {SLOWEST_EXPONENTIAL:g})")
        return self


def _form(given: object) -> str:
    return "ramp" if isinstance(given, dict | Ramp) else "rate"


class Phase(Strict):
    """A named stretch of the run. ``rate`` is constant, or a ramp."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    duration: Span
    # The form decides what is tried, so that a wrong number is not also called a bad ramp.
    rate: Annotated[Annotated[Rate, Tag("rate")] | Annotated[Ramp, Tag("ramp")], Discriminator(_form)]

    def ends(self) -> tuple[float, float]:
        """The rates at the start and at the end, orders/s."""
        return (self.rate.from_, self.rate.to) if isinstance(self.rate, Ramp) else (self.rate, self.rate)


def _rank(key: object) -> object:
    if isinstance(key, str) and re.fullmatch(r"#[0-9]{1,9}", key):
        return int(key[1:])
    return key if isinstance(key, int) and not isinstance(key, bool) else str(key)


class Products(Strict):
    """What they buy. Products are named by their SKU or by rank in the target's catalogue: 1 is the hottest. A number is a rank, also
    where a product is called like it; an SKU of digits is written in quotes."""

    zipf: Annotated[Real, Field(ge=0, le=5, allow_inf_nan=False)] | None = None
    shares: dict[int | str, Weight] | None = None
    qty: dict[Annotated[Whole, Field(ge=1, le=1000)], Weight] = Field(default_factory=lambda: {1: 1.0})
    stock: dict[int | str, Annotated[Whole, Field(ge=0, le=10_000_000)]] = Field(default_factory=dict)

    @field_validator("shares", "stock", mode="before")
    @classmethod
    def _ranks(cls, given: object) -> object:
        return {_rank(key): value for key, value in given.items()} if isinstance(given, dict) else given

    @field_serializer("shares", "stock", when_used="json")
    def _ranks_in_json(self, given: dict[int | str, Any] | None) -> dict[str, Any] | None:
        # All keys are texts there, and "1" could be a product.
        return None if given is None else {f"#{key}" if isinstance(key, int) else key: value for key, value in given.items()}

    @model_validator(mode="after")
    def _one_mix(self) -> Products:
        if (self.zipf is None) == (self.shares is None):
            raise ValueError("give either zipf (an exponent) or shares (by rank or SKU), one of the two")
        if self.shares is not None and not sum(self.shares.values()) > 0:
            raise ValueError("the shares add up to 0")
        if not sum(self.qty.values()) > 0:
            raise ValueError("the weights of qty add up to 0")
        return self


class BuyerClass(Strict):
    """One kind of buyer. ``qty`` overrides the products' quantities: resellers buy by the dozen."""

    share: Weight
    pay: PayBy = "gateway"
    qty: dict[Annotated[Whole, Field(ge=1, le=1000)], Weight] | None = None
    double_click: Share | None = None

    @field_validator("qty")
    @classmethod
    def _some_qty(cls, given: dict[int, float] | None) -> dict[int, float] | None:
        if given is not None and not sum(given.values()) > 0:
            raise ValueError("the weights of qty add up to 0")
        return given


class Retry(Strict):
    """What a buyer does who got no usable reply: submit again, with the same order key, after a while."""

    most: Annotated[Whole, Field(ge=0, le=20)] = 1
    after: Seconds = 2.0


class Think(Strict):
    """Pauses of a person, medians of lognormal times (sigma 0.5)."""

    quote: Seconds = 0.0
    pay: Seconds = 0.0


class Buyers(Strict):
    """Who buys, and how they behave when nothing comes back."""

    classes: dict[Annotated[str, Field(min_length=1, max_length=40)], BuyerClass] = Field(min_length=1)
    accounts: Annotated[Whole, Field(ge=1, le=1_000_000)] = 500
    locale: Literal["zh_CN", "en_US"] = "zh_CN"
    browse: Share = 0.0
    new_connection: Share = 0.0
    """Of all orders: those of buyers who come by a connection of their own; the others share what is open."""
    double_click: Share = 0.0
    patience: Span = 20.0
    poll_every: Annotated[Span, Field(ge=0.01)] = 1.0
    retry: Retry = Retry()
    think: Think = Think()

    @model_validator(mode="after")
    def _shares(self) -> Buyers:
        if not sum(kind.share for kind in self.classes.values()) > 0:
            raise ValueError("the shares of the classes add up to 0")
        return self


class Limits(Strict):
    """Where a breakdown begins. Shares are of the orders that a window of ``window`` saw arrive."""

    confirm: Span = 3.0
    late_share: Share = 0.05
    error_share: Share = 0.05
    oversold: Annotated[Whole, Field(ge=0)] = 0
    window: Annotated[Span, Field(ge=1)] = 3.0

    @model_validator(mode="after")
    def _open(self) -> Limits:
        if self.late_share >= 1 or self.error_share >= 1:
            raise ValueError("a share of 1 or more can never be exceeded")
        return self


class FaultPlan(Strict):
    """A fault on the timeline. ``length`` left out: until the surge ends."""

    fault: str
    start: Seconds = 0.0
    length: Span | None = None
    intensity: Annotated[Real, Field(gt=0, le=100)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return short_fault(given) if isinstance(given, str) else given


class Profile(Strict):
    """A surge: phases of arrivals, the mix of products and buyers, limits, and faults."""

    schema_: Literal["surgekit.profile/1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.\-]+$")]
    about: str = ""
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 1
    phases: list[Phase] = Field(min_length=1, max_length=200)
    orders: Annotated[Whole, Field(ge=1, le=100_000_000)] | None = None
    products: Products
    buyers: Buyers
    limits: Limits = Limits()
    faults: list[FaultPlan] = Field(default_factory=list)
    in_flight: Annotated[Whole, Field(ge=1, le=1_000_000)] = 4000
    settle: Seconds = 3.0

    @field_validator("phases")
    @classmethod
    def _arrivals(cls, given: list[Phase]) -> list[Phase]:
        seen: set[str] = set()
        for phase in given:
            if phase.name in seen:
                raise ValueError(f"two phases are named {phase.name}; a report must tell them apart")
            seen.add(phase.name)
        if not any(max(phase.ends()) > 0 for phase in given):
            raise ValueError("no phase has a rate above 0, so nothing would arrive")
        if sum(phase.duration for phase in given) > DAY_S + 1e-6:  # a sum of scaled phases may be off by a rounding
            raise ValueError("the phases last more than 24 h together")
        return given

    @model_validator(mode="after")
    def _patience_outlasts_the_limit(self) -> Profile:
        if self.buyers.patience <= self.limits.confirm:
            raise ValueError(
                f"buyers.patience ({self.buyers.patience:g} s) must be longer than limits.confirm ({self.limits.confirm:g} s): "
                "a buyer who leaves before the limit shows nothing about it"
            )
        return self

    @property
    def duration(self) -> float:
        """Seconds from the first to the last possible arrival."""
        return sum(phase.duration for phase in self.phases)

    @property
    def peak(self) -> float:
        """The highest rate of the shape, orders/s."""
        return max(max(phase.ends()) for phase in self.phases)
