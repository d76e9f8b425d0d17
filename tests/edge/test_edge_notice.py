"""What a notice looks like on the wire, checked by a server that was written without looking at the sender."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acting import NOTIFY, RUN_ID, acting, shop
from edge_world import story

from surgekit.edge.client import Client, UnansweredError
from surgekit.edge.config import EdgeConfig
from surgekit.edge.notice import Payment, plan
from surgekit.edge.serving import bind
from surgekit.errors import ConfigError
from surgekit.safety import Permit


def test_a_post_notice_says_what_the_file_says(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {
            "request": "POST /pay/{pay.channel}/notify?v=1",
            "headers": {"X-Gateway": "{secret.name}", "User-Agent": "gateway/1"},
            "query": {"shop": "{vars.shop}"},
            "form": {
                "no": "{pay.order_no}", "trade": "{pay.trade_no}", "money": "{pay.amount}", "fen": "{pay.amount_fen}",
                "at": "{pay.time}", "name": "点卡 {pay.title}", "run": "{run.id}", "t": "{time.ms}", "n": "{nonce}",
            },
        }  # fmt: skip
        more = {"vars": {"shop": "a&b"}}
        async with (
            shop() as platform,
            acting(tmp_path, platform, wants, secrets={"name": "me"}, more=more) as gateway,
        ):
            fields = {"order_no": "A 1", "amount": "12.3", "channel": "ali/pay", "title": "100&元"}
            paid = await gateway.act(**fields)
            (heard,) = await platform.heard_when(1)
        assert (heard.method, heard.query) == ("POST", "v=1&shop=a%26b")
        assert heard.path == "/pay/ali/pay/notify"  # unquoted by the server; on the wire it is one segment
        assert heard.headers["host"] == platform.url.removeprefix("http://")
        assert heard.headers["x-surge-run"] == RUN_ID
        assert (heard.headers["x-gateway"], heard.headers["user-agent"]) == ("me", "gateway/1")
        assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
        form = heard.form
        assert (form["no"], form["trade"], form["money"], form["fen"]) == ("A 1", paid["trade_no"], "12.30", "1230")
        assert (form["name"], form["run"]) == ("点卡 100&元", RUN_ID)
        assert re.fullmatch(r"\d{13}", form["t"])
        assert re.fullmatch(r"[0-9a-f]{64}", form["n"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", form["at"])

    story(run())


def test_the_time_of_a_payment_is_told_in_china_time() -> None:
    at = datetime(2026, 11, 10, 16, 0, 1, tzinfo=UTC)
    assert Payment(0, "G1", "A1", 5, at).values()["pay.time"] == "2026-11-11 00:00:01"


def test_a_get_notice_goes_where_the_platform_said_and_keeps_its_query(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {"request": "GET {pay.notify_url}", "query": {"no": "{pay.order_no}", "money": "{pay.amount}"}}
        async with shop() as platform, acting(tmp_path, platform, wants) as gateway:
            await gateway.act(order_no="A1", amount_fen=7, notify_url=platform.url + "/cb/epay?shop=1")
            (heard,) = await platform.heard_when(1)
        assert (heard.method, heard.path, heard.query, heard.body) == ("GET", "/cb/epay", "shop=1&no=A1&money=0.07", b"")

    story(run())


def test_a_json_notice_keeps_numbers_numbers(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {"request": "POST /n", "json": {"no": "{pay.order_no}", "fen": "{pay.amount_fen}", "yuan": "{pay.amount}"}}
        async with shop() as platform, acting(tmp_path, platform, wants) as gateway:
            await gateway.act(order_no='A"1', amount="3")
            (heard,) = await platform.heard_when(1)
        assert json.loads(heard.body) == {"no": 'A"1', "fen": 300, "yuan": "3.00"}
        assert heard.headers["content-type"] == "application/json"

    story(run())


EPAY: dict[str, Any] = {
    "key": "{secret.epay_key}", "fields": {"from": "form", "exclude": ["sign", "sign_type"], "drop_empty": True},
    "text": "{fields}{key}", "hash": "md5", "sign": "form sign", "also": {"form sign_type": "MD5"},
}  # fmt: skip
API = {
    "key": "{secret.api_key}", "text": "{method}\n{path}\n{timestamp}\n{nonce}\n{body}", "hash": "hmac-sha256",
    "timestamp": {"into": "header X-Time", "unit": "ms"}, "nonce": {"into": "header X-Nonce"}, "sign": "header X-Sign",
}  # fmt: skip


def test_a_shop_that_checks_the_form_signature_by_hand_accepts_it(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {**NOTIFY, "form": {"b_no": "{pay.order_no}", "a": "{pay.amount}", "Z": "点 卡", "empty": ""}, "sign": "epay"}
        signing = {"signing": {"epay": EPAY}}
        async with (
            shop() as platform,
            acting(tmp_path, platform, wants, secrets={"epay_key": "s3cret"}, more=signing) as gateway,
        ):
            await gateway.act(order_no="A+1", amount="12.30")
            (heard,) = await platform.heard_when(1)
        form = heard.form
        assert form["sign"] == hashlib.md5("Z=点 卡&a=12.30&b_no=A+1s3cret".encode()).hexdigest()
        assert form["sign_type"] == "MD5"

    story(run())


def test_a_signed_get_notice_keeps_the_query_of_the_address_and_does_not_sign_it(tmp_path: Path) -> None:
    async def run() -> None:
        dialect = {**EPAY, "fields": {**EPAY["fields"], "from": "query"}, "sign": "query sign", "also": {"query sign_type": "MD5"}}
        wants = {"request": "GET {pay.notify_url}", "query": {"no": "{pay.order_no}", "money": "{pay.amount}"}, "sign": "epay"}
        async with (
            shop() as platform,
            acting(tmp_path, platform, wants, secrets={"epay_key": "k"}, more={"signing": {"epay": dialect}}) as gateway,
        ):
            for number, tail in enumerate(("?r=a/b&shop=点", "", "?", "#top")):
                await gateway.act(order_no=f"A{number}", amount="1", notify_url=f"{platform.url}/cb{tail}")
            heard = {each.form["no"]: each for each in await platform.heard_when(4)}
        for no, each in heard.items():
            form = each.form
            assert form["sign"] == hashlib.md5(f"money=1.00&no={no}k".encode()).hexdigest()
            assert (form.get("r"), form.get("shop")) == (("a/b", "点") if no == "A0" else (None, None))
            assert (each.path, "?" in each.query) == ("/cb", False)

    story(run())


def test_an_api_that_checks_the_hmac_over_the_raw_body_accepts_each_attempt(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {"request": "POST /n", "json": {"no": "{pay.order_no}", "title": "点卡"}, "sign": "api"}
        async with (
            shop((500, b"", 0), (500, b"", 0)) as platform,
            acting(tmp_path, platform, wants, secrets={"api_key": "k"}, more={"signing": {"api": API}}) as gateway,
        ):
            await gateway.act(order_no="A1", amount="1")
            heard = await platform.heard_when(3)
            for each in heard:
                stamp, nonce = each.headers["x-time"], each.headers["x-nonce"]
                text = f"POST\n/n\n{stamp}\n{nonce}\n".encode() + each.body
                assert each.headers["x-sign"] == hmac.new(b"k", text, "sha256").hexdigest()
                assert abs(int(stamp) / 1000 - datetime.now(UTC).timestamp()) < 20
            assert len({each.headers["x-nonce"] for each in heard}) == 3

    story(run())


def test_a_platform_behind_a_name_is_called_at_the_address_that_was_checked(tmp_path: Path) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform, permit=platform.permit("shop.test")) as gateway:
            await gateway.act(order_no="A1", amount="1")
            (heard,) = await platform.heard_when(1)
            port = platform.url.rpartition(":")[2]
        assert heard.headers["host"] == f"shop.test:{port}"

    story(run())


def test_consent_for_another_machine_lets_nothing_go_to_this_one() -> None:
    permit = Permit.from_json(
        {
            "scheme": "https", "host": "shop.example", "port": 443, "addresses": ["203.0.113.5"], "how": "dns",
            "until": "2099-01-01T00:00:00+00:00", "rate": None, "orders": None, "left_out": [],
        }
    )  # fmt: skip
    client = Client(permit=permit)
    assert client.permits("https://shop.example/notify")
    for url in ("http://shop.example/notify", "https://shop.example:444/", "http://127.0.0.1/", "https://203.0.113.5/", "http://localhost/"):
        assert not client.permits(url)


def test_over_tls_the_platform_must_prove_its_name_and_is_told_which(tmp_path: Path) -> None:
    pem = tmp_path / "shop.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.test"]
    command += ["-addext", "subjectAltName=DNS:shop.test", "-keyout", "-", "-out", "-"]
    pem.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    asked: list[str | None] = []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    serving.sni_callback = lambda _sock, name, _context: asked.append(name)

    async def run() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess")
            await reader.read()
            writer.close()

        sock = bind("127.0.0.1", 0)
        server = await asyncio.start_server(answer, sock=sock, ssl=serving)
        port = sock.getsockname()[1]

        def client(host: str, tls: ssl.SSLContext | None) -> Client:
            place = {"scheme": "https", "host": host, "port": port, "addresses": ["127.0.0.1"], "how": "loopback"}
            return Client(permit=Permit.from_json({**place, "until": None, "rate": None, "orders": None, "left_out": []}), tls=tls)

        trusting = ssl.create_default_context(cafile=str(pem))
        good = client("shop.test", trusting)
        assert await good.send("GET", f"https://shop.test:{port}/n") == (200, b"success")
        for wrong in (client("other.test", trusting), client("shop.test", None)):
            host = wrong._permit.place.host
            with pytest.raises(UnansweredError, match="tls"):
                await wrong.send("GET", f"https://{host}:{port}/n")
        good.close()
        server.close()
        await asyncio.sleep(0.05)

    story(run())
    assert asked == ["shop.test", "other.test", "shop.test"]


@pytest.mark.parametrize(
    ("notify", "more", "says"),
    [
        ({"request": "POST /n", "form": {"a": "{secret.nobody}"}}, {}, "{secret.nobody}"),
        ({"request": "POST /n", "form": {"a": "{order.key}"}}, {}, "{order.key}"),
        ({"request": "POST /n", "form": {}, "sign": "epay"}, {}, "epay"),
        ({"request": "POST /n", "form": {"a": "1"}, "sign": "epay"}, {"signing": {"epay": EPAY}}, "{secret.epay_key}"),
    ],
)
def test_a_notice_that_cannot_be_made_is_said_before_the_run(notify: dict[str, Any], more: dict[str, Any], says: str) -> None:
    config = EdgeConfig.model_validate({"gateway": {"notify": notify}, **more})
    place = {"scheme": "http", "host": "127.0.0.1", "port": 80, "addresses": ["127.0.0.1"], "how": "loopback"}
    permit = Permit.from_json({**place, "until": None, "rate": None, "orders": None, "left_out": []})
    with pytest.raises(ConfigError) as problem:
        plan(config, {}, permit)
    assert says in str(problem.value)


def test_a_path_on_a_platform_that_is_not_there_yet_is_said_before_the_run() -> None:
    config = EdgeConfig.model_validate({"gateway": {"notify": NOTIFY}})
    with pytest.raises(ConfigError, match="notify_url"):
        plan(config, {}, None)
