"""Which parts run, where they listen, and what the process is told and not told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from acting import RUN_ID, shop
from edge_world import GATEWAY_KEY, edge, pay, platform, read_rows, story

from surgekit.edge.__main__ import options
from surgekit.errors import ConfigError, RunError, TargetError
from surgekit.signing import form_sign, form_sign_ok, form_signed
from surgekit.target.schema import Target
from surgekit.world import World, start_edge

REFUSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A process that did not start leaves its output to the garbage collector."""
REFUSE = {"link": "supplier", "kind": "refuse"}


@pytest.mark.parametrize(
    ("plays", "there"),
    [
        (["supplier", "gateway"], {"control", "supplier", "supplier_link", "gateway"}),
        (["gateway"], {"control", "gateway"}),
        (["supplier"], {"control", "supplier", "supplier_link"}),
        ([], {"control"}),
    ],
)
def test_only_what_is_played_is_started(tmp_path: Path, plays: list[str], there: set[str]) -> None:
    async def run() -> None:
        async with edge(tmp_path, {"plays": plays}) as world:
            assert set(world.addresses) - {"ready"} == there
            fault = await world.control("PUT", "/faults/f", REFUSE)
            assert fault.status_code == (200 if "supplier" in plays else 409)
            assert (await world.control("DELETE", "/faults/f")).json()["removed"] == ("supplier" in plays)
            assert (await world.control("GET", "/faults")).json() == {"faults": []}

    story(run())


def test_epays_usual_paths_are_answered_and_asking_where_to_pay_pays_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world, platform() as there:
            asked = await world.post("gateway", "/mapi.php", {**_epay("C1", there.url), "param": "p=1"} | _sign("C1", there.url, param="p=1"))
            assert asked["code"] == 1
            assert world.rows("payment") == []
            assert asked["payurl"].startswith(world.addresses["gateway"] + "/submit.php?")
            paid = (await world.http.get(asked["payurl"])).json()
            assert (paid["code"], paid["trade_no"]) == (1, asked["trade_no"])
            assert (await world.post("gateway", "/pay", pay("C1", there.url)))["trade_no"] == asked["trade_no"]
            assert (await world.post("gateway", "/submit.php", pay("C2", there.url)))["code"] == 1
            await world.rows_when("callback", 2)
            for wrong in ({**pay("C3", ""), "money": "9"}, form_signed({"out_trade_no": "C3", "money": "x"}, GATEWAY_KEY)):
                assert (await world.post("gateway", "/mapi.php", wrong))["code"] == -1
        told = next(form for form in there.told if form["out_trade_no"] == "C1")
        assert form_sign_ok(told, GATEWAY_KEY)
        assert (told["trade_no"], told["param"]) == (asked["trade_no"], "p=1")
        assert [row["order_no"] for row in world.rows("payment")] == ["C1", "C2"]

    story(run())


def _epay(order_no: str, url: str) -> dict[str, str]:
    return {"pid": "1", "type": "wxpay", "out_trade_no": order_no, "notify_url": url, "name": "点卡", "money": "1.00"}


def _sign(order_no: str, url: str, **more: str) -> dict[str, str]:
    return form_signed({**_epay(order_no, url), **more}, GATEWAY_KEY)


