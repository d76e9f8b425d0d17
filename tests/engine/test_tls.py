"""TLS without a socket: what goes in at one end comes out at the other, however it is cut, and what TLS says by itself is nobody's reply."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest
from awkward_server import certificate

from surgekit.engine.http.tls import Tls


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


class Peer:
    """The other end."""

    def __init__(self, pem: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coming, self.going, server_side=True)

    def greets(self, data: bytes) -> bytes:
        self.coming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.going.read()

    def says(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.going.read()


def greeted(pem: Path, host: str = "localhost") -> tuple[Tls, Peer, bytes]:
    """Both ends after their greeting, and the tickets that the peer gave last."""
    ours, peer = Tls(ssl.create_default_context(cafile=str(pem)), host), Peer(pem)
    assert not ours.greeted()
    while not ours.greeted(peer.greets(ours.going())):
        pass
    return ours, peer, peer.greets(ours.going())


def friends(pem: Path) -> tuple[Tls, Peer]:
    ours, peer, tickets = greeted(pem)
    ours.fed(tickets)
    return ours, peer


def test_what_is_said_at_one_end_is_heard_at_the_other(pem: Path) -> None:
    ours, peer = friends(pem)
    peer.coming.write(ours.records(b"an order"))
    assert peer.tls.read(100) == b"an order"
    assert ours.fed(peer.says(b"a reply")) == (b"a reply", False)


def test_the_tickets_of_a_session_are_no_reply(pem: Path) -> None:
    ours, peer, tickets = greeted(pem)
    assert tickets
    assert ours.fed(tickets) == (b"", False)
    assert ours.fed(peer.says(b"a reply")) == (b"a reply", False)


def test_a_record_is_heard_once_its_last_byte_is_there(pem: Path) -> None:
    ours, peer = friends(pem)
    data = peer.says(b"one") + peer.says(b"two")
    heard = [ours.fed(data[at : at + 1]) for at in range(len(data))]
    half = len(data) // 2
    assert [(at, told) for at, told in enumerate(heard) if told != (b"", False)] == [(half - 1, (b"one", False)), (2 * half - 1, (b"two", False))]


@pytest.mark.parametrize("how", ["said", "only the stream's"])
def test_the_end_is_told_with_what_was_said_before_it(how: str, pem: Path) -> None:
    ours, peer = friends(pem)
    data = peer.says(b"the last words")
    if how == "said":
        with pytest.raises(ssl.SSLWantReadError):  # it would wait for our own farewell
            peer.tls.unwrap()
        assert ours.fed(data + peer.going.read()) == (b"the last words", True)
    else:
        assert ours.fed(data) == (b"the last words", False)
        assert ours.fed(b"") == (b"", True)


def test_what_is_no_record_is_an_error_and_the_peer_is_told(pem: Path) -> None:
    ours, _ = friends(pem)
    ours.going()
    with pytest.raises(ssl.SSLError):
        ours.fed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert ours.going()


def test_a_peer_that_is_somebody_else_is_turned_down(pem: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(pem, "shop.example")


def test_a_peer_that_hangs_up_during_the_greeting_is_an_error(pem: Path) -> None:
    ours = Tls(ssl.create_default_context(cafile=str(pem)), "localhost")
    assert not ours.greeted()
    with pytest.raises(ssl.SSLError):
        ours.greeted(b"")
