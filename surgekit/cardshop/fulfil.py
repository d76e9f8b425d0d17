"""From paid to delivered: inline in the request, or in the background with retries."""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from surgekit import clock
from surgekit.cardshop import orders
from surgekit.cardshop.orders import Order
from surgekit.cardshop.stock import Naive, Strategy
from surgekit.cardshop.store import Store, why
from surgekit.cardshop.supplier import Answer, Outcome, Supplier

OWN_THREADS, BOUGHT_THREADS = 4, 32
"""Own cards and bought cards have threads of their own, so a slow supplier holds up nobody who buys from stock."""
ASK_AGAIN_S = (0.2, 0.5, 1.0, 2.0)
GIVE_UP_TRIES = 300  # about ten minutes
SWEEP_S = 0.25

log = logging.getLogger("cardshop")


class Fulfilment:
    """Delivers paid orders, and frees the cards of those that are never paid."""

    def __init__(
        self, store: Store, strategy: Strategy, supplier: Supplier | None, own_skus: frozenset[str], *, background: bool
    ) -> None:
        self._store, self._strategy, self._supplier = store, strategy, supplier
        self._own_skus, self._background = own_skus, background
        self._own = ThreadPoolExecutor(OWN_THREADS, "own")
        self._bought = ThreadPoolExecutor(BOUGHT_THREADS, "bought")
        self._due: list[tuple[float, Order, int]] = []
        self._due_lock = threading.Lock()
        self._stopped = threading.Event()
        self._house = threading.Thread(target=self._keep_house, name="house", daemon=True)
        self._house.start()

    def after_payment(self, order: Order) -> str:
        """Deliver, or see to it that it is delivered. Returns the order's status as the buyer may be told."""
        if not self._background:
            return self._fulfil(order, 0)
        self._in_background(order, 0)
        return "paid"

    def stop(self) -> None:
        """Begin nothing new. Calls that wait for the supplier are left to end with the process."""
        self._stopped.set()
        for pool in (self._own, self._bought):
            pool.shutdown(wait=False, cancel_futures=True)
        self._house.join(timeout=0.5)

    def _in_background(self, order: Order, tries: int) -> None:
        pool = self._own if order.sku in self._own_skus else self._bought
        if not self._stopped.is_set():
            pool.submit(self._try, order, tries)

    def _try(self, order: Order, tries: int) -> None:
        try:
            self._fulfil(order, tries)
        except SQLAlchemyError as problem:  # nothing was written, so nothing is lost by doing it again
            log.warning("delivery of %s put off: %s", order.order_no, why(problem))
            self._later(order, tries)
        except Exception:
            log.exception("delivery of %s failed", order.order_no)

    def _fulfil(self, order: Order, tries: int) -> str:
        if order.sku in self._own_skus:
            return self._strategy.hand_over(self._store, order)
        if self._supplier is None:
            with self._store.write() as conn:
                return orders.refund(conn, order)
        if isinstance(self._strategy, Naive):
            return buy_inside_transaction(self._store, self._supplier, order)
        return buy_carefully(self._store, self._supplier, order, tries, lambda: self._later(order, tries + 1))

    def _later(self, order: Order, tries: int) -> None:
        wait_s = ASK_AGAIN_S[min(tries, len(ASK_AGAIN_S) - 1)]
        with self._due_lock:
            heapq.heappush(self._due, (clock.now() + wait_s, order, tries))

    def _keep_house(self) -> None:
        swept_s = clock.now()
        while not self._stopped.wait(0.05):
            now = clock.now()
            with self._due_lock:
                ready = []
                while self._due and self._due[0][0] <= now:
                    ready.append(heapq.heappop(self._due))
            for _, order, tries in ready:
                self._in_background(order, tries)
            if now - swept_s >= SWEEP_S:
                swept_s = now
                try:
                    while orders.expire_overdue(self._store):
                        pass
                except SQLAlchemyError as problem:
                    log.warning("expiry put off: %s", why(problem))


def buy_inside_transaction(store: Store, supplier: Supplier, order: Order) -> str:
    """The naive way: the transaction has written, so it holds a connection and its locks until the supplier answers.

    What times out is bought again under a new number. If the first purchase was only slow, the shop pays for both.
    """
    with store.write() as conn:
        orders.start(conn, order)
        answer = supplier.buy(order, order.order_no)
        if answer.outcome is Outcome.UNDETERMINED:
            answer = supplier.buy(order, f"{order.order_no}-2")
        if answer.outcome is Outcome.PROCESSING:
            return "fulfilling"
        if answer.outcome is Outcome.UNDETERMINED:
            return orders.park(conn, order)
        return _settle(conn, order, answer)


def buy_carefully(store: Store, supplier: Supplier, order: Order, tries: int, later: Callable[[], None]) -> str:
    """The safe way: no transaction is open while the supplier thinks, and one order has one number for ever.

    An unknown answer is resolved by asking, never by buying under a new number. Only what the supplier says it
    does not know is sent again, under the same number, so that even a slow first purchase is executed once.
    """
    with store.write() as conn:
        orders.start(conn, order)
        status = orders.find(conn, order.order_no)[1]
    if status != "fulfilling":  # its callback was faster
        return status
    answer = supplier.buy(order, order.order_no) if tries == 0 else supplier.query(order.order_no)
    if answer.outcome is Outcome.NOT_FOUND:
        answer = supplier.buy(order, order.order_no)
    if answer.outcome in (Outcome.SUCCESS, Outcome.FAILED) or tries >= GIVE_UP_TRIES:
        with store.write() as conn:
            return _settle(conn, order, answer)
    later()
    return "fulfilling"


def _settle(conn: Connection, order: Order, answer: Answer) -> str:
    if answer.outcome is Outcome.SUCCESS:
        return orders.deliver(conn, order, answer.codes)
    if answer.outcome is Outcome.FAILED:
        return orders.refund(conn, order)
    return orders.park(conn, order)
