"""The frozen types that cross packages."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Order(NamedTuple):
    """One scheduled order. Times in seconds from the run's start. A tuple, since an engine makes tens of thousands a second."""

    seq: int
    shard: int
    intended_s: float
    sku: str
    qty: int
    buyer: int
    buyer_class: str
    pay_by: str
    phase: str
    browses: bool
    double_click: bool
    think_quote_s: float
    think_pay_s: float
    cold: bool = False
    """The buyer comes by a new connection, opened for this order."""


class _Word(StrEnum):
    """An enum's own hash is a method in Python, and these are looked up tens of thousands of times a second."""

    __hash__ = str.__hash__


class Outcome(_Word):
    """How an order ended. ``failed`` means provably without effect; where that cannot be proved it is ``unknown``."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ReplyClass(_Word):
    """What a reply means, decided by its body and never by its status alone."""

    OK = "ok"
    SOLD_OUT = "sold_out"
    THROTTLED = "throttled"
    REFUSED = "refused"
    QUEUED = "queued"
    HIDDEN_ERROR = "hidden_error"
    PAID_UNDELIVERED = "paid_undelivered"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class Verdict(StrEnum):
    """What the audit says of an invariant."""

    HELD = "held"
    VIOLATED = "violated"
    UNDECIDED = "undecided"


class Status(StrEnum):
    """What the breakdown says of a measure."""

    HELD = "held"
    BROKE = "broke"
    UNDECIDED = "undecided"
