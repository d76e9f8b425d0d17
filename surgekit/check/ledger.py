"""Whether the platform's own books know of the order, and of the same one: number, price, product, cards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from surgekit import clock
from surgekit.check.course import UNSAID
from surgekit.check.finding import Finding, Walked
from surgekit.platform import Platform
from surgekit.platform.times import SLACK_S
from surgekit.run import Plan
from surgekit.target.schema import Statuses

LEDGER_S = 5.0
"""So long the ledger may take to know of an order that the buyer has seen end."""
Row = Mapping[str, Any]
def key_of(told: Plan) -> str:
    """Under which the order was sent."""
    return f"{told.run_id}-0000000"


def ledger(platform: Platform, told: Plan, walked: Walked, began_s: float) -> list[Finding]:
    """Whether the ledger knows of the order, read as a blast would read it. ``began_s``: UNIX time from which on it may have been made."""
    key, shop = key_of(told), told.target
    rows: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        rows[:] = platform.ledger(told.salt, start_s=began_s)
        return [row for row in rows if row["order_key"] == key]

    own = _patiently(look, walked, shop.statuses)
    assert shop.reads.ledger is not None
    columns = {str(name) for name in shop.reads.ledger.columns}
    found = missing(columns)
    if not own:
        return [_without(len(rows), [row for row in rows if walked.get("order_no") and row["order_no"] == walked["order_no"]], walked), *found]
    row = _the_one(own, walked)
    at, late_s = row.get("created_s"), clock.utc().timestamp() - began_s
    if at is not None and not -SLACK_S <= at <= late_s + SLACK_S:
        by = f"{-at:,.0f} s before it was sent" if at < 0 else f"{at - late_s:,.0f} s after now"
        told_of = f"this order was made {by}; does reads.ledger.columns.created_s say when, and is the platform's clock right?"
        return [Finding("ledger", "bad", told_of), *found]
    wrong = [*_meaning(row, walked, shop.statuses), *differences(row, walked, columns)]
    several = f"; {len(own)} orders have the key of this one" if len(own) > 1 else ""
    first = f"{len(rows):,} orders; this one is {row['status']!r}{several}"
    return [Finding("ledger", "bad" if wrong else "ok", "; ".join([first, *wrong])), *found]


def missing(columns: set[str]) -> list[Finding]:
    """Columns that the ledger does without, and what that costs."""
    costs = []
    if not columns & {"charged_fen", "charges"}:
        costs.append("no charged_fen: whether an order was charged, and how often, stays undecided")
    elif "charged_fen" not in columns:
        costs.append("no charged_fen: whether the right amount was charged stays undecided")
    if columns & {"charged_fen", "charges"} and "refunded_fen" not in columns:
        costs.append("no refunded_fen: orders that were charged and failed stay undecided")
    if "cards" not in columns:
        costs.append("no cards: a card that was sold twice is seen only where buyers see both")
    return [Finding("ledger.columns", "open", "; ".join(costs))] if costs else []


def single(platform: Platform, told: Plan, walked: Walked, began_s: float) -> Finding:
    """What ``reads.order`` says of the order, where there is no ledger."""
    key = key_of(told)
    wrong: list[str | None] = [None]

    def look() -> list[dict[str, Any]]:
        found = platform.orders([key], told.salt, start_s=began_s)
        wrong[0] = found.wrong
        return found.rows

    own = _patiently(look, walked, told.target.statuses)
    assert told.target.reads.order is not None
    if wrong[0] is not None:
        meant = ": no rule fits it" if "(odd_reply)" in wrong[0] else ""
        return Finding("reads.order", "bad", wrong[0].removeprefix("reads.order: ") + meant)
    if not own:
        if walked["accepted"]:
            return Finding("reads.order", "bad", "the reply says that there is no such order, and this one was accepted; is it found by what the shop keeps?")
        return Finding("reads.order", "ok", "says that there is no such order, and none was accepted")
    row = _the_one(own, walked)
    found = [*_meaning(row, walked, told.target.statuses), *differences(row, walked, set(row))]
    several = f"; {len(own)} orders have the key of this one" if len(own) > 1 else ""
    return Finding("reads.order", "bad" if found else "ok", "; ".join([f"finds this order, which is {row['status']!r}{several}", *found]))


def _patiently(look: Callable[[], list[dict[str, Any]]], walked: Walked, words: Statuses) -> list[dict[str, Any]]:
    """The platform's orders of this one's key, once it knows what the buyer knows, or patience is over."""
    until = clock.now() + LEDGER_S
    while True:
        own = look()
        behind = not own or (walked.get("confirmed") and not any(row["status"] in words.delivered for row in own))
        if not behind or not walked["accepted"] or clock.now() > until:
            return own
        time.sleep(0.5)


def _the_one(own: list[dict[str, Any]], walked: Walked) -> dict[str, Any]:
    return next((row for row in own if row["order_no"] == walked.get("order_no")), own[0])


def _without(count: int, same_number: list[dict[str, Any]], walked: Walked) -> Finding:
    if not walked["accepted"]:
        return Finding("ledger", "ok" if walked.get("outcome") == "rejected" else "open", f"{count:,} orders, and not this one, which was not accepted")
    if same_number:
        return Finding("ledger", "bad", f"order {walked['order_no']} has the key {same_number[0]['order_key']!r} there; does reads.ledger.columns.order_key find it?")
    return Finding("ledger", "bad", f"{count:,} orders, and none has the key of this one; does reads.ledger.columns.order_key find it?")


def _meaning(row: Row, walked: Walked, words: Statuses) -> list[str]:
    """What is odd about the status."""
    status = row["status"]
    known = {name: status in getattr(words, name) for name in ("delivered", "refunded", "paid", "failed", "unpaid")}
    if not any(known.values()):
        return [UNSAID]
    if walked.get("confirmed") and not known["delivered"]:
        return [f"that is {next(name for name, is_so in known.items() if is_so)}, and the buyer has it delivered"]
    return []


def differences(row: Row, walked: Walked, columns: set[str]) -> list[str]:
    """Where the row is of another order than the one that was sent, in sentences."""
    told = []
    number = walked.get("order_no")
    if number and row["order_no"] != number:
        told.append(f"order_no is {row['order_no']!r} where the submission said {number!r}")
    differing = [name for name in ("sku", "qty") if name in columns and name in walked and row.get(name) != walked[name]]
    told += [f"{name} is {row.get(name)!r} where {walked[name]!r} was ordered" for name in differing]
    amount = walked.get("amount_fen")
    if amount is None and walked.get("accepted") and "amount_fen" in columns and row.get("amount_fen") is None:
        told.append("amount_fen is no whole number there; as: yuan?")
    if amount is not None and "amount_fen" in columns:
        told += _money("amount_fen", row.get("amount_fen"), amount)
    if amount is not None and walked.get("confirmed") and "charged_fen" in columns:
        told += _money("charged_fen", row.get("charged_fen"), amount)
    return told + (_cards(row, walked) if walked.get("confirmed") and columns & {"cards", "card_digests"} else [])


def _money(name: str, found: int | None, said: int) -> list[str]:
    if found == said:
        return []
    if found is None:
        return [f"{name} is no whole number there, where the submission said {said} fen; as: yuan?"]
    if found * 100 == said:
        return [f"{name} is {found} where the submission said {said} fen; as: yuan?"]
    if found == said * 100:
        return [f"{name} is {found} where the submission said {said} fen; it is in fen already: without as: yuan?"]
    return [f"{name} is {found} where the submission said {said} fen"]


def _cards(row: Row, walked: Walked) -> list[str]:
    booked, seen, qty = row.get("card_digests") or [], walked.get("card_digests") or [], walked.get("qty", 1)
    if not booked:
        return [f"there is no card in it, and the buyer has {len(seen) or 'it delivered'}; does reads.ledger.columns.cards find them?"]
    if seen and not set(seen) & set(booked):
        counts = "" if len(seen) == len(booked) else f" ({len(booked)} there, {len(seen)} here)"
        return [f"its cards are not those that the buyer has{counts}; are both read in the same form (as: lines)?"]
    if seen and len(seen) != len(booked):
        return [f"{len(booked)} cards there, and the buyer has {len(seen)}"]
    if len(booked) < qty:
        return [f"{len(booked)} card{'s' if len(booked) > 1 else ''} for a quantity of {qty}"]
    return []
