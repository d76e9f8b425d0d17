"""Mutated server replies. ``script(number)`` is a pure function of its number: what a server says, piece by piece, and how it ends."""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from fuzz_bodies import BODIES, endless
from fuzz_dice import Dice

End = Literal["keep", "close", "reset", "silence"]
SELF = b"SELF"
"""Stands for the server's own host and port."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is said, and then: ``keep`` the connection, ``close`` or ``reset`` it, or say nothing more. ``pause_s`` between pieces."""

    kind: str
    pieces: Iterable[bytes]
    end: End = "keep"
    pause_s: float = 0.0


def script(number: int) -> Script:
    """Reply ``number``."""
    kind = kind_of(number)
    return KINDS[kind](Dice(number), kind)


def kind_of(number: int) -> str:
    """The kind of reply ``number``, without making it."""
    dice = Dice(number)
    # Few replies are waited for, or every bench would be a bench of patience.
    return dice.pick(SLOW) if dice.chance(0.03) else dice.pick(HUGE) if dice.chance(0.03) else dice.pick(_QUICK)


def _any_body(dice: Dice) -> bytes:
    return BODIES[dice.pick(("json", "flips", "sound", "text"))](dice) if dice.chance(0.3) else BODIES["sound"](dice)


def _reply(body: bytes, *headers: bytes, status: bytes = b"HTTP/1.1 200 OK", length: bool = True) -> bytes:
    said = [status, b"Content-Type: " + (b"application/json" if body[:1] in b"{[" else b"text/html; charset=utf-8"), *headers]
    return b"\r\n".join([*said, *([b"Content-Length: %d" % len(body)] if length else []), b"", b""]) + body


def _body_of(sort: str) -> Callable[[Dice, str], Script]:
    def made(dice: Dice, kind: str) -> Script:
        status = dice.pick([b"HTTP/1.1 200 OK"] * 4 + [b"HTTP/1.1 500 Oh", b"HTTP/1.1 404 No", b"HTTP/1.0 200 OK", b"HTTP/1.1 429 Slow"])
        return Script(kind, [_reply(BODIES[sort](dice), status=status)])

    return made


def _status(dice: Dice, kind: str) -> Script:
    line = dice.pick(
        [
            b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1  200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 099 X", b"HTTP/1.1 999 X", b"HTTP/1.1 -20 OK", b"HTTP/1.1 20O OK", b"HTTP/1.1 +200 OK", b"HTTP/1.1 0200 OK", b"HTTP/1.1 200.0 OK",
            b"HTTP/1.1 200 " + b"O" * 100_000, b"HTTP/1.1 200 \xff\xfe", b"HTTP/1.1 200 a\0b", b"HTTP/1.1 200 OK\r", b"HTTP/0.9 200 OK", b"HTTP/2.0 200 OK", b"HTTP/3 200 OK", b"HTTP/9.9 200 OK", b"HTTP/1.10 200 OK", b"HTTP/11 200 OK", b"http/1.1 200 OK", b"HTTP/1.1\t200\tOK",
            b"ICY 200 OK", b"RTSP/1.0 200 OK", b"HTTP", b"", b"200 OK", b" HTTP/1.1 200 OK", b"\r\n\r\nHTTP/1.1 200 OK", b"\nHTTP/1.1 200 OK", b"\0HTTP/1.1 200 OK", b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 205 Reset", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade",
            b"PRI * HTTP/2.0\r\n\r\nSM", b"<html>", b"220 smtp ready", b"SSH-2.0-x", b"\x16\x03\x01\x02\x00\x01", dice.data(40),
        ]
    )  # fmt: skip
    return Script(kind, [_reply(_any_body(dice), status=line)], dice.pick(["keep", "close"]))


_NAMES = (b"X-Auth", b"Content-Type", b"Content-Length", b"Transfer-Encoding", b"Set-Cookie", b"Location", b"Connection", b"X-Error", b"Retry-After", b"Upgrade", b"Content-Encoding", b"Trailer")


