"""A connection's waits: each has an end, what the peer says while we still talk is heard, and whoever is ended leaves no socket behind."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from awkward_server import OK, Awkward, Caller, Talk, certificate, client_of, pair, polite, post, told, url

from surgekit.engine.http import connection
from surgekit.engine.http.heads import Heads
from surgekit.engine.loop import Cut, Loop
from surgekit.engine.loop.poll import Poller, Selector, best
from surgekit.target.step import Request

POLLERS = {"best": best, "selector": Selector}
LARGE = b"x" * (24 << 20)
"""More than the kernel takes at once."""


@pytest.fixture(params=POLLERS)
def poller(request: pytest.FixtureRequest) -> Callable[[], Poller]:
    return POLLERS[request.param]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(params=["plain", "tls"])
def both(request: pytest.FixtureRequest, pem: Path) -> Callable[..., Any]:
    """Makes (server, client) for ``manners``, plain or under TLS."""
    return partial(pair, pem=None if request.param == "plain" else pem)


def keeps_nothing(client: Caller) -> bool:
    """No descriptor but the loop's own is heard of, and nobody waits."""
    return len(client.loop._sockets) == 1 and not client.loop.tasks


def head_of(talk: Talk) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        block = talk.conn.recv(65536)
        if not block:
            return b""
        data += block
    return data


# Any poller.


def test_orders_go_and_replies_come(poller: Callable[[], Poller]) -> None:
    with Awkward(polite) as server, client_of(url(server), poller=poller()) as client:
        for number in range(5):
            assert told(post(client, body=b"%d" % number)) == (200, b"hello", None, False)
        assert server.connections == 1
        assert [each[-1:] for each in server.heard] == [b"%d" % number for number in range(5)]


def test_many_at_once_have_connections_of_their_own_and_share_them_afterwards(poller: Callable[[], Poller]) -> None:
    with Awkward(polite) as server, client_of(url(server), poller=poller()) as client:
        for _ in range(3):
            replies = client.together(*[client.client.send(Request("POST", b"/", (), b"%d" % number)) for number in range(12)])
            assert [told(each) for each in replies] == [(200, b"hello", None, False)] * 12
        assert 2 <= server.connections <= 12
        assert len(server.heard) == 36


