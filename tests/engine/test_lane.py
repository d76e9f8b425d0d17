"""The short way of an order comes to the same as the long one: the same requests, the same rows, whatever the platform answers."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_story import Served
from journey_story import order as one_order
from spool_story import rows

from surgekit import clock
from surgekit.arrivals.buyers import buyers
from surgekit.engine import surge as surges
from surgekit.engine.history.spool import Log
from surgekit.engine.http.client import Client
from surgekit.engine.loop import Loop
from surgekit.engine.order.budget import Purse
from surgekit.engine.order.buyer import Shop
from surgekit.engine.order.lane import Lane, Rider
from surgekit.engine.order.members import Members
from surgekit.engine.order.walk import Floor, walker
from surgekit.engine.surge import Surge
from surgekit.model import Order
from surgekit.profile.schema import Buyers
from surgekit.safety import origin, permitted
from surgekit.target import Target
from surgekit.target.plan import compile_plan

ORDERS = 120
FINE = [{"class": "ok", "path": "ok", "equals": 1}, {"class": "sold_out", "path": "ok", "equals": 2}, {"class": "throttled", "status": 429, "matches": "busy"},
        {"class": "queued", "path": "ok", "equals": 3}, {"class": "ok", "path": "data.ok", "equals": 1}]  # fmt: skip
SUBMIT = {
    "request": "POST /orders/{order.key}", "json": {"sku": "{order.sku}", "qty": "{order.qty}", "who": "{buyer.account}", "run": "{run.id}"}, "replies": FINE,
    "extract": {"order_no": {"json": "no", "optional": True}, "amount_fen": {"json": "fen", "optional": True}},
}  # fmt: skip
PAY = {"request": "POST /pay/{order.key}", "form": {"no": "{order_no}"}, "replies": FINE}
POLL = {"request": "GET /look/{order.key}?no={order_no}", "replies": FINE, "extract": {"status": "status", "cards": {"json": "cards", "optional": True}}}
BARE = {name: value for name, value in SUBMIT.items() if name != "extract"}
TOLD_AGAIN = {"order_no": {"json": "again", "optional": True}, "amount_fen": {"json": "price", "optional": True, "default": 95}}
SHAPES: dict[str, dict[str, Any]] = {
    "submit, poll": {"steps": {"submit": SUBMIT, "poll": POLL}},
    "submit, pay, poll": {"steps": {"submit": SUBMIT, "pay": {"balance": [PAY, PAY]}, "poll": POLL}},
    "submit": {"steps": {"submit": SUBMIT}},
    "submit, pay": {"steps": {"submit": SUBMIT, "pay": {"balance": [PAY]}}},
    "no cookies": {"steps": {"submit": SUBMIT, "poll": POLL}, "cookies": "none"},
    "a look that tells number and price too": {"steps": {"submit": SUBMIT, "poll": {**POLL, "extract": {**POLL["extract"], **TOLD_AGAIN}}}},
    "a number that only a payment tells": {"steps": {"submit": BARE, "pay": {"balance": [{**PAY, "form": {}, "extract": TOLD_AGAIN}]}, "poll": POLL}},
}
STATUSES = {"paid": ["paid"], "delivered": ["done"], "refunded": ["back"], "failed": ["gone"]}


def bodies(step: str, dice: random.Random) -> tuple[int, bytes, list[str]]:
    """(status, body, headers), most of them as they should be."""
    good: dict[str, Any] = {"ok": 1}
    if step == "orders":
        good |= {"no": f"N-{dice.randrange(10**6)}", "fen": dice.choice([100, "100", 2**70, None])} if dice.random() < 0.9 else {}
    if step != "orders" and dice.random() < 0.8:
        good |= {"again": f"A-{dice.randrange(10**6)}", "price": dice.randrange(1000)}
    if step == "look":
        good |= {"status": dice.choice(["done"] * 12 + ["paid", "back", "gone", "odd", 7]), "cards": dice.choice([["A", "B"], ["A"], "C", [], "", None])}
        if dice.random() < 0.1:
            del good["cards"]
    headers = ["Set-Cookie: sid=abc; Path=/"] if dice.random() < 0.08 else []
    draw = dice.random()
    if draw < 0.80:
        return 200, json.dumps(good).encode(), headers
    if draw < 0.83:
        return 200, json.dumps({"data": {"ok": 1}, **good, "ok": 9}).encode(), headers
    odd = [(200, b'{"ok": 2}'), (200, b'{"ok": 3, "no": "Q"}'), (429, b"busy"), (500, b"oops"), (200, b""), (200, b"<html>"), (204, b""), (200, b'{"ok": true}')]
    return (*dice.choice(odd), headers)


class Moody(Served):
    """Answers by the order's key, the step and how often it was asked: the same to whoever asks in the same way. Some get no answer at all."""

    def __init__(self, seed: int, mute: str) -> None:
        """``mute``: a step that is never answered."""
        self._seed, self._mute = seed, mute
        self.heard: dict[str, list[str]] = defaultdict(list)
        super().__init__(lambda: Clerk(self))

    def answer(self, data: bytes) -> bytes | None:
        """None: the connection breaks."""
        head, _, body = data.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        step, key = path.strip("/").split("?")[0].split("/")
        cookie = next((line for line in head.decode().split("\r\n") if line.startswith("Cookie")), "")
        heard = self.heard[key]
        heard.append(f"{method} {path} {cookie} {body.decode()}")
        dice = random.Random(f"{self._seed} {key} {step} {len(heard)}")
        if step == self._mute:
            return b""
        if method != "GET" and dice.random() < 0.04:  # whether a look is asked for again is a matter of which connection it had
            return None
        status, said, headers = bodies(step, dice)
        lines = [f"HTTP/1.1 {status} Fine", *headers]
        lines += [] if status == 204 else [f"Content-Length: {len(said)}"]
        if dice.random() < 0.1:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + said


