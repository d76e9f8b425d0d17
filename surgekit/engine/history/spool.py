"""What an engine writes down while it goes on; the run's history is made of it."""

from __future__ import annotations

import atexit
import errno
import struct
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from surgekit import clock
from surgekit.engine.history.handover import Job, Writer, weight
from surgekit.engine.history.live import Live
from surgekit.engine.history.words import Words
from surgekit.engine.loop.real import real
from surgekit.engine.order.buyer import Told
from surgekit.eventlog import records
from surgekit.eventlog.records import NO_AMOUNT, NO_TEXT, NO_TIME, PACK_BEGUN, PACK_ORDER, PACK_REQUEST
from surgekit.model import Order, Outcome
from surgekit.target.reading import Reply
from surgekit.target.step import OK, Read

LATE_S = 0.5
"""Of an order that no record tells of, the seal of a killed engine knows only that it may have left within the last second
(``CRASH_MARGIN_S``). So a writer that is behind by this much is waited for: the loop stands still, and that shows as its lag."""
FIGURES_S = 0.2
"""At least so long lies between two workings out of the figures of ``live``."""
MOST_WAITING: Final = 64 << 20
"""Bytes that may wait to be written."""
_ROWS: Final = 4096
"""Records a block."""
_LIVE_ROWS: Final = 1024
_BREATH_S: Final = 0.00002
_MOST_BREATH_S: Final = 0.005
_SPREAD_S: Final = 0.05
"""About so long the figures of one ``flush`` are worked out. All at once, they would hold the interpreter, and whoever is due meanwhile would be
late; a bit now and then is hardly felt."""
_MOST_OUT: Final = 16
"""Full blocks that wait for the next flush."""
_WORDS, _BEGUN, _REQUESTS, _TEXTS, _ORDERS = range(5)
_TEXT_SIZE: Final = 64
"""About so many bytes are the texts of an order."""
_MOST_INT: Final = 2**31 - 1

_pack_request, _pack_order, _pack_begun = PACK_REQUEST.pack_into, PACK_ORDER.pack_into, PACK_BEGUN.pack_into
ROW_SIZE: Final = PACK_REQUEST.size
_ORDER_SIZE: Final = PACK_ORDER.size
_BEGUN_SIZE: Final = PACK_BEGUN.size
FULL_ROWS: Final = _ROWS * ROW_SIZE
_FULL_ORDERS: Final = _ROWS * _ORDER_SIZE
_FULL_BEGUN: Final = _ROWS * _BEGUN_SIZE


class Block:
    """Records that wait to be handed over: in ``data``, up to ``at``."""

    __slots__ = ("at", "data")

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.at = 0