def _headers(dice: Dice, kind: str) -> Script:
    name = dice.pick(_NAMES)
    line = dice.pick(
        [
            name + b": a\r\n" + name + b": b", name + b":", name + b" : a", b" " + name + b": a", name, b": a", b":", name + b": a\r\n b\r\n\tc", b" folded first", name + b": \0", name + b": a\0b", name + b"\0: a", name + b": \x7f\x01", name + b": \xff\xfe\x80",
            "X-Auth: Bearer 卡".encode(), "卡: a".encode(), name + b": a\nX-B: c", name + b": a\rX-B: c", name + b": a\r\r\nX-B: c", name + b": " + b"v" * 70_000, b"N" * 70_000 + b": v", name + b": " + b"\t" * 5000 + b"v", name + b":" + b" " * 70_000, name + b"(): a", name + b"\t: a", b"(@): a",
            b"\r\n".join(b"X-%d: %d" % (n, n) for n in range(2000)), b"\r\n".join([name + b": x"] * 3000), b"Connection: close", b"Connection: keep-alive, close, upgrade", b"Connection: upgrade\r\nUpgrade: h2c", b"Keep-Alive: timeout=0, max=-1", b"Proxy-Connection: close", b"Retry-After: " + b"9" * 400, b"Retry-After: -1", b"Date: x", b"X-Auth: Bearer " + b"b" * 50_000,
        ]
    )  # fmt: skip
    return Script(kind, [_reply(_any_body(dice), line)], dice.pick(["keep", "close"]))


def _cookies(dice: Dice, kind: str) -> Script:
    lines = [
        b"Set-Cookie: " + dice.pick(
            [
                b"sid=1", b"sid", b"=1", b"sid=", b"", b";", b"=;=;=", b"sid=1; Path=/; Domain=.com", b"sid=1; Domain=127.0.0.1", b"sid=1; path=x", b"sid=1; Path=/fuzz/", b"sid=a=b=c; HttpOnly", b"sid=1; Secure", b"__Host-a=1; Path=/x", b"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", b"sid=1; Expires=x",
                b"sid=1; Expires=Thu, 99 Foo 99999 99:99:99 GMT", b"sid=1; Expires=Mon, 01-Jan-0001 00:00:00 GMT", b"sid=1; Expires=01 Jan 9999999999999 00:00:00", b"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 +99999", b"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 -2500", b"sid=1; expires=" + b"1 " * 9000, b"sid=1; Expires=Fri, 31 Dec 9999 23:59:59 -2359",
                b"sid=1; Max-Age=x", b"sid=1; Max-Age=-1", b"sid=1; Max-Age=" + b"9" * 5000, b"sid=\xff\xfe", b"s\xffd=1", b"sid=\x01", b"sid=a\tb", b"sid=" + b"v" * 9000, b"n" * 9000 + b"=1", b"sid=1" + b"; a=b" * 9000, b'sid="a b"; Path="/"', b"sid=1,2; x=y, b=2", b" sid = 1 ; Path = / ", b"sid=1; path=/\r\n folded", b"sid=\xe5\x8d\xa1", b"$Version=1; sid=1", b"%d=%d" % (dice.below(999), dice.below(999)),
            ]
        )
        for _ in range(dice.pick([1, 1, 2, 5, 300]))
    ]  # fmt: skip
    return Script(kind, [_reply(_any_body(dice), *lines)])


