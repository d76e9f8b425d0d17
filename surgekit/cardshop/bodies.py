"""What buyers may send. Everything else is a bad request, told in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from surgekit.cardshop.reply import Code, Refusal

# No control characters: PostgreSQL cannot store NUL, and the others have no business in a key.
Word = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Qty = Annotated[int, Field(ge=1, le=1000)]
Method = Literal["balance", "gateway"]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class QuoteBody(Body):
    sku: Word
    qty: Qty


class SubmitBody(Body):
    order_key: Word
    sku: Word
    qty: Qty
    account: Word
    pay_by: Method | None = None


class PayBody(Body):
    order_no: Word
    account: Word
    method: Method


class OrdersQuery(BaseModel):
    order_key: Word


class LedgerQuery(BaseModel):
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000


_Body = TypeVar("_Body", bound=Body)
_Query = TypeVar("_Query", bound=BaseModel)


def parse(kind: type[_Body], raw: bytes) -> _Body:
    """``raw`` as JSON of this kind. Raises ``Refusal`` (bad request) naming the field."""
    try:
        return kind.model_validate_json(raw)
    except ValidationError as problem:
        raise _bad(problem) from None


def parse_query(kind: type[_Query], params: Mapping[str, str]) -> _Query:
    """The same for the parameters of an address, which are text."""
    try:
        return kind.model_validate(dict(params))
    except ValidationError as problem:
        raise _bad(problem) from None


def _bad(problem: ValidationError) -> Refusal:
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return Refusal(Code.BAD_REQUEST, f"{where}: {first['msg']}" if where else first["msg"])
