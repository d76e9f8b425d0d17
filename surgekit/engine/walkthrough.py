"""One order, step by step, and everything that was seen on the way: for ``surgekit targets check``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from surgekit import clock, secretive
from surgekit.engine.members import Members
from surgekit.engine.surge import Surge
from surgekit.model import Order
from surgekit.redact import LEAST, Redactor
from surgekit.target.plan import Read, Request, StepPlan
from surgekit.target.reading import Reply

MOST_SHOWN = 600
"""Characters of a body that are shown."""
MOST_READ = 16 << 10
"""Bytes of it that are looked through for what has to be hidden: far more than are shown, so that no value is cut in two there."""
Say = Callable[..., None]


def walk(surge: Surge, members: Members, order: Order, known: Mapping[str, Any], say: Say) -> None:
    """Send ``order`` at once and say each exchange, secrets hidden; then what became of it."""
    hidden = Redactor({name: str(value) for name, value in known.items() if name.startswith("secret.")})
    hidden.learn("account", members.private(order))
    hidden.keep([known["run.id"], f"{known['run.id']}-{order.seq:07d}"])

    def seen(step: StepPlan, request: Request, reply: Reply, read: Read) -> None:
        hidden.keep([read.values.get("order_no"), read.values.get("status")])
        for name, values in read.values.items():
            if secretive.kind(name) not in (None, "captcha"):
                hidden.learn(name, [each for each in (values if isinstance(values, list) else [values]) if len(str(each)) >= LEAST])
        shown = _shown(reply.body, hidden)  # first, since what it gives under a telling name may be sent or kept under another
        say(
            step=step.name, method=request.method, url=hidden.text(request.url.decode("utf-8", "replace")),
            headers={name.decode("latin-1"): hidden.header(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.headers},
            body=_shown(request.body, hidden), status=reply.status, error=_said(reply.error, hidden),
            reply_headers={name: hidden.header(name, value) for name, value in (reply.headers or {}).items()},
            reply=shown, reply_bytes=len(reply.body),
            **{"class": read.kind.value}, reason=_said(read.reason, hidden), ms=None if reply.sent_s is None else round((reply.done_s - reply.sent_s) * 1000, 1),
            kept={name: hidden.value(name, value) for name, value in read.values.items() if name != "captcha_picture"},
        )  # fmt: skip

    surge.on_exchange = seen
    told = surge.one(order, clock.now())
    say(
        walked=True, outcome=told.outcome.value, reason=_said(told.reason, hidden), status=_said(told.status, hidden), order_no=told.order_no, amount_fen=told.amount_fen,
        accepted=told.accepted_s is not None, paid=told.paid_s is not None, confirmed=told.confirmed_s is not None,
        cards=len(told.card_digests or ()), seconds=round(surge.now(), 2),
    )  # fmt: skip


def _said(told: str | None, hidden: Redactor) -> str | None:
    return None if told is None else hidden.text(told)


def _shown(body: bytes, hidden: Redactor) -> str:
    text = body[:MOST_READ].decode("utf-8", "replace")
    if sum(not (char.isprintable() or char.isspace()) for char in text) > len(text) // 10:
        return f"({len(body):,} bytes that are no text)"
    text = " ".join(hidden.text(text).split())
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + " …"
