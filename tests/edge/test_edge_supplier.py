"""The supplier stand-in: what it sells, once, and how it tells."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from edge_world import QUICK, SALT, SUPPLIER_KEY, edge, order, platform, signed, story

from surgekit.digest import card_digest
from surgekit.signing import form_sign_ok

LATER = {"supplier": {"latency_ms": {"median": 1}, "later_share": 1, "later_s": 0.05, "compress": 3000}}


def test_a_rightly_signed_order_is_sold_and_the_log_knows_digests_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            reply = await world.post("supplier", "/order", order("C1", qty="3"))
            assert (reply["code"], reply["data"]["status"], reply["data"]["out_order_no"]) == (0, "success", "C1")
            cards = reply["data"]["cards"]
            assert len(set(cards)) == 3
        (bought,) = world.rows("purchase")
        assert (bought["order_no"], bought["edge_no"]) == ("C1", reply["data"]["order_no"])
        assert (bought["sku"], bought["qty"], bought["amount_fen"]) == ("game-100", 3, 9500)
        assert bought["card_digests"] == [card_digest(card, SALT) for card in cards]
        (answered,) = world.rows("reply")
        assert answered["status"] == "success"
        assert answered["took_s"] > 0
        text = world.log.read_text()
        assert not any(card in text for card in cards)

    story(run())


@pytest.mark.parametrize("path", ["/order", "/query", "/stock"])
def test_a_wrong_signature_is_refused_everywhere_and_buys_nothing(tmp_path: Path, path: str) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            forged = order("C1") | {"qty": "9"}
            assert (await world.post("supplier", path, forged))["code"] == 401
            assert (await world.post("supplier", path, {}))["code"] == 401
        assert [row["order_no"] for row in world.rows()] == ["C1", None]
        assert {row["event"] for row in world.rows()} == {"bad_sign"}

    story(run())


def test_a_signature_in_capitals_is_as_good(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            form = order("C1")
            assert (await world.post("supplier", "/order", form | {"sign": form["sign"].upper()}))["code"] == 0

    story(run())


def test_the_same_number_is_bought_once_even_at_the_same_time(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, {"supplier": {"latency_ms": {"median": 30}}}) as world:
            together = [world.post("supplier", "/order", order("C1")) for _ in range(5)]
            replies = await asyncio.gather(*together)
            replies.append(await world.post("supplier", "/order", order("C1")))
            assert all(reply == replies[0] for reply in replies)
            assert len(replies[0]["data"]["cards"]) == 1
        assert len(world.rows("purchase")) == 1
        assert sorted(row["status"] for row in world.rows("reply")) == ["duplicate"] * 5 + ["success"]

    story(run())


def test_a_number_cannot_be_used_again_for_other_goods(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path) as world:
            await world.post("supplier", "/order", order("C1"))
            assert (await world.post("supplier", "/order", order("C1", qty="2")))["code"] == 409
        assert len(world.rows("purchase")) == 1

    story(run())


def test_an_order_that_makes_no_sense_is_refused_with_a_code(tmp_path: Path) -> None:
    quantities = [{"qty": wrong} for wrong in ("0", "1001", "x", "-1", "1" * 5000, "")]
    others = [{"sku": ""}, {"amount_fen": "1.5"}, {"amount_fen": ""}, {"out_order_no": ""}]

    async def run() -> None:
        async with edge(tmp_path) as world:
            for wrong in [*quantities, *others]:
                assert (await world.post("supplier", "/order", order("C1", **wrong)))["code"] == 400, wrong
        assert world.rows("purchase") == []

    story(run())


def test_processing_first_then_the_callback_until_the_platform_says_success(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, LATER) as world, platform("fail", "fail") as shop:
            reply = await world.post("supplier", "/order", order("C1", qty="2", notify_url=shop.url))
            assert (reply["data"]["status"], reply["data"]["cards"]) == ("processing", [])
            calls = await world.rows_when("callback", 3)
            query = signed({"app_id": "shop", "out_order_no": "C1", "timestamp": "1"})
            state = await world.post("supplier", "/query", query)
            assert state["data"]["status"] == "success"
            assert [told["cards"] for told in shop.told] == [",".join(state["data"]["cards"])] * 3
            assert set(shop.told[0]) == {"out_order_no", "order_no", "status", "cards", "sign"}
            assert form_sign_ok(shop.told[0], SUPPLIER_KEY, join_key="&key=")
            assert [(row["attempt"], row["acked"], row["order_no"]) for row in calls] == [
                (1, False, "C1"), (2, False, "C1"), (3, True, "C1")]  # fmt: skip
        (bought,) = world.rows("purchase")
        assert bought["card_digests"] == calls[0]["card_digests"]
        assert len(world.rows("callback")) == 3

    story(run())


def test_five_retries_and_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, LATER) as world, platform(*["fail"] * 99) as shop:
            await world.post("supplier", "/order", order("C1", notify_url=shop.url))
            await world.rows_when("callback", 6)
            await asyncio.sleep(0.15)
        assert [row["attempt"] for row in world.rows("callback")] == [1, 2, 3, 4, 5, 6]

    story(run())


def test_a_query_tells_unknown_from_processing_from_success(tmp_path: Path) -> None:
    async def run() -> None:
        slow = {"supplier": {"latency_ms": {"median": 150}}}
        async with edge(tmp_path, slow) as world:

            async def ask(number: str) -> dict[str, object]:
                return await world.post("supplier", "/query", signed({"out_order_no": number}))

            assert await ask("C1") == {"code": 404, "msg": "not found"}
            buying = asyncio.create_task(world.post("supplier", "/order", order("C1")))
            while (state := await ask("C1"))["code"] == 404:
                pass
            assert state["data"]["status"] == "processing"  # type: ignore[index]
            bought = await buying
            assert (await ask("C1"))["data"] == bought["data"]
        seen = [row["status"] for row in world.rows("query")]
        assert (seen[0], seen[-1]) == ("not_found", "success")

    story(run())


def test_orders_beyond_the_slots_wait_their_turn(tmp_path: Path) -> None:
    async def run() -> None:
        narrow = {"supplier": {"latency_ms": {"median": 60}, "slots": 1}}
        async with edge(tmp_path, narrow) as world:
            waiting = []
            for number in range(4):
                waiting.append(asyncio.create_task(world.post("supplier", "/order", order(f"C{number}"))))
                await asyncio.sleep(0.005)
            await asyncio.gather(*waiting)
        assert [row["order_no"] for row in world.rows("purchase")] == ["C0", "C1", "C2", "C3"]
        times = [row["t"] for row in world.rows("purchase")]
        assert all(later - sooner >= 0.059 for sooner, later in pairwise(times))

    story(run())


def test_with_slots_for_all_nobody_waits_for_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, {"supplier": {"latency_ms": {"median": 400}, "slots": 20}}) as world:
            await asyncio.gather(*(world.post("supplier", "/order", order(f"C{number}")) for number in range(20)))
        times = [row["t"] for row in world.rows("purchase")]
        assert max(times) - min(times) < 19 * 0.4

    story(run())


def test_a_client_that_leaves_has_bought_all_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, {"supplier": {"latency_ms": {"median": 100}}}) as world:
            form = order("C1")
            buying = asyncio.create_task(world.post("supplier", "/order", form))
            await asyncio.sleep(0.05)
            buying.cancel()
            (bought,) = await world.rows_when("purchase", 1)
            again = await world.post("supplier", "/order", form)
            assert bought["card_digests"] == [card_digest(card, SALT) for card in again["data"]["cards"]]

    story(run())


def test_the_same_seed_sells_the_same_cards(tmp_path: Path) -> None:
    async def run() -> None:
        sold = []
        for seed in (7, 7, 8):
            async with edge(tmp_path, seed=seed) as world:
                sold.append((await world.post("supplier", "/order", order("C1")))["data"]["cards"])
        assert sold[0] == sold[1] != sold[2]

    story(run())


def test_stock_is_plenty(tmp_path: Path) -> None:
    async def run() -> None:
        async with edge(tmp_path, QUICK) as world:
            reply = await world.post("supplier", "/stock", signed({"app_id": "shop", "sku": "a,b"}))
            assert reply["data"] == {"a": 999999, "b": 999999}

    story(run())
