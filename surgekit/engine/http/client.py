"""HTTP/1.1, told apart by what could have reached the platform.

A general client hides what a load test must know: it re-sends on a closed connection (a second order!), and it does
not say whether bytes had left before something broke. Here each failure is one of two kinds: *effect-free*, the
request provably never reached the platform, or *unknown*.
"""

from __future__ import annotations

import re
import ssl
import string
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from surgekit.engine.http import connection
from surgekit.engine.http.connection import FRESH_S, OUT_OF_SOCKETS, Connection
from surgekit.engine.http.heads import Broken, Heads
from surgekit.engine.http.sender import CLIENTS_OWN, LOCAL, Sender, common
from surgekit.engine.loop import Loop, suspended
from surgekit.safety import Origin, Permit, allowed
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Request, StepPlan

MOST_ORIGINS = 1000
"""Replies can name any number of hosts; so many are remembered."""
_UNSENDABLE = re.compile(rb"[\x00-\x20\x7f]")
STOPPED = "stopped"
"""Why a request did not leave: the surge is quiet."""
MOST_HOPS = 10
"""Redirects that are followed for one request."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTINUE = (b"expect", b"100-continue")


class Pool:
    """Connections that are kept for the next request, by where they lead. What is closed meanwhile takes itself out."""

    def __init__(self) -> None:
        self.idle: dict[Origin, deque[Connection]] = {}

    def to(self, place: Origin) -> deque[Connection]:
        found = self.idle.get(place)
        if found is None:
            found = self.idle[place] = deque()
        return found

    def close(self) -> None:
        """Close what is idle."""
        for idle in self.idle.values():
            while idle:
                idle[-1].close()


class Client:
    """Sends requests to one platform, and to the absolute URLs that its replies name where ``allowed`` says so.

    ``beside``: origins of this run's own (the gateway that it plays, a captcha's solver). Times of replies are seconds from ``zero`` on
    the loop's clock. From ``quiet_from`` on, on that clock too, nothing leaves any more, be it a request that a redirect led to or one
    that had to wait for its connection.
    """

    def __init__(
        self,
        loop: Loop,
        permit: Permit,
        *,
        connect_s: float,
        reply_s: float,
        keep_alive_s: float,
        run_id: str,
        tls_s: float | None = None,
        first_byte_s: float | None = None,
        known: Mapping[str, Any] | None = None,
        tls: ssl.SSLContext | None = None,
        beside: Iterable[Origin] = (),
    ) -> None:
        self.loop = loop
        self._now = loop.now
        self._permit = permit
        self._base = permit.place
        self._beside = {f"{place.scheme}://{place.netloc}": place for place in beside}
        self._connect_s = connect_s
        self.reply_s = reply_s
        self.keep_alive_s = keep_alive_s
        self.fresh_s = min(FRESH_S, keep_alive_s)
        """An idle connection is used as it is for so long; after that, ``taken`` looks at it first."""
        self._tls_s = tls_s
        self.first_s = float("inf") if first_byte_s is None else first_byte_s
        self._run_id = run_id.encode()
        self._known = dict(known or {})
        self.zero = 0.0
        self.quiet_from = float("inf")
        # Made here even if it is never needed: reading the certificates takes long enough to hold up a surge.
        self._tls = tls or ssl.create_default_context()
        self._heads = Heads()
        self._pool = Pool()
        self.here = self._pool.to(self._base)
        """Idle connections to the platform itself, that used last at the end."""
        self.netloc = self._base.netloc
        self._turn = self._warmed = 0
        self._origins: dict[str, Origin | None] = {}
        self._senders: dict[StepPlan, Sender] = {}

    async def ask(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None = None, pool: Pool | None = None) -> Reply:
        """``send`` of the step's request, by a short way where that leads to the platform itself and needs no cookies."""
        sender = self._senders.get(step)
        if sender is None:
            sender = self._senders[step] = self.sender(step)
        if not sender.short:
            return await self.send(step.request(values), jar, pool)
        data = sender.render(values)
        if jar is not None and not jar.empty and not sender.has_cookies:
            data = self._with_cookies(data, jar)
        here = self.here if pool is None else pool.to(self._base)
        now = self._now()
        wire = here[-1] if here else None
        if wire is None or wire.idle_since < now - self.fresh_s or now > self.quiet_from:
            wire = self.taken(here, now)
            reply, lines = await self._exchanged(self._base, data, sender.method, here, again=sender.again, wire=wire)
        else:
            here.pop()
            wire.pool = None
            try:
                me = self.loop.running()
                left = wire.begin(data, sender.method, now + self.reply_s, now + self.first_s, me)
                me.leave = wire.close
                got: Any = (await wire.rest(left, me) if left else None) or await suspended()
                me.leave = None
            except Broken as broken:
                got = broken.again()
            if got.__class__ is tuple:
                head, body, done = got
                if wire.reusable:
                    wire.idle(here, done, done + self.keep_alive_s)
                reply, lines = Reply(head.status, body, now - self.zero, done - self.zero, None, False, head.headers), head.cookies
            elif sender.again and got.silent:
                reply, lines = await self._exchanged(self._base, data, sender.method, here, again=False, sent=now)
            else:
                return Reply(0, b"", now - self.zero, self._now() - self.zero, got.word)
        if jar is not None:
            if lines:
                jar.store(self._base.netloc, path_of(data), lines)
            if not jar.empty:
                reply.cookies = jar.view(self._base.netloc)
        return reply

    def sender(self, step: StepPlan, known: Mapping[str, Any] | None = None) -> Sender:
        """The bytes of ``step``'s requests, as far as they can be made beforehand. ``known``: what is known besides the run's own values."""
        return Sender(step, self._base, self._run_id, {**self._known, **(known or {})})

    async def send(self, request: Request, jar: Jar | None = None, pool: Pool | None = None) -> Reply:
        """One request, one reply. Never raises for what the network or the platform does.

        ``sent_s`` of the reply is when the first byte was about to leave; None says that none ever did. A reply has to be
        complete within the reply time-out from then on, however many bytes of it come meanwhile. Where ``request`` follows
        redirects, the last reply is the one that counts, and the first send. ``pool``: whose connections; None: everybody's.
        """
        pool = pool or self._pool
        reply = await self._send(request, jar, pool)
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
            reply = replace(await self._send(request, jar, pool), sent_s=sent_s, effect_free=False)
        if request.follow and reply.status in _REDIRECTS and reply.error is None:
            return replace(reply, error="redirects")
        return reply

    async def _send(self, request: Request, jar: Jar | None, pool: Pool) -> Reply:
        try:
            place, path = self._place(request.url)
        except Broken as broken:
            return Reply(0, b"", None, self._now() - self.zero, broken.word, effect_free=True)
        head = self._rendered(place, path, request, jar)
        again = request.method == "GET" and not request.once
        waits = bool(request.body) and any(name.lower() == _CONTINUE[0] and value.lower() == _CONTINUE[1] for name, value in request.headers)
        here = pool.to(place)
        wire = self.taken(here, self._now())
        data, then = (head, request.body) if waits else (head + request.body, b"")
        reply, lines = await self._exchanged(place, data, request.method, here, again=again, wire=wire, then=then)
        if reply.error is not None:
            return reply
        reply.url = f"{place.scheme}://{place.netloc}{path.decode()}"
        if jar is not None:
            if lines:
                jar.store(place.netloc, path.decode().partition("?")[0], lines)
            reply.cookies = jar.view(place.netloc)
        return reply

    async def _exchanged(
        self, place: Origin, data: bytes, method: str, here: deque[Connection], *, again: bool, wire: Connection | None = None,
        then: bytes = b"", sent: float | None = None,
    ) -> tuple[Reply, list[str]]:  # fmt: skip
        """Send ``data``, on ``wire`` or on a new connection; the reply and the cookies that it sets. ``again``: once more on a new connection, where
        ``wire`` turns out to be closed. ``then``: the body, once the peer says that it may come. ``sent``: when it was tried first."""
        zero = self.zero
        try:
            if wire is None:
                wire, again = await self._connect(place, self._now() + self._connect_s if sent is None else sent + self.reply_s), False
            if self._now() > self.quiet_from:
                wire.close()
                raise Broken(STOPPED)
        except Broken as broken:
            return Reply(0, b"", None if sent is None else sent - zero, self._now() - zero, broken.word, effect_free=sent is None), []
        sent = self._now() if sent is None else sent
        try:
            if then:
                head, body, done = await wire.exchange_expecting(data, then, method, sent + self.reply_s)
            else:
                head, body, done = await wire.exchange(data, method, sent + self.reply_s, sent + self.first_s)
        except Broken as broken:
            # A server may close an idle connection at the very moment it is used again. Asking again is allowed for what
            # only looks, as browsers do; anything else, an order above all, is never sent twice by the client.
            if again and broken.silent:
                return await self._exchanged(place, data, method, here, again=False, then=then, sent=sent)
            return Reply(0, b"", sent - zero, self._now() - zero, broken.word), []
        if wire.reusable:
            wire.idle(here, done, done + self.keep_alive_s)
        return Reply(head.status, body, sent - zero, done - zero, None, False, head.headers), head.cookies

    async def warm(self, number: int, until: float) -> None:
        """Open connections to the platform itself until there are so many or it is that late. What cannot be opened is not there, then. Several tasks may do
        this together: they dial ``number`` times in all, so that a platform that closes each at once is not dialled again and again."""
        try:
            while self._warmed < number and len(self.here) < number and self._now() < min(until, self.quiet_from):
                self._warmed += 1
                wire = await self._connect(self._base, until)
                now = self._now()
                wire.idle_at_first(self.here, now, now + self.keep_alive_s)
        except Broken:
            pass

    def close(self) -> None:
        """Close what is idle."""
        self._pool.close()

    def _place(self, url: bytes) -> tuple[Origin, bytes]:
        """Where to, and what to ask for there. Raises ``Broken`` for what cannot be sent or is not on this machine."""
        if LOCAL.fullmatch(url):
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
            place = self._known_origin(f"{parts.scheme}://{parts.netloc}")
        except ValueError:
            place = None
        if place is None:
            raise Broken("bad_url")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return place, quote(path, safe=string.punctuation).encode()

    def _known_origin(self, url: str) -> Origin | None:
        """A reply could name any host; it is held to the same rule as the target itself."""
        if url not in self._origins:
            if len(self._origins) >= MOST_ORIGINS:
                self._origins.clear()
            self._origins[url] = self._beside.get(url) or allowed(self._permit, url)
        return self._origins[url]

    def _rendered(self, place: Origin, path: bytes, request: Request, jar: Jar | None) -> bytes:
        """All of ``request`` but its body."""
        own = {name.lower() for name, _ in request.headers} - CLIENTS_OWN
        head = [b"%s %s HTTP/1.1\r\n" % (request.method.encode(), path)]
        head += [b"%s: %s\r\n" % pair for pair in common(place, self._run_id) if pair[0].lower() not in own]
        head += [b"%s: %s\r\n" % pair for pair in request.headers if pair[0].lower() not in CLIENTS_OWN]
        if request.body or request.method != "GET":
            head.append(b"Content-Length: %d\r\n" % len(request.body))
        cookies = None if jar is None else jar.header(place.netloc, path.decode().partition("?")[0], secure=place.scheme == "https")
        if cookies and b"cookie" not in own:
            head.append(b"Cookie: %s\r\n" % cookies.encode("latin-1", "replace"))
        return b"".join([*head, b"\r\n"])

    def _with_cookies(self, data: bytes, jar: Jar) -> bytes:
        cookies = jar.header(self._base.netloc, path_of(data), secure=self._base.scheme == "https")
        if not cookies:
            return data
        return data.replace(b"\r\n\r\n", b"\r\nCookie: %b\r\n\r\n" % cookies.encode("latin-1", "replace"), 1)

    def taken(self, here: deque[Connection], now: float) -> Connection | None:
        """The connection that was used last, unless it has been idle for too long or is no good any more; None: a new one is needed."""
        while here:
            wire = here.pop()
            wire.pool = None
            if wire.idle_since >= now - self.keep_alive_s and wire.quiet(now):
                return wire
            wire.close()
        return None

    async def _connect(self, place: Origin, deadline: float) -> Connection:
        """A new connection. Each takes the next of the name's addresses first, and the others where that one does not answer: it has its share of the time
        that is left, and the last one all of it. Raises ``Broken``."""
        deadline = min(deadline, self._now() + self._connect_s)
        word = "connect_failed"
        self._turn += 1
        at = self._turn % len(place.addresses) if place.addresses else 0
        for left, address in zip(range(len(place.addresses), 0, -1), (*place.addresses[at:], *place.addresses[:at]), strict=True):
            now = self._now()
            by = now + (deadline - now) / left
            wire = None
            late = "connect_timeout"
            try:
                wire = connection.new(self.loop, self._heads, address)
                await wire.opened(address, place.port, by)
                if place.scheme == "https":
                    if self._tls_s is not None:
                        late, by = "tls_timeout", self._now() + self._tls_s
                    await wire.shake_hands(self._tls, place.host, by)
                return wire
            except ConnectionRefusedError:
                word = "connect_refused"
            except TimeoutError:
                word = late
            except ssl.SSLError:
                word = "tls"
            except OSError as error:
                word = "no_sockets" if error.errno in OUT_OF_SOCKETS else "connect_failed"
            except BaseException:  # the task is being ended
                if wire is not None:
                    wire.close()
                raise
            if wire is not None:
                wire.close()
        raise Broken(word)


def path_of(data: bytes) -> str:
    """Of a request in bytes, without its query."""
    return data.split(b" ", 2)[1].partition(b"?")[0].decode()


def _onward(request: Request, reply: Reply, place: str) -> Request:
    """The request after a redirect, as browsers make it: 303 is always fetched, 301 and 302 are after a POST (RFC 9110, 15.4)."""
    url = urljoin(reply.url, place.strip()).partition("#")[0].encode("utf-8", "replace")
    if reply.status in (307, 308) or request.method == "GET":
        return replace(request, url=url)
    about_a_body = (b"content-type", b"content-length")
    headers = tuple(pair for pair in request.headers if pair[0].lower() not in about_a_body)
    return Request("GET", url, headers, b"", request.follow)