def test_the_payurl_can_be_read_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            form = _sign("C1", "http://127.0.0.1:1/a?b=1&c=2", name="a&b 点卡")
            asked = await world.post("gateway", "/mapi.php", form)
        assert dict(parse_qsl(urlsplit(asked["payurl"]).query)) == form

    story(run())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_stand_ins_listen_on_this_machine_only(host: str) -> None:
    with pytest.raises(ConfigError, match="this machine"):
        options(["--host", host])


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_secrets_that_are_none_are_said_without_being_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SURGEKIT_SECRETS", text)
    with pytest.raises(ConfigError, match="SURGEKIT_SECRETS: a JSON object"):
        options([])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _target(url: str, **edge_part: Any) -> Target:
    """A platform that runs elsewhere on this machine, paid through an acted gateway."""
    signing = {
        "key": "{secret.epay_key}", "fields": {"from": "form", "exclude": ["sign"]}, "text": "{fields}{key}", "hash": "md5",
        "sign": "form sign", "vectors": [{"key": "key-of-a-vector", "fields": {"a": "1"}, "sign": "x"}],
    }  # fmt: skip
    return Target.model_validate(
        {
            "schema": "surgekit.target/1", "name": "elsewhere", "base_url": url, "catalogue": [{"sku": "a", "price_fen": 100}],
            "vars": {"shop": "42"}, "secrets": {"epay_key": {"env": "EPAY_KEY"}}, "signing": {"epay": signing},
            "steps": {"submit": {"request": "POST /o", "replies": [{"class": "ok", "matches": "ok"}], "extract": {"order_no": "no"}}},
            "edge": {
                "gateway": {
                    "notify_ms": 1, "sigma": 0, "key": "{secret.epay_key}-{vars.shop}",
                    "notify": {"request": "POST /notify", "form": {"no": "{pay.order_no}", "shop": "{vars.shop}"}, "sign": "epay"},
                    **edge_part.pop("gateway", {}),
                },
                **edge_part,
            },
        }
    )  # fmt: skip


@contextmanager
def _started(target: Target, folder: Path, **more: Any) -> Iterator[World]:
    world = start_edge(target, 1, "salt", folder, event_log=folder / "edge.jsonl", run_id=RUN_ID, **more)
    try:
        yield world
    finally:
        world.child.end()
        world.control.close()
        assert world.child.process.stdout is not None
        world.child.process.stdout.close()


SECRET = "s3cret-of-the-till"


def test_a_platform_elsewhere_is_told_on_fixed_ports_and_no_secret_is_written_or_listed(tmp_path: Path) -> None:
    async def run() -> None:
        port, link = _free_port(), _free_port()
        async with shop() as there:
            target = _target(there.url, plays=["gateway", "supplier"], gateway={"port": port}, supplier={"link_port": link})
            secrets = {"epay_key": SECRET}
            with _started(target, tmp_path, permit_json=there.permit("shop.test"), secrets=secrets) as world:
                assert set(world.addresses) == {"control", "gateway", "supplier", "supplier_link"}
                assert world.addresses["supplier_link"] == f"http://127.0.0.1:{link}"
                assert world.addresses["gateway"] == f"http://127.0.0.1:{port}"
                assert world.gateway_key == f"{SECRET}-42"
                async with httpx.AsyncClient(trust_env=False) as http:
                    reply = await http.post(f"http://127.0.0.1:{port}/act", json={"order_no": "A1", "amount": "1.00"})
                    assert reply.json()["code"] == 1
                    epay = form_signed({"out_trade_no": "A2", "money": "1"}, world.gateway_key)
                    assert (await http.post(f"{world.addresses['gateway']}/pay", data=epay)).json()["code"] == 1
                    asked = {"sku": "a"}
                    asked["sign"] = form_sign(asked, world.supplier_key, join_key="&key=")
                    assert (await http.post(f"{world.addresses['supplier_link']}/stock", data=asked)).json()["code"] == 0
                (heard,) = await there.heard_when(1)
                await asyncio.sleep(0.05)  # the reply is on its way back
                assert await asyncio.to_thread(world.quiet) == 0
                listed = Path(f"/proc/{world.child.pid}/cmdline").read_bytes().decode()
        assert heard.form == {"no": "A1", "shop": "42", "sign": hashlib.md5(f"no=A1&shop=42{SECRET}".encode()).hexdigest()}
        assert heard.headers["x-surge-run"] == RUN_ID
        assert heard.headers["host"].startswith("shop.test:")
        written = "".join(path.read_text() for path in tmp_path.iterdir())
        for text in (written, listed):
            assert SECRET not in text
            assert world.supplier_key not in text
            assert "key-of-a-vector" not in text
        rows = read_rows(tmp_path / "edge.jsonl")
        assert {row["edge_no"] for row in rows if row["event"] == "payment"} == {f"G{RUN_ID}0000000000", f"G{RUN_ID}0000000001"}

    story(run())


