"""What the seal makes of each scheduled order, whatever happened to the engine and whatever the platform's ledger says: one row."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from run_story import PROFILE, booked, order, payment, plan
from seal_story import DUE, Row, ends, lost, orders, read_as, spooled, told

from surgekit.arrivals import Shard, schedule
from surgekit.eventlog.seal import seal, unresolved
from surgekit.profile import Profile


def test_what_the_engine_told_is_kept(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE])
    seal(run)
    assert ends(run) == dict.fromkeys(DUE, ("confirmed", None))


def test_an_order_that_the_engine_never_told_of_is_unsent_when_it_ended_in_order(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE if seq != 3])
    seal(run)
    found = orders(run)[3]
    assert (found["outcome"], found["reason"], found["sent_s"]) == ("failed", "unsent", None)
    assert (found["order_key"], found["sku"], found["intended_s"]) == ("K-0000003", "game", DUE[3])


@pytest.mark.parametrize("how", ["lost", None], ids=["the engine died", "SurgeKit died too"])
def test_after_a_death_orders_may_have_left_until_a_second_later(tmp_path: Path, how: str | None) -> None:
    """Orders 0 to 4 were told of, 5 had left; of the others those due within a second may have, the rest had not."""
    last = DUE[5]
    story = plan(engine_ended=how, witnesses={})
    run = spooled(
        tmp_path / "run", story, orders_0=[told(seq) for seq in range(5)], begun_0=[{"seq": seq, "begun_s": DUE[seq]} for seq in range(6)]
    )
    seal(run)
    maybe = {seq for seq, at in DUE.items() if seq > 4 and at <= last + 1.0}
    assert 5 in maybe
    for seq, end in ends(run).items():
        assert end == (("confirmed", None) if seq < 5 else ("unknown", "engine_died") if seq in maybe else ("failed", "unsent"))


def test_an_engine_that_was_seen_to_be_gone_has_sent_nothing_after_that(tmp_path: Path) -> None:
    last = DUE[5]
    story = plan(engine_ended="died", witnesses={}, gone_s=last + 0.01)
    run = spooled(tmp_path / "run", story, begun_0=[{"seq": seq, "begun_s": DUE[seq]} for seq in range(6)])
    seal(run)
    assert {seq for seq, end in ends(run).items() if end[0] == "unknown"} == set(range(6))


def test_a_request_that_was_answered_later_shows_that_the_engine_lived_longer(tmp_path: Path) -> None:
    late = {"seq": 0, "shard": 0, "step": "poll", "attempt": 1, "due_s": 1.0, "sent_s": 1.0, "done_s": 12.0, "class": "ok"}
    run = spooled(tmp_path / "run", plan(engine_ended="lost", witnesses={}), requests_0=[late])
    seal(run)
    assert {seq for seq, end in ends(run).items() if end[0] == "unknown"} == {seq for seq, at in DUE.items() if at <= 13.0}


def test_an_order_that_had_left_when_the_run_was_stopped_is_unknown(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", plan(aborted=True, witnesses={}), begun_0=[{"seq": 2, "begun_s": DUE[2]}])
    seal(run)
    assert {end for seq, end in ends(run).items() if seq != 2} == {("failed", "unsent")}
    assert ends(run)[2] == ("unknown", "engine_died")


def test_a_run_that_never_started_sent_nothing(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", plan(t0=None, engine_ended=None, witnesses={}))
    seal(run)
    assert set(ends(run).values()) == {("failed", "unsent")}


@pytest.mark.parametrize("cut", [1, 40, 111])
def test_a_last_record_that_was_cut_short_is_none(tmp_path: Path, cut: int) -> None:
    run = spooled(tmp_path / "run", plan(engine_ended="lost", witnesses={}), orders_0=[told(0), told(1)], begun_0=[{"seq": 1, "begun_s": DUE[1]}])
    file = run / "spool" / "orders-0.bin"
    file.write_bytes(file.read_bytes()[:-cut])
    seal(run)
    assert (ends(run)[0], ends(run)[1]) == (("confirmed", None), ("unknown", "engine_died"))


def test_each_shard_tells_of_its_own_orders(tmp_path: Path) -> None:
    parts = [schedule(Profile.model_validate(PROFILE), ["game", "skin", "topup"], 1, Shard(k, 3)) for k in range(3)]
    lines = {f"orders_{k}": [order(seq, at=at, shard=k) for seq, at in zip(part.seq.tolist(), part.intended_s.tolist(), strict=True)]
             for k, part in enumerate(parts) if k != 1}  # fmt: skip
    run = spooled(tmp_path / "run", plan(shards=3), **lines)
    seal(run)
    with duckdb.connect() as db:
        found = db.execute(f"SELECT shard, reason, count(*) FROM '{run}/orders.parquet' GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == [(0, None, len(parts[0])), (1, "unsent", len(parts[1])), (2, None, len(parts[2]))]


def test_of_a_worker_that_was_lost_alone_only_orders_until_its_end_are_unknown_and_the_others_keep_theirs(tmp_path: Path) -> None:
    """Shard 1 was lost at 9 s. Its last order is due much later; that it had left all the same would be odd, but it was told of as begun."""
    parts = [schedule(Profile.model_validate(PROFILE), ["game", "skin", "topup"], 1, Shard(k, 3)) for k in range(3)]
    due = [dict(zip(part.seq.tolist(), part.intended_s.tolist(), strict=True)) for part in parts]
    early = [seq for seq, at in due[1].items() if at < 5.0]
    hasty = max(due[1])
    lines: dict[str, list[Row]] = {f"orders_{k}": [order(seq, at=at, shard=k) for seq, at in due[k].items()] for k in (0, 2)}
    lines["orders_1"] = [order(seq, at=due[1][seq], shard=1) for seq in early]
    lines["begun_1"] = [{"seq": hasty, "begun_s": 8.9}]
    run = spooled(tmp_path / "run", plan(shards=3, lost={"1": 9.0}, witnesses={}), **lines)
    seal(run)
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT seq, shard, outcome, reason, ended_s FROM '{run}/orders.parquet'").fetchall()
    assert len(rows) == sum(map(len, due)) == len({row[0] for row in rows})
    for seq, shard, outcome, reason, ended_s in rows:
        if shard != 1 or seq in early:
            assert (outcome, reason) == ("confirmed", None)
        elif due[1][seq] <= 9.0 or seq == hasty:
            assert (outcome, reason, ended_s) == ("unknown", "engine_died", max(9.0, due[1][seq]))
        else:
            assert (outcome, reason) == ("failed", "unsent")
    assert {row[3] for row in rows} == {None, "engine_died", "unsent"}


# What the buyer did not see, the ledger tells.


@pytest.mark.parametrize(
    ("rows", "end"),
    [
        ([read_as(4, "delivered")], ("confirmed", "timeout, read: delivered")),
        ([read_as(4, "paid")], ("unknown", "timeout, read: still paid")),
        ([read_as(4, "refunded")], ("failed", "timeout, read: refunded")),
        ([read_as(4, "expired")], ("failed", "timeout, read: expired")),
        ([read_as(4, "pending")], ("failed", "timeout, read: pending")),
        ([], ("failed", "timeout, read: not there")),
        ([read_as(4, "completed", charges=1, charged_fen=1000)], ("unknown", "timeout, read: still completed")),
        ([read_as(4, "expired"), read_as(4, "delivered", order_no="N4b")], ("confirmed", "timeout, read: delivered")),
        ([read_as(4, "refunded"), read_as(4, "paid", order_no="N4b")], ("unknown", "timeout, read: still paid")),
    ],
    ids=lambda given: "+".join(row["status"] for row in given) or "nothing" if isinstance(given, list) else "",
)
def test_an_unknown_order_is_what_the_ledger_says(tmp_path: Path, rows: list[Row], end: tuple[str, str]) -> None:
    run = spooled(tmp_path / "run", orders_0=[lost(4)], ledger=rows)
    seal(run)
    assert ends(run)[4] == end
    assert orders(run)[4]["seen"] == "unknown"


@pytest.mark.parametrize(("rows", "says"), [([read_as(4, "pending")], "still pending"), ([], "not there")])
@pytest.mark.parametrize("what", ["accepted_s", "paid_s"])
def test_an_order_that_its_buyer_was_told_of_has_not_failed_because_nobody_knows_it(tmp_path: Path, what: str, rows: list[Row], says: str) -> None:
    """Accepted and not there, or paid and only begun: something is wrong, and not for certain with the order."""
    run = spooled(tmp_path / "run", orders_0=[lost(4) | {what: 2.0}], ledger=rows)
    seal(run)
    begun = what == "accepted_s" and bool(rows)
    assert ends(run)[4] == (("failed", "timeout, read: pending") if begun else ("unknown", f"timeout, read: {says}"))


def test_what_a_buyer_paid_for_is_that_order_and_no_other_of_the_key(tmp_path: Path) -> None:
    """The one that was paid for was refunded; the other, from a click before, was only begun."""
    rows = [read_as(4, "pending", order_no="N4a"), read_as(4, "refunded", order_no="N4")]
    run = spooled(tmp_path / "run", orders_0=[lost(4) | {"paid_s": 2.0, "order_no": "N4"}], ledger=rows)
    seal(run)
    assert ends(run)[4] == ("failed", "timeout, read: refunded")


def test_an_order_whose_money_the_gateway_has_did_not_end_without_effect(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[lost(4)], ledger=[read_as(4, "pending")], edge=[payment(4, 1005.0)])
    seal(run)
    assert ends(run)[4][0] == "unknown"


@pytest.mark.parametrize(("cards", "end"), [([], ("unknown", "paid_undelivered, read: delivered, without a card")),
                                            (["a"], ("confirmed", "paid_undelivered, read: delivered"))])  # fmt: skip
def test_delivered_is_only_a_word_where_the_buyer_was_told_that_there_is_no_card(tmp_path: Path, cards: list[str], end: tuple[str, str]) -> None:
    run = spooled(tmp_path / "run", orders_0=[lost(4) | {"reason": "paid_undelivered"}], ledger=[read_as(4, "delivered", card_digests=cards)])
    seal(run)
    assert ends(run)[4] == end


def test_of_two_orders_alike_the_buyers_own_is_told_of(tmp_path: Path) -> None:
    rows = [read_as(4, "begun", order_no="N3"), read_as(4, "closed", order_no="N4")]
    run = spooled(tmp_path / "run", orders_0=[lost(4) | {"order_no": "N4"}], ledger=rows)
    seal(run)
    assert ends(run)[4] == ("failed", "timeout, read: closed")


def test_the_number_of_a_delivered_order_goes_before_that_of_an_expired_one(tmp_path: Path) -> None:
    rows = [read_as(4, "expired"), read_as(4, "delivered", order_no="N4b")]
    run = spooled(tmp_path / "run", orders_0=[lost(4)], ledger=rows)
    seal(run)
    assert orders(run)[4]["order_no"] == "N4b"


@pytest.mark.parametrize("how", ["absent: HTTP 500", "moving: paid orders were still being worked on"])
def test_a_ledger_that_is_not_whole_resolves_nothing(tmp_path: Path, how: str) -> None:
    run = spooled(tmp_path / "run", plan(witnesses={"ledger": how}), orders_0=[lost(4), lost(5)], ledger=[read_as(4, "delivered")])
    seal(run)
    assert (ends(run)[4], ends(run)[5]) == (("unknown", "timeout"), ("unknown", "timeout"))


def test_orders_without_a_key_are_nobodys(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[lost(4)], ledger=[booked(9, order_key=None)])
    seal(run)
    assert ends(run)[4] == ("failed", "timeout, read: not there")


def test_what_the_buyer_saw_is_not_overruled(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(4)], ledger=[read_as(4, "refunded")])
    seal(run)
    assert ends(run)[4] == ("confirmed", None)


# Without a ledger, orders may have been read one by one.

NO_LEDGER = {"ledger": "absent: the target file describes no ledger read", "orders": "whole"}


def key(seq: int) -> Row:
    return {"order_key": f"K-{seq:07d}"}


def test_of_orders_that_were_read_one_by_one_only_those_are_known(tmp_path: Path) -> None:
    """4 was delivered, of 5 there is none, and nobody could read 6: that it is in no row shows nothing."""
    run = spooled(
        tmp_path / "run", plan(witnesses=NO_LEDGER), orders_0=[lost(4), lost(5), lost(6)], looked=[key(4), key(5)],
        ledger=[read_as(4, "delivered"), read_as(6, "delivered")],
    )  # fmt: skip
    seal(run)
    assert (ends(run)[4], ends(run)[5]) == (("confirmed", "timeout, read: delivered"), ("failed", "timeout, read: not there"))
    assert ends(run)[6] == ("unknown", "timeout")


def test_an_order_that_was_read_and_is_still_paid_stays_unknown(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", plan(witnesses=NO_LEDGER), orders_0=[lost(4)], looked=[key(4)], ledger=[read_as(4, "paid")])
    seal(run)
    assert ends(run)[4] == ("unknown", "timeout, read: still paid")


def test_the_unresolved_are_those_that_nobody_saw_the_end_of(tmp_path: Path) -> None:
    """0 to 2 were told of, the end of 2 not; 3 had left when the engine died, and so may have those due within a second."""
    run = spooled(
        tmp_path / "run", plan(engine_ended="lost", witnesses={}), orders_0=[told(0), told(1), lost(2)], begun_0=[{"seq": 3, "begun_s": DUE[3]}]
    )
    found = unresolved(run)
    seal(run)
    assert found == [f"K-{seq:07d}" for seq, (outcome, _) in ends(run).items() if outcome == "unknown"]
    assert found[:2] == ["K-0000002", "K-0000003"]


def test_looking_for_the_unresolved_seals_nothing(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", plan(witnesses={}), orders_0=[told(seq) for seq in DUE])
    assert unresolved(run) == []
    assert sorted(path.name for path in run.iterdir()) == ["run.json", "spool"]
