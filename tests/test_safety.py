"""Only this machine is loaded. Nothing here asks a real resolver."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from surgekit.errors import ConfigError, ConsentError, TargetError
from surgekit.safety import Origin, is_loopback, origin, resolved

Hosts = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hosts], list[str]]:
    """A resolver that knows the given names and no other; returns the list of what it was asked for."""

    def install(hosts: Hosts) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            if host not in hosts:
                raise socket.gaierror(-2, "Name or service not known")
            return [(socket.AF_INET6 if ":" in it else socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in hosts[host]]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return install


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::1%lo", "0:0:0:0:0:0:0:1"])
def test_these_addresses_are_this_machine(address: str) -> None:
    assert is_loopback(address)


ELSEWHERE = [
    "0.0.0.0", "::", "126.255.255.255", "128.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "8.8.8.8", "2001:db8::1", "fe80::1", "fd00::1", "224.0.0.1", "255.255.255.255",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", [*ELSEWHERE, "", "localhost", "127.1", "2130706433", "127.0.0.1.", "127.0.0.1/8", "garbage"])
def test_these_are_not_or_cannot_be_told(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["::1", "127.0.0.1"], ["127.0.0.53"]])
def test_a_name_of_this_machine_keeps_its_name_and_gets_its_addresses(addresses: list[str], names: Callable[[Hosts], list[str]]) -> None:
    names({"localhost": addresses})
    assert resolved(origin("http://localhost:8080")) == Origin("http", "localhost", 8080, tuple(addresses))


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_refused(address: str, names: Callable[[Hosts], list[str]]) -> None:
    names({"shop.test": [address]})
    with pytest.raises(ConsentError, match=r"shop\.test .* is not on this machine") as raised:
        resolved(origin("http://shop.test"))
    assert address in str(raised.value)


@pytest.mark.parametrize("addresses", [["127.0.0.1", "192.0.2.7"], ["192.0.2.7", "127.0.0.1"], ["::1", "::ffff:192.0.2.7"]])
def test_one_address_elsewhere_is_one_too_many(addresses: list[str], names: Callable[[Hosts], list[str]]) -> None:
    names({"shop.test": addresses})
    with pytest.raises(ConsentError):
        resolved(origin("http://shop.test"))


@pytest.mark.parametrize(("written", "meant"), [("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1")])
def test_an_odd_spelling_counts_as_what_it_resolves_to(written: str, meant: str, names: Callable[[Hosts], list[str]]) -> None:
    names({written: [meant]})
    assert resolved(origin(f"http://{written}/")).addresses == (meant,)


@pytest.mark.parametrize(("written", "meant"), [("134744072", "8.8.8.8"), ("0", "0.0.0.0"), ("0x8.8", "8.0.0.8"), ("127.0.0.1.nip.test", "192.0.2.1")])
def test_an_odd_spelling_of_another_host_is_refused(written: str, meant: str, names: Callable[[Hosts], list[str]]) -> None:
    names({written: [meant]})
    with pytest.raises(ConsentError):
        resolved(origin(f"http://{written}/"))


def test_only_the_host_of_the_url_is_looked_up(names: Callable[[Hosts], list[str]]) -> None:
    asked = names({"localhost": ["127.0.0.1"]})
    resolved(origin("http://localhost:1/other.test?x=http://other.test#other.test"))
    assert asked == ["localhost"]


def test_a_name_without_an_address_says_what_to_check(names: Callable[[Hosts], list[str]]) -> None:
    names({})
    with pytest.raises(TargetError, match=r"shop\.test: the name cannot be resolved .* check base_url"):
        resolved(origin("http://shop.test"))


def test_a_name_that_cannot_be_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(socket, "getaddrinfo", refuses)
    with pytest.raises(TargetError, match="cannot be resolved"):
        resolved(origin("http://a..b"))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://localhost", "localhost", 80), ("https://localhost", "localhost", 443), ("http://localhost:8080/a?b#c", "localhost", 8080),
        ("HTTP://LocalHost:80", "localhost", 80), ("http://[::1]:8080", "::1", 8080),
    ],
)  # fmt: skip
def test_an_origin_is_scheme_host_and_port(url: str, host: str, port: int) -> None:
    found = origin(url)
    assert (found.host, found.port, found.addresses) == (host, port, ())


@pytest.mark.parametrize(
    ("place", "written"),
    [
        (Origin("http", "localhost", 80), "localhost"), (Origin("http", "localhost", 443), "localhost:443"),
        (Origin("https", "localhost", 443), "localhost"), (Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)  # fmt: skip
def test_the_host_header_leaves_out_the_usual_port(place: Origin, written: str) -> None:
    assert place.netloc == written


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "localhost:8080", "//localhost", "ftp://localhost", "file:///etc/passwd", "http://", "http://:80", "http://[::1",
     "http://localhost:99999", "http://localhost:x", "http://localhost:0", "unix:/tmp/s"],
)  # fmt: skip
def test_what_is_no_http_url_is_a_mistake_in_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError):
        origin(url)


@pytest.mark.parametrize("url", ["http://user:secret@localhost", "http://127.0.0.1@evil.test", "http://@localhost", "http://127.0.0.1\\@evil.test"])
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="credentials do not belong into a URL") as raised:
        origin(url)
    assert "secret" not in str(raised.value)
