"""After the surge: what is read, when it counts as still, and what is written down."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import spool_story
from platform_world import Answer, Heard, Shop, target
from run_story import PROFILE, TARGET, order, plan

from surgekit import clock, settle
from surgekit.arrivals import Shard, schedule
from surgekit.eventlog.reader import opened
from surgekit.eventlog.writer import SpoolWriter
from surgekit.platform import Platform
from surgekit.profile import Profile

Row = dict[str, Any]
SCHEDULE = schedule(Profile.model_validate(PROFILE), ["game", "skin", "topup"], 1, Shard(0, 1))
DUE = dict(zip(SCHEDULE.seq.tolist(), SCHEDULE.intended_s.tolist(), strict=True))
ORDER: Row = {"request": "GET /orders?key={order.key}", "rows": "", "columns": {"order_no": "no", "status": "state"}}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes when somebody sleeps, and only then."""
    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(settle.time, "sleep", sleep)
    monkeypatch.setattr(settle.clock, "now", lambda: now[0])


def key(seq: int) -> str:
    return f"K-{seq:07d}"


def settled(run: Path, manners: Any, reads: Row, unknown: tuple[int, ...] = (), accepted: bool = True, **more: Any) -> Row:
    """The witnesses of a run in which the ends of ``unknown`` are not known."""
    (run / "spool").mkdir(parents=True)
    rows = [order(seq, at=at, order_key=key(seq), outcome="unknown" if seq in unknown else "confirmed", order_no=None, **({"accepted_s": None, "paid_s": None} if seq in unknown else {})) for seq, at in DUE.items()]
    if not accepted:
        rows = [row | {"accepted_s": None} for row in rows]
    spool_story.write(run / "spool", orders=rows)
    story = plan(witnesses={}, target=TARGET | {"reads": reads})
    (run / "run.json").write_text(json.dumps(story))
    stock = SpoolWriter(run / "spool" / "stock.jsonl")
    with Shop(manners) as shop, Platform(target(reads), shop.place, story["run_id"]) as found:
        told = settle.settle_and_read(run, target(reads), None, found, stock, lambda: 30.0, salt="", settle_s=0.0, **more)
    (run / "run.json").write_text(json.dumps(story | {"witnesses": told}))
    return told


def ends(run: Path) -> dict[int, str]:
    with opened(run) as db:
        return dict(db.execute("SELECT seq, outcome FROM orders WHERE seen = 'unknown' ORDER BY seq").fetchall())


def test_without_a_ledger_each_unknown_order_is_read_by_its_key_and_no_other(tmp_path: Path) -> None:
    heard: list[str] = []

    def shop(request: Heard) -> Any:
        heard.append(request.query["key"])
        return {key(3): [{"no": "N3", "state": "delivered"}], key(4): [], key(5): Answer("", 404)}[request.query["key"]]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4, 5))
    assert heard[:3] == [key(3), key(4), key(5)]
    assert set(heard[3:]) == {key(4), key(5)}  # one is not there: it could still be in a queue; the other could not be read
    assert heard.count(key(5)) < 8
    assert told["ledger"] == "absent: the target file describes no ledger read"
    assert told["orders"].startswith("part: 2 of 3 unknown orders were read: reads.order: GET /orders?key={order.key}: HTTP 404")
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "failed", 5: "unknown"}


def test_a_paid_order_is_read_again_until_it_stands_still(tmp_path: Path) -> None:
    looks: list[str] = []

    def shop(request: Heard) -> Any:
        looks.append(request.query["key"])
        slow = request.query["key"] == key(3) and looks.count(key(3)) < 3
        return [{"no": "N", "state": "paid" if slow or request.query["key"] == key(4) else "delivered"}]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4))
    assert told["orders"] == "whole"
    assert looks.count(key(3)) == 3
    assert 4 <= looks.count(key(4)) <= 10  # stuck, and left so
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "unknown"}


def test_an_order_that_is_only_begun_is_read_again_while_the_shop_moves(tmp_path: Path) -> None:
    """A shop that was overloaded still works off its queue: what it has only begun, or not yet, is no end."""
    looks: list[str] = []

    def shop(request: Heard) -> Any:
        looks.append(mine := request.query["key"])
        if mine == key(3):
            return [{"no": "N3", "state": ["begun", "begun", "paid", "delivered"][min(looks.count(mine), 4) - 1]}]
        return [] if looks.count(mine) < 3 else [{"no": "N4", "state": "delivered"}]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4))
    assert told["orders"] == "whole"
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "confirmed"}


