"""When notices come: delays, retries, duplicates, how many at once, and the end of all of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from acting import NOTIFY, acting, shop
from edge_world import edge, order, pay, story
from edge_world import platform as callback_platform

from surgekit.clock import now

RETRIES = {"notify_delay_ms": {"median": 60}, "notify_retries_s": [15, 30, 180], "compress": 60}
LATE = 0.5
DEAF = (200, b"fail", 0.0)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, b"fail", 0), "200"),
        ((200, b"", 0), "200"),
        ((200, b"SUCCESS", 0), "200"),
        ((200, b"<b>success</b>", 0), "200"),
        ((500, b"success", 0), "500"),
        ((201, b"success", 0), "201"),
        ((302, b"success", 0), "302"),
        ((200, b"success", LATE), "timeout"),
        ((200, b"\xff\xfe", 0), "200"),
    ],
)
def test_whatever_is_no_acknowledgement_is_followed_by_the_schedule(
    tmp_path: Path, answer: tuple[int, bytes, float], status: str
) -> None:
    async def run() -> None:
        async with (
            shop(answer, answer) as platform,
            acting(tmp_path, platform, timeout_s=LATE / 2, **RETRIES) as gateway,
        ):
            await gateway.act(order_no="A1", amount="1")
            rows = await gateway.rows_when("callback", 3)
            assert gateway.slept == [0.06, 0.25, 0.5]
        assert [(row["attempt"], row["status"], row["acked"]) for row in rows] == [
            (1, status, False), (2, status, False), (3, "200", True),
        ]  # fmt: skip
        assert len({each.body for each in platform.heard}) == 1

    story(run())


def test_who_never_acknowledges_is_left_alone_when_the_schedule_is_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with shop(*[DEAF] * 9) as platform, acting(tmp_path, platform, **RETRIES) as gateway:
            await gateway.act(order_no="A1", amount="1")
            await gateway.rows_when("callback", 4)
            await asyncio.sleep(0.05)
            assert gateway.slept == [0.06, 0.25, 0.5, 3.0]
        assert len(platform.heard) == 4

    story(run())


@pytest.mark.parametrize("body", [b"success", b" success\r\n", b"\xef\xbb\xbfsuccess", b"success\n\n"])
def test_blanks_around_the_acknowledgement_do_not_matter(tmp_path: Path, body: bytes) -> None:
    async def run() -> None:
        async with shop((200, body, 0)) as platform, acting(tmp_path, platform, **RETRIES) as gateway:
            await gateway.act(order_no="A1", amount="1")
            (row,) = await gateway.rows_when("callback", 1)
            assert row["acked"] is True

    story(run())


def test_what_counts_as_an_acknowledgement_is_the_files_own_pattern(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {**NOTIFY, "ack": '"code"\\s*:\\s*0'}
        async with (
            shop((200, b"success", 0), (200, b'{"code": 0}', 0)) as platform,
            acting(tmp_path, platform, wants, **RETRIES) as gateway,
        ):
            await gateway.act(order_no="A1", amount="1")
            rows = await gateway.rows_when("callback", 2)
            assert [row["acked"] for row in rows] == [False, True]

    story(run())


async def _copies(tmp_path: Path, seed: int, share: float, orders: int = 120) -> list[int]:
    """How often each payment's notice came."""
    settings = {"duplicates": {"share": share, "most": 3}, **RETRIES}
    async with shop() as platform, acting(tmp_path, platform, seed=seed, **settings) as gateway:
        for number in range(orders):
            await gateway.act(order_no=f"A{number}", amount="1")
        while len({each.form["no"] for each in platform.heard}) < orders or platform.open:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        assert {row["attempt"] for row in gateway.rows("callback")} == {1}
    said = [each.form["no"] for each in platform.heard]
    return [said.count(f"A{number}") for number in range(orders)]


def test_duplicates_are_a_share_of_the_payments_and_the_seed_says_which(tmp_path: Path) -> None:
    async def run() -> None:
        once = await _copies(tmp_path, 7, 0.5)
        assert once == await _copies(tmp_path, 7, 0.5)
        assert once != await _copies(tmp_path, 8, 0.5)
        assert set(once) == {1, 2, 3}
        assert 40 < sum(count > 1 for count in once) < 80
        assert set(await _copies(tmp_path, 7, 0.0, 30)) == {1}
        assert set(await _copies(tmp_path, 7, 1.0, 30)) == {2, 3}

    story(run())


def test_duplicates_are_the_same_bytes_at_the_same_moment(tmp_path: Path) -> None:
    async def run() -> None:
        wants = {**NOTIFY, "form": {"no": "{pay.order_no}", "n": "{nonce}"}}
        settings = {"duplicates": {"share": 1, "most": 2}}
        async with shop() as platform, acting(tmp_path, platform, wants, **settings) as gateway:
            platform.pause_s = 0.1
            await gateway.act(order_no="A1", amount="1")
            one, two = await platform.heard_when(2)
            assert (one.body, platform.open) == (two.body, 2)

    story(run())