@REFUSED
def test_a_fixed_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        target = _target("http://127.0.0.1:1", plays=["supplier"], supplier={"link_port": port})
        with pytest.raises(RunError, match=f"cannot listen on 127.0.0.1:{port}"):
            start_edge(target, 1, "", tmp_path, event_log=None, secrets={"epay_key": "k"}, permit_json=_permit())


def _permit() -> dict[str, Any]:
    place = {"scheme": "http", "host": "127.0.0.1", "port": 1, "addresses": ["127.0.0.1"], "how": "loopback"}
    return {**place, "until": None, "rate": None, "orders": None, "left_out": []}


def test_a_key_whose_secret_is_not_given_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"edge\.gateway\.key: nothing gives \{secret\.epay_key\}"):
        start_edge(_target("http://127.0.0.1:1"), 1, "", tmp_path, event_log=None)
    assert list(tmp_path.iterdir()) == []


@REFUSED
def test_a_permit_that_no_check_can_have_ended_in_starts_nothing(tmp_path: Path) -> None:
    damaged = {**_permit(), "addresses": ["192.0.2.1"]}
    with pytest.raises(RunError, match="permit is damaged"):
        start_edge(_target("http://127.0.0.1:1"), 1, "", tmp_path, event_log=None, secrets={"epay_key": "k"}, permit_json=damaged)


def test_the_configuration_is_what_the_process_reads(tmp_path: Path) -> None:
    settings = {"retries": ["1s", "2m"], "compress": 10, "duplicates": {"share": 0.1, "most": 4}, "at_once": 5}
    target = _target("http://127.0.0.1:1", gateway=settings)
    with _started(target, tmp_path, secrets={"epay_key": "k"}, permit_json=_permit()):
        told = json.loads((tmp_path / "edge.json").read_text())
    assert told["gateway"]["notify_retries_s"] == [1.0, 120.0]
    assert (told["gateway"]["compress"], told["gateway"]["at_once"]) == (10.0, 5)
    assert told["gateway"]["duplicates"] == {"share": 0.1, "most": 4}
    assert told["plays"] == ["gateway"]


def test_a_real_supplier_stands_behind_a_link_that_can_be_broken(tmp_path: Path) -> None:
    async def run() -> None:
        link = _free_port()
        async with shop() as there, shop() as supplier:
            target = _target(there.url, supplier={"upstream": supplier.url, "link_port": link})
            assert (target.plays, target.links) == ({"gateway"}, True)
            with _started(target, tmp_path, permit_json=there.permit("shop.test"), secrets={"epay_key": SECRET}) as world:
                assert set(world.addresses) == {"control", "gateway", "supplier_link"}
                async with httpx.AsyncClient(trust_env=False) as http:
                    place = f"http://127.0.0.1:{link}/buy"
                    await http.post(place, data={"out_trade_no": "A1"})
                    (heard,) = await supplier.heard_when(1)
                    assert (heard.method, heard.path, heard.form) == ("POST", "/buy", {"out_trade_no": "A1"})
                    await asyncio.to_thread(world.inject, "gone", REFUSE)
                    with pytest.raises(httpx.TransportError):
                        await http.post(place, data={"out_trade_no": "A2"})
                    await asyncio.to_thread(world.heal, "gone")
                    await http.post(place, data={"out_trade_no": "A3"})
        assert [each.form["out_trade_no"] for each in supplier.heard] == ["A1", "A3"]
        rows = [row for row in read_rows(tmp_path / "edge.jsonl") if row["actor"] == "link" and row["event"] == "forward"]
        assert [row["order_no"] for row in rows] == ["A1", "A3"]

    story(run())


def test_a_real_supplier_that_does_not_listen_is_said_before_anything_starts(tmp_path: Path) -> None:
    port = _free_port()
    target = _target("http://127.0.0.1:1", supplier={"upstream": f"http://127.0.0.1:{port}", "link_port": _free_port()})
    with pytest.raises(TargetError, match=f"edge.supplier.upstream: nothing answers at http://127.0.0.1:{port} .*is the supplier running"):
        start_edge(target, 1, "salt", tmp_path, event_log=None, secrets={"epay_key": SECRET})
