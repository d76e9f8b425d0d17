"""What stands around the platform: how it is started, and the supplier and gateway that SurgeKit plays for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from surgekit.target.schema.words import Fields, Headers, Name, Picking, Regex
from surgekit.units import Real, Share, Span, Strict, Whole

Port = Annotated[Whole, Field(ge=0, le=65535)]
Part = Literal["supplier", "gateway"]


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
    port: Port = 0
    db: str | None = None


class Start(Strict):
    """Which platform SurgeKit starts itself."""

    cardshop: CardshopStart


class SupplierStandIn(Strict):
    """How the supplier behaves when nothing is broken.

    ``link_port``: where the platform's supplier address must point to; ``key`` signs (``{secret.…}``); ``configured_in`` says where in the
    platform that address is set, for people. ``upstream``: the real supplier on this machine; it is not played then, and what the
    platform sends to ``link_port`` is passed on to it, through a link that faults can break.
    """

    latency_ms: Annotated[Real, Field(gt=0)] = 40.0
    sigma: Annotated[Real, Field(ge=0, le=3)] = 0.35
    slots: Annotated[Whole, Field(ge=1)] = 64
    later_share: Share = 0.0
    link_port: Port = 0
    key: str | None = None
    configured_in: str = ""
    upstream: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}/?$")] | None = None

    @model_validator(mode="after")
    def _behind_a_link(self) -> SupplierStandIn:
        if self.upstream is not None and not 0 < int(self.upstream.rstrip("/").rpartition(":")[2]) < 65536:
            raise ValueError("upstream: a port is a number from 1 to 65535")
        if self.upstream is not None and self.link_port == 0:
            raise ValueError("upstream: give link_port too; the platform's supplier address has to point to it")
        return self


class Duplicates(Strict):
    """A ``share`` of the notices is sent again at once, ``most`` times altogether at most."""

    share: Share
    most: Annotated[Whole, Field(ge=2, le=20)] = 2


class Notice(Strict):
    """What the gateway tells the platform. ``request``: ``METHOD /path`` on the platform or ``METHOD {pay.notify_url}``.

    Holes: ``{pay.order_no}``, ``{pay.trade_no}``, ``{pay.amount}`` (yuan), ``{pay.amount_fen}``, ``{pay.time}`` and every further field of ``act``;
    ``{secret.…}`` and ``{vars.…}``. ``ack`` is what the platform answers when it has understood.
    """

    request: Annotated[str, Field(pattern=r"^(GET|POST) (/\S*|\{pay\.[a-z][a-z0-9_]*\})$")]
    headers: Headers = Field(default_factory=dict)
    query: Fields | None = None
    form: Fields | None = None
    json_: Fields | None = Field(default=None, alias="json")
    sign: Name | None = None
    ack: Regex = r"^success$"

    @model_validator(mode="after")
    def _one_body(self) -> Notice:
        if self.form is not None and self.json_ is not None:
            raise ValueError("form and json are two bodies; a notice has one")
        return self


class GatewayStandIn(Strict):
    """How the payment gateway notifies the platform: when, and how often it tries until it is acknowledged.

    Waits of ``retries`` are divided by ``compress``. ``at_once``: notices under way at the same time. With ``notify``, payments are
    acted (``act`` in ``steps.pay``); without it the platform sends its buyers to the stand-in's epay address at ``port``.
    """

    notify_ms: Annotated[Real, Field(gt=0)] = 60.0
    sigma: Annotated[Real, Field(ge=0, le=3)] = 0.4
    retries: list[Span] = Field(default=[15.0, 15.0, 30.0, 180.0, 600.0, 1200.0], max_length=40)
    compress: Annotated[Real, Field(gt=0, le=100_000)] = 60.0
    duplicates: Duplicates | None = None
    at_once: Annotated[Whole, Field(ge=1, le=10_000)] = 256
    port: Port = 0
    key: str | None = None
    configured_in: str = ""
    notify: Notice | None = None


class Edge(Strict):
    """The world around the platform, played by SurgeKit. ``plays``: which parts; by default both where SurgeKit starts the platform,
    and of any other platform the gateway where ``gateway.notify`` is given.

    ``order_no`` finds the platform's order number in what it sends to its supplier: group 1.
    """

    plays: list[Part] | None = None
    supplier: SupplierStandIn = SupplierStandIn()
    gateway: GatewayStandIn = GatewayStandIn()
    order_no: Picking = r"^(.+)$"
