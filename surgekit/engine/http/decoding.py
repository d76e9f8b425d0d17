"""Bodies that were compressed on their way. A few bytes can stand for any number, so there is a bound on what comes out."""

from __future__ import annotations

import zlib

from surgekit.engine.http.heads import MOST_REPLY, Broken

MOST_CODINGS = 4
"""One upon the other."""
MOST_MEMBERS = 1000
"""Of a gzip body. Each takes a new start, and an empty one has 20 bytes."""
_BLOCK = 1 << 16
"""Read at a time: what lies behind the end of a member is copied."""
_MAGIC = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15  # as zlib's ``wbits`` has them


def decoded(body: bytes, coding: str) -> bytes:
    """``body`` as it was before ``coding``, for which see ``Head``. No body at all is none in any coding.

    Raises ``Broken``: ``coding`` is not known here, or the body is ``truncated``, ``garbage`` or ``too_large``.
    """
    words = coding.split(",")
    if len(words) > MOST_CODINGS or any(word not in ("gzip", "deflate") for word in words):
        raise Broken("coding")
    for word in reversed(words):
        if body:
            body = _inflated(body, _GZIP) if word == "gzip" else _deflate(body)
    return body


def _deflate(data: bytes) -> bytes:
    """As RFC 9110 has it, in the zlib format, or bare, as some servers have always sent it."""
    if data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0:  # RFC 1950, 2.2
        try:
            return _inflated(data, _ZLIB)
        except Broken as broken:
            if broken.word != "garbage":
                raise
    return _inflated(data, _RAW)


def _inflated(data: bytes, wbits: int) -> bytes:
    out = bytearray()
    view, at = memoryview(data), 0
    for _ in range(MOST_MEMBERS if wbits == _GZIP else 1):
        at = _member(view, at, wbits, out)
        if at == len(view) or (wbits == _GZIP and view[at] == 0 and not bytes(view[at:]).strip(b"\0")):  # padding, as tapes have it
            return bytes(out)
    raise Broken("too_large" if wbits == _GZIP else "garbage")


def _member(view: memoryview, at: int, wbits: int, out: bytearray) -> int:
    """Unpack the stream that begins at ``at``; where it ends."""
    if wbits == _GZIP and not _MAGIC.startswith(bytes(view[at : at + len(_MAGIC)])):
        raise Broken("garbage")
    stream = zlib.decompressobj(wbits)
    while at < len(view):
        block = view[at : at + _BLOCK]
        try:
            out += stream.decompress(block, MOST_REPLY + 1 - len(out))
        except zlib.error:
            raise Broken("garbage") from None
        if len(out) > MOST_REPLY:
            raise Broken("too_large")
        at += len(block)
        if stream.eof:
            return at - len(stream.unused_data)
    raise Broken("truncated")
