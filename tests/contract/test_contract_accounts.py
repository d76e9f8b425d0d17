"""Buyers and their accounts: set-up before the surge or at the first order, accounts from CSV, one login each, cookie jars."""

from __future__ import annotations

from collections import Counter as Count
from typing import Any

import pytest
from contract_shop import Answer, Heard
from contract_world import Opening, order

from surgekit import clock
from surgekit.errors import ConfigError, TargetError
from surgekit.model import Outcome
from surgekit.target.cookies import Jar

FINE = {"code": 0}
MEMBERS = """
    accounts: {csv: members.csv}
    setup:
      when: first_order
      steps:
        - request: POST /captcha-session
          replies: [{class: ok, path: code, equals: 0}]
        - request: POST /login
          form: {user: "{account.mail}", password: "{account.password}"}
          replies: [{class: ok, path: code, equals: 0}, {class: refused, path: code, equals: 1}]
          extract: {token: data.token}
    steps:
      submit:
        request: POST /orders
        headers: {Authorization: "Bearer {token}"}
        json: {buyer: "{buyer.account}", level: "{account.level}"}
        replies: [{class: ok, path: code, equals: 0}]
"""
CSV = "account,mail,password,level\nann,ann@example.invalid,pw-ann,3\nbob,bob@example.invalid,\"pw,bob\",1\n"


def login(heard: Heard) -> Any:
    return {"code": 0, "data": {"token": f"t-{heard.form['user'][:3]}"}}


def members(opening: Opening, text: str = MEMBERS, csv: str = CSV, **manners: Any) -> Any:
    (opening.folder / "members.csv").write_text(csv, encoding="utf-8-sig")
    return opening.counter(text, {"POST /captcha-session": FINE, "POST /login": login, "POST /orders": FINE} | manners)


def test_accounts_from_csv_give_every_column_and_are_shared_by_more_buyers_than_rows(opening: Opening) -> None:
    counter = members(opening)
    for seq, buyer in enumerate([0, 1, 2, 5]):
        assert counter.buy(seq, buyer=buyer).outcome is Outcome.CONFIRMED
    asked = counter.shop.asked("POST /orders")
    assert [each.json for each in asked] == [
        {"buyer": "ann", "level": "3"}, {"buyer": "bob", "level": "1"}, {"buyer": "ann", "level": "3"}, {"buyer": "bob", "level": "1"},
    ]  # fmt: skip
    assert [each.headers["authorization"] for each in asked] == ["Bearer t-ann", "Bearer t-bob"] * 2
    assert [each.form["password"] for each in counter.shop.asked("POST /login")] == ["pw-ann", "pw,bob"]


def test_a_column_that_the_csv_lacks_is_said_before_anything_is_sent(opening: Opening) -> None:
    with pytest.raises(ConfigError, match="no column 'level'"):
        members(opening, csv="account,mail,password\nann,a@example.invalid,pw\n")


def test_one_login_an_account_when_its_orders_come_at_the_same_time(opening: Opening) -> None:
    counter = members(opening)
    start = clock.now()

    async def all_of_them() -> None:
        walks = [counter.surge.loop.spawn(counter.surge.one(order(seq, buyer=seq), start)) for seq in range(12)]
        # The others really waited: both accounts were in the middle of their set-up when the next orders came.
        assert not any(walk.over for walk in walks)
        assert not counter.shop.asked("POST /login")
        for walk in walks:
            await walk.wait()

    counter.surge.loop.run_until(all_of_them())
    assert Count(each.form["user"] for each in counter.shop.asked("POST /login")) == {"ann@example.invalid": 1, "bob@example.invalid": 1}
    assert len(counter.shop.asked("POST /orders")) == 12
    assert {each.headers["authorization"] for each in counter.shop.asked("POST /orders")} == {"Bearer t-ann", "Bearer t-bob"}


def test_a_login_that_is_refused_fails_its_orders_before_anything_is_ordered(opening: Opening) -> None:
    counter = members(opening, **{"POST /login": {"code": 1}})
    told = [counter.buy(seq) for seq in range(2)]
    assert [(each.outcome, each.reason) for each in told] == [(Outcome.FAILED, "setup_setup2: refused")] * 2
    assert counter.shop.steps == ["POST /captcha-session", "POST /login"]


BEFORE = """
    setup:
      steps:
        - request: POST /register
          form: {name: "{buyer.account}", phone: "{buyer.phone}"}
          replies: [{class: ok, path: code, equals: 0}, {class: refused, path: code, equals: 1}]
          extract: {uid: uid}
    steps:
      submit: {request: "POST /orders/{uid}", replies: [{class: ok, path: code, equals: 0}]}
"""


def test_set_up_before_the_surge_is_once_for_each_buyer_of_the_schedule(opening: Opening) -> None:
    counter = opening.counter(BEFORE, {"POST /register": lambda heard: {"code": 0, "uid": heard.form["name"]}, "POST /orders/buyer-0003": FINE})
    counter.surge.loop.run_until(counter.members.login_all([2, 4, 2, 4, 2]))
    assert sorted(each.form["name"] for each in counter.shop.heard) == ["buyer-0003", "buyer-0005"]
    assert counter.buy(buyer=2).outcome is Outcome.CONFIRMED
    assert counter.shop.steps.count("POST /register") == 2


