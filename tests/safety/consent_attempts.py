"""Ways to have somebody's machine loaded who did not agree, each played against a world in which just that one thing is
wrong, and the ways that have to stay open."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest import mock

from consent_world import EVIL, HOST, NOW, PATIENCE_S, SECOND, SHOP, TOKEN, URL, VICTIM, World, line, reply

from surgekit.errors import ConsentError
from surgekit.safety import Permit, Texts, allowed
from surgekit.safety.statement import digest


@dataclass(frozen=True, slots=True)
class Attempt:
    """``play`` raises ``SurgeKitError`` where it is stopped. ``because`` stands in the sentence that stops it.

    ``dials``: addresses that may be connected to on the way; any other one spoils the refusal.
    """

    name: str
    tries: str
    because: str
    play: Callable[[World], Any]
    dials: frozenset[str] = frozenset()


ATTEMPTS: list[Attempt] = []
CONTROLS: list[Attempt] = []
"""``because`` is how each is permitted."""


def attempt(name: str, tries: str, because: str, *dials: str) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    def note(play: Callable[[World], Any]) -> Callable[[World], Any]:
        ATTEMPTS.append(Attempt(name, tries, because, play, frozenset(dials)))
        return play

    return note


def control(name: str, tries: str, how: str) -> Callable[[Callable[[World], Permit]], Callable[[World], Permit]]:
    def note(play: Callable[[World], Permit]) -> Callable[[World], Permit]:
        CONTROLS.append(Attempt(name, tries, how, play))
        return play

    return note


def led(permit: Permit, url: str, world: World) -> None:
    """Follow a URL that a reply names."""
    if allowed(permit, url, resolver=world) is None:
        raise ConsentError("a reply may lead back to the platform, and nowhere else")


# --- Odd spellings. Whatever the resolver would make of them, an honest platform is written plainly. ---

for _name, _url, _because in (
    ("decimal IP", "http://2130706433/", "odd spelling"),
    ("decimal IP of another host", "http://3405803783/", "odd spelling"),
    ("hexadecimal IP", "http://0x7f.1/", "odd spelling"),
    ("octal IP", "http://0177.0.0.1/", "odd spelling"),
    ("short IP", "http://127.1/", "odd spelling"),
    ("full-width digits", "http://１２７.0.0.1/", "stand for others"),
    ("ideographic dots", "http://127。0。0。1/", "stand for others"),
    ("invisible character", "http://local\u00adhost/", "stand for others"),
    ("percent-encoded host", "http://localhost%2eevil.example/", "percent sign"),
    ("trailing dot", "http://localhost./", "the dot at its end"),
    ("userinfo", "http://127.0.0.1@evil.example/", "credentials do not belong"),
    ("userinfo, escaped", "http://localhost:80%40evil.example@evil.example/", "credentials do not belong"),
    ("backslash", "http://127.0.0.1\\.evil.example/", "backslash"),
    ("tab in the host", "http://localhost\t.evil.example/", "cannot be seen"),
    ("zone id", "http://[fe80::1%25eth0]/", "percent sign"),
    ("IPv6-mapped loopback", "http://[::ffff:127.0.0.1]/", "inside an IPv6 address"),
    ("IPv6-mapped, hexadecimal", "http://[::ffff:c000:263]/", "inside an IPv6 address"),
    ("NAT64", "http://[64:ff9b::7f00:1]/", "inside an IPv6 address"),
    ("6to4", "http://[2002:7f00:1::]/", "inside an IPv6 address"),
    ("0.0.0.0", "http://0.0.0.0/", "no machine in particular"),
    ("::", "http://[::]/", "no machine in particular"),
    ("metadata service", "http://169.254.169.254/", "secrets of its machines"),
    ("metadata service, IPv6", "http://[fd00:ec2::254]/", "secrets of its machines"),
    ("link-local", "http://[fe80::1]/", "link-local"),
    ("multicast", "http://239.1.2.3/", "multicast"),
    ("broadcast", "http://255.255.255.255/", "broadcast"),
):
    attempt(_name, _url, _because)(lambda world, url=_url: world.lives("evil.example", (EVIL,)).ask(url))

# --- Names. ---


@attempt("no consent", "a public host, without a token", "is not on this machine")
def _(world: World) -> None:
    world.shop().ask(token=None)


@attempt("a name like localhost", "localhost.attacker.example, which leads elsewhere", "is not on this machine")
def _(world: World) -> None:
    world.lives("localhost.attacker.example", (VICTIM,)).ask("http://localhost.attacker.example", None)


@attempt("hosts file: localhost", "localhost means a victim there", "though its name says so")
def _(world: World) -> None:
    world.lives("localhost", (VICTIM,)).ask("http://localhost")


@attempt("hosts file: a name that agrees", "it leads to a victim; the name's TXT record is real", "does not prove over TLS", VICTIM)
def _(world: World) -> None:
    world.lives(HOST, (VICTIM,)).serves(VICTIM, reply(), certificate="evil.example").says(line()).ask()


@attempt("name of a metadata service", "a name of one's own for 169.254.169.254", "secrets of its machines")
def _(world: World) -> None:
    world.lives(HOST, ("169.254.169.254",)).ask()


@attempt("name of a mapped address", "a name for ::ffff:127.0.0.1", "inside an IPv6 address")
def _(world: World) -> None:
    world.lives(HOST, ("::ffff:127.0.0.1",)).ask()


@attempt("mixed: this machine and another", "a name for 127.0.0.1 and for a victim", "means both is not loaded")
def _(world: World) -> None:
    world.lives(HOST, ("127.0.0.1", VICTIM)).ask()


@attempt("mixed: one agrees, one does not", "a victim's address beside one's own, over http", f"at {VICTIM} answers HTTP 404", SHOP, VICTIM)
def _(world: World) -> None:
    world.lives(HOST, (SHOP, VICTIM)).serves(SHOP, reply(line(port=80)), 80, None).serves(VICTIM, reply("", "404 Not Found"), 80, None)
    world.ask(f"http://{HOST}")


@attempt("mixed: one has no certificate", "a victim's address beside one's own, over https", f"{VICTIM} does not prove", SHOP, VICTIM)
def _(world: World) -> None:
    world.shop(addresses=(SHOP, VICTIM)).serves(VICTIM, reply(line()), certificate="evil.example").ask()


@attempt("mixed: statements that differ", "one address allows more than the other", "contradict each other", SHOP, SECOND)
def _(world: World) -> None:
    world.shop(line(rate=10), addresses=(SHOP, SECOND)).serves(SECOND, reply(line(rate=10000))).ask()


@attempt("a crowd of addresses", "a name with 9 addresses", "more than 8 are not checked")
def _(world: World) -> None:
    world.shop(addresses=tuple(f"203.0.113.{number}" for number in range(9))).ask()


@attempt("DNS rebinding, during the check", "the first answer agrees, the second is a victim", "is pinned", SHOP)
def _(world: World) -> None:
    permit = world.shop().lives(HOST, (SHOP,), (VICTIM,)).ask()
    _pinned(permit, world)


@attempt("DNS rebinding, in a later process", "run.json is read when the name means a victim", "is pinned", SHOP)
def _(world: World) -> None:
    permit = Permit.from_json(world.shop().lives(HOST, (SHOP,), (VICTIM,)).ask().to_json())
    _pinned(permit, world)


@attempt("DNS rebinding, of this machine's name", "loopback while it is checked, a victim in a reply's URL", "is pinned")
def _(world: World) -> None:
    permit = world.lives(HOST, ("127.0.0.1",), (VICTIM,)).ask(token=None)
    _pinned(permit, world, "127.0.0.1")


def _pinned(permit: Permit, world: World, address: str = SHOP) -> None:
    """The refusal is that nobody ever asks for the second answer."""
    place = allowed(permit, f"{permit.place.scheme}://{permit.place.netloc}/pay", resolver=world)
    if place == permit.place and place.addresses == (address,) and world.asked == [HOST]:
        raise ConsentError(f"{address} is pinned: {HOST} was asked for once, and its second answer never")


# --- The well-known path. ---


@attempt("redirect to a helper", "the path redirects to a host that serves the token", "redirects are not followed", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply("", "302 Found", "Location: https://evil.example/token"))
    world.lives("evil.example", (EVIL,)).serves(EVIL, reply(line()), certificate="evil.example").ask()


@attempt("redirect with a body", "the statement stands in the redirect itself", "redirects are not followed", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply(line(), "301 Moved", f"Location: {URL}/other")).ask()


@attempt("error page", "the statement in a 404 page, which anybody's path may be quoted in", "answers HTTP 404", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply(line(), "404 Not Found")).ask()


@attempt("HTML page", "the statement in a visitor's comment", "begins with '<html>'", SHOP)
def _(world: World) -> None:
    world.shop("<html>", line(), "</html>").ask()


@attempt("front page for every path", "a shop that answers 200 whatever is asked", "answers with no statement", SHOP)
def _(world: World) -> None:
    world.shop("<html>Welcome</html>").ask()


@attempt("oversize body", "the statement, then 5 KiB", "more than 4 KiB", SHOP)
def _(world: World) -> None:
    world.shop(line(), "#" * 5000).ask()


@attempt("endless body", "the statement, then chunks without end", "more than 4 KiB", SHOP)
def _(world: World) -> None:
    first = f"{line()}\n".encode()
    head = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(first), first)]
    world.shop().serves(SHOP, lambda _: itertools.chain(head, itertools.repeat(b"1\r\n#\r\n"))).ask()


@attempt("endless headers", "headers without end", "4 KiB", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, lambda _: itertools.chain([b"HTTP/1.1 200 OK\r\n"], (b"X-%d: %s\r\n" % (n, b"a" * 99) for n in itertools.count()))).ask()


@attempt("silence", "accepts, then never answers", "has not answered in full", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, _never).ask(patience_s=PATIENCE_S)


@attempt("a body in drops", "the statement, but its end never comes", "has not answered in full", SHOP)
def _(world: World) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{line()}\n".encode()
    world.shop().serves(SHOP, lambda _: itertools.chain([head], _drops())).ask(patience_s=PATIENCE_S)


@attempt("broken off", "the statement, and the connection closed before its end", "broke off", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, lambda _: [f"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{line()}".encode()]).ask()


@attempt("no HTTP", "the bare statement, without a status line", "does not speak HTTP", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, lambda _: [line().encode()]).ask()


@attempt("proxy from the environment", "HTTPS_PROXY names a host that agrees to everything", f"at {SHOP} answers HTTP 404", SHOP)
def _(world: World) -> None:
    proxy = f"http://{EVIL}:3128"
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    with mock.patch.dict(os.environ, dict.fromkeys(names, proxy) | {"no_proxy": ""}):
        world.bare().serves(EVIL, reply(line()), 3128, None).ask()


@attempt("certificate for another name", "a machine that serves the token as evil.example", "does not prove over TLS", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply(line()), certificate="evil.example").ask()


@attempt("certificate that nobody vouches for", "self-signed", "does not prove over TLS", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply(line()), certificate="untrusted").ask()


@attempt("no TLS", "plain HTTP on the https port", "does not prove over TLS", SHOP)
def _(world: World) -> None:
    world.shop().serves(SHOP, reply(line()), certificate=None).ask()


# --- The statement. ---

for _name, _lines, _because in (
    ("expired", [line(until="2026-11-25T11:59:59Z")], "the consent ended 2026-11-25"),
    ("too long", [line(until="2027-11-25T00:00:00Z")], "more than 90 days ahead"),
    ("without an end", [line(until=None)], "has no until"),
    ("an end that is no date", [line(until="2026-13-01T00:00:00Z")], "not a date"),
    ("another host", [line(host="other.example.com")], "is for other.example.com"),
    ("the parent domain", [line(host="example.com")], "is for example.com"),
    ("a wildcard host", [line(host="*.example.com")], "is not a host name"),
    ("another port", [line(port=8443)], "port 8443, not for"),
    ("another token", [line(token=f"sha256:{'ab' * 32}")], "no statement with the digest"),
    ("the token itself", [line(token=TOKEN)], "what is published is the token's digest"),
    ("two that contradict", [line(orders=10), line(orders=10**9)], "contradict each other"),
    ("an old one and a new one", [line(until="2026-11-01T00:00:00Z"), line()], "contradict each other"),
    ("a limit that is not understood", [line(stock=5)], "which this version does not know"),
    ("a field twice", [f"{line()} port=443"], "has port twice"),
    ("another version", [line().replace("v1", "v2")], "not with 'surgekit-consent v1 '"),
):
    attempt(f"statement: {_name}", _lines[0] if len(_lines) == 1 else f"{len(_lines)} lines for one token", _because, SHOP)(
        lambda world, lines=_lines: world.shop(*lines).ask()
    )

for _name, _token, _because in (
    ("short", "0123456789abcdef", "32 to 128 hexadecimal digits"),
    ("guessable", "0" * 32, "could be guessed"),
    ("no hexadecimal digits", "open-sesame-open-sesame-open-sesame", "32 to 128 hexadecimal digits"),
):
    attempt(f"token: {_name}", f"{len(_token)} characters", _because)(
        lambda world, token=_token: world.shop(line(token=f"sha256:{digest(token)}")).ask(token=token)
    )


@attempt("token: copied", "a stranger copies what the owner published", "no statement with the digest", SHOP)
def _(world: World) -> None:
    world.shop().ask(token=digest(TOKEN))


# --- DNS. ---


@attempt("TXT: wildcard", "*.shop.example.com answers for every name", "a wildcard record answers", SHOP)
def _(world: World) -> None:
    world.bare().below[HOST] = Texts((line(),))
    world.ask()


@attempt("TXT: alias", "the record is a CNAME to the attacker's", "is an alias of evil.example", SHOP)
def _(world: World) -> None:
    world.bare().says(line(), alias="evil.example").ask()


@attempt("TXT: somebody else's machine", "a name of one's own that leads to a victim, over http", "only for machines that prove their name", VICTIM)
def _(world: World) -> None:
    world.lives(HOST, (VICTIM,)).serves(VICTIM, reply("", "404 Not Found"), 80, None).says(line(port=80)).ask(f"http://{HOST}")


@attempt("TXT: for an address", "a record for an IP literal", "answers HTTP 404", VICTIM)
def _(world: World) -> None:
    world.serves(VICTIM, reply("", "404 Not Found"), 80, None)
    world.says(line(host=VICTIM, port=80), name=f"_surgekit-consent.{VICTIM}").ask(f"http://{VICTIM}")


@attempt("TXT: expired", "a record that was right last week", "the consent ended", SHOP)
def _(world: World) -> None:
    world.bare().says(line(until="2026-11-18T00:00:00Z")).ask()


@attempt("TXT: at the host itself", "the record one label too high", "has no TXT record", SHOP)
def _(world: World) -> None:
    world.bare().says(line(), name=HOST).ask()


@attempt("TXT: name servers fail", "what cannot be looked up is not there", "cannot be looked up", SHOP)
def _(world: World) -> None:
    world.bare().says(line()).dns_down = True
    world.ask()


# --- What replies name, once a permit is there. ---

for _name, _url in (
    ("another host", "https://evil.example/pay"),
    ("this machine", "http://127.0.0.1:8080/admin"),
    ("this machine by name", "http://localhost/"),
    ("the same host without TLS", f"http://{HOST}/"),
    ("the same port without TLS", f"http://{HOST}:443/"),
    ("another port", f"https://{HOST}:8443/"),
    ("a host in front of an @", f"https://{HOST}@evil.example/"),
    ("a longer host", f"https://{HOST}.evil.example/"),
    ("metadata service", "http://169.254.169.254/latest"),
):
    attempt(f"reply: {_name}", _url, "and nowhere else", SHOP)(lambda world, url=_url: led(world.shop().ask(), url, world))


@attempt("reply of this machine: a name", "a public name that leads here, for now", "and nowhere else")
def _(world: World) -> None:
    permit = world.lives("localhost", ("127.0.0.1",)).ask("http://localhost:8080", None)
    led(permit, "http://rebind.evil.example:8080/", world.lives("rebind.evil.example", ("127.0.0.1",), (VICTIM,)))


@attempt("reply of this machine: localhost elsewhere", "localhost with a second address", "and nowhere else")
def _(world: World) -> None:
    permit = world.ask("http://127.0.0.1:8080", None)
    led(permit, "http://localhost/", world.lives("localhost", ("127.0.0.1", VICTIM)))


# --- Beyond what was agreed to. ---


@attempt("more per second than allowed", "rate=200, a surge of 300", "allows 200 orders per second", SHOP)
def _(world: World) -> None:
    world.shop(line(rate=200)).ask().hold(rate=300, orders=1, ends=NOW)


@attempt("more orders than allowed", "orders=50000, a surge of 60000", "allows 50,000 orders", SHOP)
def _(world: World) -> None:
    world.shop(line(orders=50000)).ask().hold(rate=1, orders=60000, ends=NOW)


@attempt("longer than allowed", "a surge that ends after the consent", "before this surge does", SHOP)
def _(world: World) -> None:
    world.shop().ask().hold(rate=1, orders=1, ends=NOW + timedelta(days=30))


@attempt("forged permit", "run.json calls a victim this machine", "the permit is damaged")
def _(world: World) -> None:
    permit = world.ask("http://127.0.0.1:8080", None)
    Permit.from_json(replace(permit, place=replace(permit.place, addresses=(VICTIM,))).to_json())


# --- What has to stay open, or a checker that refuses everything would pass. ---


@control("well-known", "a valid statement at the well-known path", "well-known")
def _(world: World) -> Permit:
    return world.shop().ask()


@control("well-known, two addresses", "both serve it, among comments and another team's", "well-known")
def _(world: World) -> Permit:
    return world.shop("# consent", line(token=f"sha256:{'ab' * 32}"), line(rate=200, orders=50000), addresses=(SHOP, "2001:db8::7")).ask()


@control("well-known, plain HTTP", "an address without a name, on a port of its own", "well-known")
def _(world: World) -> Permit:
    return world.serves("10.1.2.3", reply(line(host="10.1.2.3", port=8080)), 8080, None).ask("http://10.1.2.3:8080")


@control("well-known, chunked", "after an interim reply, in chunks, upper-case host", "well-known")
def _(world: World) -> Permit:
    body = f"{line(host=HOST.upper())}\r\n".encode()
    blocks = [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)]
    return world.shop().serves(SHOP, lambda _: blocks).ask()


@control("one address is down", "it is left out, the other agrees", "well-known")
def _(world: World) -> Permit:
    return world.shop().lives(HOST, ("2001:db8::7", SHOP)).ask()


@control("TXT", "a valid record; every address has the certificate", "dns")
def _(world: World) -> Permit:
    return world.bare().says("v=spf1 -all", line()).ask()


@control("TXT behind a redirect", "a shop that redirects every path, and a valid record", "dns")
def _(world: World) -> Permit:
    return world.shop().serves(SHOP, reply("", "301 Moved", "Location: https://www.shop.example.com/")).says(line()).ask()


@control("international name", "written in its own letters", "loopback")
def _(world: World) -> Permit:
    return world.lives("xn--bcher-kva.example", ("127.0.0.1",)).ask("http://bücher.example", None)


@control("this machine", "127.0.0.1", "loopback")
def _(world: World) -> Permit:
    return world.ask("http://127.0.0.1:8080", None)


@control("this machine, by name", "localhost, both families", "loopback")
def _(world: World) -> Permit:
    return world.lives("localhost", ("::1", "127.0.0.1")).ask("http://localhost:8080", None)


@control("hosts file: this machine", "a public name that the hosts file gives to this machine", "loopback")
def _(world: World) -> Permit:
    return world.lives(HOST, ("127.0.0.1",)).ask(token=None)


def _drops() -> Iterator[bytes]:
    """A byte now and then, for a few times the patience. The server's side waits here, not the test."""
    for _ in range(40):
        threading.Event().wait(PATIENCE_S / 10)
        yield b"#"


def _never(_: bytes) -> Iterable[bytes]:
    threading.Event().wait(2 * PATIENCE_S)
    return []