class Log:
    """The history of one shard, for one thread. A row costs it well under a microsecond; another thread writes what ``flush`` hands over.

    ``live`` has figures of what is written. A shard's files are begun once: raises ``OSError`` where there is something in them
    already, or they cannot be opened.
    """

    def __init__(self, folder: Path, shard: int, *, most_waiting: int = MOST_WAITING) -> None:
        self.live = Live()
        self._never = real("_thread", "allocate_lock")()
        self._never.acquire()
        self._breath_s = _BREATH_S
        names = (records.words, records.begun, records.requests, records.texts, records.orders)
        self._small: dict[int, list[bytes]] = {_REQUESTS: [], _ORDERS: []}
        self._worked_out = clock.now()
        self._writer = Writer([name(folder, shard) for name in names], self._written, self._rests)
        self._new_words = Words(self.live)
        self._of_requests, self._of_orders, self._lines = self._new_words.of_requests, self._new_words.of_orders, self._new_words.lines
        self._confirmed: dict[str | None, int] = {}
        """status → word, of orders that went well."""
        self._texts: list[object] = []
        """Number and cards of one order after the other."""
        self._next_text = 0
        self._begun = Block(_FULL_BEGUN)
        self.rows = Block(FULL_ROWS)
        """Requests. Whoever writes there what ``request`` would have written calls ``hand_rows`` at ``FULL_ROWS``."""
        self._orders = Block(_FULL_ORDERS)
        self._out: list[Job] = []
        self._given = 0
        self._handed: deque[tuple[int, float]] = deque()
        self._most_waiting = most_waiting
        self._failed = self._closed = False
        atexit.register(self._forgotten)

    # Rows.

    def begun(self, seq: int, at_s: float) -> None:
        """Order ``seq`` is about to leave, so that a crash knows of it."""
        block = self._begun
        at = block.at
        _pack_begun(block.data, at, seq, at_s)
        block.at = at = at + _BEGUN_SIZE
        if at == _FULL_BEGUN:
            self._hand_begun()

    def word(self, step: str) -> int:
        """What stands in a record for a request of this step that went well."""
        try:
            return self._of_requests[step, OK, None]
        except KeyError:
            return self._new_words.request(step, OK, None)

    def request(self, order: Order, step: str, reply: Reply, read: Read, due_s: float, attempt: int) -> None:
        """One request is over."""
        try:
            word = self._of_requests[step, read.kind, read.reason]
        except KeyError:
            word = self._new_words.request(step, read.kind, read.reason)
        sent = reply.sent_s
        size = len(reply.body)
        rows = self.rows
        at = rows.at
        try:
            _pack_request(rows.data, at, order.seq, due_s, NO_TIME if sent is None else sent, reply.done_s, size, reply.status, attempt, word)
        except struct.error:
            status = _within(reply.status, -_MOST_INT, _MOST_INT)
            _pack_request(
                rows.data, at, order.seq, due_s, NO_TIME if sent is None else sent, reply.done_s,
                _within(size, 0, _MOST_INT), status, _within(attempt, 0, _MOST_INT), word,
            )  # fmt: skip
        rows.at = at = at + ROW_SIZE
        if at == FULL_ROWS:
            self.hand_rows()

    def order(self, order: Order, key: str, told: Told) -> None:
        """One order is over. What the schedule knows of it anyway, its key too, is not written."""
        number: object = told.order_no
        cards: object = told.card_digests
        try:
            word = self._of_orders[told.outcome, told.reason, told.status]
        except KeyError:
            word, says_all = self._new_words.order(told.outcome, told.reason, told.status)
            if not says_all:
                cards = {"cards": cards, "reason": told.reason, "status": told.status}
        text = self._next_text if number is not None or cards else NO_TEXT
        started = told.started_s
        sent = told.sent_s
        accepted = told.accepted_s
        paid = told.paid_s
        confirmed = told.confirmed_s
        ended = told.ended_s
        amount = told.amount_fen
        block = self._orders
        at = block.at
        try:
            _pack_order(
                block.data, at, order.seq, order.intended_s, NO_TIME if started is None else started, NO_TIME if sent is None else sent,
                NO_TIME if accepted is None else accepted, NO_TIME if paid is None else paid, NO_TIME if confirmed is None else confirmed,
                NO_TIME if ended is None else ended, told.paused_s, told.browsed_s, NO_AMOUNT if amount is None else amount,
                text, told.attempts, told.errors, word, 0,
            )  # fmt: skip
        except struct.error:
            holdable = _holdable(told)
            if holdable == told:
                raise
            self.order(order, key, holdable)
            return
        if text != NO_TEXT:
            self._texts.append(number)
            self._texts.append(cards)
            self._next_text = text + 1
        block.at = at = at + _ORDER_SIZE
        if at == _FULL_ORDERS:
            self._hand_orders()

    def confirmed(
        self, seq: int, intended_s: float, started_s: float, sent_s: float, accepted_s: float, paid_s: float | None, confirmed_s: float, amount_fen: int | None,
        number: str | None, status: str | None, cards: list[str] | None,
    ) -> None:  # fmt: skip
        """``order``, of one that went well at its first attempt, without a pause, and was over with the reply that said so."""
        try:
            word = self._confirmed[status]
        except KeyError:
            word, says_all = self._new_words.order(Outcome.CONFIRMED, None, status)
            if says_all:
                self._confirmed[status] = word
            else:
                cards = {"cards": cards, "reason": None, "status": status}  # type: ignore[assignment]
        text = NO_TEXT
        if number is not None or cards:
            text = self._next_text
            self._next_text = text + 1
            self._texts += (number, cards)
        block = self._orders
        at = block.at
        _pack_order(
            block.data, at, seq, intended_s, started_s, sent_s, accepted_s, NO_TIME if paid_s is None else paid_s, confirmed_s, confirmed_s,
            0.0, 0.0, NO_AMOUNT if amount_fen is None else amount_fen, text, 1, 0, word, 0,
        )  # fmt: skip
        block.at = at = at + _ORDER_SIZE
        if at == _FULL_ORDERS:
            self._hand_orders()

    # Handing over.

    def flush(self) -> None:
        """Hand over what there is; to be called several times a second.

        Raises ``OSError`` where earlier rows could not be written, or too many wait to be. They are kept, and a later ``flush`` goes on with them.
        """
        self._hand_over()
        writer, handed = self._writer, self._handed
        if self._failed:
            self._failed = False
            writer.again()
        while handed and handed[0][0] <= writer.taken:
            handed.popleft()
        if handed and clock.now() - handed[0][1] > LATE_S:
            self._breath_s = _BREATH_S
            writer.wait()
        if writer.error is not None:
            self._raise()
        if self._given - writer.taken > self._most_waiting:
            raise OSError(errno.ENOBUFS, "the disk is slower than the surge")

    def wait(self) -> None:
        """Hand over what there is, and wait until it is with the kernel. Raises ``OSError``."""
        self._hand_over()
        self._breath_s = _BREATH_S
        self._writer.wait()
        self._raise()

    def close(self) -> None:
        """Hand over what there is, wait until it is with the kernel, end the threads. Raises ``OSError``; closed it is even so."""
        if not self._closed:
            self._closed = True
            atexit.unregister(self._forgotten)
            self._hand_over()
            self._breath_s = _BREATH_S
            self._writer.close()
            self._raise()

    def _raise(self) -> None:
        error, self._writer.error = self._writer.error, None
        if error is not None:
            self._failed = True
            raise error

    def _forgotten(self) -> None:
        with suppress(OSError):
            self.close()

    def _hand_over(self) -> None:
        if self._begun.at:
            self._hand_begun()
        if self.rows.at:
            self.hand_rows()
        if self._orders.at:
            self._hand_orders()
        if self._out:
            self._put()

    def _hand_begun(self) -> None:
        self._give(_BEGUN, self._begun)

    def hand_rows(self) -> None:
        """Hand the requests over."""
        if self._lines:
            self._hand_words()
        self._give(_REQUESTS, self.rows)

    def _hand_orders(self) -> None:
        if self._lines:
            self._hand_words()
        if self._texts:
            self._out.append((_TEXTS, self._texts, len(self._texts) * _TEXT_SIZE // 2))
            self._texts = []
        self._give(_ORDERS, self._orders)

    def _hand_words(self) -> None:
        block = b"".join(self._lines)
        self._lines.clear()
        self._out.append((_WORDS, block, len(block)))

    def _give(self, file: int, block: Block) -> None:
        """What is in ``block`` is the writer's to be."""
        data, size, block.at = block.data, block.at, 0
        if size * 4 < len(data):
            self._out.append((file, bytes(memoryview(data)[:size]), size))
            return
        self._out.append((file, data, size))
        if len(self._out) > _MOST_OUT:
            self._put()
        block.data = self._writer.spare(file) or bytearray(len(data))

    def _put(self) -> None:
        out, self._out = self._out, []
        given = sum(map(weight, out))
        self._breath_s = min(max(_SPREAD_S * _LIVE_ROWS * ROW_SIZE / given, _BREATH_S), _MOST_BREATH_S)
        self._given += given
        self._handed.append((self._given, clock.now()))
        self._writer.give(out)

    # In the writer's thread, which has the interpreter for a moment at a time, so that the loop never waits long for it.

    def _written(self, file: int, block: bytes | bytearray, size: int) -> None:
        if file in self._small:
            small = self._small[file]
            if isinstance(block, bytes):  # hardly anything; and to work out figures costs as much for a few rows as for a thousand
                small.append(block)
            else:
                self._figure(file, block, size)

    def _rests(self, awaited: bool) -> None:
        now = clock.now()
        if not awaited and now - self._worked_out < FIGURES_S:
            return
        self._worked_out = now
        for file, small in self._small.items():
            if small:
                block = b"".join(small)
                small.clear()
                self._figure(file, block, len(block))

    def _figure(self, file: int, block: bytes | bytearray, size: int) -> None:
        figure, step = (self.live.requests, _LIVE_ROWS * ROW_SIZE) if file == _REQUESTS else (self.live.orders, _LIVE_ROWS * _ORDER_SIZE)
        for first in range(0, size, step):
            figure(memoryview(block)[first : min(size, first + step)])
            self._never.acquire(timeout=self._breath_s)


def _within(value: object, least: int, most: int) -> int:
    """``value`` as a record can hold it; 0 where it is no whole number."""
    return min(max(value, least), most) if isinstance(value, int) else 0


def _holdable(told: Told) -> Told:
    """``told`` as a record can hold it: a platform may have answered any amount."""
    amount = told.amount_fen if isinstance(told.amount_fen, int) and abs(told.amount_fen) < 2**63 else None
    return replace(told, amount_fen=amount, attempts=_within(told.attempts, 0, _MOST_INT), errors=_within(told.errors, 0, _MOST_INT))
