"""One order, step by step, and everything that was seen on the way: for ``surgekit targets check``.

Each exchange is said when it happens, since whoever hears it may be all that is left if this process dies. What is learned later (a card that
only the last reply names as one) is hidden in earlier exchanges too: those are said again, by their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from surgekit import clock, secretive
from surgekit.engine import shown
from surgekit.engine.order.members import Members
from surgekit.engine.surge import Surge
from surgekit.model import Order
from surgekit.redact import LEAST, TELLING, Redactor
from surgekit.target.reading import Reply
from surgekit.target.step import Read, Request, StepPlan

Say = Callable[..., None]
_PARTS = re.compile(r"-{2,}|[\s|,;:，；：]+")
MOST_KEPT = 20
"""Values of a list, such as an order's cards, that are told one by one."""
_OPEN = ("step", "method", "class")
"""What is said of an exchange in our own words."""


class Learning(Redactor):
    """Knows whether something was learned since it was last asked."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._told = 0
        super().__init__(known)

    def news(self) -> bool:
        before, self._told = self._told, len(self._words)
        return self._told > before


class Seen:
    """The exchanges so far. ``add`` says one, and again each earlier one in which more has to be hidden by now."""

    def __init__(self, hidden: Learning, say: Say) -> None:
        self._hidden = hidden
        self._say = say
        self._all: list[tuple[dict[str, Any], int]] = []
        self._said: list[dict[str, Any]] = []

    def add(self, told: dict[str, Any], most: int) -> None:
        """``told``: without secrets as far as they are known, its bodies at full length. ``most``: characters of the reply to show."""
        self._all.append((told, most))
        self._said.append({})
        for number in range(len(self._all)) if self._hidden.news() else [len(self._all) - 1]:
            shape = self._shaped(*self._all[number])
            if shape != self._said[number]:
                self._said[number] = shape
                self._say(number=number, **shape)

    def _shaped(self, told: dict[str, Any], most: int) -> dict[str, Any]:
        shape = {name: value if name in _OPEN else self._known(value) for name, value in told.items()}
        return {**shape, "body": shown.cut(shape["body"], shown.MOST_SHOWN), "reply": shown.cut(shape["reply"], most)}

    def _known(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._known(inner) for name, inner in value.items()}
        return self._hidden.known(value) if isinstance(value, str) else value


def walk(surge: Surge, members: Members, order: Order, known: Mapping[str, Any], say: Say) -> None:
    """Send ``order`` at once and say each exchange, secrets hidden; then what became of it."""
    hidden = Learning({name: str(value) for name, value in known.items() if name.startswith("secret.")})
    hidden.learn("account", members.private(order))
    hidden.keep([known["run.id"], f"{known['run.id']}-{order.seq:07d}"])
    story = Seen(hidden, say)

    def seen(step: StepPlan, request: Request, reply: Reply, read: Read) -> None:
        hidden.keep([read.values.get("order_no"), read.values.get("status")])
        for name, values in read.values.items():
            if secretive.kind(name) not in (None, "captcha"):
                hidden.learn(name, _pieces(values if isinstance(values, list) else [values]))
        answer, most = shown.body(reply, hidden)  # first, since what it gives under a telling name may be sent or kept under another
        told = dict(
            step=step.name, method=request.method, url=hidden.text(request.url.decode("utf-8", "replace")),
            headers={name.decode("latin-1"): hidden.header(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.headers},
            body=shown.sent(request.body, hidden), status=reply.status, error=_said(reply.error, hidden),
            reply_headers={name: hidden.header(name, value) for name, value in (reply.headers or {}).items()},
            reply=answer, reply_bytes=len(reply.body),
            **{"class": read.kind.value}, reason=_said(read.reason, hidden), ms=None if reply.sent_s is None else round((reply.done_s - reply.sent_s) * 1000, 1),
            kept={name: _kept(name, value, hidden) for name, value in read.values.items() if name != "captcha_picture"},
        )  # fmt: skip
        story.add(told, most)

    surge.show(seen)
    told = surge.loop.run_until(surge.one(order, clock.now()))
    say(
        walked=True, outcome=told.outcome.value, reason=_said(told.reason, hidden), status=_said(told.status, hidden), order_no=told.order_no, amount_fen=told.amount_fen,
        accepted=told.accepted_s is not None, paid=told.paid_s is not None, confirmed=told.confirmed_s is not None, sku=order.sku, qty=order.qty,
        cards=len(told.card_digests or ()), card_digests=told.card_digests or [], seconds=round(surge.now(), 2),
    )  # fmt: skip


def _pieces(values: Iterable[object]) -> Iterable[object]:
    """What is hidden of values that are secret: each as a whole, and its parts, as of a card number and its password in one line."""
    for value in values:
        text = str(value)
        if value is not None and len(text) >= LEAST:
            yield text
            yield from (part for part in _PARTS.split(text) if len(part) >= TELLING and part != text and any(each.isdigit() for each in part))


def _kept(name: str, value: object, hidden: Redactor) -> str | None:
    """None: nothing was found."""
    if isinstance(value, list) and len(value) > MOST_KEPT:
        return f"{hidden.value(name, value[:MOST_KEPT])} … {len(value):,} in all"
    return None if value is None or value in ("", []) else hidden.value(name, value)


def _said(told: str | None, hidden: Redactor) -> str | None:
    return None if told is None else hidden.text(told)
