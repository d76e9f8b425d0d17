"""The gateway's till: each payment is captured once, and told to the platform until that has understood."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from surgekit import clock
from surgekit.edge import draws
from surgekit.edge.callbacks import Acked, Callback, Callbacks, Message, says_success
from surgekit.edge.config import GatewayConfig
from surgekit.edge.log import EventLog
from surgekit.edge.notice import Payment
from surgekit.edge.web import Answer
from surgekit.seeds import rng

_MONEY = re.compile(r"(\d{1,12})(?:\.(\d{1,2})0*)?", re.ASCII)
STOPPED = {"code": -1, "msg": "the run was stopped; nothing is paid any more"}


class Till:
    """Captures each payment once, and has it told to the platform."""

    def __init__(self, config: GatewayConfig, seed: int, log: EventLog, callbacks: Callbacks, run_id: str = "") -> None:
        self._config = config
        self._seed = seed
        self.log = log
        self.callbacks = callbacks
        self._run_id = run_id
        self._turn = asyncio.Semaphore(config.at_once)
        self._indices: dict[str, int] = {}
        self._payments: dict[str, Payment] = {}

    def paid(self, order_no: str) -> Payment | None:
        """The payment of an order, if there was one."""
        return self._payments.get(order_no)

    def payment(self, order_no: str, amount_fen: int) -> Payment:
        """What a capture would be. Its number is the order's from now on."""
        index = self._indices.setdefault(order_no, len(self._indices))
        # A platform that outlives the run must not see the numbers of the last one again.
        return Payment(index, f"G{self._run_id}{index:010d}", order_no, amount_fen, clock.utc())

    def capture(self, payment: Payment, message: Callable[[], Message] | None, acked: Acked = says_success) -> None:
        """Take the money, and start the notice where there is one."""
        self._payments[payment.order_no] = payment
        self.log.write(
            "gateway",
            "payment",
            order_no=payment.order_no,
            edge_no=payment.trade_no,
            amount_fen=payment.amount_fen,
            status="paid",
        )
        if message is None:
            return
        config, index = self._config, payment.index
        first = draws.seconds(config.notify_delay_ms, self._seed, "edge.gateway.notify", index)
        waits = [first, *(wait / config.compress for wait in config.notify_retries_s)]
        copies = self._copies(index)
        callback = Callback(
            "gateway", message, payment.order_no, payment.trade_no, acked=acked, copies=copies, turn=self._turn
        )
        self.callbacks.start(callback, waits)

    def _copies(self, index: int) -> int:
        """How often the first notice of a payment is sent: a pure function of seed and index."""
        wanted = self._config.duplicates
        if wanted is None or not draws.share(wanted.share, self._seed, "edge.gateway.duplicates", index):
            return 1
        return int(rng(self._seed, "edge.gateway.copies", index).integers(2, wanted.most + 1))

    def receipt(self, payment: Payment, status: str, read_at: float) -> Answer:
        """The answer to whoever paid; the log has it once it was written."""

        def written() -> None:
            self.log.write(
                "gateway",
                "reply",
                order_no=payment.order_no,
                edge_no=payment.trade_no,
                amount_fen=payment.amount_fen,
                status=status,
                took_s=clock.now() - read_at,
            )

        return Answer({"code": 1, "msg": "paid", "trade_no": payment.trade_no}, written=written)


def fen(money: str) -> int:
    """``12.3`` -> 1230. What is not an amount of whole fen, or is nothing, is 0."""
    found = _MONEY.fullmatch(money)
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else 0
