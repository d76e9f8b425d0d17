"""What a platform may serve at the well-known path instead of its owner's consent."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from unittest import mock

from consent_play import attempt
from consent_world import EVIL, PATIENCE_S, SHOP, URL, World, line, reply

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


def _drops() -> Iterator[bytes]:
    """A byte now and then, for a few times the patience. The server's side waits here, not the test."""
    for _ in range(40):
        threading.Event().wait(PATIENCE_S / 10)
        yield b"#"


def _never(_: bytes) -> Iterable[bytes]:
    threading.Event().wait(2 * PATIENCE_S)
    return []
