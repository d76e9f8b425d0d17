"""What an engine writes down while it goes on; the run's history is made of it."""

from __future__ import annotations

from pathlib import Path

from surgekit.engine.buyer import Told
from surgekit.eventlog.writer import SpoolWriter
from surgekit.model import Order
from surgekit.target.reading import Reply
from surgekit.target.step import Read


class Log:
    """The engine's three spool files. ``begun`` is written as an order leaves, so that a crash knows of it."""

    def __init__(self, folder: Path, shard: int) -> None:
        self.begun = SpoolWriter(folder / f"begun-{shard}.jsonl")
        self.orders = SpoolWriter(folder / f"orders-{shard}.jsonl")
        self.requests = SpoolWriter(folder / f"requests-{shard}.jsonl")

    def flush(self) -> None:
        for each in (self.begun, self.requests, self.orders):
            each.flush()

    def request(self, order: Order, step: str, reply: Reply, read: Read, due_s: float, attempt: int) -> None:
        self.requests.row(
            {
                "seq": order.seq, "shard": order.shard, "step": step, "attempt": attempt, "due_s": due_s,
                "sent_s": reply.sent_s, "done_s": reply.done_s, "status": reply.status, "class": read.kind.value,
                "reason": read.reason, "bytes": len(reply.body),
            }
        )  # fmt: skip

    def order(self, order: Order, key: str, told: Told) -> None:
        self.orders.row(
            {
                "seq": order.seq, "shard": order.shard, "intended_s": order.intended_s, "started_s": told.started_s,
                "sent_s": told.sent_s, "accepted_s": told.accepted_s, "paid_s": told.paid_s,
                "confirmed_s": told.confirmed_s, "ended_s": told.ended_s, "paused_s": told.paused_s,
                "browsed_s": told.browsed_s, "outcome": told.outcome.value,
                "reason": told.reason, "order_key": key, "order_no": told.order_no, "sku": order.sku, "qty": order.qty,
                "amount_fen": told.amount_fen, "buyer_class": order.buyer_class, "attempts": told.attempts,
                "errors": told.errors, "status": told.status, "card_digests": told.card_digests or [],
                "phase": order.phase,
            }
        )  # fmt: skip