def test_single_orders_that_never_stand_still_stay_unknown(tmp_path: Path) -> None:
    looks: list[str] = []

    def shop(request: Heard) -> Any:
        looks.append(request.query["key"])
        return [{"no": "N", "state": f"step {len(looks)}" if request.query["key"] == key(3) else "delivered"}]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4))
    assert told["orders"] == "part: 1 of 2 unknown orders were read: the others were still being worked on"
    assert ends(tmp_path / "run") == {3: "unknown", 4: "confirmed"}


def test_single_orders_that_could_not_be_read_are_asked_for_again_while_the_shop_settles(tmp_path: Path) -> None:
    looks: list[str] = []

    def shop(request: Heard) -> Any:
        looks.append(mine := request.query["key"])
        return Answer("", 503) if looks.count(mine) < 3 else [{"no": "N", "state": "delivered"}]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4))
    assert told["orders"] == "whole"
    assert [looks.count(key(3)), looks.count(key(4))] == [3, 3]
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "confirmed"}


def test_single_orders_that_can_never_be_read_keep_nobody_for_long(tmp_path: Path) -> None:
    looks: list[str] = []

    def shop(request: Heard) -> Any:
        looks.append(request.query["key"])
        return Answer("", 503)

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=tuple(range(3, 10)))
    assert told["orders"] == "part: 0 of 7 unknown orders were read: reads.order: GET /orders?key={order.key}: HTTP 503"
    assert 7 < len(looks) <= 7 * 5


def test_where_every_end_is_known_nothing_is_asked(tmp_path: Path) -> None:
    def shop(request: Heard) -> Any:
        raise AssertionError(request.path)

    assert settled(tmp_path / "run", shop, {"order": ORDER})["orders"] == "whole"


def test_a_ledger_makes_single_reads_needless(tmp_path: Path) -> None:
    reads = {"order": ORDER, "ledger": {"request": "GET /ledger", "columns": {"order_no": "no", "order_key": "key", "status": "state"}}}

    def shop(request: Heard) -> Any:
        assert request.path == "/ledger"
        return [{"no": "N3", "key": key(3), "state": "delivered"}]

    told = settled(tmp_path / "run", shop, reads, unknown=(3, 4))
    assert (told["ledger"], "orders" in told) == ("whole", False)
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "failed"}


LEDGER: Row = {"ledger": {"request": "GET /ledger", "columns": {"order_no": "no", "order_key": "key", "status": "state"}}}


def test_a_ledger_is_read_again_while_orders_of_the_run_come_in_or_move(tmp_path: Path) -> None:
    """Order 4 comes in last, 3 goes from begun to paid to delivered; 5 stays begun, and so has failed."""
    begun, later = {"no": "N5", "key": key(5), "state": "begun"}, {"no": "N4", "key": key(4), "state": "delivered"}
    books = [[{"no": "N3", "key": key(3), "state": state}, begun] for state in ("begun", "begun", "paid", "delivered", "delivered")]
    books.append([*books[-1], later])
    told = settled(tmp_path / "run", lambda _: books.pop(0) if len(books) > 1 else books[0], LEDGER, unknown=(3, 4, 5))
    assert told["ledger"] == "whole"
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "confirmed", 5: "failed"}


def test_a_ledger_that_never_stands_still_decides_nothing(tmp_path: Path) -> None:
    reads: list[int] = []

    def shop(_: Heard) -> Any:
        reads.append(1)
        return [{"no": "N3", "key": key(3), "state": f"step {len(reads)}"}]

    told = settled(tmp_path / "run", shop, LEDGER, unknown=(3,))
    assert told["ledger"] == "moving: orders were still being worked on"
    assert len(reads) < 80
    assert ends(tmp_path / "run") == {3: "unknown"}


def test_orders_of_others_keep_nobody_waiting(tmp_path: Path) -> None:
    reads: list[int] = []

    def shop(_: Heard) -> Any:
        reads.append(1)
        return [{"no": "N3", "key": key(3), "state": "begun"}, {"no": "X", "key": f"someone {len(reads)}", "state": "begun"}]

    told = settled(tmp_path / "run", shop, LEDGER, unknown=(3,))
    assert (told["ledger"], len(reads)) == ("whole", 3)


def test_a_ledger_with_every_end_in_it_is_read_once(tmp_path: Path) -> None:
    reads: list[int] = []

    def shop(_: Heard) -> Any:
        reads.append(1)
        return [{"no": "N3", "key": key(3), "state": "delivered"}]

    assert settled(tmp_path / "run", shop, LEDGER, unknown=(3,))["ledger"] == "whole"
    assert len(reads) == 1


def test_a_ledger_that_is_throttled_for_a_moment_is_read_again(tmp_path: Path) -> None:
    answers = [Answer("", 503), Answer("", 429), Answer([{"no": "N3", "key": key(3), "state": "delivered"}])]
    reads = {"ledger": {"request": "GET /ledger", "columns": {"order_no": "no", "order_key": "key", "status": "state"}}}
    told = settled(tmp_path / "run", lambda _: answers.pop(0), reads, unknown=(3,))
    assert told["ledger"] == "whole"
    assert ends(tmp_path / "run") == {3: "confirmed"}


