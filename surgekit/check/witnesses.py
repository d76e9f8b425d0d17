"""Whether the platform's traffic passes through what SurgeKit plays: gateway and supplier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from surgekit.check.course import in_words, wrong_step
from surgekit.check.finding import Exchange, Finding, State, Walked
from surgekit.target.schema import Act, Target

GATEWAY = "gateway"
"""The name of an ``act`` among the exchanges."""
Row = dict[str, Any]


def supplied(shop: Target, sku: str) -> bool:
    return any(product.sku == sku and product.supply == "supplier" for product in shop.catalogue)


def gateway(shop: Target, rows: Sequence[Row], walked: Walked, seen: Sequence[Exchange], way: str) -> Finding:
    """Whether the payment was captured, and the notice of it understood."""
    paid = [row for row in rows if row["actor"] == GATEWAY and row["event"] == "payment"]
    told = [row for row in rows if row["actor"] == GATEWAY and row["event"] == "callback"]
    steps = shop.steps.pay.get(way, []) if shop.steps is not None else []  # type: ignore[call-overload]  # a way as a text
    acts = any(isinstance(step, Act) for step in steps)
    if not paid and way != GATEWAY and not acts:
        return Finding(GATEWAY, "open", "not asked: paid by balance; try --pay gateway")
    if not paid:
        return _unpaid(shop, walked, seen, acts)
    if not any(row["acked"] for row in told):
        return Finding(GATEWAY, "bad", f"paid, and {_unheard(shop, told)}")
    return Finding(GATEWAY, "ok", f"paid, and notified: acknowledged at attempt {next(row['attempt'] for row in told if row['acked'])}")


def _unpaid(shop: Target, walked: Walked, seen: Sequence[Exchange], acts: bool) -> Finding:
    if not walked["accepted"]:
        return Finding(GATEWAY, "open", "not asked: there was no order to pay for")
    if acts:
        asked = [each for each in seen if each["step"] == GATEWAY]
        if asked:
            return Finding(GATEWAY, "bad", f"act was reached and took no payment: {in_words(asked[-1])}")
        wrong = wrong_step([each for each in seen if each["step"] != "poll"])
        return Finding(GATEWAY, "bad", "act was not reached" + (f": {in_words(wrong)}" if wrong is not None else ""))
    where = shop.edge.gateway.configured_in
    return Finding(GATEWAY, "bad", "no payment passed through the stand-in" + (f"; its address is set in {where}" if where else ""))


def _unheard(shop: Target, told: Sequence[Row]) -> str:
    """Why a notice was not acknowledged."""
    if not told:
        return "no notice was sent yet"
    last = told[-1]
    answered = str(last["status"]).isdigit()
    said = f"{last.get('detail')!r} (HTTP {last['status']})" if answered else f"none ({last['status']})"
    quoted = next((row for row in reversed(told) if row.get("detail")), None)
    if answered and last.get("detail") is None and quoted is not None:
        said = f"{quoted['detail']!r} (HTTP {quoted['status']})"
    notify = shop.edge.gateway.notify
    wanted = f", where {notify.ack!r} acknowledges" if notify is not None and answered else ""
    many = "the one notice was not" if len(told) == 1 else f"none of {len(told)} notices was"
    return f"{many} acknowledged; the answer to the last: {said}{wanted}"


def supplier(shop: Target, rows: Sequence[Row], walked: Walked, sku: str) -> Finding:
    """Whether the platform buys through the link, and what it is answered there."""
    played = "supplier" in shop.plays
    at = "stand-in" if played else "link"
    asked = [row for row in rows if row["actor"] in ("supplier", "link")]
    where = shop.edge.supplier.configured_in
    if asked:
        bad = _unanswered(asked, played, confirmed=walked["confirmed"])
        return Finding("supplier", "bad" if bad else "ok", bad or f"{len(asked)} events passed through the {at}")
    if not walked["accepted"]:
        return Finding("supplier", "open", "not asked: there was no order to buy for")
    if supplied(shop, sku):
        state: State = "open" if walked["outcome"] == "unknown" and not walked["paid"] else "bad"
        hint = f"; the supplier's address is set in {where}" if where else ""
        hint += "" if played else f"; does the supplier at {shop.edge.supplier.upstream} answer?"
        return Finding("supplier", state, f"{sku} is bought from the supplier, and nothing passed through the {at}{hint}")
    return Finding("supplier", "open", f"not asked: {sku} comes from stock; try --product with one that is bought")


def _unanswered(asked: Sequence[Row], played: bool, *, confirmed: bool) -> str | None:
    """What is wrong with what the platform was answered; None: nothing."""
    if any(row["event"] == "bad_sign" for row in asked):
        return "the stand-in does not take the platform's signature; does edge.supplier.key have the platform's key?"
    if any(row["event"] == "purchase" for row in asked):
        return None
    forwarded = [row for row in asked if row["event"] == "forward"]
    wrong = [row for row in forwarded if str(row["status"]).isdigit() and int(row["status"]) >= 400]
    if wrong and (len(wrong) == len(forwarded) or not confirmed):
        what = f"{wrong[0].get('detail') or 'what was asked'} was answered with HTTP {wrong[0]['status']}"
        if played:
            return f"{what}: the stand-in does not speak this platform's dialect; put a link in front of a real supplier with edge.supplier.upstream"
        return f"{what} by the supplier at edge.supplier.upstream"
    refused = [row for row in asked if row["event"] == "refuse"]
    return "the link let no connection through" if refused and not forwarded else None


def edge_rows(run: Path) -> list[Row]:
    """What the edge has written down so far."""
    try:
        lines = (run / "spool" / "edge.jsonl").read_bytes().splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue  # the last line may be under way
    return rows

