"""Only this machine is loaded. Nothing here asks a real resolver."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from surgekit.errors import ConfigError, ConsentError, TargetError
from surgekit.safety import Origin, is_loopback, origin, resolved
from surgekit.safety.address import unfit

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
    with pytest.raises(ConsentError, match=r"shop\.test .*(is not on this machine|is never loaded)") as raised:
        resolved(origin("http://shop.test"))
    assert address in str(raised.value)


@pytest.mark.parametrize("addresses", [["127.0.0.1", "192.0.2.7"], ["192.0.2.7", "127.0.0.1"], ["::1", "::ffff:192.0.2.7"]])
def test_one_address_elsewhere_is_one_too_many(addresses: list[str], names: Callable[[Hosts], list[str]]) -> None:
    names({"shop.test": addresses})
    with pytest.raises(ConsentError):
        resolved(origin("http://shop.test"))


ODD = ["2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.01", "0", "0x", "134744072", "0x8.8", "1.2.3.4.5", "256.0.0.1", "shop.123"]


@pytest.mark.parametrize("written", ODD)
def test_an_odd_spelling_of_an_address_is_refused_before_anybody_reads_it(written: str, names: Callable[[Hosts], list[str]]) -> None:
    asked = names({written: ["127.0.0.1"]})
    with pytest.raises(ConfigError, match="odd spelling of an IPv4 address; write it as in"):
        resolved(origin(f"http://{written}/"))
    assert not asked


@pytest.mark.parametrize("written", ["１２７.0.0.1", "127。0。0。1", "loc\u00adalhost", "loc\u200balhost", "ⓛocalhost", "straße.test"])
def test_characters_that_stand_for_others_are_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="characters that stand for others"):
        origin(f"http://{written}/")


@pytest.mark.parametrize("written", ["bücher.test", "BÜCHER.test", "xn--bcher-kva.test", "XN--BCHER-KVA.TEST"])
def test_a_name_has_one_spelling(written: str) -> None:
    assert origin(f"http://{written}").host == "xn--bcher-kva.test"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("localhost%2eevil.test", "a percent sign"), ("%6cocalhost", "a percent sign"), ("[fe80::1%25eth0]", "a percent sign"), ("[::1%lo]", "a percent sign"),
        ("localhost.", "without the dot at its end"), ("127.0.0.1.", "without the dot at its end"), ("evil.test.", "without the dot"),
        ("a..b", "not a host name"), (".test", "not a host name"), ("-a.test", "not a host name"), ("a!b.test", "not a host name"), ("*.test", "not a host name"),
        (f"{'a' * 64}.test", "not a host name"), (".".join(["a" * 60] * 5), "not a host name"),
        ("127.0.0.1\\.evil.test", "a backslash"), ("localhost\tevil.test", "a character that cannot be seen"), ("a b", "a space"),
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_is_refused(written: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        origin(f"http://{written}/")


@pytest.mark.parametrize("host", ["my_shop", "shop-1.internal", "1.test", "1a", "0x7f.test", "a" * 63, "192.0.2.7"])
def test_usual_hosts_stay_as_they_are(host: str) -> None:
    assert origin(f"http://{host}:8080").host == host


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "no machine in particular"), ("0.1.2.3", "no machine"), ("::", "no machine"), ("169.254.169.254", "secrets"), ("fd00:ec2::254", "secrets"),
        ("100.100.100.200", "secrets"), ("169.254.1.1", "link-local"), ("fe80::1", "link-local"), ("fe80::1%eth0", "link-local"), ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"), ("255.255.255.255", "broadcast"), ("240.0.0.1", "reserved"), ("::ffff:127.0.0.1", "inside an IPv6 address"),
        ("::ffff:8.8.8.8", "inside"), ("::127.0.0.1", "inside"), ("64:ff9b::7f00:1", "inside"), ("2002:7f00:1::", "inside"), ("2001:0:7f00:1::", "inside"),
        ("garbage", "not an IP address"),
    ],
)  # fmt: skip
def test_these_are_never_loaded_and_it_is_said_why(address: str, why: str) -> None:
    assert why in (unfit(address) or "")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "192.0.2.7", "2001:db8::1", "8.8.8.8"])
def test_about_these_consent_decides(address: str) -> None:
    assert unfit(address) is None


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
        resolved(Origin("http", "a..b", 80))


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
