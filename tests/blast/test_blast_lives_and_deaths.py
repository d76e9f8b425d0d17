"""What is left when something is killed in the middle: no process, no lie, and a report."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from blast_tools import all_pids, gone, kill, no_traceback, running, surge_under_way, surgekit, table, tiny


def scheduled(run: Path, folder: Path) -> int:
    """How many orders the run's schedule has, drawn anew from its run.json."""
    from surgekit.arrivals import schedule
    from surgekit.profile import Profile
    from surgekit.target import Target

    plan = json.loads((run / "run.json").read_text())
    return len(schedule(Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"]).skus, plan["seed"]))


def test_a_killed_platform_leaves_unknown_orders_and_undecided_verdicts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        plan = surge_under_way(run, 3.5)
        kill(plan["processes"]["platform"][0])
        out, _ = blast.communicate(timeout=90)
    no_traceback(out)
    assert blast.returncode == 0, out
    result = json.loads((run / "result.json").read_text())
    assert result["validity"]["status"] == "valid", result["validity"]
    assert result["orders"]["scheduled"] == scheduled(run, tmp_path)
    assert table(run, "SELECT count(*) FROM '$orders.parquet'") == [(result["orders"]["scheduled"],)]
    assert result["orders"]["unknown"] > 0
    # Orders that found the port closed never reached the platform: that is known.
    assert table(run, "SELECT count(*) FROM '$orders.parquet' WHERE outcome = 'failed' AND reason = 'connect_refused'")[0][0] > 0
    verdicts = {each["invariant"]: each for each in result["audit"]}
    for name in ("paid_is_settled", "charged_once", "sold_within_stock"):
        assert verdicts[name]["verdict"] == "undecided", verdicts[name]
        assert "ledger" in verdicts[name]["because"]
    # The second half of the run met a closed port: that is no run whose errors held.
    assert result["breakdown"]["error_rate"]["status"] == "broke", result["breakdown"]["error_rate"]
    assert result["breakdown"]["confirm_latency"]["status"] != "held", result["breakdown"]["confirm_latency"]
    assert any("signal 9" in note for note in result["notes"]), result["notes"]


def test_a_killed_engine_makes_the_run_void_and_its_orders_unknown(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        plan = surge_under_way(run, 3.5)
        kill(plan["processes"]["engine"][0])
        out, _ = blast.communicate(timeout=90)
    no_traceback(out)
    assert blast.returncode == 3, out
    assert gone(all_pids(plan)) == []
    result = json.loads((run / "result.json").read_text())
    assert result["validity"]["status"] == "void"
    assert "the load engine was lost" in " ".join(result["validity"]["reasons"])
    assert result["orders"]["scheduled"] == scheduled(run, tmp_path)
    # Late in the schedule nothing had left yet; what was under way at the kill is not called failed by the buyers.
    assert table(run, "SELECT count(*) FROM '$orders.parquet' WHERE reason = 'unsent' AND intended_s > 5")[0][0] > 0
    assert table(run, "SELECT count(*) FROM '$orders.parquet' WHERE seen = 'unknown' AND reason LIKE 'engine_died%'")[0][0] > 0


def test_a_killed_command_leaves_no_process_and_its_remains_can_be_reported(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        plan = surge_under_way(run, 3.5)
        kill(blast.pid)
        blast.wait(timeout=10)
    assert gone(all_pids(plan)) == []
    assert not (run / "result.json").exists()
    told = surgekit("report", run, cwd=tmp_path)
    no_traceback(told.stdout, told.stderr)
    assert told.returncode == 0, told.stderr
    assert "VOID" in told.stdout
    assert "cut off" in told.stdout
    result = json.loads((run / "result.json").read_text())
    assert result["validity"]["status"] == "void"
    assert result["orders"]["scheduled"] == scheduled(run, tmp_path)
    assert result["orders"]["unknown"] > 0
    assert {each["verdict"] for each in result["audit"]} <= {"undecided", "violated"}


def test_a_run_that_is_still_going_on_is_not_touched(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        surge_under_way(run, 1.0)
        for command in ("report", "audit"):
            told = surgekit(command, run, cwd=tmp_path)
            assert told.returncode == 1
            assert "still going on" in told.stderr
            no_traceback(told.stderr)
        assert (run / "spool").is_dir()
        blast.communicate(timeout=90)
    assert blast.returncode in (0, 3)
    assert (run / "result.json").exists()


def test_ctrl_c_stops_sending_and_still_reports(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        plan = surge_under_way(run, 3.0)
        blast.send_signal(signal.SIGINT)
        out, _ = blast.communicate(timeout=60)
    no_traceback(out)
    assert blast.returncode == 105, out
    assert gone(all_pids(plan)) == []
    result = json.loads((run / "result.json").read_text())
    assert result["run"]["aborted"] is True
    assert any("stopped by hand" in note for note in result["notes"])
    last = table(run, "SELECT max(sent_s) FROM '$orders.parquet'")[0][0]
    assert last < 6.0
    assert table(run, "SELECT count(*) FROM '$orders.parquet' WHERE reason = 'unsent'")[0][0] > 0