@pytest.mark.parametrize("kind", ["refused", "deaf", "mute"])
def test_who_does_not_answer_is_waited_for_as_long_as_was_said_and_no_longer(kind: str, poller: Callable[[], Poller]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        waiting = []
        if kind != "refused":
            sock.listen(0 if kind == "deaf" else 9)
        for _ in range(4 if kind == "deaf" else 0):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(sock.getsockname())
        with client_of(f"http://127.0.0.1:{sock.getsockname()[1]}", poller=poller(), connect_s=0.3, reply_s=0.4) as client:
            began = time.monotonic()
            reply = post(client)
            took = time.monotonic() - began
            assert keeps_nothing(client)
        for each in waiting:
            each.close()
    word, least, effect_free = {"refused": ("connect_refused", 0.0, True), "deaf": ("connect_timeout", 0.3, True), "mute": ("timeout", 0.4, False)}[kind]
    assert told(reply) == (0, b"", word, effect_free)
    assert least <= took < least + 2.0


def test_a_large_body_arrives_whole(both: Callable[..., Any], poller: Callable[[], Poller]) -> None:
    body = bytes(range(256)) * (24 << 12)

    def manners(talk: Talk) -> None:
        while head := head_of(talk):
            got = [head.partition(b"\r\n\r\n")[2]]
            while sum(map(len, got)) < len(body):
                got.append(talk.conn.recv(1 << 20))
            talk.answer(b"whole" if b"".join(got) == body else b"not whole")

    server, opened = both(manners, poller=poller(), reply_s=20.0)
    with server, opened as client:
        for _ in range(2):
            assert told(post(client, body=body)) == (200, b"whole", None, False)
        assert server.connections == 1


def test_a_large_body_that_nobody_reads_ends_in_time_and_may_have_arrived(both: Callable[..., Any], poller: Callable[[], Poller]) -> None:
    server, opened = both(lambda talk: talk.server.ending.wait(20), poller=poller(), reply_s=0.5)
    with server, opened as client:
        began = time.monotonic()
        assert told(post(client, body=LARGE)) == (0, b"", "timeout", False)
        assert 0.5 <= time.monotonic() - began < 5.0
        assert keeps_nothing(client)


# While we still talk.


def early(talk: Talk) -> None:
    """Answers after the first bytes, and reads no further for a while."""
    talk.conn.recv(100)
    talk.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nenorm")
    talk.server.ending.wait(20)


def test_a_reply_that_comes_while_the_body_is_on_its_way_counts_and_its_connection_is_not_used_again(both: Callable[..., Any]) -> None:
    server, opened = both(early, reply_s=9.0)
    with server, opened as client:
        for number in (1, 2):
            assert told(post(client, body=LARGE)) == (413, b"enorm", None, False)
            assert server.connections == number
            assert keeps_nothing(client)


def test_what_a_peer_says_before_it_hangs_up_on_a_body_is_heard() -> None:
    def manners(talk: Talk) -> None:
        talk.conn.recv(100)
        talk.say(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nenorm")
        talk.conn.shutdown(socket.SHUT_WR)
        while talk.conn.recv(1 << 20):
            pass

    with Awkward(manners) as server, client_of(url(server)) as client:
        assert told(post(client, body=LARGE)) == (413, b"enorm", None, False)


def test_a_reset_in_the_middle_of_a_body_leaves_it_in_doubt() -> None:
    def manners(talk: Talk) -> None:
        talk.conn.recv(100)
        talk.reset()

    with Awkward(manners) as server, client_of(url(server)) as client:
        reply = post(client, body=LARGE)
        assert (reply.status, reply.effect_free) == (0, False)
        assert reply.error in ("reset", "closed")  # by whether it was noticed while sending or while listening
        assert keeps_nothing(client)


# A body that waits to be asked for.


def expecting(client: Caller, body: bytes = b"the body") -> Any:
    return client.send(Request("POST", b"/orders", ((b"Expect", b"100-continue"),), body))


@pytest.mark.parametrize("body", [b"the body", LARGE], ids=["small", "large"])
def test_the_body_comes_when_the_peer_asks_for_it_and_not_before(both: Callable[..., Any], body: bytes) -> None:
    before: list[bytes] = []

    def manners(talk: Talk) -> None:
        while data := head_of(talk):
            before.append(data.partition(b"\r\n\r\n")[2])
            talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
            got = 0
            while got < len(body):
                got += len(talk.conn.recv(1 << 20))
            talk.answer(b"%d" % got)

    server, opened = both(manners)
    with server, opened as client:
        for _ in range(2):
            assert told(expecting(client, body)) == (200, b"%d" % len(body), None, False)
        assert before == [b"", b""]
        assert server.connections == 1


def test_a_peer_that_refuses_gets_no_body_and_its_connection_is_not_used_again() -> None:
    after: list[bytes] = []

    def manners(talk: Talk) -> None:
        head_of(talk)
        talk.say(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
        after.append(talk.conn.recv(100))

    with Awkward(manners) as server, client_of(url(server)) as client:
        assert told(expecting(client)) == (417, b"no", None, False)
        assert keeps_nothing(client)
        for thread in server._threads[1:]:
            thread.join(10)
    assert after == [b""]


def test_a_peer_that_says_nothing_gets_the_body_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONTINUE_S", 0.1)
    with Awkward(polite) as server, client_of(url(server)) as client:  # polite reads head and body before it answers
        for _ in range(2):
            began = time.monotonic()
            assert told(expecting(client)) == (200, b"hello", None, False)
            assert time.monotonic() - began >= 0.1
        assert server.heard[0].endswith(b"\r\n\r\nthe body")
        assert server.connections == 1


def test_a_peer_that_hangs_up_instead_leaves_the_order_in_doubt() -> None:
    with Awkward(head_of) as server, client_of(url(server)) as client:  # type: ignore[arg-type]
        assert told(expecting(client)) == (0, b"", "closed", False)
        assert keeps_nothing(client)


# The short way.


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 302 Found\r\nLocation: /paid\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n" + b"x" * 33,
    ],
    ids=["no body", "a body", "a body that is two bytes shorter than its head"],
)
def test_a_reply_whose_head_is_known_is_whole_when_its_last_byte_is_there_wherever_it_was_cut(reply: bytes) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop, got = Loop(), []

    class Waits:
        def resume(self, answer: Any) -> None:
            got.append(answer)

    wire = connection.Connection(loop, Heads(), ours)
    loop.want(ours.fileno(), writing=False)
    try:
        for cut in range(len(reply)):
            assert wire.begin(b"ask", "GET", loop.now() + 9.0, float("inf"), Waits()) == b""
            for said in (reply[:cut], reply[cut:]):
                assert len(got) == cut
                if said:
                    theirs.sendall(said)
                    loop.turn()
            assert len(got) == cut + 1
            assert (got[-1][1], wire.reusable) == (reply.partition(b"\r\n\r\n")[2], True), cut
    finally:
        wire.close()
        theirs.close()
        loop.close()


# Idle.


def test_a_peer_that_closes_an_idle_connection_is_noticed_at_once(both: Callable[..., Any], poller: Callable[[], Poller]) -> None:
    close = threading.Event()

    def manners(talk: Talk) -> None:
        talk.hear()
        talk.answer()
        close.wait(20)

    server, opened = both(manners, poller=poller())
    with server, opened as client:
        post(client)
        assert client.idle == 1
        close.set()
        client.look(0.2)
        assert client.idle == 0
        assert keeps_nothing(client)
        assert told(post(client)) == (200, b"hello", None, False)
        assert server.connections == 2


def test_a_peer_that_says_what_nobody_asked_for_is_not_listened_to_any_more() -> None:
    def manners(talk: Talk) -> None:
        while talk.hear():
            talk.answer()
            time.sleep(0.05)
            with server_lock:
                talk.say(OK + b"Content-Length: 5\r\n\r\nevil!")

    server_lock = threading.Lock()
    with Awkward(manners) as server, client_of(url(server)) as client:
        for number in (1, 2, 3):
            assert told(post(client)) == (200, b"hello", None, False)
            client.look(0.15)
            assert (server.connections, client.idle) == (number, 0)


# Addresses.


class Homes:
    """One port on several addresses of this machine."""

    def __init__(self, *hosts: str) -> None:
        first = Awkward(polite, host=hosts[0])
        self.servers = [first]
        for host in hosts[1:]:
            self.servers.append(Awkward(polite, host=host, port=first.port))
        self.port = first.port

    def __enter__(self) -> Homes:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.__exit__()


@pytest.fixture
def homes() -> Iterator[Homes]:
    try:
        made = Homes("127.0.0.1", "127.0.0.2")
    except OSError:
        pytest.skip("this system has one loopback address")
    with made:
        yield made


def test_connections_take_the_addresses_of_a_name_in_turn(homes: Homes) -> None:
    with client_of(f"http://127.0.0.1:{homes.port}", addresses=("127.0.0.1", "127.0.0.2")) as client:
        client.together(*[client.client.send(Request("GET", b"/", (), b"")) for _ in range(10)])
        assert [server.connections for server in homes.servers] == [5, 5]


def test_an_address_that_refuses_is_passed_over(homes: Homes) -> None:
    with client_of(f"http://127.0.0.1:{homes.port}", addresses=("127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.2")) as client:
        replies = client.together(*[client.client.send(Request("GET", b"/", (), b"")) for _ in range(8)])
        assert [told(each) for each in replies] == [(200, b"hello", None, False)] * 8
        assert [server.connections for server in homes.servers] == [4, 4]


def test_an_address_that_says_nothing_is_passed_over_in_time(homes: Homes) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.3", homes.port))
        mute.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # its queue is full
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(mute.getsockname())
        with client_of(f"http://127.0.0.1:{homes.port}", addresses=("127.0.0.3", "127.0.0.1"), connect_s=0.6) as client:
            replies = client.together(*[client.client.send(Request("GET", b"/", (), b"")) for _ in range(2)])
            assert [told(each) for each in replies] == [(200, b"hello", None, False)] * 2
            assert homes.servers[0].connections == 2
        for each in waiting:
            each.close()


# Being ended.


@pytest.mark.parametrize("where", ["connecting", "greeting", "sending", "waiting", "expecting"])
def test_whoever_is_ended_leaves_no_socket_behind(where: str, pem: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        with Awkward(lambda talk: talk.server.ending.wait(20)) as server:  # type: ignore[arg-type,return-value]
            port = deaf.getsockname()[1] if where == "connecting" else server.port
            scheme = "https" if where == "greeting" else "http"
            with client_of(f"{scheme}://127.0.0.1:{port}") as client:
                expects = ((b"Expect", b"100-continue"),) if where == "expecting" else ()
                request = Request("POST", b"/", expects, LARGE if where == "sending" else b"{}")
                task = client.loop.spawn(client.client.send(request))
                client.look(0.1)
                assert not task.over
                task.cut()
                assert isinstance(task.error, Cut)
                client.look(0.05)
                assert keeps_nothing(client)
        for each in waiting:
            each.close()


def test_a_greeting_that_never_comes_is_waited_for_as_long_as_a_connection(poller: Callable[[], Poller]) -> None:
    with Awkward(lambda talk: talk.server.ending.wait(20)) as server, client_of(f"https://localhost:{server.port}", poller=poller(), connect_s=0.3) as client:  # type: ignore[arg-type,return-value]
        began = time.monotonic()
        assert told(post(client)) == (0, b"", "connect_timeout", True)
        assert 0.3 <= time.monotonic() - began < 3.0
        assert keeps_nothing(client)


def test_a_reply_and_its_end_in_one_go_under_tls(pem: Path) -> None:
    """The connection is over, however much its reply speaks of keeping it."""

    def manners(talk: Talk) -> None:
        talk.hear()
        if hasattr(socket, "TCP_CORK"):  # so that both are one segment
            talk.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        talk.answer()
        talk.conn.unwrap()  # type: ignore[attr-defined]  # says it, and waits until the client does

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Awkward(manners, tls=context) as server, client_of(f"https://localhost:{server.port}", tls=ssl.create_default_context(cafile=str(pem))) as client:
        for number in (1, 2, 3):
            assert told(post(client)) == (200, b"hello", None, False)
            client.look(0.03)
            assert (server.connections, client.idle) == (number, 0)
            assert keeps_nothing(client)