class Clerk(asyncio.Protocol):
    def __init__(self, shop: Moody) -> None:
        self._shop = shop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out: Any = transport
        self._shop.open.append(self._out)

    def data_received(self, data: bytes) -> None:
        said = self._shop.answer(data)
        if said is None:
            self._out.abort()
            return
        self._out.write(said)
        if b"Connection: close" in said:
            self._out.close()


@contextmanager
def shop_of(seed: int, mute: str) -> Iterator[Moody]:
    shop = Moody(seed, mute)
    try:
        yield shop
    finally:
        shop.close()


def went(
    folder: Path, shape: dict[str, Any], seed: int, *, short: bool, orders: list[Order], mute: str = "", hook: Callable[[Surge, Client], object] | None = None
) -> tuple[Any, Any, dict[str, list[str]], int]:
    """(orders, requests, what the shop heard, how many went the short way to their end). ``hook`` is called before the start."""
    (folder / "spool").mkdir(parents=True)
    with shop_of(seed, mute) as shop:
        target = Target.model_validate(
            {"schema": "surgekit.target/1", "name": "lane", "base_url": f"http://127.0.0.1:{shop.port}", "catalogue": [{"sku": "game", "price_fen": 100}],
             "statuses": STATUSES, **shape}
        )  # fmt: skip
        plan = compile_plan(target)
        habits = Buyers.model_validate({"patience": 0.6, "poll_every": 0.05, "retry": {"most": 1, "after": 0.02}, "classes": {"retail": {"share": 1}}})
        loop = Loop()
        known = {"run.id": "abcdef", "target.base_url": f"http://127.0.0.1:{shop.port}"}
        people = buyers(9, 1, locale="en_US", prefix="b")
        members = Members(target, plan, people, None, known, lambda *told: surge.for_nobody(*told), loop=loop)  # noqa: PLW0108 - made a few lines below
        client = Client(loop, permitted(origin(target.base_url or ""), None), connect_s=2, reply_s=2, keep_alive_s=4, run_id="abcdef", known=known)
        log, counter = Log(folder / "spool", 0), Shop(plan, target.statuses, habits, "salt")
        surge = Surge(
            orders, loop=loop, walk=walker(counter, members), client=client, log=log, purse=Purse(target.safety.budget, {"game": 100}), run_id="abcdef",
            bound=1000, places=plan.submit,
        )  # fmt: skip
        rode = 0
        if short:
            surge.lane = Lane(surge, client, log, counter, members, Floor(surge, members))
            whole = surge.lane.take

            def take(*told: Any) -> bool:
                nonlocal rode
                rode += (taken := whole(*told))
                return taken

            surge.lane.take = take  # type: ignore[method-assign]
        if hook is not None:
            hook(surge, client)
        loop.run_until(surge.run(clock.now() + 0.05))
        client.close()
        loop.close()
        assert surge.failure is None, surge.error
        heard = {key: list(said) for key, said in shop.heard.items()}
    return rows(folder / "spool", "orders"), rows(folder / "spool", "requests"), heard, rode


