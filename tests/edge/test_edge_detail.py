"""What the log says for whoever reads along: what was asked of the supplier, and what was said to a notice that was not understood."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from edge_world import SALT, link_to, platform, read_rows, story

from surgekit.edge.callbacks import MOST_SAID, Callback, Callbacks, form_message
from surgekit.edge.log import EventLog

NO = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def test_a_link_says_what_was_asked_and_keeps_the_query_to_itself(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NO)
        writer.close()

    async def run() -> None:
        async with link_to(serve, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(b"\r\nPOST /shared/trade/create?app_key=sesame HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert await reader.readexactly(len(NO)) == NO
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert (row["status"], row["detail"]) == ("404", "POST /shared/trade/create")

    story(run())


def told(tmp_path: Path, *answers: str, attempts: int) -> list[str | None]:
    """The details of one notice's attempts."""

    async def run() -> None:
        log = EventLog(tmp_path / "log", SALT)
        callbacks = Callbacks(log, lambda _: asyncio.sleep(0), secrets={"epay": "key-of-the-shop"})
        async with platform(*answers) as shop:
            message = form_message("GET", shop.url, {"a": "1"})
            await callbacks.deliver(Callback("gateway", lambda: message, "C1", "G1"), [0.0] * attempts)
        await callbacks.close()
        log.close()

    story(run())
    return [row["detail"] for row in read_rows(tmp_path / "log")]


def test_an_answer_that_acknowledges_nothing_is_quoted_without_secrets(tmp_path: Path) -> None:
    long = json.dumps({"msg": "sign of key-of-the-shop is wrong", "token": "abc", "more": "x" * 900})
    first, second, last = told(tmp_path, "fail\n", long, "success", attempts=3)
    assert (first, last) == ("fail", None)
    assert second is not None
    assert second.startswith('{"msg": "sign of <secret.epay> is wrong", "token": "<hidden>"')
    assert len(second) == 120


def test_only_the_first_of_many_answers_are_quoted(tmp_path: Path) -> None:
    found = told(tmp_path, *["fail"] * 30, attempts=30)
    assert [each for each in found if each] == ["fail"] * MOST_SAID
