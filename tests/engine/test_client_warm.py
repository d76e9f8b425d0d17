"""Connections that are opened before the first order: as many as were asked for and never more, and they are there when it comes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from awkward_server import Awkward, Caller, Talk, certificate, client_of, pair, polite, post, told, url

TASKS = 4
"""That open connections together."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(params=["plain", "tls"])
def pem(request: pytest.FixtureRequest, ours: Path) -> Path | None:
    return ours if request.param == "tls" else None


def warm(client: Caller, number: int, seconds: float = 5.0) -> None:
    """Open ``number`` connections."""

    async def all_of_them() -> None:
        loop = client.loop
        tasks = [loop.spawn(client.client.warm(number, loop.now() + seconds)) for _ in range(TASKS)]
        for task in tasks:
            await task.wait()

    client.loop.run_until(all_of_them())


def lasts(client: Caller, server: Awkward, connections: int, idle: int) -> bool:
    """Whether it comes to so many connections and stays with them, once all that comes after their opening is heard: under TLS, the tickets of each session."""
    until = client.loop.now() + 5.0
    while (server.connections, client.idle) != (connections, idle) and client.loop.now() < until:
        client.look(0.02)
    client.look(0.1)
    return (server.connections, client.idle) == (connections, idle)


def test_so_many_are_opened_and_the_orders_go_over_them(pem: Path | None) -> None:
    server, opened = pair(polite, pem)
    with server, opened as client:
        warm(client, 10)
        assert lasts(client, server, 10, 10)
        for _ in range(12):
            assert told(post(client)) == (200, b"hello", None, False)
        assert (server.connections, client.idle) == (10, 10)


def test_one_that_was_idle_for_a_while_is_used_all_the_same(pem: Path | None) -> None:
    """Nobody had the time to listen meanwhile."""
    server, opened = pair(polite, pem)
    with server, opened as client:
        client.loop.run_until(client.client.warm(1, client.loop.now() + 5.0))
        assert not threading.Event().wait(0.1)
        assert told(post(client)) == (200, b"hello", None, False)
        assert server.connections == 1


def test_a_platform_that_closes_each_at_once_is_dialled_so_often_and_not_again(pem: Path | None) -> None:
    server, opened = pair(lambda talk: None, pem)
    with server, opened as client:
        warm(client, 10, 0.5)
        assert lasts(client, server, 10, 0)


def test_what_says_something_unasked_is_not_kept(pem: Path | None) -> None:
    def manners(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        talk.server.ending.wait(20)

    server, opened = pair(manners, pem)
    with server, opened as client:
        warm(client, 3)
        assert lasts(client, server, 3, 0)


def test_what_is_not_wanted_is_closed_when_it_has_been_idle_for_too_long(pem: Path | None) -> None:
    gone = threading.Semaphore(0)

    def manners(talk: Talk) -> None:
        if not talk.hear():
            gone.release()

    server, opened = pair(manners, pem, keep_alive_s=0.6)
    with server, opened as client:
        warm(client, 5)
        assert client.idle == 5
        client.look(0.7)
        assert client.idle == 0
        assert [gone.acquire(timeout=10) for _ in range(5)] == [True] * 5


def test_none_is_opened_once_it_is_late_or_quiet() -> None:
    with Awkward(polite) as server, client_of(url(server)) as client:
        warm(client, 5, 0.0)
        client.client.quiet_from = client.loop.now()
        warm(client, 5)
        assert server.connections == 0


def test_where_nobody_listens_each_task_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[Any] = []
    with Awkward(polite) as server:
        port = server.port
    with client_of(f"http://127.0.0.1:{port}") as client:
        connect = client.client._connect

        async def counted(*told: Any) -> Any:
            dialled.append(told)
            return await connect(*told)

        monkeypatch.setattr(client.client, "_connect", counted)
        warm(client, 50)
    assert len(dialled) == TASKS