TIMES = ("intended_s", "started_s", "sent_s", "accepted_s", "paid_s", "confirmed_s", "ended_s", "due_s", "done_s")


def told(found: list[dict[str, Any]]) -> dict[int, list[Any]]:
    """By order; of times, whether there was one."""
    by_seq: dict[int, list[Any]] = defaultdict(list)
    for row in found:
        by_seq[row["seq"]].append({name: value is not None if name in TIMES else value for name, value in row.items() if name not in ("word", "spare")})
    return by_seq


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_order_by_the_short_way_is_told_of_as_by_the_long_one(tmp_path: Path, shape: str, seed: int) -> None:
    """How often a buyer looks until patience ends is a matter of time, so there the first looks count."""
    orders = [one_order(seq=number, intended_s=number * 0.004, buyer=number % 9) for number in range(ORDERS)]
    short = went(tmp_path / "short", SHAPES[shape], seed, short=True, orders=orders)
    long = went(tmp_path / "long", SHAPES[shape], seed, short=False, orders=orders)
    assert short[3] > ORDERS / 2, "hardly any order went the short way"
    late = {row["seq"] for found in (short, long) for row in found[0] if row["reason"] == "deadline"}
    for at in (0, 1):
        one, other = told(short[at]), told(long[at])
        assert one.keys() == other.keys() == set(range(ORDERS))
        for seq in one:
            if seq not in late:
                assert one[seq] == other[seq]
            else:
                assert one[seq][:3] == other[seq][:3]
    for key in long[2]:
        if int(key.rpartition("-")[2]) not in late:
            assert short[2][key] == long[2][key]
    outcomes = {row["outcome"] for row in short[0]}
    assert {"confirmed", "rejected", "unknown"} <= outcomes


def test_times_of_the_short_way_are_in_their_order(tmp_path: Path) -> None:
    orders = [one_order(seq=number, intended_s=number * 0.004) for number in range(ORDERS)]
    found, asked, _, _ = went(tmp_path, SHAPES["submit, pay, poll"], 3, short=True, orders=orders)
    for row in found:
        if row["outcome"] == "confirmed":
            steps = [row[name] for name in ("intended_s", "started_s", "sent_s", "accepted_s", "paid_s", "confirmed_s", "ended_s")]
            assert steps == sorted(steps)
    for row in asked:
        assert row["due_s"] <= row["done_s"]


def test_a_fault_of_our_own_on_the_short_way_voids_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise LookupError("arrived")

    monkeypatch.setattr(Log, "confirmed", broken)
    orders = [one_order(seq=number, intended_s=number * 0.004) for number in range(ORDERS)]
    with pytest.raises(AssertionError, match="arrived"):
        went(tmp_path, SHAPES["submit, poll"], 1, short=True, orders=orders)
    assert any(row["reason"] == "engine_error" for row in rows(tmp_path / "spool", "orders"))


