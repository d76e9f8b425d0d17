"""Looking for the card: path, interval, deadline, budget, throttles, terminal statuses; and a person who delivers by hand."""

from __future__ import annotations

from collections import Counter as Counted
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from contract_shop import Answer, Heard
from contract_world import Counter, Opening, order

from surgekit.engine.order.members import Members
from surgekit.engine.surge import Surge
from surgekit.model import Outcome

FINE = {"code": 0}
OK = "[{class: ok, path: code, equals: 0}]"
UNPAID, PAID, DONE = ({"code": 0, "status": word, "cards": ["AAA-1"]} for word in ("unpaid", "paid", "done"))
BUSY = {"code": 9, "msg": "请求过于频繁"}


def look(opening: Opening, answers: Any, poll: str = "", **habits: Any) -> Counter:
    text = f"""
        steps:
          submit: {{request: POST /orders, replies: {OK}, extract: {{order_no: no}}}}
          poll:
            request: GET /orders/{{order_no}}/state
            replies:
              - {{class: ok, path: code, equals: 0}}
              - {{class: throttled, path: msg, matches: 频繁}}
            extract: {{status: status, cards: {{json: cards, optional: true}}}}
            {poll}
        statuses: {{paid: [paid], delivered: [done], refunded: [refunded], failed: [closed, expired]}}
    """
    given = {"patience": 20.0, "poll_every": 1.0} | habits
    return opening.counter(text, {"POST /orders": FINE | {"no": "N/1"}, "GET /orders/N%2F1/state": answers}, **given)


def gaps(counter: Counter) -> list[float]:
    """Seconds from each look to the next, as they were due."""
    due = [row["due_s"] for row in counter.rows("requests") if row["step"] == "poll"]
    return [round(after - before, 1) for before, after in pairwise(due)]


def test_poll_path_with_a_number_that_is_no_path(opening: Opening) -> None:
    counter = look(opening, [UNPAID, PAID, DONE])
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert counter.shop.steps == ["POST /orders", *["GET /orders/N%2F1/state"] * 3]


@pytest.mark.parametrize(("poll", "buyer", "gap"), [("every: 3s", 1.0, 3.0), ("every: 1s", 2.0, 2.0), ("", 0.5, 0.5)])
def test_poll_interval_is_the_longer_of_the_buyers_and_the_platforms(opening: Opening, poll: str, buyer: float, gap: float) -> None:
    counter = look(opening, [UNPAID, UNPAID, UNPAID, DONE], poll, poll_every=buyer)
    counter.buy()
    assert gaps(counter) == pytest.approx([gap] * 3, abs=0.15)


def test_poll_deadline_is_before_the_buyers_patience(opening: Opening) -> None:
    counter = look(opening, PAID, "deadline: 5s")
    told = counter.buy()
    assert (told.outcome, told.reason, told.status) == (Outcome.UNKNOWN, "deadline", "paid")
    assert told.ended_s == pytest.approx(5, abs=0.3)
    assert len(counter.classes("poll")) == 5


def test_poll_no_more_looks_than_the_platform_grants_an_order(opening: Opening) -> None:
    counter = look(opening, PAID, "most: 3")
    told = counter.buy()
    assert (told.outcome, told.reason, len(counter.classes("poll"))) == (Outcome.UNKNOWN, "deadline", 3)


def test_poll_throttled_looks_come_further_and_further_apart(opening: Opening) -> None:
    counter = look(opening, [BUSY, BUSY, UNPAID, UNPAID, DONE], "backoff: 2")
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert gaps(counter) == pytest.approx([2, 4, 4, 4], abs=0.2)
    assert counter.classes("poll") == ["throttled", "throttled", "ok", "ok", "ok"]


@pytest.mark.parametrize("busy", [Answer(BUSY, 429, [("Retry-After", "7")]), Answer(UNPAID, 200, [("Retry-After", "7")]), Answer(b"", 503, [("Retry-After", "7")])])
def test_poll_retry_after_is_kept_to(opening: Opening, busy: Answer) -> None:
    counter = look(opening, [busy, DONE], "backoff: 1.5")
    assert counter.buy().outcome is Outcome.CONFIRMED
    assert gaps(counter) == pytest.approx([7], abs=0.2)


def test_poll_retry_after_that_is_a_date_counts_as_a_throttle(opening: Opening) -> None:
    counter = look(opening, [Answer(BUSY, 429, [("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")]), DONE], "backoff: 3")
    counter.buy()
    assert gaps(counter) == pytest.approx([3], abs=0.2)


@pytest.mark.parametrize(
    ("word", "outcome", "reason"),
    [
        ("done", Outcome.CONFIRMED, None), ("refunded", Outcome.FAILED, "refunded"), ("closed", Outcome.FAILED, "closed"),
        ("expired", Outcome.FAILED, "expired"),
    ],
)  # fmt: skip
def test_terminal_status_ends_the_looking(opening: Opening, word: str, outcome: Outcome, reason: str | None) -> None:
    counter = look(opening, [UNPAID, {"code": 0, "status": word, "cards": ["AAA-1"]}, PAID])
    told = counter.buy()
    assert (told.outcome, told.reason, told.status, len(counter.classes("poll"))) == (outcome, reason, word, 2)


@pytest.mark.parametrize("word", ["unpaid", "paid", "a word that nobody explained"])
def test_any_other_status_does_not(opening: Opening, word: str) -> None:
    counter = look(opening, [{"code": 0, "status": word}, DONE])
    assert (counter.buy().outcome, len(counter.classes("poll"))) == (Outcome.CONFIRMED, 2)


