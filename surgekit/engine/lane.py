"""The short way of an order that goes well: the steps of a ``Journey``, without one.

Nearly every order of a healthy platform is accepted, paid, and delivered at the first look. Such an order needs no coroutine and waits for
nobody: each reply leads to the next request at once. As soon as anything is otherwise, a ``Journey`` takes over. It is given the replies
that there were so far and goes through them without sending a byte, and so it is where it would be had it sent everything itself.
Nothing is decided here that a journey would decide in another way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from surgekit.digest import card_digests
from surgekit.engine.buyer import MOST_FEN, Session, Shop, Told
from surgekit.engine.client import Client, path_of
from surgekit.engine.connection import FRESH_S, Answer, Connection
from surgekit.engine.heads import Broken, Head
from surgekit.engine.journey import Journey
from surgekit.engine.members import Members
from surgekit.engine.sender import Sender
from surgekit.engine.spool import Log
from surgekit.model import Order, Outcome
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import OK, Read, StepPlan

if TYPE_CHECKING:  # the surge knows its lane
    from surgekit.engine.surge import Surge

MOST_KINDS: Final = 256
"""Products, ways to pay and classes of buyers together, for which the bytes are made beforehand."""
Replies = deque[tuple[Reply, Read]]
Seen = tuple[Head, bytes, float, float, Mapping[str, Any]]
"""A leg that is behind: head and body of its reply, when it was sent and when the reply was there (on the loop's clock), what is kept of it."""


class Leg:
    """One step: how its bytes are made, and how its reply is read. ``looks``: it is the look at the order; ``last``: nothing comes behind it."""

    __slots__ = ("again", "at_once", "last", "looks", "method", "name", "render", "step", "word")

    def __init__(self, step: StepPlan, sender: Sender, log: Log, *, looks: bool, last: bool) -> None:
        self.step = step
        self.name = step.name
        self.method = sender.method
        self.again = sender.again
        self.render = sender.render
        self.at_once = step.at_once
        self.word = log.word(step.name)
        self.looks = looks
        self.last = last


class Lane:
    """All short ways of one surge. ``take`` says whether an order can go by one, and if so sends it off."""

    def __init__(self, surge: Surge, client: Client, log: Log, shop: Shop, members: Members, floor: Session) -> None:
        self.surge = surge
        self.client = client
        self.log = log
        self.shop = shop
        self.members = members
        self.floor = floor
        self.now = surge.loop.now
        self.live = surge.live
        self.patience = shop.patience
        self.delivered = shop.delivered
        self.pays = bool(shop.plan.pay)
        self.keeps_cookies = members.keeps_cookies
        self._legs: dict[tuple[str, str, str], tuple[Leg, ...]] = {}
        plan = shop.plan
        self._open = not (plan.setup or shop.prepares or plan.deliver or plan.composed or shop.tells_at_once or surge.limited)

    def take(self, order: Order, key: str, now: float) -> bool:
        """``now`` on the loop's clock."""
        if not self._open or order.browses or order.double_click or order.cold:
            return False
        here = self.client.here
        if not here or here[-1].idle_since < now - FRESH_S or now > self.client.quiet_from:
            return False
        kind = order.sku, order.pay_by, order.buyer_class
        legs = self._legs.get(kind)
        if legs is None:
            legs = self._made(order, kind)
        if not legs or (order.think_pay_s and len(legs) > 2):
            return False
        values = self.members.few_values(order, key)
        if values is None:
            return False
        wire = here.pop()
        wire.pool = None
        rider = Rider(self, order, key, legs, values, now)
        self.live.add(rider)
        rider.go(wire, now)
        return True

    def _made(self, order: Order, kind: tuple[str, str, str]) -> tuple[Leg, ...]:
        """The legs of orders like this one; none where one of their steps has no short way."""
        if len(self._legs) >= MOST_KINDS:
            return ()
        plan = self.shop.plan
        steps = [plan.submit, *plan.pay.get(order.pay_by, ()), *([plan.poll] if plan.poll is not None else [])]
        given = frozenset[str]().union(*(step.gives for step in plan.steps))
        known = {name: value for name, value in self.members.known_of(order).items() if name not in given}
        made = [(step, self.client.sender(step, known)) for step in steps]
        short = all(sender.short and not step.stamped for step, sender in made) and (not plan.pay or order.pay_by in plan.pay)
        legs = [Leg(step, sender, self.log, looks=step is plan.poll, last=step is steps[-1]) for step, sender in made] if short else []
        self._legs[kind] = tuple(legs)
        return self._legs[kind]


class Rider:
    """One order on its short way. To a connection it is what a task would be."""

    error: BaseException | None = None
    leave: Callable[[], None] | None = None

    def __init__(self, lane: Lane, order: Order, key: str, legs: tuple[Leg, ...], values: dict[str, Any], now: float) -> None:
        self._lane = lane
        self._order = order
        self._key = key
        self._legs = legs
        self._values = values
        self._at = 0
        self._started = now - lane.client.zero
        self._due = order.intended_s
        self._past: list[Seen] = []
        self.over = False

    def go(self, wire: Connection, now: float) -> None:
        """Send the leg that is next."""
        leg, client = self._legs[self._at], self._lane.client
        data = leg.render(self._values)
        self._wire, self._sent = wire, now
        try:
            left = wire.begin(data, leg.method, now + client.reply_s, now + client.first_s, self)
        except Broken as broken:
            self._broke(broken)
            return
        if left:
            client.loop.spawn(self._rest(left))

    async def _rest(self, left: bytes) -> None:
        """What the kernel did not take at once."""
        got = await self._wire.rest(left, self)
        if got is not None:
            self.resume(got)

    def resume(self, got: Answer | Broken) -> None:
        """The reply is there, or never will be."""
        if isinstance(got, Broken):
            try:
                self._broke(got)
            except Exception as error:  # noqa: BLE001 - as below
                self._failed(error)
        else:
            self.answered(*got)

    def answered(self, head: Head, body: bytes, done: float) -> None:
        """The reply is there."""
        try:
            lane, leg, sent = self._lane, self._legs[self._at], self._sent
            told = leg.at_once(head.status, body)
            if told is None or (head.cookies and lane.keeps_cookies):
                self._odd(head, body, done)
                return
            zero = lane.client.zero
            lane.log.row(self._order.seq, self._due, sent - zero, done - zero, len(body), head.status, leg.word)
            self._on(leg, (head, body, sent, done, told))
        except Exception as error:  # noqa: BLE001 - a fault of ours must void the run and say so, and not end the loop
            self._failed(error)

    def _on(self, leg: Leg, seen: Seen) -> None:
        """``leg`` is behind us, and it went well."""
        lane, wire, done = self._lane, self._wire, seen[3]
        client = lane.client
        self._past.append(seen)
        if leg.last:
            if wire.reusable:
                wire.idle(client.here, done, done + client.keep_alive_s)
            self._arrived(leg, seen[4], done - client.zero)
            return
        self._values.update(seen[4])
        self._at += 1
        self._due = due = done - client.zero
        now = lane.now()
        # A look is only worth while the buyer has patience.
        patient = not self._legs[self._at].looks or due <= self._order.intended_s + lane.patience
        if patient and wire.reusable and now <= client.quiet_from:
            self.go(wire, now)
            return
        if wire.reusable:
            wire.idle(client.here, done, done + client.keep_alive_s)
        self._hand_over()

    def _arrived(self, leg: Leg, told: Mapping[str, Any], last_s: float) -> None:
        """The last leg is behind us: is the order where it should be?"""
        lane, past = self._lane, self._past
        zero = lane.client.zero
        values: Mapping[str, Any] = self._values
        status: str | None = None
        digests: list[str] | None = None
        if leg.looks:
            status = str(told["status"])
            if status not in lane.delivered:
                self._hand_over()
                return
            if "cards" in told:
                cards = told["cards"]
                if isinstance(cards, str) and cards.strip():
                    cards = [cards]
                if not isinstance(cards, list) or not cards:
                    self._hand_over()
                    return
                digests = card_digests([str(card) for card in cards], lane.shop.salt)
            paid_s: float | None = past[-2][3] - zero if lane.pays else last_s
            confirmed_s: float = last_s
        else:
            paid_s = last_s if lane.pays else None
            confirmed_s = last_s
            values = {**values, **told}
        number, amount = values.get("order_no"), values.get("amount_fen")
        if number is not None and type(number) is not str:
            number = str(number)
        if type(amount) is not int or not -MOST_FEN < amount < MOST_FEN:
            amount = None
        first = past[0]
        self.over = True
        lane.live.discard(self)
        lane.log.confirmed(
            self._order, self._started, first[2] - zero, first[3] - zero, paid_s, confirmed_s, lane.now() - zero, amount, number, status, digests
        )
        if not lane.live:
            lane.surge.left(self)
        if digests:
            lane.surge.look_at(digests)

    def _ended(self, told: Told) -> None:
        lane = self._lane
        self.over = True
        lane.live.discard(self)
        lane.log.order(self._order, self._key, told)
        if not lane.live:
            lane.surge.left(self)

    # What is not as it should be.

    def _failed(self, error: Exception) -> None:
        surge = self._lane.surge
        surge.failed(error)
        if not self.over:
            self._ended(Told(self._started, outcome=Outcome.UNKNOWN, reason="engine_error", ended_s=surge.now(), attempts=1, errors=1))

    def _broke(self, broken: Broken) -> None:
        """No reply. Where it may be asked for again on another connection, the journey does that."""
        lane, leg = self._lane, self._legs[self._at]
        if leg.again and broken.silent:
            self._hand_over()
            return
        zero = lane.client.zero
        self._told(Reply(0, b"", self._sent - zero, lane.now() - zero, broken.word))

    def _odd(self, head: Head, body: bytes, done: float) -> None:
        """A reply that is not read at a glance, or sets cookies."""
        lane, wire = self._lane, self._wire
        if wire.reusable and not (head.cookies and lane.keeps_cookies):
            reply = self._reply(head, body, self._sent, done)
            read = self._legs[self._at].step.read(reply)
            if read.kind is OK:
                lane.log.request(self._order, self._legs[self._at].name, reply, read, self._due, 1)
                self._on(self._legs[self._at], (head, body, self._sent, done, read.values))
                return
        if wire.reusable:
            wire.idle(lane.client.here, done, done + lane.client.keep_alive_s)
        jar: Jar | None = None
        reply = self._reply(head, body, self._sent, done)
        if head.cookies and lane.keeps_cookies:
            jar = lane.members.visit(self._order, self._key)[1]
            if jar is not None:
                netloc = lane.client.netloc
                jar.store(netloc, path_of(self._legs[self._at].render(self._values)), head.cookies)
                reply.cookies = None if jar.empty else jar.view(netloc)
        self._told(reply, jar)

    def _reply(self, head: Head, body: bytes, sent: float, done: float) -> Reply:
        zero = self._lane.client.zero
        return Reply(head.status, body, sent - zero, done - zero, None, False, head.headers)

    def _told(self, reply: Reply, jar: Jar | None = None) -> None:
        """``reply`` is written down, and the journey goes on from it."""
        leg = self._legs[self._at]
        read = leg.step.read(reply)
        self._lane.log.request(self._order, leg.name, reply, read, self._due, 1)
        self._hand_over((reply, read), jar)

    def _hand_over(self, last: tuple[Reply, Read] | None = None, jar: Jar | None = None) -> None:
        """From here on it is a journey, which is told the replies that there were."""
        lane = self._lane
        replies: Replies = deque((self._reply(head, body, sent, done), Read(OK, None, values)) for head, body, sent, done, values in self._past)
        if last is not None:
            replies.append(last)
        values, own, new_jar = lane.members.visit(self._order, self._key)
        journey = Journey(lane.shop, Replayed(lane.floor, replies), self._order, values, own if jar is None else jar, new_jar)
        journey.told.started_s = self._started
        self.over = True
        lane.live.discard(self)
        lane.surge.go_on(self._order, self._key, journey)

    def cut(self) -> None:
        """It is ended where it stands."""
        if self.over:
            return
        if self.leave is not None:
            self.leave()
        zero = self._lane.client.zero
        told = Told(self._started, outcome=Outcome.UNKNOWN, reason="aborted", ended_s=self._lane.surge.now(), attempts=1)
        if self._past:
            values = self._values
            number = values.get("order_no")
            told.sent_s, told.accepted_s = self._past[0][2] - zero, self._past[0][3] - zero
            told.order_no = None if number is None else str(number)
        self._ended(told)


class Replayed:
    """A journey's session in which the first replies were there before. They were sent and written down by whoever had them."""

    def __init__(self, floor: Session, replies: Replies) -> None:
        self._floor = floor
        self._replies = replies
        self.now = floor.now
        self.sleep_until = floor.sleep_until
        self.beside = floor.beside
        self.deliver = floor.deliver

    def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> Awaitable[tuple[Reply, Read]]:
        return self._again() if self._replies else self._floor.send(order, step, values, due_s, attempt, jar)

    async def _again(self) -> tuple[Reply, Read]:
        return self._replies.popleft()
