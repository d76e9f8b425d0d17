"""Replies, sound and not, and what a reader is told by them."""

from __future__ import annotations

from surgekit.engine.http.response import MOST_REPLY, Broken, Heads, Response

OK = b"HTTP/1.1 200 OK\r\n"
TWO = OK + b"Content-Length: 2\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
Heard = tuple[object, ...]


def heard(blocks: list[bytes], known: Heads | None = None, method: str = "GET", *, closes: bool = True) -> Heard:
    """All that a reader is told by these blocks, and then the end of the stream."""
    reply = Response(Heads() if known is None else known, method=method)
    try:
        for block in blocks:
            reply.feed(block)
        reusable = reply.reusable
        if not reply.done and closes:
            reply.ended()
    except Broken as broken:
        return broken.word, broken.silent
    if reply.head is None or not reply.done:
        return ("waits",)
    head = reply.head
    return head.status, reply.body, dict(head.headers), head.cookies, reusable, reply.interim


def body_of(data: bytes, method: str = "GET") -> object:
    """The body, or the word for what is wrong."""
    told = heard([data], method=method)
    return told[0] if isinstance(told[0], str) else told[1]


WHOLE = {
    "a length": (TWO + b"\r\nok", b"ok"),
    "no length": (OK + b"\r\nuntil the end", b"until the end"),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "an empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "a reason in Chinese": ("HTTP/1.1 200 好\r\nContent-Length: 2\r\n\r\nok".encode(), b"ok"),
    "a later minor version": (b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "no headers": (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    "odd case": (OK + b"cOnTeNt-LeNgTh:2\r\n\r\nok", b"ok"),
    "space around a length": (OK + b"Content-Length: \t 2 \t\r\n\r\nok", b"ok"),
    "zeros before a length": (OK + b"Content-Length: " + b"0" * 50 + b"2\r\n\r\nok", b"ok"),
    "a length said twice": (TWO + TWO[17:] + b"\r\nok", b"ok"),
    "a length said twice in a line": (OK + b"Content-Length: 2, 2\r\n\r\nok", b"ok"),
    "a folded length": (OK + b"Content-Length:\r\n  2\r\n\r\nok", b"ok"),
    "chunks": (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    "chunks in capitals": (CHUNKED.replace(b"chunked", b"CHUNKED") + b"0A\r\n0123456789\r\n000\r\n\r\n", b"0123456789"),
    "chunk extensions": (CHUNKED + b'3;a=b;c="d e"\r\nabc\r\n2 ;x\r\nde\r\n0;last\r\n\r\n', b"abcde"),
    "padded chunk sizes": (CHUNKED + b"3  \r\nabc\r\n0 \r\n\r\n", b"abc"),
    "trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n folded\r\n\r\n", b"abc"),
    "chunks beside a length": (OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
    "chunks in HTTP/1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
    "the identity coding": (OK + b"Transfer-Encoding: identity\r\n\r\nok", b"ok"),
    "100 first": (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + TWO + b"\r\nok", b"ok"),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nLink: </a>\r\n\r\n" * 3 + TWO + b"\r\nok", b"ok"),
    "bytes behind": (TWO + b"\r\nokGARBAGE", b"ok"),
    "an upgrade that is offered": (OK + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "304 that says chunked": (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
    "999": (b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", b"ok"),
}  # fmt: skip

BROKEN = {
    "nothing": (b"", "closed"),
    "half a line": (b"HTTP/1.", "truncated"),
    "half a header": (OK + b"Content-Le", "truncated"),
    "half a body": (OK + b"Content-Length: 10\r\n\r\nhalf", "truncated"),
    "half a chunk": (CHUNKED + b"3\r\nab", "truncated"),
    "no last chunk": (CHUNKED + b"3\r\nabc\r\n", "truncated"),
    "no end of the trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX: y\r\n", "truncated"),
    "100 and no more": (b"HTTP/1.1 100 Continue\r\n\r\n", "truncated"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "garbage"),
    "a page and no head": (b"<html>", "garbage"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x46", "garbage"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "garbage"),
    "a version 2": (b"HTTP/2.0 200 OK\r\n\r\n", "garbage"),
    "a version 0.9": (b"HTTP/0.9 200 OK\r\n\r\n", "garbage"),
    "a version 1.10": (b"HTTP/1.10 200 OK\r\n\r\n", "garbage"),
    "small letters": (b"http/1.1 200 OK\r\n\r\n", "garbage"),
    "an empty line first": (b"\r\n" + TWO + b"\r\nok", "garbage"),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", "garbage"),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "garbage"),
    "a status below 100": (b"HTTP/1.1 099 OK\r\n\r\n", "garbage"),
    "two spaces": (b"HTTP/1.1  200 OK\r\n\r\n", "garbage"),
    "a tab for a space": (b"HTTP/1.1\t200 OK\r\n\r\n", "garbage"),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n", "garbage"),
    "bare LF and nothing else": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "garbage"),
    "bare LF in a header": (OK + b"X: a\nContent-Length: 2\r\n\r\nok", "garbage"),
    "bare CR in a header": (OK + b"X: a\rb\r\n\r\n", "garbage"),
    "NUL in a header": (OK + b"X: a\0b\r\n\r\n", "garbage"),
    "NUL in a name": (OK + b"X\0: a\r\n\r\n", "garbage"),
    "a control character": (OK + b"X: a\x7fb\r\n\r\n", "garbage"),
    "no colon": (OK + b"X\r\n\r\n", "garbage"),
    "no name": (OK + b": a\r\n\r\n", "garbage"),
    "a space before the colon": (OK + b"Content-Length : 2\r\n\r\nok", "garbage"),
    "a name in Chinese": (OK + "卡: 1\r\n\r\n".encode(), "garbage"),
    "a fold with nothing to fold": (OK + b" X: a\r\n\r\n", "garbage"),
    "lengths that differ": (TWO + b"Content-Length: 3\r\n\r\nokk", "garbage"),
    "lengths that differ in a line": (OK + b"Content-Length: 2, 3\r\n\r\nokk", "garbage"),
    "a length in half a list": (OK + b"Content-Length: 2,\r\n\r\nok", "garbage"),
    "no 101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "garbage"),
    "chunked twice": (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "garbage"),
    "chunked twice in two lines": (OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", "garbage"),
    "chunked, but not at the end": (OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "garbage"),
    "an empty transfer coding": (OK + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", "garbage"),
    "a transfer coding that nobody asked for": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "coding"),
    "a chunk that is longer than it says": (CHUNKED + b"2\r\nokk\r\n0\r\n\r\n", "garbage"),
    "a chunk that is shorter than it says": (CHUNKED + b"5\r\nok\r\n0\r\n\r\n", "garbage"),
    "no chunks": (CHUNKED + b'{"ok": 1}', "garbage"),
    "bare LF in chunks": (CHUNKED + b"2\nok\n0\n\n", "garbage"),
    "a chunk extension with a control character": (CHUNKED + b"2;\0\r\nok\r\n0\r\n\r\n", "garbage"),
    "a huge chunk size": (CHUNKED + b"f" * 17 + b"\r\nok", "garbage"),
    "a large chunk size": (CHUNKED + b"f" * 16 + b"\r\nok", "too_large"),
    "a trailer that is none": (CHUNKED + b"0\r\nnothing\r\n\r\n", "garbage"),
    "a large length": (OK + b"Content-Length: %d\r\n\r\nx" % (MOST_REPLY + 1), "too_large"),
    "a length beyond everything": (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx", "too_large"),
}  # fmt: skip
for sign in (b"-2", b"+2", b"", b"2 2", b"0x2", b"2.0", b"2e0", b"\xb2", b"1_0", b"two"):
    BROKEN[f"the length {sign!r}"] = (OK + b"Content-Length: " + sign + b"\r\n\r\nok", "garbage")
for sign in (b"-2", b"+2", b"", b" 2", b"0x2", b"g", b"1_0", b"2 2", b"\xb2", b"2,"):
    BROKEN[f"the chunk size {sign!r}"] = (CHUNKED + sign + b"\r\nok\r\n0\r\n\r\n", "garbage")
