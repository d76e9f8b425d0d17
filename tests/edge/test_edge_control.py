"""The control port: who may use it, what it takes, what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_world import edge, order, story
from starlette.types import ASGIApp

from surgekit.edge import control
from surgekit.edge.board import Board

DELAY = {"link": "supplier", "kind": "delay", "delay_ms": {"median": 300, "sigma": 0}}
URL = "/faults/slow"


class Client:
    """Asks the control application without a network."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://edge", headers=self._headers) as http:
                return await http.request(method, path, **body)

        return asyncio.run(send())


def client(token: str = "right", given: str | None = "Bearer right") -> tuple[Client, Board]:
    board = Board(7)
    return Client(control.app(board, token), {} if given is None else {"Authorization": given}), board


@pytest.mark.parametrize("given", [None, "Bearer wrong", "right", "Bearer ", "Bearer Right"])
def test_without_the_token_nothing_is_said_or_done(given: str | None) -> None:
    http, board = client(given=given)
    for reply in (
        http.ask("PUT", URL, json=DELAY),
        http.ask("DELETE", URL),
        http.ask("GET", "/faults"),
        http.ask("GET", "/nowhere"),
    ):
        assert reply.status_code == 401
        assert reply.json() == {"error": "wrong or no bearer token"}
    assert board.active() == []


def test_an_edge_without_a_token_lets_nobody_in() -> None:
    http, _ = client(token="", given="Bearer ")
    assert http.ask("GET", "/faults").status_code == 401


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"link": "supplier", "kind": "meteor"}, "meteor"),
        ({"link": "supplier"}, "kind"),
        ({"link": "moon", "kind": "refuse"}, "link"),
        ({"kind": "refuse"}, "link"),
        (DELAY | {"delay_ms": {"median": -1}}, "delay_ms.median"),
        (DELAY | {"delay_ms": {"median": "soon"}}, "delay_ms.median"),
        (DELAY | {"delay_ms": 300}, "delay_ms"),
        (DELAY | {"delay": 3}, "delay"),
        ({"link": "supplier", "kind": "refuse", "delay_ms": {"median": 1}}, "delay_ms"),
        ([], "object"),
    ],
)
def test_a_bad_field_is_one_sentence_that_names_it(body: Any, says: str) -> None:
    http, board = client()
    reply = http.ask("PUT", URL, json=body)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith("fault slow: ")
    assert says in reply.json()["error"]
    assert "\n" not in reply.json()["error"]
    assert board.active() == []


def test_what_is_not_json_and_what_is_no_name_are_refused_too() -> None:
    http, board = client()
    assert http.ask("PUT", URL, content=b"{").status_code == 400
    assert http.ask("PUT", "/faults/a%20b", json=DELAY).status_code == 400
    assert http.ask("PUT", "/faults/" + "x" * 65, json=DELAY).status_code == 400
    assert board.active() == []


def test_faults_are_put_listed_replaced_and_removed_and_all_of_it_can_be_repeated() -> None:
    http, board = client()
    assert http.ask("PUT", URL, json=DELAY).status_code == 200
    board.holds()
    assert http.ask("PUT", URL, json=DELAY).status_code == 200
    assert http.ask("GET", "/faults").json() == {"faults": [{"name": "slow", **DELAY, "requests": 1}]}
    other = DELAY | {"delay_ms": {"median": 5, "sigma": 0}}
    assert http.ask("PUT", URL, json=other).status_code == 200
    assert http.ask("GET", "/faults").json() == {"faults": [{"name": "slow", **other, "requests": 0}]}
    assert http.ask("DELETE", URL).json() == {"name": "slow", "removed": True}
    assert http.ask("DELETE", URL).json() == {"name": "slow", "removed": False}
    assert http.ask("GET", "/faults").json() == {"faults": []}


def test_a_fault_that_is_put_acts_on_the_link_and_not_on_the_supplier(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            assert (await world.control("PUT", URL, DELAY)).status_code == 200
            await world.post("supplier_link", "/order", order("C1"))
            await world.post("supplier", "/order", order("C2"))
            assert (await world.control("GET", "/faults")).json()["faults"][0]["requests"] == 1
            assert (await world.control("DELETE", URL)).status_code == 200
            await world.post("supplier_link", "/order", order("C3"))
        delayed, free = world.rows("forward")
        assert (delayed["order_no"], delayed["fault"], free["fault"]) == ("C1", "slow", None)
        assert delayed["took_s"] >= 0.3
        own = next(row for row in world.rows("reply") if row["order_no"] == "C1")
        assert own["took_s"] < delayed["took_s"] - 0.2

    story(run())
