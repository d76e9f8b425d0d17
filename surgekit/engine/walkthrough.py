"""One order, step by step, and everything that was seen on the way: for ``surgekit targets check``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from surgekit import clock
from surgekit.engine.members import Members
from surgekit.engine.surge import Surge
from surgekit.model import Order
from surgekit.redact import Redactor
from surgekit.target.plan import Read, Request, StepPlan
from surgekit.target.reading import Reply

MOST_SHOWN = 600
"""Characters of a body that are shown."""
PRIVATE = frozenset({"cards", "card", "password", "token"})
Say = Callable[..., None]


def walk(surge: Surge, members: Members, order: Order, known: Mapping[str, Any], say: Say) -> None:
    """Send ``order`` at once and say each exchange, secrets hidden; then what became of it."""
    hidden = Redactor({name: str(value) for name, value in known.items() if name.startswith("secret.")})
    hidden.learn("account", members.private(order))

    def seen(step: StepPlan, request: Request, reply: Reply, read: Read) -> None:
        for name in PRIVATE & read.values.keys():
            values = read.values[name]
            hidden.learn(name, values if isinstance(values, list) else [values])
        say(
            step=step.name, method=request.method, url=hidden.text(request.url.decode("utf-8", "replace")),
            headers={name.decode("latin-1"): hidden.header(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.headers},
            body=_shown(request.body, hidden), status=reply.status, error=reply.error,
            reply_headers={name: hidden.header(name, value) for name, value in (reply.headers or {}).items()},
            reply=_shown(reply.body, hidden), reply_bytes=len(reply.body),
            **{"class": read.kind.value}, reason=read.reason, ms=None if reply.sent_s is None else round((reply.done_s - reply.sent_s) * 1000, 1),
            kept={name: hidden.text(str(value)) for name, value in read.values.items() if name != "captcha_picture"},
        )  # fmt: skip

    surge.on_exchange = seen
    told = surge.one(order, clock.now())
    say(
        walked=True, outcome=told.outcome.value, reason=told.reason, status=told.status, order_no=told.order_no, amount_fen=told.amount_fen,
        accepted=told.accepted_s is not None, paid=told.paid_s is not None, confirmed=told.confirmed_s is not None,
        cards=len(told.card_digests or ()), seconds=round(surge.now(), 2),
    )  # fmt: skip


def _shown(body: bytes, hidden: Redactor) -> str:
    text = body[: 4 * MOST_SHOWN].decode("utf-8", "replace")
    if sum(not (char.isprintable() or char.isspace()) for char in text) > len(text) // 10:
        return f"({len(body):,} bytes that are no text)"
    text = hidden.text(" ".join(text.split()))
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + " …"
