"""Paths and holes of the reads, now rather than after the surge."""

from __future__ import annotations

from collections.abc import Mapping

from surgekit.target import template
from surgekit.target.extract import Extractor
from surgekit.target.holes import told
from surgekit.target.reading import Classifier, compile_path
from surgekit.target.schema import OrderRead, ReplyRule, Step, Target

ANY_SUCCESS = ReplyRule.model_validate({"class": "ok", "status": list(range(200, 300)), "matches": ""})
"""What ``reads.order`` takes for an answer where the target file does not say."""


def readable(order: OrderRead) -> Step:
    """The request of ``order`` as a step. Its rows are read elsewhere; what it extracts is always optional: the row tells."""
    return order if order.replies else order.model_copy(update={"replies": [ANY_SUCCESS]})


def check_reads(target: Target, where: str, have: frozenset[str], product: frozenset[str], bare: frozenset[str]) -> None:
    """``have``: the names that every read can use; ``product``: those of each product; ``bare``: those before any set-up. Raises
    ``ConfigError``."""
    stock, order, ledger = target.reads.stock, target.reads.order, target.reads.ledger
    if stock is not None:
        at = f"{where}: reads.stock"
        _check_holes(stock.request or "", stock.headers, have | ({"order.sku"} | product if stock.value is not None else frozenset()), at)
        compile_path(stock.items or "", f"{at}.items")
        Classifier(stock.replies, at)
        if stock.value is not None:
            Extractor(stock.value, f"{at}.value")
    if order is not None:
        compile_path(order.rows, f"{where}: reads.order.rows")
    if ledger is not None:
        _check_holes(ledger.request or "", ledger.headers, have | {"after", "page"}, f"{where}: reads.ledger")
        compile_path(ledger.rows, f"{where}: reads.ledger.rows")
        compile_path(ledger.next or "", f"{where}: reads.ledger.next")
        Classifier(ledger.replies, f"{where}: reads.ledger")
    if target.safety.echo is not None:
        _check_holes(target.safety.echo.request, {}, bare, f"{where}: safety.echo")
        compile_path(target.safety.echo.path or "", f"{where}: safety.echo.path")


def _check_holes(request: str, headers: Mapping[str, str], have: frozenset[str], at: str) -> None:
    told(template.url_template(request.partition(" ")[2], f"{at}.request").names, have, f"{at}.request")
    for name, value in headers.items():
        told(template.header_template(value, f"{at}.headers.{name}").names, have, f"{at}.headers.{name}")
