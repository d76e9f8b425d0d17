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
from surgekit.engine.buyer import Session, Shop, Told, about, cards_in
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
    """One step: how its bytes are made, and what is done with its reply. ``looks``: it is the look at the order.

    ``answered`` is a function made for it, with all that it has to know at hand: it is what most of an engine's time goes into.
    """

    __slots__ = ("again", "answered", "looks", "method", "name", "render", "step")

    def __init__(self, lane: Lane, step: StepPlan, sender: Sender, after: Leg | None) -> None:
        self.step = step
        self.name = step.name
        self.method = sender.method
        self.again = sender.again
        self.render = sender.render
        self.looks = step is lane.shop.plan.poll
        self.answered = _answering(lane, self, after)


Answered = Callable[["Rider", Head, bytes, float], None]


def _answering(lane: Lane, leg: Leg, after: Leg | None) -> Answered:
    """Reads the reply to ``leg``, and sends the one ``after`` it; where there is none, the order should be where it is wanted."""
    client, row, word, at_once, keeps = lane.client, lane.log.row, lane.log.word(leg.name), leg.step.at_once, lane.keeps_cookies
    zero, reply_s, first_s, now = client.zero, client.reply_s, client.first_s, lane.now
    looks = after is not None and after.looks

    def answered(rider: Rider, head: Head, body: bytes, done: float) -> None:
        told = at_once(head.status, body)
        if told is None or (keeps and head.cookies):
            rider.odd(head, body, done)
            return
        sent, done_s = rider.sent, done - zero
        row(rider.seq, rider.due, sent - zero, done_s, len(body), head.status, word)
        rider.past.append((head, body, sent, done, told))
        if after is None:
            rider.rests(done)
            rider.arrived(told, done_s)
            return
        rider.values.update(told)
        rider.leg, rider.due = after, done_s
        wire = rider.wire
        # A look is only worth while the buyer has patience.
        if (looks and done_s > rider.patient_until) or not wire.reusable or done > client.quiet_from:
            rider.hand_over(done)
            return
        rider.sent = at = now()
        try:
            left = wire.begin(after.render(rider.values), after.method, at + reply_s, at + first_s, rider)
        except Broken as broken:
            rider.broke(broken)
            return
        if left:
            client.loop.spawn(rider.rest(left))

    return answered


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
        leg = legs[0]
        rider = Rider(self, order, key, leg, values, wire, now)
        self.live.add(rider)
        client = self.client
        try:
            left = wire.begin(leg.render(values), leg.method, now + client.reply_s, now + client.first_s, rider)
        except Broken as broken:
            rider.broke(broken)
        else:
            if left:
                client.loop.spawn(rider.rest(left))
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
        short = all(sender.short and step.firsts and not step.stamped for step, sender in made) and (not plan.pay or order.pay_by in plan.pay)
        legs: list[Leg] = []
        for step, sender in reversed(made) if short else ():
            legs.insert(0, Leg(self, step, sender, legs[0] if legs else None))
        self._legs[kind] = tuple(legs)
        return self._legs[kind]


