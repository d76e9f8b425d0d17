"""TLS: whom the client believes, and that waiting has an end in there too."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from awkward_server import Awkward, Talk, certificate, client_of, get, polite, post, told


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


def serving(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def trusting(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pem))


def url(server: Awkward, host: str = "localhost") -> str:
    return f"https://{host}:{server.port}"


def test_a_platform_that_proves_its_name_is_spoken_to_and_again(ours: Path) -> None:
    body = b"x" * 300_000  # many records

    def manners(talk: Talk) -> None:
        while talk.hear():
            talk.answer(body)

    with Awkward(manners, tls=serving(ours)) as server, client_of(url(server), tls=trusting(ours)) as client:
        for _ in range(3):
            assert told(post(client, body=body)) == (200, body, None, False)
        assert server.connections == 1
        assert server.heard[0].endswith(body)


def test_a_certificate_that_nobody_vouches_for_is_turned_down_before_anything_is_sent(ours: Path) -> None:
    with Awkward(polite, tls=serving(ours)) as server, client_of(url(server)) as client:
        reply = post(client)
        assert (*told(reply), reply.sent_s) == (0, b"", "tls", True, None)
        assert server.heard == []


def test_a_certificate_for_another_name_is_turned_down(ours: Path) -> None:
    with Awkward(polite, tls=serving(ours)) as server, client_of(url(server, "127.0.0.1"), tls=trusting(ours)) as client:
        assert told(post(client)) == (0, b"", "tls", True)
        assert server.heard == []


def test_a_server_that_does_not_speak_tls(ours: Path) -> None:
    with Awkward(lambda talk: talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, client_of(url(server)) as client:
        assert told(post(client)) == (0, b"", "tls", True)


def test_a_server_that_hangs_up_in_the_middle_of_the_greeting() -> None:
    with Awkward(lambda talk: None) as server, client_of(url(server)) as client:
        reply = post(client)
        assert reply.effect_free
        assert reply.error in ("tls", "connect_failed")


def test_a_greeting_that_drips_is_waited_for_no_longer_than_the_connection_may_take() -> None:
    """A TLS record of 16 kB that comes byte by byte: each byte would begin a socket's time-out anew."""

    def manners(talk: Talk) -> None:
        talk.conn.recv(65536)
        talk.say(b"\x16\x03\x03\x40\x00")
        while not talk.server.ending.wait(0.02):
            talk.say(b"\x02")

    with Awkward(manners) as server, client_of(url(server), connect_s=0.5) as client:
        began = time.monotonic()
        assert told(post(client)) == (0, b"", "connect_timeout", True)
        assert time.monotonic() - began >= 0.5


def test_a_reply_that_drips_in_half_records(ours: Path) -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        raw = talk.conn.detach()  # what TLS would say now, cut into bytes
        bare = socket.socket(fileno=raw)
        talk.server._open.append(bare)
        bare.sendall(b"\x17\x03\x03\x40\x00")
        while not talk.server.ending.wait(0.02):
            bare.sendall(b"\x00")

    with Awkward(manners, tls=serving(ours)) as server, client_of(url(server), tls=trusting(ours), reply_s=0.5) as client:
        assert told(post(client)) == (0, b"", "timeout", False)


@pytest.mark.parametrize("asked", [True, False], ids=["for an answer", "unasked"])
def test_a_peer_that_forgets_its_tls_is_not_believed(asked: bool, ours: Path) -> None:
    heard, said = threading.Event(), threading.Event()

    def manners(talk: Talk) -> None:
        talk.hear()
        if not asked:
            talk.answer()
            heard.wait(10)
        bare = socket.socket(fileno=talk.conn.detach())
        talk.server._open.append(bare)
        bare.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
        said.set()
        talk.server.ending.wait(20)

    with Awkward(manners, tls=serving(ours)) as server, client_of(url(server), tls=trusting(ours)) as client:
        assert told(post(client)) == ((0, b"", "tls", False) if asked else (200, b"hello", None, False))
        heard.set()
        assert said.wait(10)
        client.look()
        assert client.idle == 0
        assert len(client.loop._sockets) == 1  # its own


def test_a_connection_closed_while_idle_is_noticed_under_tls(ours: Path) -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.answer()

    with Awkward(manners, tls=serving(ours)) as server, client_of(url(server), tls=trusting(ours)) as client:
        for _ in range(2):
            assert told(get(client)) == (200, b"hello", None, False)
            for thread in server._threads[1:]:
                thread.join()
            client.look()
        assert len(server.heard) == 2


def test_an_end_of_the_stream_under_tls_ends_a_reply_without_a_length(ours: Path) -> None:
    def manners(talk: Talk) -> None:
        talk.hear()
        talk.say(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")

    with Awkward(manners, tls=serving(ours)) as server, client_of(url(server), tls=trusting(ours)) as client:
        assert told(post(client)) == (200, b"until the end", None, False)
