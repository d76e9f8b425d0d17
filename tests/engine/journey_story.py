"""A shop that says what a script tells it to, and a clock that moves only when somebody waits."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from surgekit.engine.order.buyer import Shop, Told
from surgekit.engine.order.journey import Journey
from surgekit.model import Order
from surgekit.profile.schema import Buyers
from surgekit.target import Target
from surgekit.target.cookies import Jar
from surgekit.target.plan import Plan, compile_plan
from surgekit.target.reading import Reply
from surgekit.target.step import Read, StepPlan

Result = TypeVar("Result")
REPLIES = [
    {"class": kind, "path": "code", "equals": number}
    for number, kind in enumerate(["ok", "sold_out", "throttled", "refused", "queued", "hidden_error"])
]
TARGET: dict[str, Any] = {
    "schema": "surgekit.target/1",
    "name": "scripted",
    "base_url": "http://127.0.0.1:1",
    "catalogue": [{"sku": "game", "price_fen": 1000}],
    "steps": {
        "quote": {"request": "POST /quote", "replies": REPLIES},
        "submit": {
            "request": "POST /orders", "json": {"key": "{order.key}"}, "replies": REPLIES,
            "extract": {"order_no": "no", "amount_fen": "fen"},
        },
        "pay": {
            "balance": [{"request": "POST /pay/{order_no}", "replies": REPLIES}],
            "gateway": [
                {"request": "POST /pay/{order_no}", "replies": REPLIES, "extract": {"pay_url": "url"}},
                {"request": "GET {pay_url}", "replies": REPLIES},
            ],
        },
        "poll": {"request": "GET /orders/{order_no}", "replies": REPLIES, "extract": {"status": "status", "cards": "cards"}},
    },
    "statuses": {"paid": ["paid"], "delivered": ["delivered"], "refunded": ["refunded"], "failed": ["expired"]},
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What comes back for one request, and after how long."""

    body: bytes = b""
    takes: float = 0.1
    status: int = 200
    error: str | None = None
    effect_free: bool = False

    def after(self, seconds: float) -> Answer:
        return replace(self, takes=seconds)


def says(code: int, **values: Any) -> Answer:
    return Answer(json.dumps({"code": code, **values}).encode())


OK = says(0)
TAKEN = says(0, no="N1", fen=1000)
TAKEN_AGAIN = says(0, no="N2", fen=1000)
GATEWAY = says(0, url="http://127.0.0.1:1/gateway")
SOLD_OUT, THROTTLED, REFUSED, QUEUED, HIDDEN = (says(code) for code in range(1, 6))
TIMEOUT = Answer(error="timeout", takes=2.0)
RESET = Answer(error="reset")
NOT_SENT = Answer(error="connect_refused", effect_free=True, takes=0.0)
HTTP_500 = Answer(b"oops", status=500)


def status(word: str, *cards: str) -> Answer:
    return says(0, status=word, cards=list(cards))


PAID, DELIVERED, REFUNDED, EXPIRED = status("paid"), status("delivered", "CARD-1"), status("refunded"), status("expired")


@dataclass(frozen=True)
class Asked:
    """One request as it left."""

    step: str
    due_s: float
    sent_s: float
    attempt: int
    key: str
    url: bytes


def ran(coro: Coroutine[Any, Any, Result]) -> Result:
    """The result of ``coro``, which has nothing to wait for: whoever it asks answers at once."""
    try:
        coro.send(None)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    raise AssertionError("it waits for something")


@dataclass
class Past:
    """What happened beside the rest, and is over at ``ended_s`` on the clock of ``session``."""

    session: Scripted
    result: Any
    ended_s: float

    async def wait(self) -> Any:
        self.session.clock = max(self.session.clock, self.ended_s)
        return self.result


@dataclass
class Scripted:
    """A session. Each step gives its answers in turn, the last of them again and again."""

    script: Mapping[str, Sequence[Answer]]
    clock: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def now(self) -> float:
        return self.clock

    async def sleep_until(self, at_s: float) -> None:
        self.clock = max(self.clock, at_s)

    async def send(
        self, order: Order, step: StepPlan, values: Mapping[str, Any], due_s: float, attempt: int, jar: Jar | None = None
    ) -> tuple[Reply, Read]:
        request = step.request(values)
        told = [each for each in self.asked if each.step == step.name]
        answers = self.script[step.name]
        answer = answers[min(len(told), len(answers) - 1)]
        sent_s = self.clock
        self.asked.append(Asked(step.name, due_s, sent_s, attempt, str(values["order.key"]), request.url))
        self.clock += answer.takes
        left = None if answer.effect_free else sent_s
        reply = Reply(answer.status, answer.body, left, self.clock, answer.error, answer.effect_free)
        return reply, step.read(reply)

    def beside(self, work: Coroutine[Any, Any, Any]) -> Past:
        """``work`` happens at once, on a clock of its own that starts now."""
        before = self.clock
        result = ran(work)
        ended, self.clock = self.clock, before
        return Past(self, result, ended)

    def steps(self) -> list[str]:
        return [each.step for each in self.asked]


def plan(*without: str) -> Plan:
    steps = {name: step for name, step in TARGET["steps"].items() if name not in without}
    return compile_plan(Target.model_validate(TARGET | {"steps": steps}))


def order(**told: Any) -> Order:
    given = {
        "seq": 7, "shard": 0, "intended_s": 0.0, "sku": "game", "qty": 1, "buyer": 0, "buyer_class": "retail",
        "pay_by": "balance", "phase": "only", "browses": False, "double_click": False, "think_quote_s": 0.0,
        "think_pay_s": 0.0,
    }  # fmt: skip
    return Order(**(given | told))


def buyers(**told: Any) -> Buyers:
    given = {"patience": 10.0, "poll_every": 1.0, "retry": {"most": 1, "after": 2.0}, "classes": {"retail": {"share": 1}}}
    return Buyers.model_validate(given | told)


VALUES = {"order.key": "run-0000007"}
STATUSES = Target.model_validate(TARGET).statuses


def walked(shop: Shop, session: Scripted, who: Order, values: Mapping[str, Any]) -> Told:
    """What the buyer of ``who`` saw."""
    journey = Journey(shop, session, who, dict(values))
    ran(journey.run())
    return journey.told


def went(
    script: Mapping[str, Sequence[Answer]], who: Order | None = None, *, without: tuple[str, ...] = (), **habits: Any
) -> tuple[Told, Scripted]:
    """One buyer's way through a scripted shop: what the buyer saw, and what the shop was asked."""
    shop = Shop(plan(*without), STATUSES, buyers(**habits), salt="salt")
    who = who or order()
    session = Scripted({"submit": [TAKEN], "pay": [OK], "poll": [DELIVERED], **script}, clock=max(0.0, who.intended_s))
    return walked(shop, session, who, VALUES), session
