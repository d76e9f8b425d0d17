"""The run folder: readable by its owner only, never half-written, and honest about what is wrong with it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from run_story import booked, order, plan, write

from surgekit.errors import ConfigError, RunError
from surgekit.eventlog import folder
from surgekit.eventlog.reader import missing, opened


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    run = folder.create(tmp_path / "a" / "run", "tiny")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (run, run / "spool", run / "logs")] == [0o700] * 3


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="not empty; give --out a folder that does not exist yet"):
        folder.create(tmp_path, "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written: .*; choose a folder with --out"):
        folder.create(tmp_path / "file" / "run", "tiny")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.mkdir()
    with pytest.raises(RunError, match=r"result\.json: cannot be written"):
        folder.write(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"not a run folder \(run\.json is missing\)"),
        ("{", r"run\.json:1: not JSON"),
        ("[1]", r"run\.json: not a JSON object"),
        ('{"schema": "surgekit.run/0"}', r"schema 'surgekit\.run/0' is not surgekit\.run/1"),
    ],
    ids=["missing", "cut", "a list", "another version"],
)
def test_what_is_no_run_folder_says_why(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=sentence), opened(tmp_path):
        pass


def test_a_folder_that_is_not_there_says_what_one_looks_like(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder; a run folder is named runs/<time>-<profile>"):
        folder.plan(tmp_path / "nowhere")


def test_without_orders_nothing_can_be_said(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)])
    (run / "orders.parquet").unlink()
    with pytest.raises(RunError, match=r"orders\.parquet is missing; without it nothing can be said"), opened(run):
        pass


def test_another_table_that_is_missing_is_empty_and_named(tmp_path: Path) -> None:
    run = write(tmp_path, orders=[order(1)], ledger=[booked(1)])
    (run / "ledger.parquet").unlink()
    with opened(run) as db:
        assert missing(db) == {"ledger": "is missing"}
        assert db.execute("SELECT count(*) FROM ledger").fetchone() == (0,)


def test_a_table_that_is_broken_in_the_middle_is_found_at_once(tmp_path: Path) -> None:
    """Its head and foot are whole, so that only reading the rows shows it."""
    run = write(tmp_path, orders=[order(1)], ledger=[booked(n, cards=[f"card-{n * 7919}"]) for n in range(500)])
    path = run / "ledger.parquet"
    data = bytearray(path.read_bytes())
    data[200 : len(data) // 2] = b"\xff" * (len(data) // 2 - 200)
    path.write_bytes(data)
    with opened(run) as db:
        assert list(missing(db)) == ["ledger"]


def test_a_table_of_an_older_version_lacks_a_column(tmp_path: Path) -> None:
    import duckdb

    run = write(tmp_path, orders=[order(1)])
    duckdb.execute(f"COPY (SELECT 'N1' AS order_no) TO '{run}/ledger.parquet' (FORMAT parquet)")
    with opened(run) as db:
        assert missing(db)["ledger"].startswith("cannot be read: ")


def test_a_profile_that_this_version_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run\.json: no 'profile'; it belongs to another version"):
        folder.shape({key: value for key, value in plan().items() if key != "profile"})


def test_numbers_and_keys_of_any_kind_can_be_written(tmp_path: Path) -> None:
    import numpy as np

    folder.write_json(tmp_path / "x.json", {"a": np.float64(1.5), "b": {1: "one"}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1.5, "b": {"1": "one"}}


def test_a_name_that_looks_like_a_pattern_reads_no_other_run(tmp_path: Path) -> None:
    write(tmp_path / "run1", orders=[order(1)])
    with opened(write(tmp_path / "run?", orders=[order(2)])) as db:
        assert db.execute("SELECT seq FROM orders").fetchall() == [(2,)]


@pytest.mark.parametrize("key", ["run_id", "started", "command", "version", "seed", "shards", "salt", "profile", "target"])
def test_a_run_file_that_was_half_edited_names_the_key(tmp_path: Path, key: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps({name: value for name, value in plan().items() if name != key}))
    with pytest.raises(RunError, match=rf"run\.json: {key} is missing"):
        folder.plan(tmp_path)
    file.write_text(json.dumps(plan(**{key: True})))
    with pytest.raises(RunError, match=rf"run\.json: {key} is not "):
        folder.plan(tmp_path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(PermissionError(13, "Permission denied"), "cannot be opened: Permission denied"), (FileNotFoundError(2, "No such file"), "no such folder")],
    ids=["not allowed", "not there"],
)
def test_a_folder_that_may_not_be_opened_is_not_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, sentence: str
) -> None:
    def refuse(*_: object) -> int:
        raise error

    monkeypatch.setattr(folder.os, "open", refuse)
    with pytest.raises(RunError, match=sentence), folder.held(tmp_path):
        pass