def _location(dice: Dice, kind: str) -> Script:
    # Where a redirect can be followed, it leads back to this very server, or to where nobody listens.
    place = dice.pick(
        [
            b"", b" ", b"/", b"/fuzz/self", b"self", b"?a=1", b"#x", b"./../../..", b"//" + SELF + b"/sound", b"http://" + SELF + b"/sound", b"http://" + SELF, b"http://" + SELF + b"?x", b"HTTP://" + SELF + b"/sound", b"http:/sound", b"http:sound", b"http:", b"http://", b"//", b"///", b"////x", b"http://[", b"http://[::1", b"http://[::1]:1/",
            b"http://[::ffff:127.0.0.1]:1/", b"http://127.0.0.1:1/", b"http://127.0.0.2:1/", b"http://localhost:1/", b"http://2130706433:1/", b"http://0x7f.1:1/", b"http://127.1:1/", b"https://127.0.0.1:1/", b"ftp://127.0.0.1/", b"javascript:alert(1)", b"file:///etc/passwd", b"data:text/html,x", b"http://example.invalid/", b"http://203.0.113.9/", b"http://a@" + SELF + b"/", b"http://" + SELF + b"@example.invalid/",
            b"http://127.0.0.1:99999/", b"http://127.0.0.1:0/", b"http://127.0.0.1:-1/", b"http://127.0.0.1:\xb2/", b"http://127.0.0.1:x/", b"http://\xe2\x93\x94xample/", b"http://a..b/", b"http://" + b"a" * 70 + b".x/", b"http://a%00b/", b"http://a\\@b/", b"\\\\x\\y", b"/a b", b"/a\tb", b"/\x01", b"/\xff\xfe", "/支付".encode(), b"/%", b"/%zz", b"/%0d%0aX: y", b"/a\0b", b"/" + b"a" * 60_000, b"/?" + b"a=1&" * 9000, b"/..;/", b"\x00", b"/sound\r\n /folded", b"http://xn--/", b"http://xn--a-ecp.ru/", b"http://[v1.x]/", b"http://[::1%25lo]:1/", b"http://127.0.0.1%2f:1/",
        ]
    )  # fmt: skip
    status = dice.pick([b"301 M", b"302 F", b"302 F", b"303 S", b"307 T", b"308 P", b"300 C", b"200 OK", b"201 C", b"399 X"])
    twice = [b"Location: /sound"] if dice.chance(0.1) else []
    return Script(kind, [_reply(_any_body(dice), b"Location: " + place, *twice, status=b"HTTP/1.1 " + status)], dice.pick(["keep", "keep", "close"]))


def _length(dice: Dice, kind: str) -> Script:
    body = _any_body(dice)
    said = dice.pick(
        [
            b"%d" % (len(body) + 1 + dice.below(99)), b"%d" % max(0, len(body) - 1 - dice.below(99)), b"0", b"-1", b"+5", b"0x10", b"1e3", b" 5 5", b"", b"5, 5", b"5, 6", b"9" * 30, b"9" * 5000, b"18446744073709551616", b"9223372036854775807", b"\xb2", b"5;", b"007", b"5\r\nContent-Length: 6", b"5\r\nContent-Length: 5", b"5\r\nTransfer-Encoding: chunked", b"5\r\nTransfer-Encoding: identity",
        ]
    )  # fmt: skip
    return Script(kind, [_reply(body, b"Content-Length: " + said, length=False)], "close")


def _chunked(dice: Dice, kind: str) -> Script:
    body = _any_body(dice)[:50_000]
    size, whole = b"%x" % len(body), len(body)
    coded = dice.pick(
        [
            size + b"\r\n" + body + b"\r\n0\r\n\r\n", size + b"\r\n" + body + b"\r\n", size + b"\r\n" + body, b"%x\r\n" % (whole + 9) + body + b"\r\n0\r\n\r\n", b"%x\r\n" % max(0, whole - 9) + body + b"\r\n0\r\n\r\n", b"-5\r\n" + body + b"\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"g\r\n" + body, b"\r\n" + body, b"f" * 16 + b"\r\n" + body, b"f" * 17 + b"\r\n" + body, b"0" * 5000 + size + b"\r\n" + body + b"\r\n0\r\n\r\n",
            size + b";ext=1;" + b"x" * 20_000 + b"\r\n" + body + b"\r\n0\r\n\r\n", size + b' ; a="\r\n' + body + b"\r\n0\r\n\r\n", size + b"\n" + body + b"\n0\n\n", size + b"\r\n" + body + b"0\r\n\r\n", size + b"\r\n" + body + b"\r\n0\r\nTrailer: x\r\nSet-Cookie: sid=9\r\n\r\n", size + b"\r\n" + body + b"\r\n0\r\n" + b"T: x\r\n" * 3000 + b"\r\n", size + b"\r\n" + body + b"\r\n0\r\n\0\r\n", size + b"\r\n" + body + b"\r\n00000\r\n\r\n",
            b"".join(b"1\r\n%c\r\n" % byte for byte in body[:9000]) + b"0\r\n\r\n", b"0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n", body, dice.data(200),
        ]
    )  # fmt: skip
    named = dice.pick([b"chunked"] * 8 + [b"Chunked", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"identity", b"x", b"", b"\x0bchunked", b"chunked\r\nTransfer-Encoding: chunked"])
    return Script(kind, [_reply(b"", b"Transfer-Encoding: " + named, length=False) + coded], "close")


