"""What the tests of the check share: exchanges and orders as the engine says them, and a target."""

from __future__ import annotations

from typing import Any

from run_story import TARGET

from surgekit.target.schema import Target

STATUSES = {"unpaid": ["0"], "paid": ["1"], "delivered": ["2"], "refunded": ["4"], "failed": ["9"]}


def exchange(step: str, kind: str = "ok", reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One exchange: a JSON reply with HTTP 200, unless ``more`` says otherwise."""
    return {
        "step": step, "method": "GET", "url": f"/{step}", "headers": {}, "body": "", "status": 200, "error": None, "reply_headers": {"content-type": "text/html"},
        "reply": "", "reply_bytes": 2, "class": kind, "reason": reason, "ms": 1.0, "kept": {},
    } | more  # fmt: skip


def walked(outcome: str = "confirmed", **more: Any) -> dict[str, Any]:
    """What became of the order of one piece of ``game`` for 990 fen."""
    paid = outcome == "confirmed"
    return {
        "walked": True, "outcome": outcome, "reason": None if paid else "deadline", "status": "2" if paid else "0", "order_no": "N1", "amount_fen": 990,
        "accepted": True, "paid": paid, "confirmed": paid, "sku": "game", "qty": 1, "cards": int(paid), "card_digests": ["c1"] if paid else [], "seconds": 1.5,
    } | more  # fmt: skip


def shop(**more: Any) -> Target:
    """A target, with ``game`` for 990 fen from stock and ``skin`` from the supplier."""
    catalogue = [{"sku": "game", "name": "g", "price_fen": 990}, {"sku": "skin", "name": "s", "price_fen": 500, "supply": "supplier"}]
    return Target.model_validate({**TARGET, "catalogue": catalogue, "statuses": STATUSES, **more})
