"""HTTP for the reads: to the platform's checked address and nowhere else, and never for longer or larger than is sensible."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from surgekit import clock
from surgekit.errors import ConfigError, TargetError
from surgekit.platform.pinned import Pinned
from surgekit.safety import Origin, is_loopback, origin
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Request

MOST_REPLY: Final = 8 << 20
MOST_PAGE: Final = 64 << 20
"""Bytes of a ledger's page."""
SILENCE_S: Final = 10.0
TOTAL_S: Final = 30.0
"""For a whole reply, however many bytes of it come meanwhile."""
PAGE_S: Final = 120.0
MOST_HOPS: Final = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OURS = frozenset({"host", "content-length", "transfer-encoding", "accept-encoding", "connection", "x-surge-run", "cookie"})
"""Said by this client alone."""
_SAFE = "!#$%&'()*+,/:;=?@[]~"


class NoReplyError(TargetError):
    """No complete reply. ``how``: nothing listens, TLS failed, too slow, or broken on the way."""

    def __init__(self, message: str, how: Literal["connect", "tls", "timeout", "broken"], why: str) -> None:
        super().__init__(message)
        self.how = how
        self.why = why


class Client:
    """One session with the platform: its cookies are kept. ``address`` is the one that is connected to."""

    def __init__(self, place: Origin, run_id: str, *, connect_s: float, keep_alive_s: float, tls: ssl.SSLContext | None = None) -> None:
        self.place = place
        self.jar = Jar()
        self._run_id = run_id
        self._pinned = Pinned(place.addresses[0], connect_s)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(), max_connections=4, keepalive_expiry=keep_alive_s, network_backend=self._pinned
        )

    @property
    def address(self) -> str:
        return self._pinned.address

    @address.setter
    def address(self, address: str) -> None:
        self._pinned.address = address

    def close(self) -> None:
        self._pool.close()

    def send(self, request: Request, what: str, *, most: int = MOST_REPLY, total_s: float = TOTAL_S) -> Reply:
        """The reply to ``request``; after redirects where it follows them. ``what`` names it in errors: no URL stands there, since
        one may have a secret in it. Raises ``TargetError``, as ``NoReplyError`` where no complete reply came."""
        self._pinned.deadline = clock.now() + total_s
        for _ in range(MOST_HOPS):
            reply = self._exchange(request, self._target(request.url, what), what, most, total_s)
            to = (reply.headers or {}).get("location")
            if not request.follow or reply.status not in _REDIRECTS or not to:
                return reply
            try:
                url = urljoin(reply.url, to).encode("utf-8", "replace")
            except ValueError as error:
                raise TargetError(f"{what}: leads to something that is no URL: {error}") from None
            kept = reply.status in (307, 308) or request.method == "GET"
            headers = request.headers if kept else tuple(pair for pair in request.headers if not pair[0].lower().startswith(b"content-"))
            request = Request(request.method if kept else "GET", url, headers, request.body if kept else b"", follow=True, once=request.once and kept)
        raise TargetError(f"{what}: more than {MOST_HOPS} redirects")

    def _target(self, url: bytes, what: str) -> bytes:
        """Path and query of ``url``, which has to lead to the platform."""
        text = url.decode("utf-8", "replace")
        if not text.startswith("/") or text.startswith("//"):
            try:
                place = origin(text)
            except ConfigError as error:
                raise TargetError(f"{what}: leads to something that is no URL: {error}") from None
            if not self._is_here(place):
                raise TargetError(f"{what}: leads to {place.netloc}, and reads go to the platform only")
            parts = urlsplit(text)
            text = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return quote(text.partition("#")[0], safe=_SAFE).encode()

    def _is_here(self, place: Origin) -> bool:
        here = self.place
        local = all(host == "localhost" or is_loopback(host) for host in (place.host, here.host))
        return (place.scheme, place.port) == (here.scheme, here.port) and (place.host == here.host or local)

    def _exchange(self, request: Request, target: bytes, what: str, most: int, total_s: float) -> Reply:
        made = self._request(request, target)
        try:
            try:
                status, headers, body = self._received(made, what, most)
            except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                # A server may close an idle connection at the very moment it is used again; what changes nothing may be asked twice.
                if request.once:
                    raise
                status, headers, body = self._received(made, what, most)
        except httpcore.ConnectTimeout:
            raise NoReplyError(f"{what}: no connection in time", "connect", "no connection in time") from None
        except httpcore.TimeoutException:
            raise NoReplyError(f"{what}: no complete answer in time ({SILENCE_S:g} s of silence, {total_s:g} s as a whole)", "timeout", "") from None
        except httpcore.ConnectError as error:
            cause = _cause(error)
            if isinstance(cause, ssl.SSLError):
                why = str(getattr(cause, "verify_message", None) or cause)
                raise NoReplyError(f"{what}: TLS failed: {why}", "tls", why) from None
            raise NoReplyError(f"{what}: nothing answers: {error}", "connect", str(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, ssl.SSLError, OSError, ValueError) as error:
            raise NoReplyError(f"{what}: broken off: {type(error).__name__}: {error}", "broken", str(error)) from None
        path = target.decode().partition("?")[0]
        self.jar.store(self.place.host, path, (value for name, value in headers if name == "set-cookie"))
        url = f"{self.place.scheme}://{self.place.netloc}{target.decode()}"
        body = _decoded(body, dict(headers).get("content-encoding", ""), what, most)
        return Reply(status, body, None, clock.now(), headers=dict(headers), url=url, cookies=self.jar.view(self.place.host))

    def _request(self, request: Request, target: bytes) -> httpcore.Request:
        place = self.place
        sent = [(b"Host", place.netloc.encode()), (b"X-Surge-Run", self._run_id.encode()), (b"Accept-Encoding", b"identity")]
        sent += [pair for pair in request.headers if pair[0].decode("latin-1").lower() not in _OURS]
        cookies = self.jar.header(place.host, target.decode().partition("?")[0], secure=place.scheme == "https")
        given = [value.decode("utf-8", "replace") for name, value in request.headers if name.lower() == b"cookie"]
        if cookies or given:
            sent.append((b"Cookie", "; ".join([*given, *([cookies] if cookies else [])]).encode("utf-8", "replace")))
        if request.body or request.method != "GET":
            sent.append((b"Content-Length", str(len(request.body)).encode()))
        names = {name.lower() for name, _ in sent}
        if b"user-agent" not in names:
            sent.append((b"User-Agent", b"surgekit"))
        url = httpcore.URL(scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=target)
        wait = dict.fromkeys(("connect", "read", "write", "pool"), SILENCE_S)
        return httpcore.Request(request.method, url, headers=sent, content=request.body, extensions={"timeout": wait})

    def _received(self, made: httpcore.Request, what: str, most: int) -> tuple[int, list[tuple[str, str]], bytes]:
        response = self._pool.handle_request(made)
        try:
            headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers]
            blocks, size = [], 0
            stream = response.stream
            assert isinstance(stream, Iterable)
            for block in stream:
                size += len(block)
                if size > most:
                    raise TargetError(f"{what}: the reply is larger than {most >> 20} MiB")
                blocks.append(block)
        finally:
            response.close()
        return response.status, headers, b"".join(blocks)


def _decoded(body: bytes, encoding: str, what: str, most: int) -> bytes:
    """The body unpacked, and no more of it than ``most``: a few bytes can unpack to any number."""
    kind = encoding.strip().lower()
    if kind in ("", "identity") or not body:
        return body
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise TargetError(f"{what}: the reply is packed as {kind[:40]!r}, which was not asked for")
    made = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = made.decompress(body, most + 1)
    except zlib.error:
        found = b""
    if len(found) > most:
        raise TargetError(f"{what}: the reply is larger than {most >> 20} MiB")
    if not made.eof:
        raise TargetError(f"{what}: the reply says {kind} and is not, or is cut off")
    return found


def _cause(error: BaseException) -> BaseException:
    """The innermost cause."""
    seen: BaseException = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return seen