def test_a_ledger_that_is_gone_is_an_absent_witness(tmp_path: Path) -> None:
    reads = {"ledger": {"request": "GET /ledger", "columns": {"order_no": "no", "order_key": "key", "status": "state"}}}
    told = settled(tmp_path / "run", lambda _: Answer("", 500), reads, unknown=(3,))
    assert told["ledger"] == "absent: reads.ledger: GET /ledger: HTTP 500"
    assert ends(tmp_path / "run") == {3: "unknown"}


@pytest.mark.parametrize("page", [{"code": 500, "data": None}, {"code": 500, "data": []}])
def test_a_hidden_error_decides_no_order(tmp_path: Path, page: Row) -> None:
    """Shops say HTTP 200 and "error" under load: that is neither an order that is not there, nor a ledger that has ended."""
    columns = {"order_no": "no", "order_key": "key", "status": "state"}
    for number, reads in enumerate(
        ({"order": {**ORDER, "rows": "data"}}, {"ledger": {"request": "GET /ledger", "rows": "data", "columns": columns}},
         {"ledger": {"request": "GET /ledger?page={page}", "rows": "data", "columns": columns}})
    ):  # fmt: skip
        run = tmp_path / f"run{number}"
        told = settled(run, lambda _: page, {**reads, "rate": 1000}, unknown=(3,))
        assert told.get("orders", told["ledger"]).startswith(("part: 0 of 1 unknown orders", "absent: reads.ledger: "))
        assert ends(run) == {3: "unknown"}


def test_a_ledger_in_another_time_zone_decides_no_order(tmp_path: Path) -> None:
    """By such a ledger every order was made before the run, and none of it is there."""
    columns = {"order_no": "no", "order_key": "key", "status": "state", "created_s": "at"}
    rows = [{"no": "N3", "key": key(3), "state": "delivered", "at": clock.utc().timestamp() - 8 * 3600 - 20}]
    told = settled(tmp_path / "run", lambda _: rows, {"ledger": {"request": "GET /ledger", "columns": columns}}, unknown=(3, 4))
    assert told["ledger"].startswith("absent: reads.ledger.timezone: by UTC this run's own orders were made 8 h before the run began")
    assert ends(tmp_path / "run") == {3: "unknown", 4: "unknown"}


def test_a_target_without_any_read_has_no_witness(tmp_path: Path) -> None:
    told = settled(tmp_path / "run", lambda _: "", {}, unknown=(3,))
    assert {how.partition(":")[0] for how in told.values()} == {"absent"}
    assert ends(tmp_path / "run") == {3: "unknown"}


def test_orders_from_before_the_run_are_not_written_down(tmp_path: Path) -> None:
    columns = {"order_no": "no", "order_key": "key", "status": "state", "created_s": "at"}
    rows = [{"no": "old", "key": "x", "state": "paid", "at": 1_000_000_000}, {"no": "new", "key": "y", "state": "paid", "at": 4_000_000_000},
            {"no": "N3", "key": key(3), "state": "delivered", "at": clock.utc().timestamp()}]  # fmt: skip
    settled(tmp_path / "run", lambda _: rows, {"ledger": {"request": "GET /ledger", "columns": columns}})
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT order_no FROM ledger").fetchall() == [("new",), ("N3",)]


def test_a_stock_in_words_is_written_down(tmp_path: Path) -> None:
    reads = {"stock": {"request": "GET /p/{order.sku}", "value": {"css": "b"}, "words": {"in_stock": "有货", "sold_out": "售罄"}}}
    told = settled(tmp_path / "run", lambda heard: f"<b>{'有货' if 'game' in heard.path else '售罄'}</b>", reads)
    assert told["stock"] == "whole"
    with opened(tmp_path / "run") as db:
        found = db.execute("SELECT sku, total, unsold, word FROM stock ORDER BY sku").fetchall()
    assert found == [("game", None, None, "in_stock"), ("skin", None, 0, "sold_out")]


WRONG_KEYS = ["someone@example.com", key(3) + "@example.invalid", "K", None]


@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_ledger_without_any_key_of_the_run_is_no_witness_that_its_orders_are_not_there(tmp_path: Path, wrong: str | None) -> None:
    rows = [{"no": "N3", "key": wrong, "state": "delivered"}]
    told = settled(tmp_path / "run", lambda _: rows, LEDGER, unknown=(3, 4))
    assert told["ledger"] == (
        f"absent: reads.ledger.columns.order_key: {len(DUE) - 2:,} orders were accepted, and none of the 1 in the ledger has a key of this run;"
        " does it name the column that {order.key} goes to?"
    )
    assert ends(tmp_path / "run") == {3: "unknown", 4: "unknown"}


