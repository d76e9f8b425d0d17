"""Connections that cannot be had, or are stale: an order never leaves twice because of one."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from awkward_server import OK, Awkward, Talk, client_of, get, polite, post, says, told, url

from surgekit.engine.http import connection
from surgekit.target.schema import Step
from surgekit.target.step import Request, StepPlan


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
        monkeypatch.setattr(connection, "_socket", no_socket)
        assert told(post(client)) == (0, b"", "no_sockets", True)


def test_a_connection_to_oneself_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may pick the very port that is dialled for this end; then what is sent comes back as an answer."""

    class Unlucky(socket.socket):
        def connect_ex(self, address: object) -> int:
            self.bind(address)  # type: ignore[arg-type]
            return super().connect_ex(address)  # type: ignore[arg-type]

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with client_of(f"http://127.0.0.1:{port}") as client:
        monkeypatch.setattr(connection, "_socket", Unlucky)
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
            client.look()
            assert client.idle == 0


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
    gate = threading.Barrier(5)

    def manners(talk: Talk) -> None:
        while talk.hear():
            if len(server.heard) <= 5:
                gate.wait(10)
            talk.answer()

    with Awkward(manners) as server, client_of(url(server), keep_alive_s=0.6, reply_s=2.0) as client:
        client.together(*[client.client.send(Request("POST", b"/orders", (), b"{}")) for _ in range(5)])
        assert (server.connections, client.idle) == (5, 5)
        client.look(0.3)
        post(client)
        assert (server.connections, client.idle) == (5, 5)
        client.look(2.1)  # the one timer of a connection looks after at most so long whether it is still wanted
        assert (server.connections, client.idle) == (5, 0)


def test_one_that_has_been_idle_for_too_long_is_not_used_even_if_it_is_still_there() -> None:
    with Awkward(polite) as server, client_of(url(server), keep_alive_s=0.05) as client:
        for number in range(1, 4):
            assert told(post(client)) == (200, b"hello", None, False)
            assert server.connections == number
            client.look(0.1)


def test_one_that_has_been_idle_for_too_long_is_not_used_even_if_that_is_hardly_any_time() -> None:
    step = StepPlan("step", Step.model_validate({"request": "GET /orders", "replies": [{"class": "ok", "matches": "(?s)."}]}), "steps.step")
    with Awkward(polite) as server, client_of(url(server), keep_alive_s=0.001) as client:
        for number in range(1, 4):
            assert told(client.ask(step, {})) == (200, b"hello", None, False)
            assert server.connections == number
            client.look(0.003)


def test_a_time_out_is_in_time_on_a_connection_that_may_be_idle_for_longer() -> None:
    """A connection has one timer. After a while of idleness it is set for the end of that, which is later than the next reply may be."""

    def manners(talk: Talk) -> None:
        talk.hear()
        talk.answer()
        talk.hear()
        talk.server.ending.wait(20)

    with Awkward(manners) as server, client_of(url(server), reply_s=0.2, keep_alive_s=9.0) as client:
        post(client)
        client.look(0.3)
        began = time.monotonic()
        assert told(post(client)) == (0, b"", "timeout", False)
        assert server.connections == 1
        assert 0.2 <= time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    "blocks", [[], [b"HTTP/1."], [b"junk\r\n\r\n"], [OK + b"Content-Length: 5\r\n\r\nx"], [OK + b"X: ", *[b"x" * 65536] * 200]]
)
def test_what_breaks_is_closed(blocks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[connection.Connection] = []
    sound = connection.new

    def remembered(*told: Any) -> connection.Connection:
        made.append(sound(*told))
        return made[-1]

    monkeypatch.setattr(connection, "new", remembered)
    with says(*blocks) as server, client_of(url(server)) as client:
        for _ in range(3):
            assert post(client).error is not None
        assert [(each.closed, each._sock.fileno()) for each in made] == [(True, -1)] * 3
        assert len(client.loop._sockets) == 1  # its own
