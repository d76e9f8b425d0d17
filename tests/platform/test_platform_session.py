"""The session that reads share: who is connected to, for how long, with which cookies, and what the set-up does."""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
import zlib
from typing import Any

import pytest
from platform_world import Answer, Heard, Shop, here, platform, target, wild

from surgekit.errors import ConfigError, TargetError
from surgekit.platform import Platform
from surgekit.safety import Origin

Row = dict[str, Any]
STOCK: Row = {"stock": {"request": "GET /stock", "items": "", "unsold": "left"}}
FULL = {"game": {"left": 5}}


def test_a_name_leads_to_the_address_that_was_checked() -> None:
    """The name is never looked up again, and the shop hears it all the same."""
    with Shop(lambda _: FULL) as shop:
        place = Origin("http", "shop.invalid", shop.port, ("127.0.0.1",))
        with platform(place, STOCK) as found:
            found.preflight()
            assert found.stock() == {"game": {"total": None, "unsold": 5, "word": None}}
    assert {heard.headers["host"] for heard in shop.heard} == {f"shop.invalid:{shop.port}"}
    assert {heard.headers["x-surge-run"] for heard in shop.heard} == {"run1"}


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Shop(lambda _: FULL) as shop, platform(shop.place, STOCK) as found:
        found.preflight()
        assert found.stock()


def test_the_targets_headers_go_along_except_those_of_a_buyer() -> None:
    headers = {"User-Agent": "Mozilla/5.0", "X-Key": "{secret.key}", "X-Forwarded-For": "{buyer.ip}", "X-Surge-Run": "another", "Host": "else"}
    with Shop(lambda _: FULL) as shop, platform(shop.place, STOCK, {"key": "s3"}, headers=headers, secrets={"key": {"value": "x"}}) as found:
        found.stock()
    (heard,) = shop.heard
    assert (heard.headers["user-agent"], heard.headers["x-key"], heard.headers["x-surge-run"]) == ("Mozilla/5.0", "s3", "run1")
    assert "x-forwarded-for" not in heard.headers
    assert heard.headers["host"] == f"127.0.0.1:{shop.port}"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_reply_that_is_packed_unasked_is_read(pack: Any) -> None:
    name = "gzip" if pack is gzip.compress else "deflate"
    answer = Answer(pack(b'{"game": {"left": 5}}'), headers=[("Content-Encoding", name)])
    with Shop(lambda _: answer) as shop, platform(shop.place, STOCK) as found:
        assert found.stock()


def bomb() -> bytes:
    made = zlib.compressobj(wbits=31)
    return b"".join([made.compress(b" " * (1 << 20)) for _ in range(50)]) + made.flush()


@pytest.mark.parametrize(
    ("answer", "says"),
    [(Answer(bomb(), headers=[("Content-Encoding", "gzip")]), "larger than 8 MiB"), (Answer(b"x", headers=[("Content-Encoding", "br")]), "packed as 'br'"),
     (Answer(b"x", headers=[("Content-Encoding", "gzip")]), "says gzip and is not"), (Answer(b" " * ((8 << 20) + 1)), "larger than 8 MiB")],
    ids=["bomb", "unasked", "not packed", "large"],
)  # fmt: skip
def test_a_reply_is_never_larger_than_is_sensible(answer: Answer, says: str) -> None:
    with Shop(lambda _: answer) as shop, platform(shop.place, STOCK) as found, pytest.raises(TargetError, match=says):
        found.stock()


def test_a_page_of_the_ledger_may_be_larger() -> None:
    reads = {"ledger": {"request": "GET /ledger", "columns": {"order_no": "no", "order_key": "key", "status": "state"}}}
    page = b'[{"no": "N1", "key": "K1", "state": "paid"}]' + b" " * (9 << 20)
    with Shop(lambda _: Answer(page)) as shop, platform(shop.place, reads) as found:
        assert len(list(found.ledger(""))) == 1


# Servers that behave in no sensible way.