def test_a_ledger_without_any_order_is_none_either_where_orders_were_accepted(tmp_path: Path) -> None:
    assert settled(tmp_path / "run", lambda _: [], LEDGER, unknown=(3,))["ledger"].startswith("absent: reads.ledger.columns.order_key: ")


def test_where_nothing_was_accepted_an_empty_ledger_is_right(tmp_path: Path) -> None:
    told = settled(tmp_path / "run", lambda _: [], LEDGER, unknown=tuple(DUE), accepted=False)
    assert told["ledger"] == "whole"
    assert set(ends(tmp_path / "run").values()) == {"failed"}


# A run that somebody stopped.

STOCK: Row = {"stock": {"request": "GET /stock", "items": ""}}


@pytest.mark.parametrize(
    ("state", "says", "end"), [("delivered", "whole", "confirmed"), ("paid", "moving: orders were still being worked on as the run was stopped", "unknown")]
)
def test_after_a_stop_by_hand_ledger_and_stock_are_read_once(tmp_path: Path, state: str, says: str, end: str) -> None:
    began, heard = clock.now(), list[str]()

    def shop(request: Heard) -> Any:
        heard.append(request.path)
        return {"game": {"unsold": 1}} if request.path == "/stock" else [{"no": "N3", "key": key(3), "state": state}]

    told = settled(tmp_path / "run", shop, {**LEDGER, **STOCK}, unknown=(3,), by_hand=True)
    assert (told["ledger"], told["stock"]) == (says, "whole")
    assert (heard, clock.now() - began) == (["/ledger", "/stock"], 0.0)
    assert ends(tmp_path / "run") == {3: end}


def test_after_a_stop_by_hand_single_orders_are_read_once(tmp_path: Path) -> None:
    heard: list[str] = []
    answers: dict[str, Any] = {key(3): [{"no": "N3", "state": "delivered"}], key(4): [{"no": "N4", "state": "paid"}], key(5): Answer("", 503)}

    def shop(request: Heard) -> Any:
        heard.append(request.query["key"])
        return answers[request.query["key"]]

    told = settled(tmp_path / "run", shop, {"order": ORDER, "rate": 1000}, unknown=(3, 4, 5), by_hand=True)
    assert heard == [key(3), key(4), key(5)]
    assert told["orders"].startswith("part: 1 of 3 unknown orders were read: ")
    assert ends(tmp_path / "run") == {3: "confirmed", 4: "unknown", 5: "unknown"}


def test_after_a_stop_by_hand_a_ledger_that_fails_is_left(tmp_path: Path) -> None:
    heard: list[str] = []

    def shop(request: Heard) -> Any:
        heard.append(request.path)
        return Answer("", 503)

    assert settled(tmp_path / "run", shop, LEDGER, unknown=(3,), by_hand=True)["ledger"] == "absent: reads.ledger: GET /ledger: HTTP 503"
    assert heard == ["/ledger"]


@pytest.mark.parametrize("reads", [{**LEDGER, **STOCK}, {"order": ORDER, **STOCK}], ids=["ledger", "order"])
def test_with_the_kill_file_there_nothing_is_read(tmp_path: Path, reads: Row) -> None:
    heard: list[str] = []
    (tmp_path / "stop").touch()
    told = settled(tmp_path / "run", lambda request: heard.append(request.path), reads, unknown=(3,), kill_file=tmp_path / "stop")
    assert heard == []
    by_order = "order" in reads
    assert told["ledger"] == ("absent: the target file describes no ledger read" if by_order else settle.KILLED)
    assert (told["stock"], told.get("orders")) == (settle.KILLED, settle.KILLED if by_order else None)
    assert ends(tmp_path / "run") == {3: "unknown"}


@pytest.mark.parametrize("at", ["/ledger", "/stock"])
def test_a_kill_file_ends_what_is_being_read_and_what_was_read_stays(tmp_path: Path, at: str) -> None:
    heard: list[str] = []

    def shop(request: Heard) -> Any:
        heard.append(request.path)
        if request.path == at:
            (tmp_path / "stop").touch()
            threading.Event().wait(0.6)
        return {"game": {"unsold": 1}} if request.path == "/stock" else [{"no": "N3", "key": key(3), "state": "delivered"}]

    told = settled(tmp_path / "run", shop, {**LEDGER, **STOCK}, unknown=(3,), kill_file=tmp_path / "stop")
    assert heard == (["/ledger"] if at == "/ledger" else ["/ledger", "/stock"])
    assert (told["ledger"], told["stock"]) == (settle.KILLED if at == "/ledger" else "whole", settle.KILLED)
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT count(*) FROM stock").fetchone() == (0,)
