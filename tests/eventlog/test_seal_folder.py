"""From spool to Parquet: whole tables or none, whatever the disk, the names and the numbers are like."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest
from run_story import PROFILE, booked, payment, plan, stocked
from seal_story import DUE, ends, read_as, spooled, told

from surgekit.errors import RunError
from surgekit.eventlog import seal as sealing
from surgekit.eventlog.reader import missing, opened
from surgekit.eventlog.seal import seal
from surgekit.eventlog.writer import SpoolWriter


def test_times_of_the_stand_ins_count_from_the_start(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", edge=[payment(1, 1002.5)])
    seal(run)
    with duckdb.connect() as db:
        assert db.execute(f"SELECT t FROM '{run}/edge.parquet'").fetchall() == [(2.5,)]


def test_what_a_platform_does_not_tell_is_null(tmp_path: Path) -> None:
    run = spooled(
        tmp_path / "run", orders_0=[told(0)], ledger=[read_as(4, "delivered", created_s=1.5), read_as(5, "delivered")],
        stock=[{"moment": "start", "sku": "game", "t_s": 0.0, "total": None, "unsold": None, "word": "in_stock"}, *stocked(2)],
    )  # fmt: skip
    with opened(run) as db:
        assert db.execute("SELECT created_s FROM ledger ORDER BY order_key").fetchall() == [(1.5,), (None,)]
        assert db.execute("SELECT total, unsold, word FROM stock").fetchall() == [(None, None, "in_stock"), (2, 2, None), (2, 0, None)]


def test_sealing_again_changes_nothing(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE], ledger=[read_as(1, "delivered")])
    seal(run)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    seal(run)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_spool_that_was_half_removed_is_not_sealed_again(tmp_path: Path) -> None:
    """Killed while it dropped the spool: what is left of that must not overwrite the whole history."""
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE])
    seal(run)
    (run / ".spool-sealed").mkdir()
    (run / ".spool-sealed" / "orders-0.bin").write_text("")
    seal(run)
    assert set(ends(run).values()) == {("confirmed", None)}
    assert not (run / ".spool-sealed").exists()


@pytest.mark.parametrize("name", ["new year", "it's", 'the "big" one', "红包", "run[1]", "what?*", "50%", "a;b"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    run = spooled(tmp_path / name / name, orders_0=[told(0)])
    with opened(run) as db:
        assert db.execute("SELECT order_key FROM orders WHERE outcome = 'confirmed'").fetchall() == [("K-0000000",)]
        assert missing(db) == {}
    assert not (run / "spool").exists()


def test_values_with_quotes_and_line_breaks_come_through(tmp_path: Path) -> None:
    odd = "it's \"odd\"\n; DROP TABLE orders --"
    run = spooled(tmp_path / "run", orders_0=[told(0, reason=odd)])
    seal(run)
    assert ends(run)[0] == ("confirmed", odd)


@pytest.mark.parametrize("name", ["ledger.jsonl", "words-0.jsonl", "texts-0.jsonl"])
def test_a_broken_line_in_the_middle_is_one_sentence_and_the_spool_is_kept(tmp_path: Path, name: str) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(0)])
    (run / "spool" / name).write_text('{"seq": 1}\n{"seq": \n{"seq": 3}\n')
    with pytest.raises(RunError, match="the history cannot be sealed") as caught:
        seal(run)
    assert "\n" not in str(caught.value)
    assert (run / "spool" / "orders-0.bin").exists()
    assert not list(run.glob("*.parquet"))


def test_a_full_disk_leaves_the_spool_and_no_half_table(tmp_path: Path) -> None:
    rows = [{"seq": 0, "shard": 0, "step": f"s{n * 7919}", "attempt": 1, "due_s": n * 0.1, "sent_s": n * 0.2, "done_s": n * 0.3, "class": "ok"}
            for n in range(20_000)]  # fmt: skip
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE], requests_0=rows)
    code = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from surgekit.errors import RunError
        from surgekit.eventlog.seal import seal, unresolved
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        try:
            seal(Path(sys.argv[1]))
        except RunError as error:
            sys.exit(f"told: {error}")
        """
    )
    done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.startswith(f"told: {run}: the history cannot be sealed: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in run.iterdir()) == ["run.json", "spool"]
    seal(run)
    assert set(ends(run).values()) == {("confirmed", None)}


def test_a_seal_for_which_the_memory_it_keeps_to_is_too_little_takes_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST_MEMORY", "1KB")
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE])
    seal(run)
    assert set(ends(run).values()) == {("confirmed", None)}


def test_a_table_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder in the file's place stops root too, whom no permission stops."""
    run = spooled(tmp_path / "run", orders_0=[told(0)])
    (run / ".orders.parquet.part").mkdir()
    with pytest.raises(RunError, match="the history cannot be sealed"):
        seal(run)
    assert (run / "spool").is_dir()
    assert not (run / "orders.parquet").exists()


def test_a_profile_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", plan(profile=PROFILE | {"swarm": 3}))
    with pytest.raises(RunError, match=r"run\.json: profile\.swarm: .* it belongs to another version"):
        seal(run)


def test_an_empty_spool_overwrites_no_sealed_history(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run", orders_0=[told(seq) for seq in DUE])
    seal(run)
    (run / "spool").mkdir()
    (run / "spool" / "orders-0.bin").write_text("")
    seal(run)
    assert set(ends(run).values()) == {("confirmed", None)}
    assert not (run / "spool").exists()


def test_one_odd_number_from_outside_costs_no_run(tmp_path: Path) -> None:
    run = spooled(tmp_path / "run")
    for table, row in (
        ("ledger", booked(1, qty=3_000_000_000, charges=2**40, amount_fen=2**63)),
        ("edge", payment(1, 1002.5, qty=2**40, attempt=2**63 - 1, amount_fen=2**64 - 1)),
    ):
        log = SpoolWriter(run / "spool" / f"{table}.jsonl")
        log.row(row)
        log.close()
    with opened(run) as db:
        assert db.execute("SELECT qty, charges, amount_fen FROM ledger").fetchall() == [(3_000_000_000, 2**40, None)]
        assert db.execute("SELECT qty, attempt, amount_fen FROM edge").fetchall() == [(2**40, 2**63 - 1, None)]
