"""Signing dialects, as a target file describes them under ``signing``.

    signing:
      epay:
        key: "{secret.epay_key}"
        fields: {from: form, exclude: [sign, sign_type], drop_empty: true}
        text: "{fields}{key}"
        hash: md5
        sign: form sign
        also: {form sign_type: MD5}

A step then says ``sign: epay``. ``surgekit targets check`` works out the vectors of each dialect.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from surgekit.units import Real, Strict, Whole

_PLACE = re.compile(r"(form|query|json|header) (\S+)")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")
_UNIT = re.compile(r"(?:[^%]|%[YmdHMSfyjz%])*")
_LAST_S = 253_402_300_799
"""The end of the year 9999, UNIX time."""


class Place(NamedTuple):
    """Where a value goes in a request. ``part``: form, query, json or header."""

    part: str
    name: str


def place(given: str) -> Place:
    """``"form sign"`` → its parts. Raises ``ValueError`` with what is allowed."""
    found = _PLACE.fullmatch(given)
    if found is None:
        raise ValueError("a place is written form NAME, query NAME, json NAME or header NAME, such as header X-Sign")
    if found[1] == "header" and _TOKEN.fullmatch(found[2]) is None:
        raise ValueError(f"{found[2]}: not the name of an HTTP header")
    return Place(found[1], found[2])


def zone(given: str) -> tzinfo:
    """``Asia/Shanghai``, ``UTC`` or ``+08:00``. Raises ``ValueError`` with what is allowed."""
    if given == "UTC":
        return UTC
    offset = _OFFSET.fullmatch(given)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    try:
        return ZoneInfo(given)
    except (OSError, ValueError, KeyError):  # KeyError: no such zone; the others: not the name of one
        raise ValueError(f"{given!r} is no time zone here; write Asia/Shanghai, UTC or +08:00") from None


def _placed(given: str) -> str:
    place(given)
    return given


def _zoned(given: str) -> str:
    zone(given)
    return given


def _unit(given: str) -> str:
    if given in ("s", "ms", "iso", "http"):
        return given
    try:
        known = (
            "%" in given
            and _UNIT.fullmatch(given) is not None
            and bool(datetime(2026, 1, 1, tzinfo=UTC).strftime(given))
        )
    except ValueError:  # characters that have no encoding
        known = False
    if not known:
        raise ValueError("s, ms, iso, http, or a pattern of %Y %m %d %H %M %S %f %y %j %z such as %Y%m%d%H%M%S")
    return given


Where = Annotated[str, AfterValidator(_placed)]
Small = Annotated[Whole, Field(ge=-(2**63), lt=2**63)]
Source = Literal["form", "query", "json"]


class _Exact(Strict):
    """Blanks and line breaks at the ends count: they are signed."""

    model_config = ConfigDict(str_strip_whitespace=False)


class Fields(_Exact):
    """How parameters become one text, ``a=1&b=2``.

    ``from``: where they are taken from; of several, the later wins. A form or query is signed as its receiver reads it:
    every value is text, and null is not there at all.

    ``sort: name`` orders by the bytes of the UTF-8 names, so upper case comes before lower. PHP's ``ksort`` does the
    same unless names are whole numbers, which it orders by value. With ``nested: php`` and ``json`` only the outer
    names are sorted, as ``ksort`` does; ``deep`` sorts on every level. With ``dot`` the full names are sorted.
    ``drop_empty`` looks at the same names as ``sort: name``.

    ``nested: php`` writes ``a[b]=1``, true and false as 1 and 0, and leaves null out, as ``http_build_query`` does;
    ``json`` writes what is nested as compact JSON; ``dot`` writes ``a.b=1`` and ``a.0=1``.

    ``encode`` concerns names and values: ``form`` as PHP's ``urlencode`` (blank → +), ``percent`` as RFC 3986
    (blank → %20). ``case`` is that of this text only.
    """

    from_: Source | Annotated[list[Source], Field(min_length=1)] = Field(default="form", alias="from")
    only: Annotated[list[str], Field(min_length=1)] | None = None
    exclude: list[str] = Field(default_factory=list)
    sort: Literal["name", "deep", "given"] = "name"
    drop_empty: bool = False
    pair: str = "="
    join: str = "&"
    values_only: bool = False
    nested: Literal["php", "json", "dot"] = "php"
    encode: Literal["none", "form", "percent"] = "none"
    case: Literal["as_is", "lower", "upper"] = "as_is"

    @model_validator(mode="after")
    def _one_choice(self) -> Fields:
        if self.only is not None and self.exclude:
            raise ValueError("give only (the names that are signed) or exclude (those that are not), one of the two")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.from_,) if isinstance(self.from_, str) else tuple(self.from_)


class Timestamp(_Exact):
    """The time of signing. ``unit``: s, ms, ISO 8601 or a pattern (both in ``timezone``), or ``http`` as in ``Date``.

    In JSON, seconds and milliseconds are numbers unless ``as_text``.
    """

    into: Where
    unit: Annotated[str, AfterValidator(_unit)] = "s"
    timezone: Annotated[str, AfterValidator(_zoned)] = "UTC"
    as_text: bool = False


class Nonce(_Exact):
    """A text that is never the same twice."""

    into: Where
    length: Annotated[Whole, Field(ge=1, le=64)] = 16


class Vector(_Exact):
    """A request and the signature that it must get: from the platform's own documents, or one that it accepted.

    ``fields`` go where the dialect takes its fields from. ``timestamp`` and ``nonce`` are as they stand in the request;
    ``at`` is UNIX time that the dialect formats itself. ``values`` are for other names than ``key``.
    """

    key: str | None = None
    values: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, Any] = Field(default_factory=dict)
    method: str = "POST"
    path: str = "/"
    host: str = ""
    query: dict[str, Any] = Field(default_factory=dict)
    body: str | None = None
    timestamp: str | Small | None = None
    at: Annotated[Real, Field(ge=0, le=_LAST_S)] | None = None
    nonce: str | None = None
    text: str | None = None
    sign: str | None = None


class Dialect(_Exact):
    """One way to sign a request.

    ``key`` is a template. ``text`` is what is hashed; its names are fields, key, method, path, query, path_query, body,
    timestamp, nonce and host, each also as ``{body.md5}``, ``{key.sha256}`` and so on (lower-case hex), and whatever a
    key may use, such as ``{account.id}``. ``decode`` undoes URL encoding in the finished text, as shops do that hash
    ``urldecode(http_build_query(…) . "&key=" . $key)``; then ``case`` is applied, to ASCII letters only.

    ``key_as``: the bytes of an HMAC key that is written in hex or Base64. ``output: base64_hex`` is Base64 of the
    lower-case hex digits, ``base64url`` has no padding. ``prefix`` stands before the signature and may use names.
    ``also`` adds constants that are not signed.
    """

    key: str | None = None
    key_as: Literal["text", "hex", "base64"] = "text"
    fields: Fields | None = None
    text: str
    decode: Literal["none", "form", "percent"] = "none"
    case: Literal["as_is", "lower", "upper"] = "as_is"
    hash: Literal["md5", "sha1", "sha256", "sha512", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512"]
    output: Literal["hex", "HEX", "base64", "base64url", "base64_hex"] = "hex"
    timestamp: Timestamp | None = None
    nonce: Nonce | None = None
    sign: Where
    prefix: str = ""
    also: dict[Where, str | Small] = Field(default_factory=dict)
    vectors: list[Vector] = Field(default_factory=list)
