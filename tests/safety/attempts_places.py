"""Odd spellings, names that mislead, and answers that change."""

from __future__ import annotations

from consent_play import attempt
from consent_world import EVIL, HOST, SECOND, SHOP, VICTIM, World, line, reply

from surgekit.errors import ConsentError
from surgekit.safety import Permit, allowed

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
