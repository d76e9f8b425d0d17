"""Heads of replies: read strictly, and remembered.

A platform says much the same before each of its replies, and reading a head costs ten times what its reply costs otherwise.
So heads are remembered by their bytes. What is remembered was read by the one strict reader that there is (``Head``), so
that a head means the same whether it is known or new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_REPLY = 8 << 20
"""Bytes, headers and framing included, and again once decoded. No reply of an order flow is larger; beyond this it is an error
and not read on."""
MOST_HEAD = 256 << 10
"""Bytes until the body begins, interim replies included. Each header costs many times what it weighs, so they end sooner than
the reply as a whole."""
MOST_HEADERS = 1000
"""Lines; a folded header has several."""

_TEXT = rb"[\t -~\x80-\xff]*+"
"""No CR, LF or NUL, nor any other control character but the tab (RFC 9110, 5.5)."""
_HEAD = re.compile(
    rb"HTTP/1\.([0-9]) ([1-9][0-9][0-9])(?: " + _TEXT + rb")?+"  # with neither a reason nor the space before it: seen
    rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]++:" + _TEXT + rb"(?:\r\n[\t ]" + _TEXT + rb")*+)*+"
)
_FOLD = re.compile(rb"[\t ]*\r\n[\t ]+")
_MATTERS = re.compile(rb"\r\n((?i:content-(?:length|encoding)|transfer-encoding|connection|set-cookie)):([^\r]*)")
_ONE_CHUNK = re.compile(rb"([1-9a-fA-F][0-9a-fA-F]{0,6})\r\n")
_LAST = b"\r\n0\r\n\r\n"
MOST_KNOWN = 512
"""Heads that are remembered; each of them has at most so many bytes:"""
MOST_KNOWN_BYTES = 2048
_REST = 16 * MOST_KNOWN


class Broken(Exception):
    """A request that got no complete reply. ``word`` is for the history; ``silent``: not a byte had come back."""

    def __init__(self, word: str, *, silent: bool = False) -> None:
        super().__init__(word)
        self.word = word
        self.silent = silent

    def again(self) -> Broken:
        """The same, to be raised by somebody who keeps this one: an exception keeps alive the frame that raised it, and so what that one keeps."""
        return type(self)(self.word, silent=self.silent)


class Head:
    """What a reply says before its body; ``raw`` has it all but the empty line. Raises ``Broken`` where it is no head.

    It is shared by all replies that begin with it: nobody changes it.

    ``length``: as given, None where it is not or ``chunked`` rules. ``close``: the connection ends with the reply.
    ``coding``: of the content, "" for none, in lower case, several with commas between them in the order they were applied.
    ``bodiless``: 1xx, 204 and 304 have no body, whatever else they say. ``plain``: all that follows is ``length`` bytes to be
    taken as they are, and ``behind`` is how many bytes that makes behind ``raw``. ``cookies``: the values of Set-Cookie.
    """

    __slots__ = ("_headers", "_raw", "behind", "bodiless", "chunked", "close", "coding", "cookies", "length", "plain", "status")

    def __init__(self, raw: bytes) -> None:
        found = _HEAD.fullmatch(raw)
        if found is None:
            raise Broken("garbage")
        if raw.count(b"\r\n") > MOST_HEADERS:
            raise Broken("too_large")
        size = len(raw) + 4
        if b"\r\n " in raw or b"\r\n\t" in raw:  # folded: obsolete, and a space (RFC 9112, 5.2)
            raw = _FOLD.sub(b" ", raw)
        said: dict[bytes, bytes] = {}  # what is said several times is one list (RFC 9110, 5.3)
        cookies: list[str] = []
        for name, value in _MATTERS.findall(raw):
            key = name.lower()
            if key == b"set-cookie":
                cookies.append(value.decode("latin-1").strip(" \t"))
            else:
                said[key] = b"%b,%b" % (said[key], value) if key in said else value
        length = said.get(b"content-length")
        transfer = _words(said[b"transfer-encoding"]) or [""] if b"transfer-encoding" in said else None
        connection = _words(said[b"connection"]) if b"connection" in said else ()
        old = found[1] == b"0"
        self._raw = raw
        self._headers: dict[str, str] | None = None
        self.status = status = int(found[2])
        self.cookies = cookies
        self.bodiless = bodiless = status < 200 or status == 204 or status == 304
        self.coding = coding = _coding(said[b"content-encoding"]) if b"content-encoding" in said else ""
        self.length = number = None if length is None else _length(length)
        self.chunked = False
        # Not only what says so: a transfer coding beside a length, or in HTTP/1.0, is faulty framing, to be believed for this
        # reply and no further (RFC 9112, 6.1 and 6.3).
        self.close = "close" in connection or (old and "keep-alive" not in connection) or (transfer is not None and (old or length is not None))
        if transfer is not None and not bodiless:
            self.length = number = None
            self.chunked = transfer == ["chunked"]
            if not self.chunked and transfer != ["identity"]:
                # Nobody asked for any other. Chunked twice, or anywhere but at the end, is forbidden.
                raise Broken("garbage" if "" in transfer or "chunked" in transfer[:-1] else "coding")
        self.plain = number is not None and not coding and not bodiless and size + number <= MOST_REPLY
        self.behind = number + 4 if self.plain and number is not None else 0

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; of several with one name, the last. Made when they are first asked for."""
        headers = self._headers
        if headers is None:
            headers = self._headers = {}
            for line in self._raw.decode("latin-1").split("\r\n")[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip(" \t")
        return headers


def _words(said: bytes) -> list[str]:
    """The members of a list such as ``gzip, chunked``; empty ones do not count (RFC 9110, 5.6.1)."""
    return [word for each in said.decode("latin-1").lower().split(",") if (word := each.strip(" \t"))]


def _coding(said: bytes) -> str:
    return ",".join("gzip" if word == "x-gzip" else word for word in _words(said) if word != "identity")


def _length(said: bytes) -> int:
    """The one number that is said; said several times it is no worse (RFC 9110, 8.6). Raises ``Broken``."""
    values = {each.strip(b" \t") for each in said.split(b",")}
    text = values.pop()
    if values or not text.isdigit():
        raise Broken("garbage")
    return int(text) if len(text) <= 18 else int(text.lstrip(b"0")[:19] or b"0")  # so many digits are beyond anything


class Heads:
    """The heads that were met, by their bytes.

    Remembering costs a tenth of reading, which is lost where no head comes twice because each has a number or a cookie of its
    own. So when the memory is full of what hardly anybody asked for again, it rests for a while.
    """

    __slots__ = ("_rest", "hits", "known")

    def __init__(self) -> None:
        self.known: dict[bytes, Head] = {}
        """Where a head is that was remembered. Whoever looks it up without ``whole`` counts the ``hits``."""
        self.hits = 0
        self._rest = 0

    def whole(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and the body, where ``data`` is one plain reply, or one in a single chunk, no byte less and none more.

        None: ``data`` is for a ``Response``, which may come to the same. Never raises.

        Not for the reply to a HEAD, which has no body whatever its head says.
        """
        end = data.find(b"\r\n\r\n")
        if end <= 0:
            return None
        raw = data[:end]
        head = self.known.get(raw)
        if head is not None:
            self.hits += 1
        elif end <= MOST_HEAD:
            try:
                head = self.read(raw)
            except Broken:
                return None
        else:
            return None
        if len(data) - end == head.behind:
            return head, data[end + 4 :]
        if head.chunked and not head.coding and len(data) <= MOST_REPLY:
            found = _ONE_CHUNK.match(data, end + 4)
            if found is not None and found.end() + int(found[1], 16) + len(_LAST) == len(data) and data.endswith(_LAST):
                return head, data[found.end() : -len(_LAST)]
        return None

    def read(self, raw: bytes) -> Head:
        """The head that ``raw`` is: all bytes before the empty line. Raises ``Broken``."""
        known = self.known
        head = known.get(raw)
        if head is not None:
            self.hits += 1
            return head
        head = Head(raw)
        if self._rest:
            self._rest -= 1
        elif len(raw) <= MOST_KNOWN_BYTES:
            if len(known) == MOST_KNOWN:
                known.clear()
                if self.hits < MOST_KNOWN // 4:
                    self._rest = _REST
                self.hits = 0
            known[raw] = head
        return head
