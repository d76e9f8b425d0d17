"""The kill file: seen wherever a run waits, and refused on paper where it could never be thrown."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from surgekit import clock
from surgekit.errors import ConfigError
from surgekit.safety import kill
from surgekit.target import load
from surgekit.watch import kill_file

TARGET = """
schema: surgekit.target/1
name: shop
base_url: http://127.0.0.1:9
catalogue: [{sku: game, price_fen: 100}]
steps: {submit: {request: POST /orders, replies: [{class: ok, path: code, equals: 0}]}}
safety: {kill_file: %s}
"""


def written(folder: Path, kill_file: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(TARGET % kill_file)
    return path


def test_what_is_there_already_lets_nothing_begin(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    kill.refuse(stop)
    kill.refuse(None)
    stop.symlink_to(tmp_path / "nowhere")
    with pytest.raises(kill.KilledError, match="is there, so nothing is sent; remove it first") as told, kill.heeded(stop):
        pytest.fail("it began")
    assert told.value.exit_code == 105


def slept() -> None:
    time.sleep(60)


def received() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(60)
        left.recv(1)


def swallowed() -> None:
    while True:
        try:
            time.sleep(60)
        except Exception:  # noqa: BLE001 - as code that means well has it
            pytest.fail("it was held up")


@pytest.mark.parametrize("wait", [slept, received, swallowed], ids=lambda it: it.__name__)
def test_what_waits_is_ended_within_a_second(tmp_path: Path, wait: Callable[[], None]) -> None:
    stop, before, at = tmp_path / "stop", signal.getsignal(signal.SIGUSR1), []

    def throw() -> None:
        at.append(clock.now())
        stop.touch()

    thrower = threading.Timer(0.05, throw)
    thrower.start()
    with pytest.raises(kill.KilledError, match="stopped by the kill file"), kill.heeded(stop):
        wait()
    assert clock.now() - at[0] < 1.0
    assert signal.getsignal(signal.SIGUSR1) is before
    thrower.join()


def test_what_is_not_thrown_changes_nothing(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    for path in (tmp_path / "stop", None):
        with kill.heeded(path):
            pass
        with pytest.raises(ValueError, match="of its own"), kill.heeded(path):
            raise ValueError("an error of its own")
    assert signal.getsignal(signal.SIGUSR1) is before
    assert [each for each in threading.enumerate() if each.name == "kill-file"] == []


@pytest.mark.parametrize("after", [None, ValueError("of its own")], ids=["nothing", "an error"])
def test_what_keeps_it_to_itself_is_stopped_by_it_all_the_same(tmp_path: Path, after: Exception | None) -> None:
    """As an interpreter does that calls back from C, or frees something."""
    stop = tmp_path / "stop"

    def kept() -> None:
        stop.touch()
        with contextlib.suppress(BaseException):
            time.sleep(60)
        if after is not None:
            raise after

    with pytest.raises(kill.KilledError, match="stopped by the kill file"), kill.heeded(stop):
        kept()


def test_a_relative_kill_file_is_beside_the_target_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = written(tmp_path, "STOP")
    monkeypatch.chdir(elsewhere)
    assert kill_file(load(str(path))) == tmp_path / "STOP"
    assert kill_file(load("../shop.yaml")) == tmp_path / "STOP"
    assert kill_file(load(str(written(tmp_path, "/tmp/STOP")))) == Path("/tmp/STOP")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a" * 300, "no file can have so long a name"),
        ("钟" * 100, "no file can have so long a name"),
        ("/nowhere/" + "a" * 300, "no file can have so long a name"),
        ("a/" * 3000, "File name too long"),
        ('"a\\0b"', "no file can have this name"),
        ("shop.yaml/STOP", "no file can be there: Not a directory"),
        ("loop/STOP", "no file can be there: Too many levels of symbolic links"),
        (".", "that is a folder"),
        ("''", "that is a folder"),
    ],
)
def test_a_kill_file_that_could_never_be_thrown_is_refused_on_paper(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = written(tmp_path, name)
    with pytest.raises(ConfigError, match=r"shop\.yaml.*safety\.kill_file: ") as told:
        load(str(path))
    assert why in str(told.value)
    assert len(str(told.value).splitlines()) == 1
