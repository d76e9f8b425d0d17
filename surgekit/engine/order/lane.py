"""The short way of an order that goes well: the steps of a ``Journey``, without one.

Nearly every order of a healthy platform is accepted, paid, and delivered at the first look. Such an order needs no coroutine and waits for
nobody: each reply leads to the next request at once. As soon as anything is otherwise, a ``Journey`` takes over. It is given the replies
that there were so far and goes through them without sending a byte, and so it is where it would be had it sent everything itself.
Nothing is decided here that a journey would decide in another way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Final

from surgekit.digest import card_digests
from surgekit.engine.history.spool import Log
from surgekit.engine.http.client import Client, path_of
from surgekit.engine.http.connection import Answer, Connection
from surgekit.engine.http.heads import Broken, Head
from surgekit.engine.order.buyer import Session, Shop, Told, written_down
from surgekit.engine.order.journey import Journey
from surgekit.engine.order.lane_code import MOST_OUT, Leg, written
from surgekit.engine.order.members import Members
from surgekit.model import Order, Outcome
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Read, StepPlan

if TYPE_CHECKING:  # the surge knows its lane
    from surgekit.engine.surge import Surge

MOST_KINDS: Final = 256
"""Products, ways to pay and classes of buyers together, for which the code is written."""
Kind = tuple[str, str, str]
"""Product, way to pay, class of buyers."""
Replies = deque[tuple[Reply, Read]]


class Lane:
    """All short ways of one surge. ``take`` says whether an order can go by one, and if so has it go. Requests wait until there are ``MOST_OUT`` of
    them or nothing else is to be done."""

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
        self.out: list[Rider] = []
        surge.loop.before_looking = self.flush
        self._own_of = members.own_of
        self._first: dict[Kind, Leg | None] = {}
        plan = shop.plan
        self._open = not (
            plan.setup or shop.prepares or plan.deliver or plan.composed or shop.tells_at_once or surge.limited or members.shares_cookies
        )  # fmt: skip

    def take(self, order: Order, now: float) -> bool:
        """``now`` on the loop's clock."""
        seq, _, due, sku, _, buyer, buyer_class, pay_by, _, browses, double_click, _, think_pay_s, cold = order
        if browses or double_click or cold or not self._open:
            return False
        client = self.client
        here = client.here
        if not here or now > client.quiet_from:
            return False
        try:
            leg = self._first[sku, pay_by, buyer_class]
        except KeyError:
            leg = self.prepare((sku, pay_by, buyer_class))
        if leg is None or (think_pay_s and self.pays):
            return False
        own_of = self._own_of
        mine = own_of(buyer)
        if mine is None:
            return False
        wire: Connection | None
        if here[-1].idle_since < now - client.fresh_s:
            wire = client.taken(here, now)
            if wire is None:
                return False
        else:
            wire = here.pop()
            wire.pool = None
        rider = Rider(self, order, seq, due, leg, mine, wire, now)
        rider.data = leg.render(rider)
        self.live.add(rider)
        out = self.out
        out.append(rider)
        if len(out) >= MOST_OUT:
            self.flush()
        return True

    def flush(self) -> None:
        """Send what waits to be."""
        if not self.out:
            return
        riders = self.out.copy()
        self.out.clear()
        client, now = self.client, self.now
        reply_s, first_s = client.reply_s, client.first_s
        if now() > client.quiet_from:
            for rider in riders:
                rider.back_out()
            return
        zero, worst = client.zero, 0.0
        for rider in riders:
            if rider.over:
                continue
            if rider.wire.closed:  # while it waited
                rider.back_out()
                continue
            rider.sent = at = now()
            if rider.past is None:
                rider.started = started = at - zero
                if started - rider.intended_s > worst:
                    worst = started - rider.intended_s
            leg = rider.leg
            try:
                left = rider.wire.begin(rider.data, leg.method, at + reply_s, at + first_s, rider, leg.answered)
            except Broken as broken:
                rider.resume(broken)
            else:
                if left:
                    client.loop.spawn(rider.rest(left))
        self.surge.slipped(worst)

    def digested(self, cards: list[Any]) -> list[str]:
        """Cards as the history has them."""
        digests = card_digests([str(card) for card in cards], self.shop.salt)
        self.surge.look_at(digests)
        return digests

    def prepare(self, kind: Kind) -> Leg | None:
        """The first leg of orders like this, from now on without delay; None where one of their steps has no short way."""
        if len(self._first) >= MOST_KINDS or not self._open:
            return None
        plan, pay_by = self.shop.plan, kind[1]
        steps = [plan.submit, *plan.pay.get(pay_by, ()), *([plan.poll] if plan.poll is not None else [])]
        given = frozenset[str]().union(*(step.gives for step in plan.steps))
        known = {name: value for name, value in self.members.known_of(*kind).items() if name not in given}
        made = [(step, self.client.sender(step, known)) for step in steps]
        short = all(sender.short and step.firsts and not step.stamped for step, sender in made) and (not plan.pay or pay_by in plan.pay)
        leg = written(self, made, known["order.price_fen"])[0] if short else None
        self._first[kind] = leg
        return leg


