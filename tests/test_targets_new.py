"""``surgekit targets new`` as a shell meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from surgekit import target
from surgekit.cli import cli, targets_new
from surgekit.errors import ConfigError, SurgeKitError

DOCUMENT = json.dumps({"openapi": "3.0.0", "paths": {"/orders": {"post": {"operationId": "createOrder"}}}})


def new(*words: str, given: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["targets", "new", *words], input=given)
    if isinstance(done.exception, SurgeKitError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_a_draft_goes_to_standard_output_and_to_a_file(tmp_path: Path) -> None:
    source, out = tmp_path / "api.json", tmp_path / "shop.yaml"
    source.write_text(DOCUMENT)
    code, printed, _ = new("--openapi", str(source))
    assert code == 0
    code, nothing, said = new("--openapi", str(source), "--out", str(out))
    assert (code, nothing, out.read_text("utf-8")) == (0, "", printed)
    assert "to fill in" in said
    assert target.load(str(out)).steps.submit.request == "POST /orders"


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    source, out = tmp_path / "api.json", tmp_path / "shop.yaml"
    source.write_text(DOCUMENT)
    out.write_text("mine")
    with pytest.raises(ConfigError, match="exists already, and is not overwritten"):
        new("--openapi", str(source), "--out", str(out))
    assert out.read_text() == "mine"


@pytest.mark.parametrize("option", ["--openapi", "--har"])
def test_files_that_cannot_be_read_are_one_sentence(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setattr(targets_new, "MOST_DOCUMENT", 1 << 20)
    monkeypatch.setattr(targets_new, "MOST_RECORDING", 1 << 20)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(200_000_000)
    for name, why in (("none", "cannot be read"), ("", "cannot be read"), ("bytes", "not UTF-8"), ("large", "too large"), ("a\0b", "no file can have this name")):
        with pytest.raises(ConfigError, match=why):
            new(option, str(tmp_path / name))


def test_two_sources_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="two sources"):
        new("--openapi", "a", "--har", "b")


def test_without_a_terminal_nothing_is_asked() -> None:
    done = subprocess.run([sys.executable, "-m", "surgekit", "targets", "new"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "surgekit: surgekit targets new asks questions, and standard input is no terminal; give --openapi FILE or --har FILE"


def test_questions_are_asked_until_the_answer_is_one_and_the_draft_alone_is_on_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets_new, "asking", lambda: True)
    code, printed, said = new(given="nonsense\nhttp://127.0.0.1:9001\n" + "\n" * 40)
    assert code == 0
    assert "written http://host:port" in said
    assert "Where does the platform run?" in said
    (tmp_path / "t.yaml").write_text(printed, encoding="utf-8")
    assert target.load(str(tmp_path / "t.yaml")).base_url == "http://127.0.0.1:9001"