def endless(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        conn.sendall(b"x" * 65536)


def drip(conn: socket.socket) -> None:
    """A byte in a while, so that no single wait is ever long."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000:
        conn.sendall(bytes([byte]))
        time.sleep(0.02)


def drip_chunks(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1000):
        conn.sendall(b"1\r\nx\r\n")
        time.sleep(0.02)


def silent(conn: socket.socket) -> None:
    with contextlib.suppress(OSError):
        conn.settimeout(5)
        conn.recv(1)


@pytest.mark.parametrize(
    ("manners", "says"),
    [(endless, "larger than 8 MiB"), (drip, "no complete answer in time"), (drip_chunks, "no complete answer in time"),
     (silent, "no complete answer in time"), (lambda conn: conn.sendall(b"SSH-2.0-x\r\n"), "broken off"), (lambda _: None, "broken off"),
     (lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), "broken off"),
     (lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"), "broken off"),
     (lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "broken off"),
     (lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000), "broken off")],
    ids=["endless", "drip", "dripping chunks", "silent", "ssh", "nothing", "cut", "odd length", "odd chunk", "endless headers"],
)  # fmt: skip
def test_whatever_a_server_does_a_read_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch, manners: Any, says: str) -> None:
    monkeypatch.setattr("surgekit.platform.client.SILENCE_S", 0.3)
    monkeypatch.setattr("surgekit.platform.session.Session.get.__kwdefaults__", {"most": 8 << 20, "total_s": 0.6, "most_values": 1000})
    began = time.monotonic()
    with wild(manners) as place, platform(place, STOCK) as found, pytest.raises(TargetError, match=says) as caught:
        found.stock()
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 5


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    def once(conn: socket.socket) -> None:
        conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"game": {"left": 5}}')
        time.sleep(0.05)

    with wild(once) as place, platform(place, STOCK) as found:
        assert found.stock()
        assert found.stock()
        time.sleep(0.1)
        assert found.stock()


# Logging in first.

LOGIN: list[Row] = [
    {"name": "page", "request": "GET /admin/login", "replies": [{"class": "ok", "css": "form"}], "extract": {"csrf": {"field": "_token"}}},
    {
        "name": "login", "request": "POST /admin/login", "form": {"_token": "{csrf}", "user": "{vars.user}", "password": "{secret.password}", "at": "{time.s}"},
        "follow": True, "replies": [{"class": "ok", "css": "#logout"}, {"class": "refused", "matches": "密码错误"}],
        "extract": {"signed": {"css": "#sign", "optional": True, "default": "none"}},
    },
]  # fmt: skip
ADMIN: Row = {"vars": {"user": "root"}, "secrets": {"password": {"value": "x"}}}


class Back:
    """A back office with a login form, a CSRF token and a session cookie that can run out."""

    def __init__(self, *, follows: str = "/admin") -> None:
        self.follows = follows
        self.logins = 0
        self.session = ""

    def __call__(self, heard: Heard) -> Any:
        cookies = heard.headers.get("cookie", "")
        if heard.path == "/admin/login" and heard.method == "GET":
            return Answer('<form><input name="_token" value="t&amp;1"></form>', headers=[("Set-Cookie", "pre=1; Path=/"), ("Set-Cookie", "lang=zh")])
        if heard.path == "/admin/login":
            if heard.form.get("_token") != "t&1" or "pre=1" not in cookies or heard.form.get("password") != "p@ss word":
                return "密码错误"
            self.logins += 1
            self.session = f"s{self.logins}"
            return Answer("", 302, [("Location", self.follows), ("Set-Cookie", f"sid={self.session}; Path=/; HttpOnly")])
        if f"sid={self.session}" not in cookies or not self.session:
            return Answer("", 302, [("Location", "/admin/login")])
        return FULL if heard.path == "/stock" else '<a id="logout">bye</a>'


def admin(shop: Shop, password: str = "p@ss word") -> Platform:
    return platform(shop.place, STOCK | {"setup": LOGIN}, {"password": password}, **ADMIN)


def test_the_set_up_logs_in_once_and_its_cookies_are_kept() -> None:
    back = Back()
    with Shop(back) as shop, admin(shop) as found:
        assert found.stock()
        assert found.stock()
    assert back.logins == 1
    assert [heard.path for heard in shop.heard] == ["/admin/login", "/admin/login", "/admin", "/stock", "/stock"]
    assert shop.heard[1].form["at"].isdigit()


def test_a_session_that_ran_out_is_opened_again() -> None:
    back = Back()
    with Shop(back) as shop, admin(shop) as found:
        found.stock()
        back.session = "gone"
        assert found.stock()
    assert back.logins == 2


def test_a_login_that_is_refused_is_one_sentence_without_the_password() -> None:
    with (
        Shop(Back()) as shop, admin(shop, "wr0ng") as found,
        pytest.raises(TargetError, match=r"reads\.setup, step login: the reply \(HTTP 200\) means refused") as caught,
    ):
        found.stock()
    assert "wr0ng" not in str(caught.value)


ELSEWHERE = ["http://127.0.0.1:9/admin", "https://example.invalid/", "//example.invalid/", "http://example.invalid:{port}/", "http://127.0.0.1.invalid:{port}/",
             "https://127.0.0.1:{port}/", "ftp://x/", "http://[", "http://u:p@127.0.0.1/"]  # fmt: skip


@pytest.mark.parametrize("to", ELSEWHERE)
def test_a_redirect_leads_nowhere_else(to: str) -> None:
    back = Back()
    with Shop(back) as shop, admin(shop) as found:
        back.follows = to.replace("{port}", str(shop.port))
        with pytest.raises(TargetError, match="leads to"):
            found.stock()
    assert [heard.path for heard in shop.heard] == ["/admin/login", "/admin/login"]


@pytest.mark.parametrize("to", ["admin", "?x=1#top", "//127.0.0.1:{port}/admin", "http://127.0.0.1:{port}/admin", "http://localhost:{port}/admin"])
def test_a_redirect_within_the_platform_is_followed(to: str) -> None:
    back = Back()
    with Shop(back) as shop, admin(shop) as found:
        back.follows = to.replace("{port}", str(shop.port)) if "?" not in to else "/admin?x=1#top"
        assert found.stock()


def test_redirects_without_an_end_come_to_one() -> None:
    step = {"request": "GET /a", "follow": True, "replies": [{"class": "ok", "matches": "x"}]}
    with (
        Shop(lambda _: Answer("", 302, [("Location", "/a")])) as shop, platform(shop.place, STOCK | {"setup": [step]}) as found,
        pytest.raises(TargetError, match="more than 10 redirects"),
    ):
        found.stock()


def test_a_value_of_the_set_up_fills_the_reads() -> None:
    step = {"request": "POST /token", "json": {"key": "{secret.key}"}, "replies": [{"class": "ok", "path": "code", "equals": 0}], "extract": {"token": "token"}}
    reads = {"setup": [step], "stock": STOCK["stock"] | {"headers": {"Authorization": "Bearer {token}"}}}
    with (
        Shop(lambda heard: {"code": 0, "token": "T1"} if heard.path == "/token" else FULL) as shop,
        platform(shop.place, reads, {"key": "s"}, secrets={"key": {"value": "x"}}) as found,
    ):
        assert found.stock()
    assert shop.asked("/stock")[0].headers["authorization"] == "Bearer T1"


# Before the surge.


def test_any_answer_shows_that_the_platform_is_there() -> None:
    for answer in (Answer("", 404), Answer("", 500), Answer(b" " * (9 << 20))):
        with Shop(lambda _, answer=answer: answer) as shop, platform(shop.place) as found:
            found.preflight()


def test_nothing_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with platform(here(port)) as found, pytest.raises(TargetError, match=rf"http://127\.0\.0\.1:{port}: nothing answers there .* is base_url right"):
        found.preflight()


def test_the_second_address_is_tried_where_the_first_refuses() -> None:
    with Shop(lambda _: FULL) as shop:
        place = Origin("http", "localhost", shop.port, ("127.0.0.2", "127.0.0.1"))
        with platform(place, STOCK) as found:
            found.preflight()
            assert found.stock()


ECHO = [{"request": "GET /whoami", "header": "X-Seen"}, {"request": "GET /whoami", "path": "seen.mark"}]


@pytest.mark.parametrize("echo", ECHO)
def test_a_shadow_tenant_that_sends_the_mark_back_is_loaded(echo: Row) -> None:
    def shop(heard: Heard) -> Answer:
        mark = heard.headers["x-surge-run"]
        return Answer({"seen": {"mark": mark}}, headers=[("X-Seen", mark)])

    with Shop(shop) as there, platform(there.place, safety={"echo": echo}) as found:
        found.preflight()
    assert len(there.asked("/whoami")) == 1


@pytest.mark.parametrize("echo", ECHO)
@pytest.mark.parametrize(("mark", "told"), [("run2", "something else"), (None, "nothing")])
def test_without_the_mark_nothing_is_sent(echo: Row, mark: str | None, told: str) -> None:
    answer = Answer({"seen": {"mark": mark}}, headers=[("X-Seen", mark)] if mark else [])
    with (
        Shop(lambda _: answer) as shop, platform(shop.place, safety={"echo": echo}) as found,
        pytest.raises(TargetError, match=rf"safety\.echo: .* {told} did: marked traffic would reach the real tenant"),
    ):
        found.preflight()


def test_an_echo_that_fails_is_no_echo() -> None:
    with (
        Shop(lambda heard: Answer("", 404 if heard.path == "/whoami" else 200)) as shop, platform(shop.place, safety={"echo": ECHO[0]}) as found,
        pytest.raises(TargetError, match="HTTP 404"),
    ):
        found.preflight()


def test_it_is_made_with_three_words() -> None:
    with Platform(target(), here(1), "r"):
        pass


def test_a_secret_that_nobody_told_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"secret\.key"):
        platform(here(1), {"stock": {"request": "GET /s?k={secret.key}", "items": ""}})


def test_an_odd_redirect_of_a_read_is_one_sentence() -> None:
    with (
        Shop(lambda _: Answer("", 302, [("Location", "http://[")])) as shop, platform(shop.place, STOCK) as found,
        pytest.raises(TargetError, match=r"HTTP 302, a redirect; is reads\.setup needed"),
    ):
        found.stock()
