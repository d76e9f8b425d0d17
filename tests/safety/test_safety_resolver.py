"""The real look-up of TXT records, against a name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from surgekit.safety import System, Texts
from surgekit.safety import resolver as module

Zone = dict[str, list[str] | str]
"""Name → records ``TYPE data``, or the word for a failure."""


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Zone], list[str]]]:
    """Installs a name server that knows the given names; returns the list of what it was asked for."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    known: Zone = {}
    asked: list[str] = []

    def serve() -> None:
        while True:
            data, peer = server.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text()
            asked.append(name)
            reply = dns.message.make_response(query)
            found = known.get(name, "NXDOMAIN")
            if isinstance(found, str):
                reply.set_rcode(dns.rcode.from_text(found))
            else:
                for record in found:
                    owner, kind, value = record.split(" ", 2)
                    reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, value))
            server.sendto(reply.to_wire(), peer)

    usual = dns.resolver.Resolver

    def ours() -> dns.resolver.Resolver:
        made = usual(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], server.getsockname()[1]
        return made

    def install(given: Zone) -> list[str]:
        known.update(given)
        return asked

    monkeypatch.setattr(dns.resolver, "Resolver", ours)
    monkeypatch.setattr(module, "LOOKUP_S", 0.5)
    thread = threading.Thread(target=serve)
    thread.start()
    yield install
    server.sendto(b"", server.getsockname())
    thread.join()
    server.close()


NAME = "_surgekit-consent.shop.test"


def test_a_record_is_read_with_its_parts_joined(zone: Callable[[Zone], list[str]]) -> None:
    asked = zone({f"{NAME}.": [f'{NAME}. TXT "surgekit-consent v1 " "host=shop.test"']})
    assert System().txt(NAME) == Texts(("surgekit-consent v1 host=shop.test",))
    assert asked == [f"{NAME}."]


def test_an_alias_is_told(zone: Callable[[Zone], list[str]]) -> None:
    zone({f"{NAME}.": [f"{NAME}. CNAME other.test.", 'other.test. TXT "x"']})
    assert System().txt(NAME) == Texts(("x",), "other.test")


@pytest.mark.parametrize("records", [{}, {f"{NAME}.": []}])
def test_no_name_and_no_record_are_the_same(records: Zone, zone: Callable[[Zone], list[str]]) -> None:
    zone(records)
    assert System().txt(NAME) == Texts()


@pytest.mark.parametrize("failure", ["SERVFAIL", "REFUSED"])
def test_a_failing_server_does_not_pass_for_no_record(failure: str, zone: Callable[[Zone], list[str]]) -> None:
    zone({f"{NAME}.": failure})
    with pytest.raises(OSError, match="NoNameservers"):
        System().txt(NAME)


def test_a_name_that_cannot_be_one_is_an_error(zone: Callable[[Zone], list[str]]) -> None:
    zone({})
    with pytest.raises(OSError, match="Label"):
        System().txt(f"{'a' * 64}.test")


def test_each_address_is_told_once() -> None:
    assert System().addresses("127.0.0.1", 80) == ("127.0.0.1",)
