"""The awkward forms, as data: what a server says and how it ends, and what has to come of it.

``TWO`` and the like are heads. ``SELF`` in what is said stands for the server's own host and port.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Literal

End = Literal["keep", "close", "reset", "hold"]
SELF = b"SELF"
ORDER = b'{"sku": "card"}'


@dataclass(frozen=True, slots=True)
class Say:
    """At once, ``times`` over."""

    data: bytes
    times: int = 1


@dataclass(frozen=True, slots=True)
class Drip:
    """In pieces of ``size`` bytes with a pause after each."""

    data: bytes
    pause_s: float = 0.001
    size: int = 1


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """The body of the request, which a form that is ``early`` has not taken in yet."""


Step = Say | Drip | Wait | Hear


@dataclass(frozen=True, slots=True)
class Form:
    """One form. ``end``: the connection is kept for the next request, closed, reset, or nothing more is said.

    What has to come of it: ``error``, or with ``None`` a reply of ``status`` and ``body``; several where either is right.
    ``again``: the next request has to come over the same connection; ``heard``: how often this one was heard; None where either
    is right.

    ``at``: the listener (``hard_replies_server.LISTENERS``). ``first``: a path that is asked for before, by the same client;
    ``plain_way``: not the one that orders of a run go; ``early``: it is answered before its body was taken in; ``at_first``:
    every second time it is answered soundly; ``quiet_s``: so long nothing happens afterwards, before the next request.
    """

    name: str
    steps: tuple[Step, ...] = ()
    error: str | tuple[str | None, ...] | None = None
    status: int = 200
    body: bytes = b"ok"
    again: bool | None = False
    end: End = "keep"
    heard: int | None = 1
    method: str = "POST"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    payload: bytes = ORDER
    path: str = ""
    follow: bool = False
    plain_way: bool = False
    early: bool = False
    at_first: bool = False
    at: str = "plain"
    scheme: str = "http"
    first: str = ""
    quiet_s: float = 0.0

    @property
    def asks(self) -> str:
        return self.path or f"/form/{self.name}"

    @property
    def errors(self) -> tuple[str | None, ...]:
        return self.error if isinstance(self.error, tuple) else (self.error,)


OK = b"HTTP/1.1 200 OK\r\n"
TWO = OK + b"Content-Length: 2\r\n"
WHOLE = TWO + b"\r\nok"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
JSON = b'{"order": 1, "pay": "/pay/1"}' * 9
BIG = b"0123456789abcdef" * 312_500
GZIP = gzip.compress(JSON, mtime=0)


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(100_000_000), 6, mtime=0)


def _bare(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def _coded(body: bytes, coding: bytes) -> tuple[Step, ...]:
    return (Say(OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)),)


def _said(name: str, data: bytes, error: str | None = None, **more: object) -> Form:
    """All of it at once. What is broken is left open, so that the client has to know by itself."""
    return Form(name, (Say(data),), error, **({"end": "keep" if error is None else "hold"} | more))  # type: ignore[arg-type]


def _moved(name: str, status: int, place: bytes, error: str | None = None, **more: object) -> Form:
    reply = b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, place)
    return Form(name, (Say(reply),), error, follow=True, **({"again": True} | more))  # type: ignore[arg-type]


def _header(line: bytes) -> bytes:
    return OK + line + b"\r\nContent-Length: 2\r\n\r\nok"


def _length(said: bytes) -> bytes:
    return OK + b"Content-Length: %b\r\n\r\nok" % said


def _chunk(line: bytes) -> bytes:
    return CHUNKED + line + b"\r\nok\r\n0\r\n\r\n"


TIMING = (
    _said("sound", WHOLE, again=True),
    Form("byte_at_a_time", (Drip(WHOLE),), again=True),
    Form("chunks_byte_at_a_time", (Drip(CHUNKED + b"2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n"),), again=True),
    Form("cut_in_the_empty_line", (Say(TWO + b"\r"), Wait(0.03), Say(b"\nok")), again=True),
    Form("pause_before_the_body", (Say(TWO + b"\r\n"), Wait(0.3), Say(b"ok")), again=True),
    Form("nothing_at_all", (), "timeout", end="hold"),
    Form("status_line_and_no_more", (Say(OK),), "timeout", end="hold"),
    Form("half_a_body_and_no_more", (Say(OK + b"Content-Length: 9\r\n\r\nhalf"),), "timeout", end="hold"),
    Form("headers_that_drip_without_end", (Say(OK), Drip(b"X: y\r\n" * 1000, 0.02, 6)), "timeout"),
    Form("a_body_that_drips_without_end", (Say(OK + b"Content-Length: 9999\r\n\r\n"), Drip(b"x" * 9999, 0.02)), "timeout"),
    Form("100_and_no_more", (Say(CONTINUE),), "timeout", end="hold"),
)

ENDINGS = (
    Form("no_length", (Say(OK + b"\r\nuntil the end"),), body=b"until the end", end="close"),
    Form("no_length_and_no_body", (Say(OK + b"\r\n"),), body=b"", end="close"),
    Form("too_short", (Say(OK + b"Content-Length: 100\r\n\r\nshort"),), "truncated", end="close"),
    Form("too_long", (Say(WHOLE + b" and more"),)),
    Form("fin_at_once", (), "closed", end="close"),
    Form("fin_in_the_status_line", (Say(b"HTTP/1."),), "truncated", end="close"),
    Form("fin_in_the_head", (Say(OK + b"Content-Le"),), "truncated", end="close"),
    Form("fin_in_a_chunk", (Say(CHUNKED + b"9\r\nhalf"),), "truncated", end="close"),
    Form("fin_before_the_last_chunk", (Say(CHUNKED + b"2\r\nok\r\n"),), "truncated", end="close"),
    Form("fin_after_100", (Say(CONTINUE),), "truncated", end="close"),
    Form("rst_at_once", (), "reset", end="reset"),
    Form("rst_in_the_head", (Say(OK), Wait(0.05)), "reset", end="reset"),
    Form("rst_in_the_body", (Say(OK + b"Content-Length: 9\r\n\r\nhalf"), Wait(0.05)), "reset", end="reset"),
    Form("rst_in_a_body_without_length", (Say(OK + b"\r\nhalf"), Wait(0.05)), "reset", end="reset"),
    Form("kept_alive_and_then_closed", (Say(WHOLE),), end="close", quiet_s=0.05),
    Form("kept_alive_and_then_reset", (Say(WHOLE), Wait(0.02)), end="reset", quiet_s=0.1),
    Form("close_is_said_and_not_done", (Say(TWO + b"Connection: close\r\n\r\nok"),), end="hold"),
    Form("keep_alive_for_no_time", (Say(TWO + b"Keep-Alive: timeout=0, max=0\r\n\r\nok"),), end="close", quiet_s=0.05),
    Form("closed_under_an_order", (), "closed", first="/kept", end="close"),
    Form("reset_under_an_order", (), "reset", first="/kept", end="reset"),
    Form("closed_under_a_read", (), first="/kept", end="close", method="GET", payload=b"", heard=2, at_first=True, again=True),
    Form("closed_under_a_read_each_time", (), "closed", first="/kept", end="close", method="GET", payload=b"", heard=2),
    Form("a_second_reply_at_once", (Say(WHOLE + TWO + b"\r\nno"),)),
    Form("a_second_reply_later", (Say(WHOLE), Wait(0.03), Say(TWO + b"\r\nno")), quiet_s=0.15),
    Form("noise_behind_it", (Say(WHOLE + b"\0\1\2 what?\r\n\r\n"),)),
)  # fmt: skip

HEADS = (
    _said("folded_header", _header(b"X: a\r\n b\r\n\tc"), again=True),
    _said("folded_length", OK + b"Content-Length:\r\n 2\r\n\r\nok", again=True),
    _said("fold_with_nothing_to_fold", OK + b" X: a\r\n\r\n", "garbage"),
    _said("small_letters", OK + b"content-length:2\r\nconnection:KEEP-ALIVE\r\n\r\nok", again=True),
    _said("odd_names", OK + b"cOnTeNt-LeNgTh: 2\r\n!#$%&'*+-.^_`|~: 1\r\n\r\nok", again=True),
    _said("no_reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", again=True),
    _said("a_reason_in_chinese", "HTTP/1.1 200 好的\r\nContent-Length: 2\r\n\r\nok".encode(), again=True),
    _said("chinese_in_a_header", _header("X: 支付".encode()), again=True),
    _said("chinese_in_a_name", _header("支付: 1".encode()), "garbage"),
    _said("nul_in_a_header", _header(b"X: a\0b"), "garbage"),
    _said("bare_cr_in_a_header", _header(b"X: a\rb"), "garbage"),
    _said("bare_lf", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "garbage"),
    _said("space_before_the_colon", _header(b"X : a"), "garbage"),
    _said("no_colon", _header(b"X"), "garbage"),
    _said("status_of_two_digits", b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", "garbage"),
    _said("status_of_five_digits", b"HTTP/1.1 99999 OK\r\nContent-Length: 2\r\n\r\nok", "garbage"),
    _said("status_099", b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok", "garbage"),
    _said("status_999", b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", status=999, again=True),
    _said("http_1_0", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    _said("http_1_0_kept_alive", b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", again=True),
    _said("http_0_9", b"<html>ok</html>", "garbage"),
    _said("http_2", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff", "garbage"),
    _said("http_2_in_words", b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "garbage"),
    _said("ssh", b"SSH-2.0-OpenSSH_9.6\r\n", "garbage"),
    _said("a_tls_alert", b"\x15\x03\x03\x00\x02\x02\x28", "garbage"),
    _said("many_cookies", _header(b"\r\n".join(b"Set-Cookie: c%d=1" % number for number in range(300))), again=True),
    _said("a_header_of_100_kb", _header(b"X: " + b"x" * 100_000), again=True),
    Form("a_header_of_10_mb", (Say(OK + b"X: "), Say(b"x" * 65536, 160)), "too_large"),
    Form("a_status_line_without_end", (Say(b"HTTP/1.1 200 "), Say(b"x" * 65536, 160)), "too_large"),
    Form("a_million_headers", (Say(OK), Say(b"a:b\r\n" * 1000, 1000), Say(b"\r\n")), "too_large"),
    Form("ten_thousand_headers", (Say(OK + b"a:b\r\n" * 10_000 + b"Content-Length: 2\r\n\r\nok"),), "too_large"),
)  # fmt: skip

STATUSES = (
    _said("100_before", CONTINUE + WHOLE, again=True),
    Form("100_well_before", (Say(CONTINUE), Wait(0.05), Say(WHOLE)), again=True),
    _said("hints_before", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10 + WHOLE, again=True),
    Form("100_without_end", (Say(CONTINUE * 1000, 100),), "too_large"),
    Form("100_as_asked_for", (Say(CONTINUE), Hear(), Say(WHOLE)), again=True, early=True, headers=((b"Expect", b"100-continue"),)),
    Form("100_asked_for_and_not_said", (Hear(), Say(WHOLE)), again=True, early=True, headers=((b"Expect", b"100-continue"),)),
    Form("100_asked_for_and_refused", (Say(b"HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),),
         status=417, body=b"no", early=True, end="close", headers=((b"Expect", b"100-continue"),)),
    Form("answered_before_it_was_heard", (Say(b"HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),),
         (None, "reset", "timeout"), status=413, body=b"no", early=True, end="close", payload=BIG),
    _said("101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "garbage"),
    _said("an_upgrade_that_is_offered", _header(b"Upgrade: h2c\r\nConnection: upgrade"), again=True),
    _said("204", b"HTTP/1.1 204 No Content\r\n\r\n", status=204, body=b"", again=True),
    _said("204_with_a_length", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", status=204, body=b"", again=True),
    _said("204_with_a_body", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", status=204, body=b""),
    _said("304_with_a_length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9999\r\n\r\n", status=304, body=b"", again=True),
    _said("304_that_says_chunked", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", status=304, body=b"", again=True),
    _said("head", OK + b"Content-Length: 9999\r\n\r\n", method="HEAD", payload=b"", body=b"", again=True),
    _said("head_with_a_body", WHOLE, method="HEAD", payload=b"", body=b""),
    _said("503_with_a_length", b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nRetry-After: 1\r\n\r\nbusy", status=503, body=b"busy", again=True),
)  # fmt: skip

LENGTHS = (
    _said("length_twice", OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", again=True),
    _said("lengths_that_differ", OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nok", "garbage"),
    _said("length_in_a_list_that_differs", _length(b"2, 5"), "garbage"),
    _said("length_below_zero", _length(b"-2"), "garbage"),
    _said("length_with_a_sign", _length(b"+2"), "garbage"),
    _said("length_in_hex", _length(b"0x2"), "garbage"),
    _said("length_of_nothing", _length(b""), "garbage"),
    _said("length_with_zeros", _length(b"0002"), again=True),
    _said("length_beyond_everything", _length(b"9" * 40), "too_large"),
    _said("length_beside_chunks", OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    _said("five_megabytes", OK + b"Content-Length: %d\r\n\r\n%b" % (len(BIG), BIG), body=BIG, again=True),
    Form("a_hundred_megabytes", (Say(OK + b"Content-Length: 100000000\r\n\r\n"), Say(bytes(1_000_000), 100)), "too_large"),
    Form("a_body_without_end", (Say(OK + b"\r\n"), Say(bytes(1_000_000), 100)), "too_large"),
)

CHUNKS = (
    _said("chunks", _chunk(b"2"), again=True),
    _said("chunk_extensions", _chunk(b'2;a=b;c="d e"'), again=True),
    _said("chunk_trailers", CHUNKED + b"2\r\nok\r\n0\r\nSet-Cookie: a=b\r\nX: y\r\n\r\n", again=True),
    _said("a_padded_chunk_size", _chunk(b"2  "), again=True),
    _said("five_thousand_chunks", CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n", body=b"x" * 5000, again=True),
    _said("chunks_in_http_1_0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    _said("a_chunk_size_in_words", _chunk(b"two"), "garbage"),
    _said("a_chunk_size_below_zero", _chunk(b"-2"), "garbage"),
    _said("a_chunk_size_with_0x", _chunk(b"0x2"), "garbage"),
    _said("a_huge_chunk_size", _chunk(b"f" * 40), "garbage"),
    _said("a_large_chunk_size", _chunk(b"7fffffffffffffff"), "too_large"),
    _said("a_chunk_that_is_longer", _chunk(b"1"), "garbage"),
    _said("said_to_be_chunked_and_not", CHUNKED + JSON, "garbage"),
    Form("a_chunk_extension_without_end", (Say(CHUNKED + b"2;"), Say(b"x" * 65536, 160)), "too_large"),
    Form("trailers_without_end", (Say(CHUNKED + b"0\r\n"), Say(b"X: y\r\n" * 10_000, 160)), "too_large"),
    _said("chunked_twice", OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "garbage"),
    _said("another_transfer_coding", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "coding"),
)

CODINGS = (
    Form("gzip", _coded(GZIP, b"gzip"), body=JSON, again=True),
    Form("gzip_in_two_parts", _coded(gzip.compress(JSON[:9], mtime=0) + gzip.compress(JSON[9:], mtime=0), b"x-gzip"), body=JSON, again=True),
    Form("gzip_byte_at_a_time", (Drip(OK + b"Content-Encoding: gzip\r\n\r\n" + GZIP),), body=JSON, end="close"),
    Form("deflate", _coded(zlib.compress(JSON), b"deflate"), body=JSON, again=True),
    Form("bare_deflate", _coded(_bare(JSON), b"deflate"), body=JSON, again=True),
    Form("one_coding_upon_the_other", _coded(gzip.compress(zlib.compress(JSON), mtime=0), b"deflate, gzip"), body=JSON, again=True),
    Form("gzip_of_nothing", _coded(b"", b"gzip"), body=b"", again=True),
    Form("gzip_that_is_cut", _coded(GZIP[:-9], b"gzip"), "truncated"),
    Form("gzip_that_is_none", _coded(JSON, b"gzip"), "garbage"),
    Form("brotli", _coded(b"\x0b\x02\x80hello\x03", b"br"), "coding"),
    Form("a_gzip_bomb", _coded(_bomb(), b"gzip"), "too_large"),
    Form("a_gzip_bomb_in_a_bomb", _coded(gzip.compress(_bomb(), mtime=0), b"gzip, gzip"), "too_large"),
)

BODIES = (
    _said("empty_json", OK + b"Content-Type: application/json\r\nContent-Length: 0\r\n\r\n", body=b"", again=True),
    _said("json_with_a_mark_in_front", OK + b"Content-Type: application/json\r\nContent-Length: 5\r\n\r\n\xef\xbb\xbf{}", body=b"\xef\xbb\xbf{}", again=True),
    _said("json_in_utf_16", OK + b"Content-Type: application/json\r\nContent-Length: 6\r\n\r\n\xff\xfe{\0}\0", body=b"\xff\xfe{\0}\0", again=True),
    _said("a_head_in_a_body", OK + b"Content-Length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE), body=WHOLE, again=True),
)

REDIRECTS = (
    _moved("a_place_of_its_own", 302, b"/echo", body=b"GET "),
    _moved("a_relative_place", 302, b"../echo?a=1#b", body=b"GET "),
    _moved("a_whole_url", 302, b"http://SELF/echo", body=b"GET "),
    _moved("303_becomes_a_read", 303, b"/echo", body=b"GET "),
    _moved("307_keeps_the_body", 307, b"/echo", body=b"POST " + ORDER),
    _moved("308_keeps_the_body", 308, b"/echo", body=b"POST " + ORDER),
    _moved("to_another_machine", 302, b"http://192.0.2.1/", "bad_url"),
    _moved("to_where_nobody_listens", 302, b"http://127.0.0.1:1/", "connect_refused"),
    _moved("to_no_place", 302, b"http://[::1", "bad_url"),
    _moved("in_a_circle", 307, b"/form/in_a_circle", "redirects", heard=11),
    Form("ten_redirects", path="/hop/10", follow=True, heard=None, again=None, body=b"POST " + ORDER),
    Form("eleven_redirects", error="redirects", path="/hop/11", follow=True, heard=None, again=None),
    _said("a_redirect_to_nowhere_named", b"HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nok", status=302, follow=True, again=True),
)  # fmt: skip

TLS = (
    Form("tls", (Say(WHOLE),), again=True, at="tls", scheme="https"),
    Form("tls_byte_at_a_time", (Drip(WHOLE),), again=True, at="tls", scheme="https"),
    Form("tls_five_megabytes", (Say(OK + b"Content-Length: %d\r\n\r\n%b" % (len(BIG), BIG)),), body=BIG, again=True, at="tls", scheme="https"),
    Form("tls_too_short", (Say(OK + b"Content-Length: 100\r\n\r\nshort"),), "truncated", end="close", at="tls", scheme="https"),
    Form("tls_rst_in_the_body", (Say(OK + b"Content-Length: 9\r\n\r\nhalf"), Wait(0.05)), "reset", end="reset", at="tls", scheme="https"),
    Form("tls_nothing_at_all", (), "timeout", end="hold", at="tls", scheme="https"),
    Form("tls_for_another_name", error="tls", at="wrong_name", scheme="https", heard=0),
    Form("tls_that_has_expired", error="tls", at="expired", scheme="https", heard=0),
    Form("tls_that_nobody_vouches_for", error="tls", at="unknown", scheme="https", heard=0),
    Form("tls_alert_for_a_greeting", error="tls", at="alert", scheme="https", heard=0),
    Form("tls_hangs_up_on_a_greeting", error=("tls", "connect_failed"), at="hangs_up", scheme="https", heard=0),
    Form("tls_silent_on_a_greeting", error="connect_timeout", at="silent", scheme="https", heard=0),
    Form("plain_http_where_tls_is_expected", error="tls", at="answers_400", scheme="https", heard=0),
    Form("tls_where_plain_http_is_expected", error=("closed", "reset", "garbage", "truncated"), at="tls", heard=0),
    Form("nobody_listens", error="connect_refused", at="nobody", heard=0),
    Form("nobody_takes_it_in", error="connect_timeout", at="full", heard=0),
)

FORMS: tuple[Form, ...] = (*TIMING, *ENDINGS, *HEADS, *STATUSES, *LENGTHS, *CHUNKS, *CODINGS, *BODIES, *REDIRECTS, *TLS)
