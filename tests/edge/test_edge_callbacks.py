"""The retry schedule and its lean client, without waiting for real minutes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from edge_world import SALT, platform, read_rows, story

from surgekit.edge.callbacks import Callback, Callbacks, form_message
from surgekit.edge.client import Client, UnansweredError
from surgekit.edge.log import EventLog


def address_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


def test_the_schedule_is_kept_to_the_second(tmp_path: Path) -> None:
    async def run() -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        log = EventLog(tmp_path / "log", SALT)
        callbacks = Callbacks(log, sleep)
        async with platform("fail", "Fail", "success ") as shop:
            message = form_message("GET", shop.url, {"a": "1"})
            callback = Callback("gateway", lambda: message, "C1", "G1")
            await callbacks.deliver(callback, [0.06, 15, 15, 30, 180])
        await callbacks.close()
        log.close()
        assert slept == [0.06, 15, 15]
        assert [row["acked"] for row in read_rows(tmp_path / "log")] == [False, False, True]

    story(run())


def test_kept_alive_connections_are_used_again(tmp_path: Path) -> None:
    async def run() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while await reader.readline():
                while (await reader.readline()).strip():
                    pass
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = address_of(server)
        client = Client()
        for _ in range(3):
            assert await client.send("GET", address) == (200, b"success")
        assert connections == 1
        client.close()
        server.close()
        await asyncio.sleep(0.01)

    story(run())


@pytest.mark.parametrize(
    ("answer", "word"),
    [(b"", "reset"), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsucc", "reset"), (b"SSH-2.0\r\n", "reset"), (None, "timeout")],
)  # fmt: skip
def test_half_an_answer_is_no_answer(answer: bytes | None, word: str) -> None:
    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = Client(timeout_s=0.1)
        with pytest.raises(UnansweredError, match=word):
            await client.send("POST", address_of(server), b"a=1")
        server.close()
        await asyncio.sleep(0.01)

    story(run())


@pytest.mark.parametrize("url", ["", "ftp://h/x", "http://", "http://h:99999/", "http://h/a b", "http://h/\r\nX: y"])
def test_an_address_that_is_none_is_said_to_be(url: str) -> None:
    async def run() -> None:
        with pytest.raises(UnansweredError, match="bad_url"):
            await Client().send("GET", url)

    story(run())


async def _told_to(host: str) -> str:
    client = Client(timeout_s=5.0)
    try:
        await client.send("GET", f"http://{host}:9/notify")
    except UnansweredError as error:
        return str(error)
    finally:
        client.close()
    return "answered"


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_a_callback_to_another_machine_is_never_made(host: str) -> None:
    assert asyncio.run(_told_to(host)) == "not_permitted"
