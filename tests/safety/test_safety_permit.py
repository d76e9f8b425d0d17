"""A permit outlives the process that got it, and nothing else passes for one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from consent_attempts import CONTROLS, Attempt
from consent_world import HOST, NOW, SHOP, TOKEN, URL, World, line

from surgekit.errors import RunError
from surgekit.safety import Origin, Permit, allowed

FAR = World().shop(line(rate=200, orders=50000)).ask()
NEAR = World().ask("http://127.0.0.1:8080", None)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.name)
def test_a_permit_comes_back_from_json_as_it_was(control: Attempt) -> None:
    permit = control.play(World())
    text = json.dumps(permit.to_json())
    assert Permit.from_json(json.loads(text)) == permit
    assert TOKEN not in text


@pytest.mark.parametrize(
    "changes",
    [{"how": "loopback"}, {"how": "trust me"}, {"how": None}, {"until": None}, {"until": "soon"}, {"until": "2026-12-01T00:00:00"}, {"until": 5},
     {"addresses": []}, {"addresses": ["127.0.0.1"]}, {"addresses": [SHOP, "127.0.0.1"]}, {"addresses": ["evil.example"]}, {"addresses": [None]},
     {"addresses": ["169.254.169.254"]}, {"addresses": ["::ffff:127.0.0.1"]}, {"scheme": "ftp"}, {"host": "localhost"}, {"host": "a b"}, {"host": None},
     {"port": "443"}, {"port": True}, {"rate": "200"}, {"rate": 0}, {"orders": -1}, {"orders": True}, {"left_out": None}],
)  # fmt: skip
def test_a_damaged_permit_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"run\.json: the permit is damaged"):
        Permit.from_json(FAR.to_json() | changes)


@pytest.mark.parametrize("key", sorted(FAR.to_json()))
def test_a_permit_with_a_part_missing_is_none(key: str) -> None:
    data = FAR.to_json()
    del data[key]
    with pytest.raises(RunError):
        Permit.from_json(data)


def test_what_is_within_the_limits_goes() -> None:
    FAR.hold(rate=200, orders=50000, ends=NOW + timedelta(days=1))
    NEAR.hold(rate=1e9, orders=1e12, ends=NOW + timedelta(days=999))


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}:443/pay?x=1", "HTTPS://SHOP.EXAMPLE.COM/pay"])
def test_a_reply_may_lead_back_to_the_addresses_that_were_checked(url: str) -> None:
    world = World()
    assert allowed(FAR, url, resolver=world) is FAR.place
    assert not world.asked


@pytest.mark.parametrize(
    ("url", "address"), [("http://127.0.0.1:9/", "127.0.0.1"), ("http://[::1]:9/", "::1"), ("https://127.9.9.9/", "127.9.9.9"), ("http://localhost:9/", "::1")]
)
def test_a_reply_of_this_machine_may_lead_about_this_machine(url: str, address: str) -> None:
    place = allowed(NEAR, url, resolver=World().lives("localhost", ("::1",)))
    assert place is not None
    assert place.addresses == (address,)


@pytest.mark.parametrize(
    "url",
    ["", "/pay", "pay", "//evil.example/", "ftp://127.0.0.1/", "http://evil.example/", f"http://{HOST}:8080/", "http://10.0.0.1/", "http://0.0.0.0/",
     "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://127.0.0.1@evil.example/", "http://localhost.evil.example/", "http://localhost./"],
)  # fmt: skip
def test_a_reply_of_this_machine_leads_nowhere_else_and_asks_nobody(url: str) -> None:
    world = World().lives(HOST, ("127.0.0.1",)).lives("localhost.evil.example", ("127.0.0.1",)).lives("evil.example", (SHOP,))
    assert allowed(NEAR, url, resolver=world) is None
    assert not world.asked


def test_a_name_of_the_hosts_file_leads_back_to_itself() -> None:
    permit = World().lives("shop.test", ("127.0.0.1",)).ask("http://shop.test:8080", None)
    assert allowed(permit, "http://shop.test:8080/pay") == Origin("http", "shop.test", 8080, ("127.0.0.1",))


def test_localhost_that_cannot_be_looked_up_leads_nowhere() -> None:
    assert allowed(NEAR, "http://localhost/", resolver=World()) is None
