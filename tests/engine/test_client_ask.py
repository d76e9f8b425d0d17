"""A step by the short way is, byte for byte, what the long way makes of it: whatever is written in the target file, and whatever comes into its holes."""

from __future__ import annotations

from typing import Any

import pytest
from awkward_server import OK, Awkward, Caller, Talk, client_of, polite, told, url
from hypothesis import given, settings
from hypothesis import strategies as st

from surgekit.engine.http.client import Pool
from surgekit.engine.http.sender import Sender
from surgekit.target.cookies import Jar
from surgekit.target.schema import Step
from surgekit.target.step import StepPlan

KNOWN = {"run.id": "abc123", "secret.key": "k/ey ü#", "vars.none": None}
OKAY = [{"class": "ok", "matches": "(?s)."}]
URLS = [
    "/orders", "/orders/{a}", "/o/{a}/x?y={b}&z=1", "/o?y={a}", "/o/{n}", "/o/{secret.key}/{run.id}", "/o{a}{b}", "/o;p={a}", "/a%20b/{a|upper}", "/o?", "/支付/{a}",
    "/{a}", "/x/{a|raw}", "/o#top", "{a}", "{a}/x", "//{a}", "//x/{a}", "/o/{a}#{b}",
]  # fmt: skip
HEADERS = [
    {"X-A": "{a}"}, {"X-B": "x{b}y{n}", "X-K": "{secret.key}"}, {"Cookie": "k={a}"}, {"cookie": "k=1"}, {"host": "shop.example"}, {"Accept": "{b}"}, {"Content-Length": "9"},
    {"X-Surge-Run": "mine"}, {"Expect": "100-continue"}, {"Content-Type": "text/plain"}, {"user-agent": "{a}"}, {"Transfer-Encoding": "chunked"},
]  # fmt: skip
FIELDS = {"a": "{a}", "in": "x{a}y{b}z", "n": "{n}", "k": "{secret.key}", "list": ["{b}", 1, True, None], "deep": {"ü": "{a|md5}"}}
BODIES: list[dict[str, Any]] = [
    {}, {"json": FIELDS}, {"json": {"key": "{run.id}"}}, {"json": "{a}"}, {"json": ["{a}", "{n}"]}, {"form": FIELDS}, {"form": {"k": "{run.id}"}}, {"form": {}},
    {"multipart": {"a": "{a}", "b": "x{n}"}}, {"body": "{a}"}, {"body": "x{a}\r\n\r\n{b}"}, {"body": ""}, {"body": "{vars.none}"}, {"body": "always\r\nCookie: the same"},
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["", " ", "a b", "ümläut 库存", '"quoted"', "it's", "a#b", "a/b", "..", ".", "a\r\nX-Evil: 1", "\n", "\r\n\r\n", "%41", "a?b&c=d", "{a}", "\ud800", "\0", "x" * 3000]),
    st.text(max_size=12),
)
VALUES = st.one_of(TEXTS, st.integers(-(2**70), 2**70), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False), st.lists(TEXTS, max_size=2))


def plan_of(request: str, **told: Any) -> StepPlan:
    return StepPlan("step", Step.model_validate({"request": request, "replies": OKAY, **told}), "steps.step")


def both(client: Caller, step: StepPlan, values: dict[str, Any], jar: Jar | None = None) -> tuple[bytes, bytes] | None:
    """(what ``ask`` sends, what ``send`` sends), where the step may go the short way."""
    inner = client.client
    sender = Sender(step, inner._base, inner._run_id, inner._known)
    if not sender.short:
        return None
    data = sender.render(values)
    if jar is not None and not jar.empty and not sender.has_cookies:
        data = inner._with_cookies(data, jar)
    request = step.request(values)
    place, path = inner._place(request.url)
    assert place is inner._base
    return data, inner._rendered(place, path, request, jar) + request.body


@settings(max_examples=600, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]), place=st.sampled_from(URLS), query=st.sampled_from([{}, {"q": "{a}"}, {"n": "{n}", "m": ["{b}", 2]}]),
    headers=st.sampled_from([{}, *HEADERS]), body=st.sampled_from(BODIES), a=VALUES, b=TEXTS, n=st.one_of(st.integers(0, 99), TEXTS), cookies=st.booleans(),
)  # fmt: skip
def test_the_short_way_sends_what_the_long_way_would(
    method: str, place: str, query: Any, headers: Any, body: Any, a: Any, b: str, n: Any, cookies: bool
) -> None:
    with client_of("http://127.0.0.1:9", known=KNOWN, tls=NO_TLS) as client:
        jar = Jar()
        if cookies:
            jar.store("127.0.0.1:9", "/", ["sid=1; Path=/", "o=2; Path=/o", "x=3; Path=/elsewhere", "s=4; Secure"])
        sent = both(client, plan_of(f"{method} {place}", query=query, headers=headers, **body), {**KNOWN, "a": a, "b": b, "n": n}, jar)
        if sent is not None:
            assert sent[0] == sent[1]


class _NoTls:
    """Nobody speaks it here, and making one takes long."""


NO_TLS = _NoTls()


@pytest.mark.parametrize("place", URLS[:10])
def test_what_stays_on_the_platform_whatever_its_values_goes_the_short_way(place: str) -> None:
    with client_of("http://127.0.0.1:9") as client:
        assert Sender(plan_of(f"POST {place}", json=FIELDS), client.client._base, b"r", KNOWN).short


