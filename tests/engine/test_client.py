"""The HTTP client against servers that behave, and against servers that do not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from awkward_server import OK, Awkward, Talk, client_of, get, polite, post, says, told, url

from surgekit.engine.http import client as client_module
from surgekit.engine.http import connection
from surgekit.engine.http.client import STOPPED
from surgekit.target.cookies import Jar
from surgekit.target.step import Request


def test_a_connection_is_used_again() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        for _ in range(5):
            assert told(post(client)) == (200, b"hello", None, False)
        assert (server.connections, len(server.heard)) == (1, 5)


def test_the_request_is_what_it_should_be_byte_for_byte() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        client.send(Request("POST", b"/orders?a=1", ((b"Content-Type", b"application/json"),), b'{"q":1}'))
        get(client, b"/stock")
        host = b"127.0.0.1:%d" % server.port
        same = b"Host: %s\r\nUser-Agent: surgekit\r\nAccept: */*\r\nX-Surge-Run: abc123\r\n" % host
        assert server.heard == [
            b"POST /orders?a=1 HTTP/1.1\r\n" + same + b'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"q":1}',
            b"GET /stock HTTP/1.1\r\n" + same + b"\r\n",
        ]


def test_a_post_without_a_body_says_so() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        post(client, body=b"")
        assert b"Content-Length: 0\r\n" in server.heard[0]


def test_a_targets_own_headers_replace_the_usual_ones_but_never_the_framing() -> None:
    own = ((b"host", b"shop.example"), (b"Accept", b"text/plain"), (b"content-length", b"99"), (b"Transfer-Encoding", b"chunked"))
    with Awkward(polite) as server, client_of(url(server)) as client:
        client.send(Request("POST", b"/", own, b"{}"))
        lines = server.heard[0].split(b"\r\n")
        assert b"host: shop.example" in lines
        assert sum(line.lower().startswith((b"host:", b"accept:")) for line in lines) == 2
        assert [line for line in lines if line.lower().startswith((b"content-length", b"transfer"))] == [b"Content-Length: 2"]


@pytest.mark.parametrize("place", [b"/pay HTTP/1.1\r\nX-Evil: 1", b"/pay\nX: 1", b"/a b", b"/\x00", b"/\x7f", b"http://127.0.0.1/\r\n"])
def test_no_url_of_a_reply_can_begin_a_header(place: bytes) -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        assert told(get(client, place)) == (0, b"", "bad_url", True)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("place", "asked"),
    [("/支付?no=1", b"/%E6%94%AF%E4%BB%98?no=1"), ("/pay#top", b"/pay"), ("/a%20b?c=%41", b"/a%20b?c=%41"), ("{base}", b"/"), ("{base}?x=1", b"/?x=1"), ("//{host}/x", b"/x")],
)
def test_urls_are_asked_for_as_a_browser_would(place: str, asked: bytes) -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        text = place.format(base=url(server), host=f"127.0.0.1:{server.port}")
        assert get(client, text.encode()).status == 200
        assert server.heard[0].split(b" ")[1] == asked


def test_an_absolute_url_of_the_platform_itself_uses_its_connection() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        get(client)
        get(client, f"{url(server)}/pay".encode())
        assert server.connections == 1


@pytest.mark.parametrize(
    "place",
    ["http://192.0.2.1/pay", "https://192.0.2.1/", "//192.0.2.1/", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/", "ftp://127.0.0.1/", "http://user:word@127.0.0.1/", "http://127.0.0.1:99999/", "http://[::1/", "pay", ""],
)
def test_a_reply_cannot_send_a_buyer_to_another_machine(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = []
    monkeypatch.setattr(connection, "new", lambda *told: dialled.append(told))
    with client_of("http://127.0.0.1:9") as client:
        assert told(get(client, place.encode())) == (0, b"", "bad_url", True)
    assert dialled == []


def test_a_host_that_was_turned_down_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(client_module, "allowed", lambda _permit, place: asked.append(place))
    with Awkward(polite) as server, client_of(url(server)) as client:
        for _ in range(3):
            assert get(client, b"http://far.example/").error == "bad_url"
    assert len(asked) == 1


def test_ipv6_loopback() -> None:
    """Without IPv6 on this machine, its address is one that refuses: provably without effect."""
    try:
        server = Awkward(polite, host="::1")
    except OSError:
        with client_of("http://[::1]:9") as client:
            assert get(client).effect_free
        return
    with server, client_of(f"http://[::1]:{server.port}") as client:
        assert get(client).status == 200
        assert b"Host: [::1]:%d\r\n" % server.port in server.heard[0]


# Replies.


@pytest.mark.parametrize(
    ("blocks", "body"),
    [
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"], b"abcde"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab", b"c\r\n0\r\nTrailer: x\r\n\r\n"], b"abc"),
        ([OK + b"\r\nuntil the end"], b"until the end"),
        ([OK + b"Content-Length: 0\r\n\r\n"], b""),
        ([b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n", OK + b"Content-Length: 2\r\n\r\nok"], b"ok"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\nok"], b"ok"),
        ([b"HTTP/1.0 200 OK\r\n\r\nold"], b"old"),
        ([OK + b"Content-Length: 2\r\n\r\nok" + b"GARBAGE"], b"ok"),
        ([OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 3\r\nX: y\r\n\r\nbad"], b"ok"),
    ],
    ids=["chunked", "chunks in pieces", "until closed", "empty", "100 apart", "100 together", "HTTP/1.0", "garbage behind", "a second reply"],
)
def test_a_whole_reply(blocks: list[bytes], body: bytes) -> None:
    with says(*blocks) as server, client_of(url(server)) as client:
        reply = post(client)
        assert told(reply) == (200, body, None, False)
        assert "x" not in (reply.headers or {})


@pytest.mark.parametrize(
    ("blocks", "word"),
    [
        ([], "closed"),
        ([b"HTTP/1."], "truncated"),
        ([OK + b"Content-Le"], "truncated"),
        ([OK + b"Content-Length: 10\r\n\r\nhalf"], "truncated"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"], "truncated"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "truncated"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "garbage"),
        ([OK + b"Content-Length: -5\r\n\r\n"], "garbage"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"], "garbage"),
        ([OK + b"Content-Length: 99999999\r\n\r\n", *[b"x" * 65536] * 200], "too_large"),
        ([OK + b"X: ", *[b"x" * 65536] * 200], "too_large"),
        ([OK, *[b"".join(b"%x:y\r\n" % (block * 9000 + n) for n in range(9000)) for block in range(8)]], "too_large"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000], "too_large"),
    ],
    ids=["nothing", "half a line", "half a header", "half a body", "no last chunk", "100 alone", "another protocol", "bad length", "upgrade", "large body", "large header", "many headers", "nothing but 100"],
)
def test_a_broken_reply_leaves_the_order_in_doubt(blocks: list[bytes], word: str) -> None:
    with says(*blocks) as server, client_of(url(server)) as client:
        reply = post(client)
        assert told(reply) == (0, b"", word, False)
        assert reply.sent_s is not None
        assert len(server.heard) == 1


def test_a_reset_in_the_middle() -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.say(OK + b"Content-Length: 10\r\n\r\nhalf")
        talk.reset()

    with Awkward(manners) as server, client_of(url(server)) as client:
        assert told(post(client)) == (0, b"", "reset", False)


@pytest.mark.parametrize("drip", [b"x", b"X-Slow: 1\r\n"], ids=["body", "headers"])
def test_the_time_out_is_for_the_whole_reply_and_not_for_each_byte(drip: bytes) -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.say(OK + (b"Content-Length: 100000\r\n\r\n" if drip == b"x" else b""))
        while not talk.server.ending.wait(0.02):
            talk.say(drip)

    with Awkward(manners) as server, client_of(url(server), reply_s=0.5) as client:
        reply = post(client)
        assert told(reply) == (0, b"", "timeout", False)
        assert reply.sent_s is not None
        assert reply.done_s - reply.sent_s >= 0.5


def test_a_request_that_nobody_takes_in_times_out_too() -> None:
    """The kernel's buffers are full; sending is under the same deadline as receiving."""
    with Awkward(lambda talk: talk.server.ending.wait(20)) as server, client_of(url(server), reply_s=0.5) as client:  # type: ignore[arg-type,return-value]
        reply = post(client, body=b"x" * (64 << 20))
        assert told(reply) == (0, b"", "timeout", False)
        assert reply.sent_s is not None  # something did leave