def _cut(dice: Dice, kind: str) -> Script:
    whole = _reply(_any_body(dice), b"Set-Cookie: sid=1")
    return Script(kind, [whole[: dice.below(len(whole))]], dice.pick(["close", "reset"]))


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(30_000_000), 1, mtime=0)


def _encoded(dice: Dice, kind: str) -> Script:
    body = _any_body(dice)[:100_000]
    packed = dice.pick(
        [
            lambda: body, lambda: gzip.compress(body, 1, mtime=0), lambda: gzip.compress(body, 1, mtime=0)[:-9], lambda: gzip.compress(body, 1, mtime=0) + dice.data(20), lambda: gzip.compress(b"", mtime=0), _bomb, lambda: zlib.compress(body), lambda: zlib.compress(body)[2:-4], lambda: zlib.compress(bytes(3_000_000), 1),
            lambda: b"\x1f\x8b" + dice.data(300), lambda: b"\x1f\x8b\x08\x1f" + dice.data(300), lambda: dice.data(300), lambda: b"", lambda: gzip.compress(body, 1, mtime=0) * 2,
        ]
    )()  # fmt: skip
    name = dice.pick([b"gzip", b"gzip", b"gzip", b"deflate", b"br", b"zstd", b"x-gzip", b"GZIP", b"gzip, gzip", b"identity", b"", b"compress", b"\xff", b"gzip;q=0", b"a" * 9000])
    return Script(kind, [_reply(packed, b"Content-Encoding: " + name)])


_CHARSETS = (
    "utf-8", "UTF8", "utf-16", "utf-32", "utf-7", "utf-8-sig", "gbk", "gb18030", "big5", "hz", "iso-2022-jp", "iso2022_kr", "shift_jis", "euc-kr", "latin-1", "cp037", "cp65001", "mbcs", "oem", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "unicode_internal", "undefined", "rot13", "hex", "base64", "zip", "bz2", "uu", "quopri",
    "charmap", "ascii", "string_escape", "x" * 1000, "..", "os", "__init__", "aliases", "utf-8\0", "'utf-8'", "utf 8", "", ";", "é", "none", "locale", "tis-620", "mac-turkish", "ptcp154",
)  # fmt: skip


def _charset(dice: Dice, kind: str) -> Script:
    body = _any_body(dice) if dice.chance(0.4) else BODIES[dice.pick(("html", "text", "raw json"))](dice)
    name = dice.pick(_CHARSETS).encode()
    line = dice.pick([b"text/html; charset=%s", b'text/html; charset="%s"', b"text/html;charset=%s; charset=utf-8", b"application/json; CHARSET = %s", b"charset=%s", b"text/html; charset=%s" + b"; a=b" * 500])
    return Script(kind, [b"HTTP/1.1 200 OK\r\nContent-Type: " + line.replace(b"%s", name) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body])