class Rider:
    """One order on its short way. To a connection it is what a task would be. ``sent`` on the loop's clock, the others in seconds from the start."""

    error: BaseException | None = None
    leave: Callable[[], None] | None = None
    over = False

    def __init__(self, lane: Lane, order: Order, key: str, leg: Leg, values: dict[str, Any], wire: Connection, now: float) -> None:
        self.lane = lane
        self.order = order
        self.key = key
        self.seq = order.seq
        self.leg = leg
        self.values = values
        self.wire = wire
        self.sent = now
        self.started = now - lane.client.zero
        self.due = due = order.intended_s
        self.patient_until = due + lane.patience
        self.past: list[Seen] = []

    async def rest(self, left: bytes) -> None:
        """What the kernel did not take at once."""
        got = await self.wire.rest(left, self)
        if got is not None:
            self.resume(got)

    def resume(self, got: Answer | Broken) -> None:
        """The reply is there, or never will be."""
        if isinstance(got, Broken):
            try:
                self.broke(got)
            except Exception as error:  # noqa: BLE001 - as below
                self._failed(error)
        else:
            self.answered(*got)

    def answered(self, head: Head, body: bytes, done: float) -> None:
        """The reply is there."""
        try:
            self.leg.answered(self, head, body, done)
        except Exception as error:  # noqa: BLE001 - a fault of ours must void the run and say so, and not end the loop
            self._failed(error)

    def arrived(self, told: Mapping[str, Any], last_s: float) -> None:
        """The last leg is behind us: is the order where it should be?"""
        lane, past = self.lane, self.past
        zero = lane.client.zero
        values: Mapping[str, Any] = self.values
        status: str | None = None
        digests: list[str] | None = None
        if self.leg.looks:
            status = str(told["status"])
            if status not in lane.delivered:
                self._journey()
                return
            if "cards" in told:
                cards = cards_in(told)
                if not cards:
                    self._journey()
                    return
                digests = card_digests([str(card) for card in cards], lane.shop.salt)
            paid_s: float | None = past[-2][3] - zero if lane.pays else last_s
            confirmed_s: float = last_s
        else:
            paid_s = last_s if lane.pays else None
            confirmed_s = last_s
            values = {**values, **told}
        number, amount = about(values)
        first = past[0]
        self.over = True
        lane.live.discard(self)
        lane.log.confirmed(
            self.order, self.started, first[2] - zero, first[3] - zero, paid_s, confirmed_s, lane.now() - zero, amount, number, status, digests
        )
        if not lane.live:
            lane.surge.left(self)
        if digests:
            lane.surge.look_at(digests)

    def _ended(self, told: Told) -> None:
        lane = self.lane
        self.over = True
        lane.live.discard(self)
        lane.log.order(self.order, self.key, told)
        if not lane.live:
            lane.surge.left(self)

    # What is not as it should be.

    def _failed(self, error: Exception) -> None:
        surge = self.lane.surge
        surge.failed(error)
        if not self.over:
            self._ended(Told(self.started, outcome=Outcome.UNKNOWN, reason="engine_error", ended_s=surge.now(), attempts=1, errors=1))

    def broke(self, broken: Broken) -> None:
        """No reply. Where it may be asked for again on another connection, the journey does that."""
        lane = self.lane
        if self.leg.again and broken.silent:
            self._journey()
            return
        zero = lane.client.zero
        self._told(Reply(0, b"", self.sent - zero, lane.now() - zero, broken.word))

    def odd(self, head: Head, body: bytes, done: float) -> None:
        """A reply that is not read at a glance, or sets cookies."""
        lane, leg, sent = self.lane, self.leg, self.sent
        reply = self._reply(head, body, sent, done)
        jar: Jar | None = None
        if head.cookies and lane.keeps_cookies:
            jar = lane.members.visit(self.order, self.key)[1]
            if jar is not None:
                jar.store(lane.client.netloc, path_of(leg.render(self.values)), head.cookies)
                reply.cookies = None if jar.empty else jar.view(lane.client.netloc)
        self.rests(done)
        self._told(reply, jar)

    def rests(self, done: float) -> None:
        """The connection is not needed any more."""
        if self.wire.reusable:
            client = self.lane.client
            self.wire.idle(client.here, done, done + client.keep_alive_s)

    def _reply(self, head: Head, body: bytes, sent: float, done: float) -> Reply:
        zero = self.lane.client.zero
        return Reply(head.status, body, sent - zero, done - zero, None, False, head.headers)

    def _told(self, reply: Reply, jar: Jar | None = None) -> None:
        """``reply`` is written down, and the journey goes on from it."""
        read = self.leg.step.read(reply)
        self.lane.log.request(self.order, self.leg.name, reply, read, self.due, 1)
        self._journey((reply, read), jar)

    def hand_over(self, done: float) -> None:
        """All went well, and from here on it is a journey."""
        self.rests(done)
        self._journey()

    def _journey(self, last: tuple[Reply, Read] | None = None, jar: Jar | None = None) -> None:
        """It is told the replies that there were."""
        lane = self.lane
        replies: Replies = deque((self._reply(head, body, sent, done), Read(OK, None, values)) for head, body, sent, done, values in self.past)
        if last is not None:
            replies.append(last)
        values, own, new_jar = lane.members.visit(self.order, self.key)
        journey = Journey(lane.shop, Replayed(lane.floor, replies), self.order, values, own if jar is None else jar, new_jar)
        journey.told.started_s = self.started
        self.over = True
        lane.live.discard(self)
        lane.surge.go_on(self.order, self.key, journey)

    def cut(self) -> None:
        """It is ended where it stands."""
        if self.over:
            return
        if self.leave is not None:
            self.leave()
        zero = self.lane.client.zero
        told = Told(self.started, outcome=Outcome.UNKNOWN, reason="aborted", ended_s=self.lane.surge.now(), attempts=1)
        if self.past:
            number = self.values.get("order_no")
            told.sent_s, told.accepted_s = self.past[0][2] - zero, self.past[0][3] - zero
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
