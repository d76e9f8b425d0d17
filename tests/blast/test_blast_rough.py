"""A blast in rough surroundings: no UTF-8, stray modules, closed streams, killed and hanging children."""

from __future__ import annotations

import json
import os
import queue
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml
from blast_tools import command, kill, no_traceback, running, surge_under_way, tiny

from surgekit import watch
from surgekit.errors import RunError
from surgekit.profile import Profile
from surgekit.report.show import Silent


def test_a_blast_needs_neither_utf8_nor_a_clean_directory_nor_anybody_who_listens(tmp_path: Path) -> None:
    run = tmp_path / "run"
    # Children that import from here would take this for Locust.
    (tmp_path / "locust.py").write_text("raise SystemExit('the wrong locust')\n")
    profile = tiny(tmp_path)
    profile.write_text(profile.read_text(encoding="utf-8") + "about: 抢购\n", encoding="utf-8")
    read, write = os.pipe()
    os.close(read)
    try:
        # Started from its own directory on the path, as the installed command is; python -m would itself look here first.
        words = command(["blast", "--profile", profile, "--out", run])
        done = subprocess.run(
            [words[0], "-P", *words[1:]], cwd=tmp_path, stdout=write, stderr=write, timeout=120, check=False,
            env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        )  # fmt: skip
    finally:
        os.close(write)
    assert done.returncode in (0, 3), (run / "logs" / "engine-0.log").read_text()  # 3: something else had the cores
    result = json.loads((run / "result.json").read_bytes())
    assert result["orders"]["confirmed"] > 0


@pytest.mark.parametrize("who", ["platform", "command"])
def test_card_codes_do_not_outlive_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    run = tmp_path / "run"
    with running("blast", "--profile", tiny(tmp_path), "--out", run, cwd=tmp_path) as blast:
        plan = surge_under_way(run, 1.0)
        platform = psutil.Process(plan["processes"]["platform"][0])
        assert list(temporary.rglob("*.db"))
        assert not list(run.rglob("*.db"))
        if who == "platform":
            kill(platform.pid)
            out, _ = blast.communicate(timeout=90)
            no_traceback(out)
            assert not list(temporary.iterdir())
        else:
            kill(blast.pid)
            psutil.wait_procs([platform], timeout=20)
    assert not [each for each in temporary.rglob("*") if each.is_file()]


class Engine:
    """What ``Watch`` sees of an engine."""

    def __init__(self, *words: dict[str, Any]) -> None:
        self.said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        for word in words:
            self.said.put(word)
        self.told: list[str] = []

    def tell(self, line: str) -> None:
        self.told.append(line)


def watched(run: Path, *engines: Engine, show: Any = None, **more: Any) -> watch.Ended:
    (run / "spool").mkdir(exist_ok=True)
    ticks = iter(range(100_000))
    crew: Any = SimpleNamespace(world=None, engines=engines, platform=None, edge=None, pids=lambda: {"engine": [], "platform": [], "edge": []})
    tempo: Any = SimpleNamespace(now=lambda: float(next(ticks)))  # a second passes with each look
    timeline: Any = SimpleNamespace(active=list)
    return watch.Watch(run, crew, tempo, timeline, show or Silent(), **more).until_over()


def test_an_engine_that_hangs_is_given_up(tmp_path: Path) -> None:
    engine = Engine()
    ended = watched(tmp_path, engine, limit_s=5.0)
    assert engine.told == ["stop"]
    assert ended.how == "died"
    assert not ended.aborted
    assert "should long have been over" in ended.notes[0]
    assert "the load engine was lost" in ended.notes[1]


def test_a_stop_on_the_web_page_is_a_stop(tmp_path: Path) -> None:
    page, other = Engine({"done": True, "stopped": True}), Engine()
    other.tell = lambda line: other.said.put({"done": True, "stopped": line == "stop"})  # type: ignore[method-assign]
    ended = watched(tmp_path, page, other)
    assert (ended.how, ended.aborted) == ("in_order", True)
    (note,) = ended.notes  # the other engine only did what it was told
    assert note.startswith("stopped on the web page at ")


def test_only_the_samples_are_called_unwritable(tmp_path: Path) -> None:
    class Deaf(Silent):
        def progress(self, *_: Any) -> None:
            raise OSError(5, "the terminal has gone")

    with pytest.raises(OSError, match="the terminal has gone"):
        watched(tmp_path, Engine(), show=Deaf())


def test_samples_on_a_full_disk_end_the_run_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "samples.jsonl").symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot be written: No space left"):
        watched(tmp_path, Engine())


def test_the_limit_leaves_room_for_every_order(tmp_path: Path) -> None:
    text = yaml.safe_load(tiny(tmp_path).read_text(encoding="utf-8"))
    assert watch.limit_s(Profile.model_validate(text)) > 7 + 2 * 6 + 60