def test_one_acknowledged_copy_is_enough(tmp_path: Path) -> None:
    async def run() -> None:
        settings = {"duplicates": {"share": 1, "most": 2}, **RETRIES}
        async with shop((500, b"", 0)) as platform, acting(tmp_path, platform, **settings) as gateway:
            await gateway.act(order_no="A1", amount="1")
            await gateway.rows_when("callback", 2)
            await asyncio.sleep(0.05)
            assert len(gateway.slept) == 1
        assert len(platform.heard) == 2

    story(run())


def test_what_nobody_acknowledged_is_repeated_once_and_not_again_in_copies(tmp_path: Path) -> None:
    async def run() -> None:
        settings = {"duplicates": {"share": 1, "most": 2}, **RETRIES}
        async with shop(DEAF, DEAF, DEAF) as platform, acting(tmp_path, platform, **settings) as gateway:
            await gateway.act(order_no="A1", amount="1")
            rows = await gateway.rows_when("callback", 4)
            assert [row["attempt"] for row in rows] == [1, 1, 2, 3]
            assert gateway.slept == [0.06, 0.25, 0.5]

    story(run())


def test_no_more_notices_are_under_way_than_allowed_and_the_waiting_is_in_the_log(tmp_path: Path) -> None:
    async def run() -> None:
        async with shop() as platform, acting(tmp_path, platform, at_once=3) as gateway:
            platform.pause_s = 0.02
            for number in range(24):
                await gateway.act(order_no=f"A{number}", amount="1")
            calls = await gateway.rows_when("callback", 24)
            queued = gateway.rows("queue")
        assert platform.most_open == 3
        assert all(row["acked"] for row in calls)
        assert len(queued) == 21
        assert max(row["took_s"] for row in queued) > 0.1  # the last ones waited for six rounds
        assert all(row["took_s"] < 0.1 for row in calls)  # and the wait is in no reply time

    story(run())


def test_quiet_ends_all_callbacks_at_once_says_how_many_and_lets_no_other_begin(tmp_path: Path) -> None:
    async def run() -> None:
        soon = {"notify_delay_ms": {"median": 1}, "notify_retries_s": [30], "compress": 60}
        async with shop(DEAF) as platform, acting(tmp_path, platform, waits=True, at_once=2, **soon) as gateway:
            await gateway.act(order_no="deaf", amount="1")  # will be told again in 0.5 s
            await gateway.rows_when("callback", 1)
            platform.pause_s = 30.0
            for number in range(4):  # two are under way, two wait for their turn
                await gateway.act(order_no=f"A{number}", amount="1")
            await platform.heard_when(3)
            while len(gateway.slept) < 6:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.02)
            began = now()
            assert await gateway.callbacks.quiet() == 5
            assert now() - began < 1.0
            assert await gateway.callbacks.quiet() == 0
            stopped = await gateway.act(order_no="late", amount="1")
            assert (stopped["code"], "stopped" in stopped["msg"]) == (-1, True)
            assert (await gateway.act(order_no="A1", amount="1"))["code"] == 1  # it was paid before
            await asyncio.sleep(0.6)
            assert len(platform.heard) == 3
            statuses = [row["status"] for row in gateway.rows("callback")]
            assert statuses == ["200", "dropped", "dropped"]
            assert [row["status"] for row in gateway.rows("queue")] == ["dropped", "dropped"]
            assert len(gateway.rows("payment")) == 5

    story(run())


def test_quiet_by_the_control_port_covers_the_supplier_too_and_its_purchases_are_settled_all_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        config = {
            "supplier": {"latency_ms": {"median": 1}, "later_share": 1, "later_s": 0.2},
            "gateway": {"notify_delay_ms": {"median": 60_000}},
        }
        async with edge(tmp_path, config) as world, callback_platform() as there:
            await world.post("supplier", "/order", order("C1", notify_url=there.url))
            assert (await world.post("gateway", "/pay", pay("C2", there.url)))["code"] == 1
            assert (await world.control("POST", "/quiet", token="wrong")).status_code == 401
            began = now()
            assert (await world.control("POST", "/quiet")).json() == {"dropped": 1}
            assert now() - began < 1.0
            assert (await world.post("gateway", "/pay", pay("C3", there.url)))["code"] == -1
            await world.rows_when("purchase", 1)
            await asyncio.sleep(0.1)
        assert there.told == []
        assert world.rows("callback") == []
        assert [row["order_no"] for row in world.rows("payment")] == ["C2"]

    story(run())
