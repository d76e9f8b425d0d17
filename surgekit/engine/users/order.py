"""What becomes of one order that a Locust task places: its requests, the words of the locustfile, and the outcome of both."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

from locust.exception import CatchResponseError

from surgekit import clock
from surgekit.digest import card_digests
from surgekit.engine.http.heads import MOST_REPLY
from surgekit.engine.order.buyer import BROKEN, MOST_FEN, Told
from surgekit.engine.surge import Surge
from surgekit.engine.users.guard import RefusedError
from surgekit.model import Order, Outcome, ReplyClass
from surgekit.target.reading import Reply
from surgekit.target.step import Read

MOST_WORD = 160
"""So long may a reason be: it is a word in tables."""
_NOWHERE = (ConnectionRefusedError, socket.gaierror, RefusedError)


class LocustOrder:
    """Takes in what happens to ``order``. ``told`` is what is known of it at any moment."""

    def __init__(self, surge: Surge, order: Order, values: Mapping[str, Any], salt: str) -> None:
        self._surge = surge
        self._order = order
        self._salt = salt
        self.values = values
        self.told = Told(started_s=surge.now(), attempts=1)
        self._requests = 0
        self._doubt: str | None = None
        self._without_effect: str | None = None
        self._word: tuple[Outcome, str | None] | None = None

    # What the guard and the clients tell.

    def leaving(self) -> None:
        """Bytes are about to leave."""
        if self.told.sent_s is None and self.told.ended_s is None:
            self.told.sent_s = self._surge.now()

    def seen(
        self, *, name: str = "", response_time: float | None = None, response_length: int | None = None,
        exception: Any = None, response: Any = None, start_time: float | None = None, **_: Any,
    ) -> None:  # fmt: skip
        """A request of this order, as the client told Locust of it."""
        if self.told.ended_s is not None:
            return
        now, took = self._surge.now(), (response_time or 0.0) / 1000
        # A request that the task looked at for a while is told when it has; the client knows when it began.
        began = now - took if start_time is None else now - (clock.utc().timestamp() - start_time)
        began = min(max(began, self.told.started_s or 0.0), now)
        done = min(began + took, now)
        status = getattr(response, "status_code", 0) or 0
        kind, reason = self._meaning(exception, status)
        sent = None if kind is ReplyClass.NOT_SENT else began
        body = bytes(min(max(int(response_length or 0), 0), MOST_REPLY))  # as long as it was; what stood in it is the task's affair
        due = self._order.intended_s if self._requests == 0 else began
        self._requests += 1
        reply = Reply(status, body, sent, done, None if kind is ReplyClass.OK else reason, effect_free=sent is None)
        self._surge.tell(self._order, str(name)[:200], reply, Read(kind, reason), due, 1)
        if self.told.sent_s is None and sent is not None:
            self.told.sent_s = sent
        if kind in BROKEN:
            self.told.errors += 1
            if kind is ReplyClass.NOT_SENT:
                self._without_effect = self._without_effect or _short(f"{name}: {reason}")
            else:
                self._doubt = self._doubt or _short(f"{name}: {reason}")

    def _meaning(self, exception: Any, status: int) -> tuple[ReplyClass, str | None]:
        if exception is None:
            return ReplyClass.OK, None
        if isinstance(exception, CatchResponseError | str):
            word = _short(str(exception)) or "failure"
            return (ReplyClass.HIDDEN_ERROR if 200 <= status < 400 else ReplyClass.UNKNOWN), word
        if status >= 400:
            return ReplyClass.UNKNOWN, f"http_{status}"
        causes = list(_causes(exception))
        if any(isinstance(each, _NOWHERE) for each in causes):
            word = "connect_refused" if any(isinstance(each, ConnectionRefusedError) for each in causes) else "connect_failed"
            # Where nothing of this order has left, and there was nobody to take it, that is as good as a proof.
            return (ReplyClass.NOT_SENT if self.told.sent_s is None else ReplyClass.UNKNOWN), word
        if any("Timeout" in type(each).__name__ for each in causes):
            return ReplyClass.UNKNOWN, "timeout"
        return ReplyClass.UNKNOWN, "reset" if any(isinstance(each, ConnectionError) for each in causes) else type(exception).__name__

    # What the locustfile tells (the adapter's Desk).

    def accepted(self, order_no: str | None, amount_fen: int | None) -> None:
        told = self.told
        if told.ended_s is not None:
            return
        if told.accepted_s is None:
            told.accepted_s = self._surge.now()
        told.order_no = order_no if order_no is not None else told.order_no
        if isinstance(amount_fen, int) and not isinstance(amount_fen, bool) and abs(amount_fen) < MOST_FEN:
            told.amount_fen = amount_fen

    def paid(self) -> None:
        if self.told.ended_s is None and self.told.paid_s is None:
            self.told.paid_s = self._surge.now()

    def confirmed(self, cards: list[str]) -> None:
        told = self.told
        if told.ended_s is None:
            told.confirmed_s = self._surge.now()
            told.accepted_s = told.confirmed_s if told.accepted_s is None else told.accepted_s
            told.card_digests = card_digests(cards, self._salt)
            self._word = (Outcome.CONFIRMED, None)

    def rejected(self, reason: str) -> None:
        self._says(Outcome.REJECTED, reason)

    def unknown(self, reason: str) -> None:
        self._says(Outcome.UNKNOWN, reason)

    def _says(self, outcome: Outcome, reason: str) -> None:
        if self.told.ended_s is None and self._word != (Outcome.CONFIRMED, None):  # what a buyer has in hand stays there
            self._word = (outcome, _short(reason) or outcome.value)

    # The end.

    def raised(self, error: BaseException) -> None:
        """The task ended with an error of its own. Whatever it had sent may have had an effect."""
        self.told.errors += 1
        self._doubt = self._doubt or f"raised_{type(error).__name__}"

    def setup_failed(self, reason: str) -> None:
        """The user could not start, so that no order was placed."""
        self.told.errors += 1
        self.told.outcome, self.told.reason, self.told.ended_s = Outcome.FAILED, _short(reason), self._surge.now()

    def ended(self, outcome: Outcome | None = None, reason: str | None = None) -> None:
        """The task is over. ``outcome``: of one that was broken off, unless the locustfile had told it already."""
        told, now = self.told, self._surge.now()
        if self._word is not None:
            outcome, reason = self._word
        elif outcome is None:
            outcome, reason = self._outcome()
            if outcome is Outcome.CONFIRMED:
                told.accepted_s = told.confirmed_s = now
        told.outcome, told.reason, told.ended_s = outcome, reason, now

    def _outcome(self) -> tuple[Outcome, str | None]:
        """Where the locustfile did not say how the order ended."""
        if self._doubt is not None:
            return Outcome.UNKNOWN, self._doubt
        if self._without_effect is not None:
            return (Outcome.FAILED if self.told.sent_s is None else Outcome.UNKNOWN), self._without_effect
        if self.told.accepted_s is not None or self.told.paid_s is not None:
            return Outcome.UNKNOWN, "not_confirmed"
        if self._requests == 0 and self.told.sent_s is None:
            return Outcome.FAILED, "sent_nothing"
        return Outcome.CONFIRMED, None


def _short(text: str) -> str:
    return " ".join(text.split())[:MOST_WORD]


def _causes(error: Any) -> Iterator[BaseException]:
    """``error`` and what it was made of: libraries put the reason into ``args``, ``reason``, the cause or the context."""
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < 50:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
