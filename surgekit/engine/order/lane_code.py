"""The code of a short way, written once the orders that go by it are known: a reply in, the next bytes out, no call in between that can be spared.

What differs from one kind of order to the next is in the code; an order brings what is its own: the attributes of a ``Rider``, and ``given_0`` and so on
beside them, which are what else one reply gives and a later step sends. No text of a target or of a reply is ever a part of the code: all of them are values that it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from surgekit.engine.history.spool import FULL_ROWS, ROW_SIZE
from surgekit.engine.http.heads import Head
from surgekit.engine.http.sender import Sender
from surgekit.engine.order.buyer import cards_in, written_down
from surgekit.eventlog.records import PACK_REQUEST
from surgekit.target import encode, glance
from surgekit.target.glance import indented
from surgekit.target.step import StepPlan
from surgekit.target.template import Template

if TYPE_CHECKING:  # the lane knows its code
    from surgekit.engine.order.lane import Lane, Rider

MOST_OUT: Final = 32
"""Requests that wait for each other, so that they leave together: a platform that has just fallen asleep is woken once for all of them."""
TOLD: Final = ("order_no", "amount_fen")
"""What the row of an order has of what replies give; both have a place of their own in a rider."""
_PROBES: Final = (0, 1, 7, 1_234_567, 98_765_432, 2**40)
Hands = dict[str, Any]
_ROW: Final = [
    "at = rows.at",
    "pack(rows.data, at, rider.seq, rider.due, sent - zero, done_s, len(body), status, 1, word)",
    f"rows.at = at = at + {ROW_SIZE}",
    f"if at == {FULL_ROWS}:",
    "    log.hand_rows()",
]
"""As ``Log.request`` does for a first attempt that went well, without the call."""


class Leg:
    """One step of a short way. ``render``: the bytes of its request, for a rider; ``answered``: what is done with its reply."""

    __slots__ = ("again", "answered", "method", "name", "render", "step")

    render: Callable[[Rider], bytes]
    answered: Callable[[Rider, Head, bytes, float], None]

    def __init__(self, step: StepPlan, sender: Sender) -> None:
        self.step = step
        self.name = step.name
        self.method = sender.method
        self.again = sender.again


def written(lane: Lane, steps: Sequence[tuple[StepPlan, Sender]], price_fen: int) -> tuple[Leg, ...]:
    """The legs of orders that are placed by these steps. ``price_fen``: of one piece of their product."""
    places: dict[str, str] = {}
    fills: list[_Fill] = []
    for step, sender in steps:
        fills.append(_Fill(lane, sender, places, price_fen))
        for name in _given(lane, step):
            places.setdefault(name, name if name in TOLD else f"given_{len(places)}")
    legs = tuple(Leg(step, sender) for step, sender in steps)
    for at, leg in enumerate(legs):
        leg.render = fills[at].function()
        last = at + 1 == len(legs)
        leg.answered = _Answer(lane, leg, places, first=at == 0).function(None if last else (legs[at + 1], fills[at + 1]))
    return legs


def _given(lane: Lane, step: StepPlan) -> list[str]:
    """What replies to ``step`` tell of the order for later. A look tells only how far it is: whose number and price it is was settled before."""
    return [] if step is lane.shop.plan.poll else [name for name, *_ in step.kept]


class _Fill:
    """The bytes of a request, made of a rider."""

    def __init__(self, lane: Lane, sender: Sender, places: Mapping[str, str], price_fen: int) -> None:
        """``places``: where a rider has what replies gave before."""
        self.hands: Hands = {"key_of": lane.surge.key}
        self._key_of = lane.surge.key
        self._price_fen = price_fen
        self._places = dict(places)
        if sender.body is None:
            self._lines = self._filled("data", "whole", sender.head, b"", [])
        else:
            self._lines = [
                *self._filled("text", "content", sender.body, b"", []),
                *self._filled("data", "whole", sender.head, b"%d\r\n\r\n%b", ["len(text)", "text"]),
            ]

    def lines(self) -> list[str]:
        """Code that has them as ``data`` then."""
        return self._lines

    def function(self) -> Callable[[Rider], bytes]:
        text = ["def render(rider):", *indented(self._lines), "    return data"]
        return glance.made(text, dict(self.hands))  # type: ignore[no-any-return]

    def _filled(self, name: str, of: str, template: Template, behind: bytes, more: Sequence[str]) -> list[str]:
        whole, holes = b"", []
        for piece in template.pieces:
            if isinstance(piece, bytes):
                whole += piece.replace(b"%", b"%%")
            else:
                form, hole = self._hole(*piece)
                whole += form
                holes.append(hole)
        self.hands[of] = whole + behind
        holes += more
        if not holes:
            self.hands[of] = self.hands[of] % ()
            return [f"{name} = {of}"]
        return [f"{name} = {of} % ({', '.join(holes)},)"]

    def _hole(self, name: str, write: Callable[[Any], bytes]) -> tuple[bytes, str]:
        """(what stands in the text, what is put there)."""
        if name in self._places:
            return b"%b", self._written(write, f"rider.{self._places[name]}")
        if name == "order.key":
            return self._number(write, self._key_of, "rider.seq", "key_of(rider.seq)", b"%07d")
        if name == "order.seq":
            return self._number(write, int, "rider.seq", "rider.seq", b"%d")
        if name == "order.qty":
            return self._number(write, int, "rider.order.qty", "rider.order.qty", b"%d")
        if name == "order.total_fen":
            total = f"rider.order.qty * {self._price_fen}"
            return self._number(write, int, total, total, b"%d")
        word = f"name_{len(self.hands)}"
        self.hands[word] = name
        return b"%b", self._written(write, f"rider.mine[{word}]")

    def _written(self, write: Callable[[Any], bytes], value: str) -> str:
        word = f"write_{len(self.hands)}"
        self.hands[word] = write
        if write is encode.segment or write is encode.query:  # the same bytes, of what an order's number most often is
            return f"({value}.encode() if type({value}) is str and len({value}) > 2 and {value}.isascii() and {value}.isalnum() else {word}({value}))"
        return f"{word}({value})"

    def _number(self, write: Callable[[Any], bytes], value_of: Callable[[int], Any], number: str, value: str, form: bytes) -> tuple[bytes, str]:
        """Most often the value is a number between bytes that are always the same; tried out, since there are filters of many kinds."""
        one = write(value_of(_PROBES[3]))
        before, found, behind = one.partition(form % _PROBES[3])
        if found and all(write(value_of(probe)) == before + form % probe + behind for probe in _PROBES):
            return before.replace(b"%", b"%%") + form + behind.replace(b"%", b"%%"), number
        return b"%b", self._written(write, value)


class _Answer:
    """What is done with the reply to a leg."""

    def __init__(self, lane: Lane, leg: Leg, places: Mapping[str, str], *, first: bool) -> None:
        client = lane.client
        self._lane = lane
        self._leg = leg
        self._places = places
        self._first = first
        self._kept = [name for name, *_ in leg.step.kept]
        self._hands: Hands = {
            "client": client, "log": lane.log, "rows": lane.log.rows, "pack": PACK_REQUEST.pack_into, "word": lane.log.word(leg.name), "leg": leg, "out": lane.out, "flush": lane.flush,
            "delivered": lane.delivered, "cards_in": cards_in, "written_down": written_down,
        }  # fmt: skip

    def function(self, following: tuple[Leg, _Fill] | None) -> Callable[[Rider, Head, bytes, float], None]:
        """``following``: the leg after it, and its bytes."""
        odd = ["rider.odd(head, body, done)", "return"]
        text = ["if head.cookies:", *indented(odd)] if self._lane.keeps_cookies else []
        text += ["status = head.status", *glance.lines(self._leg.step.firsts, self._leg.step.kept, odd, self._hands)]
        text += ["sent, zero = rider.sent, client.zero", "done_s = done - zero", *_ROW]
        given = _given(self._lane, self._leg.step)
        text += [f"rider.{self._places[name]} = kept_{at}" for at, name in enumerate(self._kept) if name in given]
        if self._first:
            text += ["rider.first_sent = sent", "rider.accepted_s = done_s"]
        text += self._arrives() if following is None else self._goes_on(*following)
        whole = ["def answered(rider, head, body, done):", "    try:", *indented(indented(text)), "    except Exception as error:", "        rider.failed(error)"]
        return glance.made(whole, self._hands)  # type: ignore[no-any-return]

    def _goes_on(self, leg: Leg, fill: _Fill) -> list[str]:
        """Sends the next request."""
        self._hands.update({**fill.hands, "following": leg})
        # A look is only worth while the buyer has patience.
        patient = "done_s > rider.patient_until or " if leg.step is self._lane.shop.plan.poll else ""
        return [
            "rider.past = rider.past, leg, head, body, sent, done",
            "rider.leg, rider.due = following, done_s",
            f"if {patient}not rider.wire.reusable or done > client.quiet_from:",
            "    rider.hand_over(done)",
            "    return",
            *fill.lines(),
            "rider.data = data",
            "out.append(rider)",
            f"if len(out) >= {MOST_OUT}:",
            "    flush()",
        ]

    def _arrives(self) -> list[str]:
        """This was the last one. Is the order where it should be?"""
        lane = self._lane
        looks = self._leg.step is lane.shop.plan.poll
        self._hands.update(
            {"here": lane.client.here, "keep_alive_s": lane.client.keep_alive_s, "live": lane.live, "confirmed": lane.log.confirmed, "digested": lane.digested}
        )  # fmt: skip
        text = ["if rider.wire.reusable:", "    rider.wire.idle(here, done, done + keep_alive_s)"]
        wrong = ["rider.past = rider.past, leg, head, body, sent, done", "rider.journey()", "return"]
        status, digests = "None", "None"
        if looks:
            status = "told"
            text += [f"told = str(kept_{self._kept.index('status')})", "if told not in delivered:", *indented(wrong)]
            if "cards" in self._kept:
                digests = "digested(cards)"
                text += [f"cards = cards_in(kept_{self._kept.index('cards')})", "if not cards:", *indented(wrong)]
        text += ["number, amount = written_down(rider.order_no, rider.amount_fen)"] if self._places.keys() & TOLD else ["number = amount = None"]
        # Until its look, an order's own time is that of the leg before it.
        paid = ("rider.due" if looks else "done_s") if lane.pays else "done_s" if looks else "None"
        return [
            *text,
            f"confirmed(rider.seq, rider.intended_s, rider.started, rider.first_sent - zero, rider.accepted_s, {paid}, done_s, amount, number, {status}, {digests})",
            "rider.over = True",
            "live.discard(rider)",
            "if not live:",
            "    rider.left()",
        ]