def test_a_reply_that_never_comes() -> None:
    with Awkward(lambda talk: talk.server.ending.wait(20)) as server, client_of(url(server), reply_s=0.2) as client:  # type: ignore[arg-type,return-value]
        assert told(get(client)) == (0, b"", "timeout", False)


def test_the_moment_of_sending_is_before_the_answer_and_after_the_connection() -> None:
    def slow_to_accept(talk: Talk) -> None:
        talk.hear()
        time.sleep(0.1)
        talk.answer()

    with Awkward(slow_to_accept) as server, client_of(url(server)) as client:
        before = time.monotonic()
        reply = post(client)
        assert reply.sent_s is not None
        assert before <= reply.sent_s <= reply.done_s - 0.1


def test_trailers_behind_a_body_are_no_headers() -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.say(OK + b"X-Auth: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Auth: b\r\nSet-Cookie: sid=1\r\n\r\n")

    jar = Jar()
    with Awkward(manners) as server, client_of(url(server)) as client:
        reply = client.send(Request("GET", b"/", (), b""), jar)
        assert (reply.body, reply.headers and reply.headers["x-auth"], reply.cookies) == (b"abc", "a", {})


@pytest.mark.parametrize("place", [b"http://[::1", b"//[", b"http://[v1.x]/"])
def test_a_redirect_to_what_is_no_url_is_an_error_and_not_without_effect(place: bytes) -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + place + b"\r\n\r\n")

    with Awkward(manners) as server, client_of(url(server)) as client:
        reply = client.send(Request("POST", b"/orders", (), b"{}", follow=True))
        assert (reply.error, reply.effect_free, reply.sent_s is None) == ("bad_url", False, False)


def test_once_it_is_quiet_no_redirect_is_followed_and_what_had_left_is_told_of() -> None:
    def leads_on(talk: Talk) -> None:
        while talk.hear():
            client.client.quiet_from = 0.0  # a stop, while the reply is on its way
            talk.say(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    with Awkward(leads_on) as server, client_of(url(server)) as client:
        reply = client.send(Request("POST", b"/orders", (), b"{}", follow=True))
        assert (reply.error, reply.effect_free, reply.sent_s is None) == (STOPPED, False, False)
        assert len(server.heard) == 1


def test_once_it_is_quiet_no_request_leaves_over_a_connection_that_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        sound = connection.Connection.opened

        async def slow(self: connection.Connection, *where: Any) -> None:
            await sound(self, *where)
            client.client.quiet_from = 0.0  # a stop, while it comes about

        monkeypatch.setattr(connection.Connection, "opened", slow)
        reply = post(client)
        assert (reply.error, reply.effect_free, reply.sent_s) == (STOPPED, True, None)
        assert server.heard == []


def test_once_it_is_quiet_nothing_leaves_over_an_open_connection_either() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        post(client)
        client.client.quiet_from = 0.0
        reply = post(client)
        assert (reply.error, reply.effect_free, reply.sent_s) == (STOPPED, True, None)
        assert len(server.heard) == 1