@pytest.mark.parametrize("place", URLS[11:])
def test_what_a_value_could_lead_elsewhere_does_not(place: str) -> None:
    with client_of("http://127.0.0.1:9") as client:
        assert not Sender(plan_of(f"POST {place}"), client.client._base, b"r", KNOWN).short


@pytest.mark.parametrize("told_of", [{"follow": True}, {"headers": {"expect": "100-continue"}, "body": "x"}, {"extract": {"u": {"url": True}}}])
def test_nor_does_what_only_the_long_way_can_do(told_of: dict[str, Any]) -> None:
    with client_of("http://127.0.0.1:9") as client:
        assert not Sender(plan_of("POST /orders", **told_of), client.client._base, b"r", KNOWN).short


# Over the network.

ODD = {"a": 'ä "b"\r\n#/', "b": " ", "n": 3, **KNOWN}


@pytest.mark.parametrize("body", [{}, {"json": FIELDS}, {"form": FIELDS}, {"body": "{a}"}, {"query": {"q": "{a}"}}, {"headers": {"X-A": "{a}"}}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_platform_cannot_tell_which_way_a_request_came(method: str, body: dict[str, Any]) -> None:
    step = plan_of(f"{method} /orders/{{a}}", **body)
    with Awkward(polite) as server, client_of(url(server), known=KNOWN) as client:
        replies = [client.ask(step, ODD), client.send(step.request(ODD)), client.ask(step, ODD)]
        assert server.heard[0] == server.heard[1] == server.heard[2]
        assert [told(each) for each in replies] == [(200, b"hello", None, False)] * 3
        assert len({(each.headers or {})["content-length"] for each in replies}) == 1
        assert server.connections == 1


@pytest.mark.parametrize("own", [{}, {"Cookie": "mine=1"}, {"cookie": "mine=1"}])
def test_cookies_are_kept_and_sent_the_same_way_by_both(own: dict[str, str]) -> None:
    def manners(talk: Talk) -> None:
        number = 0
        while talk.hear():
            number += 1
            talk.answer(b"hello", b"Set-Cookie: n%d=%d; Path=/" % (number % 2, number), b"Set-Cookie: deep=1", b"Set-Cookie: gone=; Max-Age=0")

    step = plan_of("POST /a/b", headers=own, body="x\r\nCookie: no header")
    heard: list[list[bytes]] = []
    seen: list[Any] = []
    for long in (False, True):
        jar = Jar()
        with Awkward(manners) as server, client_of(url(server)) as client:
            seen.append([(client.send(step.request({}), jar) if long else client.ask(step, {}, jar)).cookies for _ in range(4)])
            heard.append([request.partition(b"\r\nUser-Agent")[2] for request in server.heard])
    assert heard[0] == heard[1]
    assert seen[0] == seen[1]
    assert seen[0][-1] == {"n1": "3", "deep": "1", "n0": "4"}
    assert [b"deep=1" in each for each in heard[0]] == [False, not own, not own, not own]


@pytest.mark.parametrize("long", [False, True])
def test_without_a_jar_nobody_has_cookies(long: bool) -> None:
    def manners(talk: Talk) -> None:
        while talk.hear():
            talk.answer(b"hello", b"Set-Cookie: a=1")

    step = plan_of("GET /", extract={"sid": {"cookie": "a", "optional": True}})
    with Awkward(manners) as server, client_of(url(server)) as client:
        for _ in range(2):
            reply = client.send(step.request({})) if long else client.ask(step, {})
            assert reply.cookies is None
            assert step.read(reply).values == {"sid": None}
        assert not any(b"Cookie" in each for each in server.heard)


# What the network does, met by the short way on a connection that is there already.


class After:
    """Answers the first request, and does to the second what it is told to."""

    def __init__(self, how: str) -> None:
        self._how = how

    def __call__(self, talk: Talk) -> None:
        talk.hear()
        if talk.number == 1:
            talk.answer()
            talk.hear()
            if self._how == "reset":
                talk.reset()
            elif self._how == "half":
                talk.say(OK + b"Content-Length: 9\r\n\r\nhalf")
            elif self._how == "timeout":
                talk.server.ending.wait(20)
            elif self._how == "garbage":
                talk.say(b"what?")
            return
        talk.answer(b"again")


@pytest.mark.parametrize(("how", "word"), [("closed", "closed"), ("reset", "reset"), ("half", "truncated"), ("timeout", "timeout"), ("garbage", "garbage")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_order_never_leaves_twice_and_a_look_does_where_nothing_had_come_back(how: str, word: str, method: str) -> None:
    step = plan_of(f"{method} /orders")
    with Awkward(After(how)) as server, client_of(url(server), reply_s=0.5) as client:
        assert told(client.ask(step, {})) == (200, b"hello", None, False)
        reply = client.ask(step, {})
        again = method == "GET" and how in ("closed", "reset")
        assert told(reply) == ((200, b"again", None, False) if again else (0, b"", word, False))
        assert reply.sent_s is not None
        assert len(server.heard) == 2 + again
        assert told(client.ask(step, {}))[1] == b"again"


def test_buyers_of_another_pool_have_connections_of_their_own() -> None:
    step, pool = plan_of("GET /"), Pool()
    with Awkward(polite) as server, client_of(url(server)) as client:
        for _ in range(3):
            client.ask(step, {})
            client.ask(step, {}, None, pool)
        assert server.connections == 2
        pool.close()
        client.ask(step, {}, None, pool)
        assert server.connections == 3
        pool.close()