def test_an_order_that_is_cut_short_is_told_of_as_far_as_it_had_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was paid, and that is what an audit has to know of it."""
    monkeypatch.setattr(surges, "STOP_S", 0.05)
    monkeypatch.setattr(surges, "QUIET_S", 0.01)
    orders = [one_order(seq=number, intended_s=number * 0.004) for number in range(ORDERS)]

    def stops(surge: Surge, _client: Client) -> None:
        surge.loop.at(surge.loop.now() + 0.45, surge.stop)

    found = {short: went(tmp_path / str(short), SHAPES["submit, pay, poll"], 3, short=short, orders=orders, mute="look", hook=stops)[0] for short in (True, False)}
    early = [{row["seq"]: row for row in told if row["intended_s"] < 0.25} for told in found.values()]
    assert early[0].keys() == early[1].keys()
    for seq, row in early[0].items():
        assert [row[name] for name in ("outcome", "reason", "order_no", "amount_fen")] == [early[1][seq][name] for name in ("outcome", "reason", "order_no", "amount_fen")]
        assert (row["paid_s"] is None) == (early[1][seq]["paid_s"] is None)
    assert sum(row["reason"] == "aborted" and row["paid_s"] is not None and row["amount_fen"] is not None for row in early[0].values()) > 0


def before_they_leave(surge: Surge, work: Callable[[Rider], None]) -> None:
    """Do ``work``, with the first of them, each time that requests are about to leave together."""
    lane = surge.lane
    assert lane is not None

    def flush() -> None:
        if lane.out:
            work(lane.out[0])
        lane.flush()

    surge.loop.before_looking = flush


def test_nothing_leaves_any_more_once_all_has_to_be_quiet(tmp_path: Path) -> None:
    """Not even what was to leave together with others, where the loop was held up in between."""
    quiet: list[float] = []

    def hook(surge: Surge, client: Client) -> None:
        def held_up(_first: Rider) -> None:
            if surge.now() > 0.2 and not quiet:
                surge.stop()
                client.quiet_from = surge.loop.now()
                quiet.append(surge.now())

        before_they_leave(surge, held_up)

    orders = [one_order(seq=number, intended_s=number * 0.004) for number in range(ORDERS)]
    _, asked, _, _ = went(tmp_path, SHAPES["submit, poll"], 1, short=True, orders=orders, hook=hook)
    assert quiet
    assert max(row["sent_s"] for row in asked if row["sent_s"] is not None) <= quiet[0]


def test_a_connection_that_closes_before_its_turn_costs_the_order_nothing(tmp_path: Path) -> None:
    closed: list[int] = []

    def hook(surge: Surge, _client: Client) -> None:
        def closes(first: Rider) -> None:
            if len(closed) < 20:
                closed.append(first.seq)
                first.wire.close()

        before_they_leave(surge, closes)

    orders = [one_order(seq=number, intended_s=number * 0.004) for number in range(ORDERS)]
    short = went(tmp_path / "short", SHAPES["submit"], 1, short=True, orders=orders, hook=hook)[0]
    long = went(tmp_path / "long", SHAPES["submit"], 1, short=False, orders=orders)[0]
    outcomes = [{row["seq"]: (row["outcome"], row["reason"]) for row in found} for found in (short, long)]
    assert len(closed) == 20
    assert outcomes[0] == outcomes[1]


def test_where_orders_of_an_account_share_its_cookies_none_goes_the_short_way(tmp_path: Path) -> None:
    orders = [one_order(seq=number, intended_s=number * 0.004, buyer=1) for number in range(20)]
    assert went(tmp_path, {**SHAPES["submit, poll"], "cookies": "account"}, 1, short=True, orders=orders)[3] == 0