def _interim(dice: Dice, kind: str) -> Script:
    one = dice.pick([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: early=1\r\n\r\n", b"HTTP/1.1 102 P\r\n\r\n", b"HTTP/1.1 199 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\nhello", b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", b"HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
    many = dice.pick([1, 2, 50, 5000, 100_000])
    return Script(kind, [one * many, _reply(_any_body(dice)) if dice.chance(0.8) else b""], "close")


def _behind(dice: Dice, kind: str) -> Script:
    body = _any_body(dice)
    after = dice.pick([_reply(b"another"), b"\r\n", b"\r\n" * 50_000, b"\0", dice.data(100), dice.data(100_000), b"HTTP/1.1 ", b"HTTP/1.1 500 Oh\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", _reply(b"x") * 3000])
    return Script(kind, [_reply(body), after] if dice.chance(0.5) else [_reply(body) + after], dice.pick(["keep", "keep", "close"]))


def _split(dice: Dice, kind: str) -> Script:
    whole = _reply(_any_body(dice)[:3000], b"Set-Cookie: sid=1", b"X-Auth: Bearer b")
    step = dice.pick([1, 2, 7, 100])
    return Script(kind, [whole[at : at + step] for at in range(0, len(whole), step)])


def _noise(dice: Dice, kind: str) -> Script:
    raw = bytearray(_reply(_any_body(dice)[:5000], b"Set-Cookie: sid=1; Path=/", b"Location: /sound", b"X-Auth: Bearer b"))
    for _ in range(1 + dice.below(8)):
        at = dice.below(min(len(raw), 300))
        raw[at] = dice.below(256)
    return Script(kind, [bytes(raw)], "close")


def _big(dice: Dice, kind: str) -> Script:
    """100 MB, and no end at all."""
    head = dice.pick([b"Content-Length: 104857600", b"Content-Length: 9000000000000000000", b"X-No: length", b"Transfer-Encoding: chunked"])
    blocks = endless(dice)
    if b"chunked" in head:
        small = dice.pick([1, 2, 3, 16, 4096, 65_536])
        chunk = b"%x\r\n%s\r\n" % (small, b"ab" * (small // 2) + b"c" * (small % 2))
        blocks = itertools.repeat(chunk * max(1, 65_536 // len(chunk)))
    whole = itertools.islice(blocks, 1600) if dice.chance(0.5) else blocks
    return Script(kind, itertools.chain([_reply(b"", head, length=False)], whole), "close")


def _endless_head(dice: Dice, kind: str) -> Script:
    line = dice.pick([b"X-A: b\r\n", b"Set-Cookie: a=b\r\n", b"a:b\r\n", b"", b" folded\r\n", b"X-" + b"y" * 60_000, b"\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"1;a=b", b"Set-Cookie: " + b"c=d; " * 9000 + b"\r\n"])
    first = b"HTTP/1.1 200 OK\r\n" if b"HTTP" not in line and line != b"\r\n" else b""
    if line == b"1;a=b":
        first += b"Transfer-Encoding: chunked\r\n\r\n1"
    if line:
        return Script(kind, itertools.chain([first], itertools.repeat(line * max(1, 65_536 // len(line)))), "close")
    return Script(kind, itertools.chain([first], (b"".join(b"%x:%d\r\n" % (block * 4096 + n, n) for n in range(4096)) for block in itertools.count())), "close")


def _drip(dice: Dice, kind: str) -> Script:
    whole = dice.pick([_reply(_any_body(dice)[:2000]), b"HTTP/1.1 100 Continue\r\n\r\n" * 200, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 300, b"\r\n" * 300, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300])
    return Script(kind, (whole[at : at + 1] for at in range(len(whole))), "silence", 0.02)


def _silence(dice: Dice, kind: str) -> Script:
    whole = _reply(_any_body(dice), b"X: y")
    return Script(kind, [whole[: dice.below(len(whole))]], "silence")


KINDS: dict[str, Callable[[Dice, str], Script]] = {
    "json": _body_of("json"), "raw json": _body_of("raw json"), "html": _body_of("html"), "flips": _body_of("flips"), "text": _body_of("text"), "sound": _body_of("sound"),
    "status line": _status, "headers": _headers, "cookies": _cookies, "location": _location, "length": _length, "chunked": _chunked, "cut": _cut, "encoding": _encoded, "charset": _charset,
    "interim": _interim, "behind": _behind, "split": _split, "noise": _noise, "100 MB, endless": _big, "endless head": _endless_head, "drip": _drip, "silence": _silence,
}  # fmt: skip
SLOW = ("drip", "silence")
HUGE = ("100 MB, endless", "endless head")
_QUICK = tuple(kind for kind in KINDS if kind not in (*SLOW, *HUGE))


def addressed(piece: bytes, port: int) -> bytes:
    """A piece with the server's own address in the places that name it."""
    return piece if len(piece) > 200_000 else re.sub(SELF, b"127.0.0.1:%d" % port, piece)