class Rider:
    """One order on its short way. To a connection it is what a task would be. ``sent`` and ``first_sent`` on the loop's clock, the others in seconds from
    the start. ``past``: the replies there were, the last one first: (those before it, its leg, head, body, when sent, when done)."""

    __slots__ = (
        "__dict__", "accepted_s", "amount_fen", "data", "due", "first_sent", "intended_s", "lane", "leg", "mine", "order", "order_no", "over", "past", "patient_until", "sent",
        "seq", "started", "wire",
    )  # fmt: skip
    error: BaseException | None = None

    def __init__(self, lane: Lane, order: Order, seq: int, due: float, leg: Leg, mine: Mapping[str, Any], wire: Connection, now: float) -> None:
        self.lane = lane
        self.order = order
        self.seq = seq
        self.leg = leg
        self.mine = mine
        self.wire = wire
        self.sent = now
        self.started = now - lane.client.zero
        self.intended_s = self.due = due
        self.patient_until = due + lane.patience
        self.data = b""
        self.over = False
        self.order_no: Any = None
        self.amount_fen: Any = None
        self.first_sent: float | None = None
        self.accepted_s = 0.0
        self.past: Any = None

    async def rest(self, left: bytes) -> None:
        """What the kernel did not take at once."""
        got = await self.wire.rest(left, self)
        if got is not None:
            self.resume(got)

    def resume(self, got: Answer | Broken) -> None:
        """The reply is there, or never will be."""
        if not isinstance(got, Broken):
            self.leg.answered(self, *got)
            return
        try:
            self._broke(got)
        except Exception as error:  # noqa: BLE001 - a fault of ours must void the run and say so, and not end the loop
            self.failed(error)

    def left(self) -> None:
        """It was the last one under way."""
        self.lane.surge.left(self)

    def _ended(self, told: Told) -> None:
        lane = self.lane
        self.over = True
        lane.live.discard(self)
        lane.log.order(self.order, lane.surge.key(self.seq), told)
        if not lane.live:
            lane.surge.left(self)

    # What is not as it should be.

    def failed(self, error: Exception) -> None:
        """Our own fault."""
        surge = self.lane.surge
        surge.failed(error)
        if not self.over:
            told = self._so_far("engine_error")
            told.errors = 1
            self._ended(told)

    def _broke(self, broken: Broken) -> None:
        """No reply. Where it may be asked for again on another connection, the journey does that."""
        lane = self.lane
        if self.leg.again and broken.silent:
            self.journey()
            return
        zero = lane.client.zero
        self._told(Reply(0, b"", self.sent - zero, lane.now() - zero, broken.word))

    def odd(self, head: Head, body: bytes, done: float) -> None:
        """A reply that is not read at a glance, or sets cookies."""
        lane, leg = self.lane, self.leg
        reply = self._reply(head, body, self.sent, done)
        jar: Jar | None = None
        if head.cookies and lane.keeps_cookies:
            jar = lane.members.visit(self.order, lane.surge.key(self.seq))[1]
            if jar is not None:
                jar.store(lane.client.netloc, path_of(leg.render(self)), head.cookies)
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
        self.journey((reply, read), jar)

    def hand_over(self, done: float) -> None:
        """All went well, and from here on it is a journey."""
        self.rests(done)
        self.journey()

    def journey(self, last: tuple[Reply, Read] | None = None, jar: Jar | None = None) -> None:
        """From here on it is a journey, which is told the replies that there were."""
        lane = self.lane
        replies: Replies = deque(() if last is None else (last,))
        past = self.past
        while past is not None:
            past, leg, head, body, sent, done = past
            reply = self._reply(head, body, sent, done)
            replies.appendleft((reply, leg.step.read(reply)))
        values, own, new_jar = lane.members.visit(self.order, lane.surge.key(self.seq))
        journey = Journey(lane.shop, Replayed(lane.floor, replies), self.order, values, own if jar is None else jar, new_jar)
        journey.told.started_s = self.started
        self.over = True
        lane.live.discard(self)
        lane.surge.go_on(self.order, journey)

    def cut(self) -> None:
        """It is ended where it stands."""
        if self.over:
            return
        self.wire.close()
        self._ended(self._so_far("aborted"))

    def back_out(self) -> None:
        """Its request has not left, and will not from here: the long way sends it, or says why not."""
        if not self.over:
            self.wire.close()
            try:
                self.journey()
            except Exception as error:  # noqa: BLE001 - as above
                self.failed(error)

    def _so_far(self, reason: str) -> Told:
        """What the buyer has seen of an order that ends here, nobody knows how."""
        lane = self.lane
        told = Told(self.started, outcome=Outcome.UNKNOWN, reason=reason, ended_s=lane.surge.now(), attempts=1)
        if self.first_sent is not None:
            told.sent_s, told.accepted_s = self.first_sent - lane.client.zero, self.accepted_s
            told.order_no, told.amount_fen = written_down(self.order_no, self.amount_fen)
            if lane.pays and self.leg.step is lane.shop.plan.poll:
                told.paid_s = self.due  # when the payment was done, as the look was due then
        return told


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
