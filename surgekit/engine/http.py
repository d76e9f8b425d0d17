"""HTTP/1.1, told apart by what could have reached the platform.

A general client hides what a load test must know: it re-sends on a closed connection (a second order!), and it does
not say whether bytes had left before something broke. Here each failure is one of two kinds: *effect-free*, the
request provably never reached the platform, or *unknown*.
"""

from __future__ import annotations

import errno
import re
import ssl
import string
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import quote, urljoin, urlsplit

import httptools

from surgekit.engine.wire import Wire, dial
from surgekit.safety import Origin, Permit, allowed
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Request

MOST_REPLY = 8 << 20
"""Bytes, headers and framing included. No reply of an order flow is larger; beyond this it is an error and not read on."""
MOST_HEAD = 256 << 10
"""Bytes until the body begins. Each header costs many times what it weighs, so they end sooner than the reply as a whole."""
MOST_ORIGINS = 1000
"""Replies can name any number of hosts; so many are remembered."""

_LOCAL = re.compile(rb"/(?!/)[!-\"$-~]*")
"""A path that can be sent as it is: visible ASCII, no fragment, no second slash in front (that would be a host)."""
_UNSENDABLE = re.compile(rb"[\x00-\x20\x7f]")
_CLIENTS_OWN = frozenset({b"content-length", b"transfer-encoding", b"x-surge-run"})
"""Said by the client alone: a second opinion on where a request ends lets a request hide in another's body, and no request
goes without the mark of its run."""
STOPPED = "stopped"
"""Why a request did not leave: the surge is quiet."""
MOST_HOPS = 10
"""Redirects that are followed for one request."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OUT_OF_SOCKETS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})


class Broken(Exception):
    """A request that got no complete reply. ``word`` is for the history; ``silent``: not a byte had come back."""

    def __init__(self, word: str, *, silent: bool = False) -> None:
        super().__init__(word)
        self.word = word
        self.silent = silent


class _Parser:
    """One response, fed block by block."""

    def __init__(self) -> None:
        self._http = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.cookies: list[str] = []
        self.body = bytearray()  # a list of the blocks of a reply in chunks of two bytes would take ten times as much
        self.size = 0
        self._head = 0
        self.done = False
        self.reusable = False
        self.status = 0
        self._has_headers = False

    def on_message_begin(self) -> None:
        if self.done:  # a second reply behind the first: nobody asked for it
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.done or self._has_headers:  # behind the body they are trailers, and nobody waits for those
            return
        key = name.decode("latin-1").lower()
        if key == "set-cookie":  # the one header that a reply rightly has several times
            self.cookies.append(value.decode("latin-1"))
        self.headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if not self.done:
            self.status = self._http.get_status_code()
            self._has_headers = True

    def on_body(self, block: bytes) -> None:
        if not self.done:
            self.body += block

    def on_message_complete(self) -> None:
        if self.done:
            return
        if self.status < 200:  # an interim reply such as 100 Continue; the real one follows
            self.headers.clear()
            self.cookies.clear()
            self._has_headers = False
        else:
            self.done = True
            self.reusable = bool(self._http.should_keep_alive())

    def feed(self, block: bytes) -> None:
        self.size += len(block)
        self._head = 0 if self._has_headers else self._head + len(block)
        if self.size > MOST_REPLY or self._head > MOST_HEAD:
            raise Broken("too_large")
        try:
            self._http.feed_data(block)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            # Bytes after a complete reply are the next reader's problem: the connection is closed, the reply stands.
            if not self.done:
                raise Broken("garbage") from None
            self.reusable = False

    def ended(self) -> None:
        """The peer closed. That ends a reply without a length, and breaks any other."""
        if not self.size:
            raise Broken("closed", silent=True)
        framed = "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()
        if framed or not self._has_headers:
            raise Broken("truncated")
        self.done = True


class Client:
    """Sends requests to one platform, and to the absolute URLs that its replies name where ``allowed`` says so.

    ``beside``: origins of this run's own (the gateway that it plays, a captcha's solver). ``quiet`` is asked as each request is
    about to leave, be it one that a redirect led to or one that had to wait for its connection; once it is true, none does.
    """

    def __init__(
        self,
        permit: Permit,
        *,
        connect_s: float,
        reply_s: float,
        keep_alive_s: float,
        now: Callable[[], float],
        run_id: str,
        tls: ssl.SSLContext | None = None,
        beside: Iterable[Origin] = (),
    ) -> None:
        self._permit = permit
        self._base = permit.place
        self._beside = {f"{place.scheme}://{place.netloc}": place for place in beside}
        self._connect_s = connect_s
        self._reply_s = reply_s
        self._keep_alive_s = keep_alive_s
        self._now = now
        self._run_id = run_id.encode()
        self.quiet: Callable[[], bool] = lambda: False
        # Made here even if it is never needed: reading the certificates takes long enough to hold up a surge.
        self._tls = tls or ssl.create_default_context()
        self._idle: dict[Origin, deque[Wire]] = {}
        self._origins: dict[str, Origin | None] = {}

    def send(self, request: Request, jar: Jar | None = None) -> Reply:
        """One request, one reply. Never raises for what the network or the platform does.

        ``sent_s`` of the reply is when the first byte was about to leave; None says that none ever did. A reply has to be
        complete within the reply time-out from then on, however many bytes of it come meanwhile. Where ``request`` follows
        redirects, the last reply is the one that counts, and the first send.
        """
        reply = self._send(request, jar)
        sent_s = reply.sent_s
        for _ in range(MOST_HOPS if request.follow else 0):
            place = (reply.headers or {}).get("location") if reply.status in _REDIRECTS else None
            if reply.error is not None or not place:
                return reply
            try:
                request = _onward(request, reply, place)
            except ValueError:  # a place that is no URL
                return replace(reply, error="bad_url")
            # The first request was sent, so whatever becomes of the next one, there may be an effect.
            reply = replace(self._send(request, jar), sent_s=sent_s, effect_free=False)
        if request.follow and reply.status in _REDIRECTS and reply.error is None:
            return replace(reply, error="redirects")
        return reply

    def _send(self, request: Request, jar: Jar | None) -> Reply:
        try:
            place, path = self._place(request.url)
            data = self._rendered(place, path, request, jar)
            wire = self._about_to_send(self._checkout(place))
        except Broken as broken:
            return Reply(0, b"", None, self._now(), broken.word, effect_free=True)
        sent_s = self._now()
        deadline = sent_s + self._reply_s
        try:
            try:
                return self._taken_in(place, path, jar, self._exchange(place, wire, data, sent_s, deadline))
            except Broken as broken:
                # A server may close an idle connection at the very moment it is used again. Asking again is allowed for what
                # only looks, as browsers do; anything else, an order above all, is never sent twice by the client.
                if request.once or not (wire.used and broken.silent and request.method == "GET"):
                    raise
            wire = self._about_to_send(self._connect(place, deadline))
            return self._taken_in(place, path, jar, self._exchange(place, wire, data, sent_s, deadline))
        except Broken as broken:
            return Reply(0, b"", sent_s, self._now(), broken.word)

    def _about_to_send(self, wire: Wire) -> Wire:
        """``wire``, unless nothing may leave any more: then it is closed. Raises ``Broken``."""
        if self.quiet():
            wire.close()
            raise Broken(STOPPED)
        return wire

    def _taken_in(self, place: Origin, path: bytes, jar: Jar | None, got: tuple[Reply, list[str]]) -> Reply:
        """The reply with where it came from; its cookies are in the jar."""
        reply, lines = got
        url = f"{place.scheme}://{place.netloc}{path.decode()}"
        if jar is None:
            return replace(reply, url=url)
        if lines:
            jar.store(place.netloc, path.decode().partition("?")[0], lines)
        return replace(reply, url=url, cookies=jar.view(place.netloc))

    def close(self) -> None:
        """Close what is idle."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _place(self, url: bytes) -> tuple[Origin, bytes]:
        """Where to, and what to ask for there. Raises ``Broken`` for what cannot be sent or is not on this machine."""
        if _LOCAL.fullmatch(url):
            return self._base, url
        if _UNSENDABLE.search(url):  # from a reply; a line break in it would begin a header of the reply's choosing
            raise Broken("bad_url")
        text = url.decode("utf-8", "replace")
        if text.startswith("//"):
            text = f"{self._base.scheme}:{text}"
        elif text.startswith("/"):
            text = f"{self._base.scheme}://{self._base.netloc}{text}"
        try:
            parts = urlsplit(text)
            place = self._known(f"{parts.scheme}://{parts.netloc}")
        except ValueError:
            place = None
        if place is None:
            raise Broken("bad_url")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return place, quote(path, safe=string.punctuation).encode()

    def _known(self, url: str) -> Origin | None:
        """A reply could name any host; it is held to the same rule as the target itself."""
        if url not in self._origins:
            if len(self._origins) >= MOST_ORIGINS:
                self._origins.clear()
            self._origins[url] = self._beside.get(url) or allowed(self._permit, url)
        return self._origins[url]

    def _rendered(self, place: Origin, path: bytes, request: Request, jar: Jar | None) -> bytes:
        own = {name.lower() for name, _ in request.headers} - _CLIENTS_OWN
        head = [b"%s %s HTTP/1.1\r\n" % (request.method.encode(), path)]
        for name, value in (
            (b"Host", place.netloc.encode()), (b"User-Agent", b"surgekit"), (b"Accept", b"*/*"), (b"X-Surge-Run", self._run_id),
        ):  # fmt: skip
            if name.lower() not in own:
                head.append(b"%s: %s\r\n" % (name, value))
        head += [b"%s: %s\r\n" % pair for pair in request.headers if pair[0].lower() not in _CLIENTS_OWN]
        cookies = None if jar is None else jar.header(place.netloc, path.decode().partition("?")[0], secure=place.scheme == "https")
        if cookies and b"cookie" not in own:
            head.append(b"Cookie: %s\r\n" % cookies.encode("latin-1", "replace"))
        if request.body or request.method != "GET":
            head.append(b"Content-Length: %d\r\n" % len(request.body))
        return b"".join([*head, b"\r\n", request.body])

    def _checkout(self, place: Origin) -> Wire:
        """The connection that was used last, or a new one; those that have been idle for too long are closed."""
        now = self._now()
        idle = self._idle.setdefault(place, deque())
        while idle and idle[0].idle_since < now - self._keep_alive_s:
            idle.popleft().close()
        while idle:
            wire = idle.pop()
            if wire.quiet():
                return wire
            wire.close()
        return self._connect(place, now + self._connect_s)

    def _connect(self, place: Origin, deadline: float) -> Wire:
        deadline = min(deadline, self._now() + self._connect_s)
        word = "connect_failed"
        for address in place.addresses:
            wire = None
            try:
                wire = dial(address, place.port, self._now, deadline)
                if place.scheme == "https":
                    wire.start_tls(self._tls, place.host, deadline)
                return wire
            except ConnectionRefusedError:
                word = "connect_refused"
            except TimeoutError:
                word = "connect_timeout"
            except ssl.SSLError:
                word = "tls"
            except OSError as error:
                word = "no_sockets" if error.errno in _OUT_OF_SOCKETS else "connect_failed"
            except BaseException:  # the greenlet is being ended
                if wire is not None:
                    wire.close()
                raise
            if wire is not None:
                wire.close()
        raise Broken(word)

    def _exchange(self, place: Origin, wire: Wire, data: bytes, sent_s: float, deadline: float) -> tuple[Reply, list[str]]:
        """Send and receive on ``wire``, which is kept for the next or closed, whatever happens."""
        parser, kept = _Parser(), False
        try:
            wire.send(data, deadline)
            while not parser.done:
                block = wire.recv(deadline)
                if block:
                    parser.feed(block)
                else:
                    parser.ended()
            done_s = self._now()
            if parser.reusable:
                wire.idle_since, wire.used, kept = done_s, True, True
                self._idle[place].append(wire)
        except TimeoutError:
            raise Broken("timeout") from None
        except OSError:
            raise Broken("reset", silent=not parser.size) from None
        finally:
            if not kept:
                wire.close()
        return Reply(parser.status, bytes(parser.body), sent_s, done_s, headers=parser.headers), parser.cookies


def _onward(request: Request, reply: Reply, place: str) -> Request:
    """The request after a redirect, as browsers make it: 303 is always fetched, 301 and 302 are after a POST (RFC 9110, 15.4)."""
    url = urljoin(reply.url, place.strip()).partition("#")[0].encode("utf-8", "replace")
    if reply.status in (307, 308) or request.method == "GET":
        return replace(request, url=url)
    about_a_body = (b"content-type", b"content-length")
    headers = tuple(pair for pair in request.headers if pair[0].lower() not in about_a_body)
    return Request("GET", url, headers, b"", request.follow)