def test_set_up_before_the_surge_that_fails_ends_it_in_one_sentence(opening: Opening) -> None:
    counter = opening.counter(BEFORE, {"POST /register": lambda heard: {"code": int(heard.form["name"] == "buyer-0002"), "uid": 1}})
    with pytest.raises(TargetError, match=r"setup: 1 of 2 accounts could not be set up; the first, buyer-0002: setup: refused"):
        counter.surge.loop.run_until(counter.members.login_all([0, 1]))


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def visits(opening: Opening, cookies: str, *lines: str) -> Any:
    """Orders of buyers 0, 1 and 0 again; each gets a cookie with its first request and, besides, ``lines``."""
    number = iter(range(1, 100))

    def enter(heard: Heard) -> Any:
        told = "" if "sid" in heard.cookies else f"sid=s{next(number)}; Path=/"
        return Answer(FINE, headers=[("Set-Cookie", line) for line in (told, *lines) if line])

    text = f"""
        cookies: {cookies}
        steps:
          prepare: [{{request: GET /enter, replies: [{{class: ok, path: code, equals: 0}}]}}]
          submit: {{request: POST /shop/orders, replies: [{{class: ok, path: code, equals: 0}}]}}
    """
    counter = opening.counter(text, {"GET /enter": enter, "POST /shop/orders": FINE})
    for seq, buyer in enumerate([0, 1, 0]):
        counter.buy(seq, buyer=buyer)
    return counter


@pytest.mark.parametrize(
    ("jar", "seen"),
    [("account", ["s1", "s2", "s1"]), ("order", ["s1", "s2", "s3"]), ("none", [None, None, None])],
)
def test_a_cookie_jar_for_each(opening: Opening, jar: str, seen: list[str | None]) -> None:
    counter = visits(opening, jar)
    assert [each.cookies.get("sid") for each in counter.shop.asked("POST /shop/orders")] == seen


def test_a_cookie_jar_of_each_order_begins_with_the_cookies_of_the_login(opening: Opening) -> None:
    text = """
        cookies: order
        setup: {when: first_order, steps: [{request: POST /login, replies: [{class: ok, path: code, equals: 0}]}]}
        steps:
          prepare: [{request: GET /basket, replies: [{class: ok, path: code, equals: 0}]}]
          submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}]}
    """
    basket = iter("ab")
    shop = opening.shop({
        "POST /login": Answer(FINE, headers=[("Set-Cookie", "sid=s1; Path=/")]),
        "GET /basket": lambda _: Answer(FINE, headers=[("Set-Cookie", f"basket={next(basket)}; Path=/")]), "POST /orders": FINE,
    })  # fmt: skip
    counter = opening.counter(text, shop)
    counter.buy(0)
    counter.buy(1)
    assert [each.cookies for each in shop.asked("POST /orders")] == [{"sid": "s1", "basket": "a"}, {"sid": "s1", "basket": "b"}]
    assert [each.cookies for each in shop.asked("GET /basket")] == [{"sid": "s1"}] * 2


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("c=1; Path=/shop", True), ("c=1; Path=/shop/orders", True), ("c=1; Path=/other", False), ("c=1; Path=/sho", False),
        ("c=1; Path=/; HttpOnly; SameSite=Lax", True), ("c=1; Path=/; Secure", False), ("c=1; Path=/; Max-Age=0", False),
        ("c=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False), ("c=1; Path=/; Max-Age=60", True),
        ("c=1; Path=/; Domain=example.com", True),
    ],
)  # fmt: skip
def test_a_cookie_goes_back_by_its_path_over_tls_only_if_it_says_so_and_until_it_is_deleted(opening: Opening, line: str, sent: bool) -> None:
    assert ("c" in visits(opening, "account", line).shop.asked("POST /shop/orders")[0].cookies) is sent


def test_a_cookie_that_is_deleted_is_gone(opening: Opening) -> None:
    text = """
        cookies: account
        steps:
          prepare:
            - {request: GET /in, replies: [{class: ok, path: code, equals: 0}]}
            - {request: GET /out, replies: [{class: ok, path: code, equals: 0}]}
          submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}]}
    """
    into, out = Answer(FINE, headers=[("Set-Cookie", "sid=1"), ("Set-Cookie", "lang=zh")]), Answer(FINE, headers=[("Set-Cookie", "sid=; Max-Age=0")])
    counter = opening.counter(text, {"GET /in": into, "GET /out": out, "POST /orders": FINE})
    counter.buy()
    assert [each.cookies for each in counter.shop.heard] == [{}, {"sid": "1", "lang": "zh"}, {"lang": "zh"}]


def test_a_secure_cookie_goes_back_over_tls() -> None:
    jar = Jar()
    jar.store("shop.example", "/login", ["sid=1; Path=/; Secure"])
    assert jar.header("shop.example", "/orders", secure=True) == "sid=1"
    assert jar.header("shop.example", "/orders", secure=False) is None
    assert jar.header("other.example", "/orders", secure=True) is None
