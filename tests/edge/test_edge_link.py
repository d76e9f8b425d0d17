"""The link: transparent while nothing is broken, and broken exactly as asked."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from edge_world import Handler, link_to, order, story

from surgekit.clock import now
from surgekit.edge.config import Spread
from surgekit.edge.faults.delay import Delay
from surgekit.edge.faults.refuse import Refuse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def slow(milliseconds: float, sigma: float = 0) -> Delay:
    return Delay(link="supplier", kind="delay", delay_ms=Spread(median=milliseconds, sigma=sigma))


REFUSE = Refuse(link="supplier", kind="refuse")


def post(body: bytes) -> bytes:
    return b"POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(head: bytes, body: bytes, size: int) -> bytes:
    blocks = [body[at : at + size] for at in range(0, len(body), size)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


def scripted(wanted: int, reply: bytes, heard: bytearray, step: int = 1 << 20) -> Handler:
    """Reads ``wanted`` bytes, answers ``reply`` in pieces of ``step``, stays until the other side leaves."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readexactly(wanted))
        for at in range(0, len(reply), step):
            writer.write(reply[at : at + step])
            await writer.drain()
        await reader.read()
        writer.close()

    return serve


async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request without a body with OK."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    """One GET; how long it took in seconds."""
    started = now()
    writer.write(GET)
    assert await reader.readexactly(len(OK)) == OK
    return now() - started


async def connect_and_read(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("size", [0, 1, 1000, 65_535, 65_536, 1_000_003])
@pytest.mark.parametrize("step", [997, 1 << 20])
def test_bodies_of_any_size_pass_unchanged(tmp_path: Path, size: int, step: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    cases = [
        (post(body), b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)),
        (
            chunked(b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", body, 777),
            chunked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body, 4099),
        ),
    ]

    async def run() -> None:
        for request, reply in cases:
            heard = bytearray()
            async with link_to(scripted(len(request), reply, heard, step), tmp_path) as link:
                reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
                for at in range(0, len(request), step):
                    writer.write(request[at : at + step])
                    await writer.drain()
                assert await reader.readexactly(len(reply)) == reply
                assert heard == request
                writer.close()
                (row,) = await link.rows_when("forward", 1)
                assert (row["status"], row["fault"]) == ("200", None)
                link.path.unlink()

    story(run())


def test_each_request_on_one_connection_is_a_row_with_its_order(tmp_path: Path) -> None:
    async def run() -> None:
        bodies = [b"sku=a&out_order_no=C%2B1&x=1", b"out_trade_no=C2", b"sku=only", b'{"out_order_no": "C3"}']
        request = b"".join(post(body) for body in bodies)
        reply = OK + b"HTTP/1.1 100 Continue\r\n\r\n" + OK.replace(b"200 OK", b"503 No") + OK + OK
        heard = bytearray()
        async with link_to(scripted(len(request), reply, heard, 7), tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(request)  # all at once: pipelined
            assert await reader.readexactly(len(reply)) == reply
            assert heard == request
            writer.close()
            rows = await link.rows_when("forward", 4)
            assert [row["order_no"] for row in rows] == ["C+1", "C2", None, None]
            assert [row["status"] for row in rows] == ["200", "503", "200", "200"]
            assert {row["actor"] for row in rows} == {"link"}

    story(run())


def test_a_half_closed_connection_still_gets_its_answer(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = await reader.read()  # until the half-close has come through
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nheard %d" % len(heard))
        writer.close()

    async def run() -> None:
        async with link_to(serve, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(GET)
            writer.write_eof()
            assert (await reader.read()).endswith(b"heard %d" % len(GET))
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert row["status"] == "200"

    story(run())


def test_a_slow_reader_gets_all_of_a_reply_that_ends_with_the_connection(tmp_path: Path) -> None:
    body = b"x" * 60_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with link_to(serve, tmp_path) as link:
            # Buffers so small that most of the reply still waits inside the link when the supplier has gone.
            link.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            mine = socket.socket()
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            mine.connect(("127.0.0.1", link.port))
            reader, writer = await asyncio.open_connection(sock=mine, limit=1000)
            writer.write(GET)
            writer.write_eof()
            await asyncio.sleep(0.1)
            assert (await reader.read()).endswith(b"\r\n\r\n" + body)
            writer.close()

    story(run())


def test_what_is_not_http_passes_too(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data[::-1])
        writer.close()

    async def run() -> None:
        async with link_to(serve, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(b"\x00\x01\x02")
            assert await reader.readexactly(3) == b"\x02\x01\x00"
            writer.close()

    story(run())


def test_a_delay_comes_and_goes_on_a_living_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            await ask(reader, writer)
            link.board.put("slow", slow(300))
            assert await ask(reader, writer) >= 0.3
            assert await ask(reader, writer) >= 0.3
            assert link.board.remove("slow")
            await ask(reader, writer)
            writer.close()
            rows = await link.rows_when("forward", 4)
            assert [row["fault"] for row in rows] == [None, "slow", "slow", None]
            assert all(row["took_s"] >= 0.3 for row in rows[1:3])

    story(run())


def test_healing_lets_go_of_what_is_held(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            link.board.put("outage", slow(6_000_000))
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            held = asyncio.create_task(ask(reader, writer))
            while link.board.active()[0]["requests"] == 0:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert not held.done()
            link.board.remove("outage")
            await held  # the story's own time limit is far below the delay
            writer.close()

    story(run())


def test_two_delays_add_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            link.board.put("one", slow(100))
            link.board.put("two", slow(120))
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            assert await ask(reader, writer) >= 0.22
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert row["fault"] == "one,two"

    story(run())


def test_go_ahead_is_said_at_once_and_only_the_reply_is_held(tmp_path: Path) -> None:
    go_ahead = b"HTTP/1.1 100 Continue\r\n\r\n"

    async def run() -> None:
        async with link_to(scripted(len(GET), go_ahead + OK, bytearray()), tmp_path) as link:
            link.board.put("outage", slow(6_000_000))
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(GET)
            assert await reader.readexactly(len(go_ahead)) == go_ahead
            link.board.remove("outage")
            assert await reader.readexactly(len(OK)) == OK
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert row["status"] == "200"

    story(run())


def test_the_supplier_hears_a_delayed_request_at_once(tmp_path: Path) -> None:
    """The platform gives up on the reply, and has bought all the same."""

    async def run() -> None:
        request = post(b"out_order_no=C1")
        heard = bytearray()
        async with link_to(scripted(len(request), OK, heard), tmp_path) as link:
            link.board.put("slow", slow(60_000))
            _, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(request)
            while heard != request:
                await asyncio.sleep(0.005)
            writer.transport.abort()
            link.board.remove("slow")
            (row,) = await link.rows_when("forward", 1)
            assert (row["order_no"], row["fault"]) == ("C1", "slow")

    story(run())


def test_refuse_resets_new_connections_cuts_living_ones_and_heals(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            await ask(reader, writer)
            link.board.put("down", REFUSE)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            for _ in range(2):
                with pytest.raises(ConnectionResetError):
                    await connect_and_read(link.port)
            link.board.remove("down")
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            await ask(reader, writer)
            writer.close()
            rows = await link.rows_when("refuse", 3)
            assert [(row["status"], row["fault"]) for row in rows] == [("cut", "down")] + [("reset", "down")] * 2

    story(run())


def test_a_request_that_is_cut_short_says_so(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> None:
        form = order("C9")
        body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
        async with link_to(silent, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(post(body))
            await asyncio.sleep(0.05)
            link.board.put("down", REFUSE)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert (row["order_no"], row["status"], row["fault"]) == ("C9", "cut", "down")

    story(run())


def test_a_cut_does_not_wait_for_a_held_reply(tmp_path: Path) -> None:
    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            link.board.put("slow", slow(6_000_000))
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(GET)
            while link.board.active()[0]["requests"] == 0:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            link.board.put("down", REFUSE)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert (row["status"], row["fault"]) == ("cut", "slow")

    story(run())


def test_a_reset_of_the_supplier_reaches_the_platform_as_a_reset(tmp_path: Path) -> None:
    async def crash(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the rest of the request stays unread: closing now is a reset
        await asyncio.sleep(0.02)
        writer.transport.abort()

    async def run() -> None:
        async with link_to(crash, tmp_path) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(post(b"x" * 3_000_000))
            with pytest.raises(ConnectionError):
                await reader.read()
            writer.close()
            (row,) = await link.rows_when("forward", 1)
            assert row["status"] == "cut"

    story(run())


def test_delays_are_a_pure_function_of_seed_fault_and_request_index(tmp_path: Path) -> None:
    fault = slow(3000, sigma=0.3)
    first = [fault.hold_s(7, "slow", index) for index in range(50)]
    assert first == [fault.hold_s(7, "slow", index) for index in range(50)]
    assert len(set(first)) == 50
    assert all(0.9 < seconds < 10 for seconds in first)
    assert first[0] != fault.hold_s(8, "slow", 0)
    assert first[0] != fault.hold_s(7, "other", 0)

    async def run() -> None:
        async with link_to(polite, tmp_path) as link:
            for _ in range(2):  # injected again, the same delays come again
                link.board.put("slow", fault)
                assert [link.board.holds()[0].seconds for _ in range(5)] == first[:5]
                link.board.remove("slow")

    story(run())
