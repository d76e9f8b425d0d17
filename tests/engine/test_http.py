"""The HTTP client against servers that behave, and against servers that do not."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc

import pytest
from awkward_server import Awkward, Talk, client_of, get, polite, post, told

from surgekit.engine import http, wire
from surgekit.target.cookies import Jar
from surgekit.target.step import Request

OK = b"HTTP/1.1 200 OK\r\n"


def url(server: Awkward) -> str:
    return f"http://127.0.0.1:{server.port}"


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
    monkeypatch.setattr(http, "dial", lambda *told: dialled.append(told))
    with client_of("http://127.0.0.1:9") as client:
        assert told(get(client, place.encode())) == (0, b"", "bad_url", True)
    assert dialled == []


def test_a_host_that_was_turned_down_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(http, "allowed", lambda _permit, place: asked.append(place))
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


def says(*blocks: bytes) -> Awkward:
    """Answers each request with these blocks, then closes."""

    def manners(talk: Talk) -> None:
        talk.hear()
        for block in blocks:
            talk.say(block)

    return Awkward(manners)


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


# Connections that cannot be had, or are stale.


def test_refused_is_without_effect() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with client_of(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            reply = post(client)
            assert (*told(reply), reply.sent_s) == (0, b"", "connect_refused", True, None)


def test_a_connection_that_is_not_taken_in_is_without_effect() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = []
        for _ in range(4):  # the queue of an overloaded server
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
            waiting.append(sock)
        with client_of(f"http://127.0.0.1:{deaf.getsockname()[1]}", connect_s=0.3) as client:
            reply = post(client)
        for sock in waiting:
            sock.close()
        assert (*told(reply), reply.sent_s) == (0, b"", "connect_timeout", True, None)


def test_no_socket_left_is_told_apart_from_a_platform_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    with client_of("http://127.0.0.1:9") as client:
        monkeypatch.setattr(wire.socket, "socket", no_socket)
        assert told(post(client)) == (0, b"", "no_sockets", True)


def test_a_connection_to_oneself_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may pick the very port that is dialled for this end; then what is sent comes back as an answer."""

    class Unlucky(socket.socket):
        def connect(self, address: object) -> None:
            self.bind(address)  # type: ignore[arg-type]
            super().connect(address)  # type: ignore[arg-type]

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with client_of(f"http://127.0.0.1:{port}") as client:
        monkeypatch.setattr(wire.socket, "socket", Unlucky)
        assert told(post(client)) == (0, b"", "connect_refused", True)


class Closer:
    """Answers the first request of a connection, then closes it: at once, or when it hears the second."""

    def __init__(self, *, on_second: bool) -> None:
        self._on_second = on_second

    def __call__(self, talk: Talk) -> None:
        talk.hear()
        talk.answer()
        if self._on_second:
            talk.hear()


def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    with Awkward(Closer(on_second=False)) as server, client_of(url(server)) as client:
        for number in range(1, 4):
            assert told(post(client)) == (200, b"hello", None, False)
            assert len(server.heard) == server.connections == number
            for thread in server._threads[1:]:
                thread.join()  # closed for certain


def test_an_order_on_a_connection_that_closes_under_it_is_never_sent_twice() -> None:
    with Awkward(Closer(on_second=True)) as server, client_of(url(server)) as client:
        post(client, body=b"1")
        assert told(post(client, body=b"2")) == (0, b"", "closed", False)
        assert [request[-1:] for request in server.heard] == [b"1", b"2"]


def test_nor_is_one_that_a_shop_takes_by_get() -> None:
    with Awkward(Closer(on_second=True)) as server, client_of(url(server)) as client:
        get(client, b"/buy/1", once=True)
        assert told(get(client, b"/buy/2", once=True)) == (0, b"", "closed", False)
        assert [request.split()[1] for request in server.heard] == [b"/buy/1", b"/buy/2"]


def test_a_read_on_a_connection_that_closes_under_it_is_asked_once_more() -> None:
    with Awkward(Closer(on_second=True)) as server, client_of(url(server)) as client:
        get(client, b"/1")
        assert told(get(client, b"/2")) == (200, b"hello", None, False)
        assert [request.split()[1] for request in server.heard] == [b"/1", b"/2", b"/2"]