def test_what_goes_wrong_while_looking_is_looked_at_again(opening: Opening) -> None:
    counter = look(opening, [Answer("<h1>502</h1>", 502), b"", DONE])
    told = counter.buy()
    assert (told.outcome, told.errors, counter.classes("poll")) == (Outcome.CONFIRMED, 2, ["unknown", "unknown", "ok"])


# ── delivery by hand ─────────────────────────────────────────────────────────────────────────────────────────────────

BY_HAND = f"""
    cookies: order
    steps:
      submit: {{request: POST /orders, replies: {OK}, extract: {{order_no: no}}}}
      pay:
        balance: [{{request: "POST /pay/{{order_no}}", replies: {OK}}}]
      poll:
        request: GET /orders/{{order_no}}
        replies: {OK}
        extract: {{status: status, cards: {{json: cards, optional: true}}}}
    secrets: {{password: {{value: hunter-2-and-more}}}}
    admin:
      setup:
        - request: POST /admin/login
          form: {{user: admin, password: "{{secret.password}}"}}
          replies: {OK}
          extract: {{csrf: csrf}}
      deliver:
        request: POST /admin/deliver/{{order_no}}
        headers: {{X-CSRF-Token: "{{csrf}}"}}
        form: {{card: "CARD-{{order.key}}"}}
        replies: {OK}
      after: 3s
    statuses: {{paid: [paid], delivered: [done]}}
"""


def test_admin_delivers_each_paid_order_by_hand_and_logs_in_once(opening: Opening) -> None:
    cards: dict[str, str] = {}
    numbers = iter(["N1", "N2", "N3"])

    def deliver(heard: Heard) -> Any:
        assert heard.cookies == {"admin": "a1"}
        cards[heard.path.rpartition("/")[2]] = heard.form["card"]
        return FINE if heard.headers["x-csrf-token"] == "c1" else {"code": 1}

    def state(heard: Heard) -> Any:
        number = heard.path.rpartition("/")[2]
        return {"code": 0, "status": "done", "cards": [cards[number]]} if number in cards else PAID

    manners: dict[str, Any] = {"POST /orders": lambda _: FINE | {"no": next(numbers)}}
    manners["POST /admin/login"] = Answer({"code": 0, "csrf": "c1"}, headers=[("Set-Cookie", "admin=a1; Path=/admin")])
    for number in ("N1", "N2"):
        manners |= {f"POST /pay/{number}": FINE, f"GET /orders/{number}": state, f"POST /admin/deliver/{number}": deliver}
    counter = opening.counter(BY_HAND, manners)
    told = [counter.buy(seq) for seq in range(2)]
    assert [each.outcome for each in told] == [Outcome.CONFIRMED] * 2
    assert all(each.confirmed_s - each.paid_s > 2.9 for each in told if each.confirmed_s is not None and each.paid_s is not None)
    assert counter.shop.steps.count("POST /admin/login") == 1
    assert set(cards) == {"N1", "N2"}
    assert counter.shop.steps.index("POST /admin/deliver/N1") > counter.shop.steps.index("GET /orders/N1")


def test_admin_does_not_deliver_what_was_not_paid(opening: Opening) -> None:
    counter = opening.counter(BY_HAND, {"POST /orders": FINE | {"no": "N1"}, "POST /pay/N1": {"code": 1}, "GET /orders/N1": UNPAID})
    counter.buy()
    assert not [step for step in counter.shop.steps if "admin" in step]


def surged(opening: Opening, login: Any, deliver: Any) -> Counter:
    """Two orders under way at once, whose buyers give up long before anybody delivers."""
    numbers = iter(["N1", "N2"])
    manners: dict[str, Any] = {"POST /orders": lambda _: FINE | {"no": next(numbers)}, "POST /admin/login": login}
    for number in ("N1", "N2"):
        manners |= {f"POST /pay/{number}": FINE, f"GET /orders/{number}": PAID, f"POST /admin/deliver/{number}": deliver}
    text = BY_HAND.replace("after: 3s", "after: 600ms")
    counter = opening.counter(text, manners, orders=[order(0), order(1)], patience="200ms", poll_every="100ms")
    counter.surge.sleep_until = partial(Surge.sleep_until, counter.surge)  # type: ignore[method-assign]  # what is late has to be late
    counter.surged()
    return counter


def test_admin_delivers_after_the_last_buyer_has_given_up_too(opening: Opening) -> None:
    counter = surged(opening, {"code": 0, "csrf": "c1"}, FINE)
    assert Counted(step for step in counter.shop.steps if "deliver" in step) == {"POST /admin/deliver/N1": 1, "POST /admin/deliver/N2": 1}
    assert not counter.surge.troubles
    assert counter.surge.failure is None


def test_a_fault_of_ours_in_a_delivery_voids_the_run(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, so nobody else would say so."""

    async def broken(_: Members) -> None:
        raise LookupError("who delivers")

    monkeypatch.setattr(Members, "admin", broken)
    counter = surged(opening, FINE, FINE)
    assert counter.surge.failure == "LookupError: who delivers"
    assert {row["outcome"] for row in counter.rows("orders")} == {"unknown"}  # as their buyers saw it


@pytest.mark.parametrize(
    ("login", "deliver", "says"),
    [({"code": 1}, FINE, "admin.setup: admin: odd_reply; an order could not be delivered by hand"),
     ({"code": 0, "csrf": "c1"}, {"code": 1}, "admin.deliver: odd_reply; an order could not be delivered by hand")],
)  # fmt: skip
def test_admin_who_cannot_deliver_is_told_of(opening: Opening, login: Any, deliver: Any, says: str) -> None:
    counter = surged(opening, login, deliver)
    assert (counter.surge.troubles, counter.surge.failure) == ({says: 2}, None)
