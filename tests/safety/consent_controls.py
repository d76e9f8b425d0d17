"""What has to stay open, or a checker that refuses everything would pass."""

from __future__ import annotations

from consent_play import control
from consent_world import HOST, SHOP, World, line, reply

from surgekit.safety import Permit


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