@pytest.mark.parametrize("how", ["closed", "reset", "timeout", "garbage"])
def test_the_second_asking_may_fail_like_any_other(how: str) -> None:
    """What had left had left: neither is it called effect-free, nor does anything escape."""

    def manners(talk: Talk) -> None:
        talk.hear()
        if talk.number == 1:
            talk.answer()
            talk.hear()
        elif how == "reset":
            talk.reset()
        elif how == "timeout":
            talk.server.ending.wait(20)
        elif how == "garbage":
            talk.say(b"what?")

    with Awkward(manners) as server, client_of(url(server), reply_s=1.0) as client:
        get(client, b"/1")
        reply = get(client, b"/2")
        assert told(reply) == (0, b"", how, False)
        assert reply.sent_s is not None
        assert len(server.heard) == 3


def test_when_the_second_asking_finds_nobody_the_first_may_still_have_arrived() -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.answer()
        talk.hear()
        talk.server._listener.shutdown(socket.SHUT_RDWR)

    with Awkward(manners) as server, client_of(url(server)) as client:
        get(client, b"/1")
        assert told(get(client, b"/2")) == (0, b"", "connect_refused", False)


def test_a_read_that_had_half_an_answer_is_not_asked_again() -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.answer()
        talk.hear()
        talk.say(OK + b"Content-Length: 10\r\n\r\nhalf")
        talk.reset()

    with Awkward(manners) as server, client_of(url(server)) as client:
        get(client)
        assert get(client).error == "reset"
        assert len(server.heard) == 2


WHOLE = OK + b"Content-Length: 2\r\n"


@pytest.mark.parametrize("said", [WHOLE + b"Connection: close\r\n\r\nok", WHOLE + b"\r\nok" + WHOLE + b"\r\nNO"], ids=["says close", "says more"])
def test_a_connection_that_cannot_be_trusted_is_not_kept(said: bytes) -> None:
    def manners(talk: Talk) -> None:
        while talk.hear():
            talk.say(said)

    with Awkward(manners) as server, client_of(url(server)) as client:
        for _ in range(3):
            assert post(client).body == b"ok"
        assert server.connections == 3


def test_connections_that_have_been_idle_for_too_long_are_closed() -> None:
    """Not only the one that would be used next: a peak leaves hundreds behind."""
    clock = [0.0]
    gate = threading.Barrier(5)

    def manners(talk: Talk) -> None:
        while talk.hear():
            if len(server.heard) <= 5:
                gate.wait(10)
            talk.answer()

    with Awkward(manners) as server, client_of(url(server), keep_alive_s=60.0, now=lambda: clock[0]) as client:
        peak = [threading.Thread(target=post, args=(client,)) for _ in range(5)]
        for each in peak:
            each.start()
        for each in peak:
            each.join()
        assert (server.connections, idle(client)) == (5, 5)
        clock[0] = 59.0
        post(client)
        assert (server.connections, idle(client)) == (5, 5)
        clock[0] = 100.0
        post(client)
        assert (server.connections, idle(client)) == (5, 1)


def idle(client: http.Client) -> int:
    return sum(len(each) for each in client._idle.values())


@pytest.mark.parametrize(
    "blocks", [[], [b"HTTP/1."], [b"junk\r\n\r\n"], [OK + b"Content-Length: 5\r\n\r\nx"], [OK + b"X: ", *[b"x" * 65536] * 200]]
)
def test_what_breaks_is_closed(blocks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[wire.Wire] = []

    def remembered(*told: object) -> wire.Wire:
        made.append(wire.dial(*told))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(http, "dial", remembered)
    with says(*blocks) as server, client_of(url(server)) as client:
        for _ in range(3):
            assert post(client).error is not None
        assert [each._sock.fileno() for each in made] == [-1] * 3


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


def test_a_reply_in_tiny_chunks_takes_little_more_room_than_it_has_bytes() -> None:
    parser = http._Parser()
    parser.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    for _ in range(100):
        parser.feed(b"2\r\nab\r\n" * 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(parser.body) == 200_000
    assert peak < 1_000_000


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
            client.quiet = lambda: True  # a stop, while the reply is on its way
            talk.say(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    with Awkward(leads_on) as server, client_of(url(server)) as client:
        reply = client.send(Request("POST", b"/orders", (), b"{}", follow=True))
        assert (reply.error, reply.effect_free, reply.sent_s is None) == (http.STOPPED, False, False)
        assert len(server.heard) == 1


def test_once_it_is_quiet_no_request_leaves_over_a_connection_that_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        sound = http.dial

        def slow(*where: object) -> wire.Wire:
            made = sound(*where)  # type: ignore[arg-type]
            client.quiet = lambda: True  # a stop, while it comes about
            return made

        monkeypatch.setattr(http, "dial", slow)
        reply = post(client)
        assert (reply.error, reply.effect_free, reply.sent_s) == (http.STOPPED, True, None)
        assert server.heard == []
