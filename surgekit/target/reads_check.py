"""The reads of a target as steps, and their paths: wrong ones are said now rather than after the surge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from surgekit.target.extract import Extractor
from surgekit.target.reading import compile_path
from surgekit.target.schema import OrderRead, ReplyRule, Step, Target
from surgekit.target.schema.reads import NEEDED

ANY_SUCCESS: Final = ReplyRule.model_validate({"class": "ok", "status": list(range(200, 300)), "matches": ""})
"""What a read takes for an answer where the target file does not say."""


def asked(target: Target) -> Iterator[tuple[str, str, Step, frozenset[str]]]:
    """(name, where it stands, the step, the names that it has of its own) of every read by HTTP, and of the echo."""
    reads, echo = target.reads, target.safety.echo
    if reads.stock is not None and reads.stock.request is not None:
        yield "stock", "reads.stock", _step(reads.stock), frozenset({"order.sku"} if reads.stock.value is not None else ())
    if reads.order is not None:
        yield "order", "reads.order", _step(_lenient(reads.order)), frozenset({"order.key"})
    if reads.ledger is not None and reads.ledger.request is not None:
        yield "ledger", "reads.ledger", _step(reads.ledger), frozenset({"after", "page"})
    if echo is not None:
        yield "echo", "safety.echo", Step(request=echo.request, replies=[ANY_SUCCESS]), frozenset()


def _step(read: Step) -> Step:
    return read if read.replies else read.model_copy(update={"replies": [ANY_SUCCESS]})


def _lenient(order: OrderRead) -> OrderRead:
    """``order`` with all that an order may lack as optional: it has no cards yet, say."""
    extract = {name: each if name in NEEDED else each.model_copy(update={"optional": True}) for name, each in order.extract.items()}
    return order.model_copy(update={"extract": extract})


def check_paths(target: Target, where: str) -> None:
    """Raises ``ConfigError`` for a path that is none."""
    stock, order, ledger, echo = target.reads.stock, target.reads.order, target.reads.ledger, target.safety.echo
    paths: dict[str, str | None] = {}
    if stock is not None:
        paths["reads.stock.items"] = stock.items
        if stock.value is not None:
            Extractor(stock.value, f"{where}: reads.stock.value")
    if order is not None:
        paths["reads.order.rows"] = order.rows
    if ledger is not None:
        paths |= {"reads.ledger.rows": ledger.rows, "reads.ledger.next": ledger.next}
    if echo is not None:
        paths["safety.echo.path"] = echo.path
    for at, path in paths.items():
        compile_path(path or "", f"{where}: {at}")
