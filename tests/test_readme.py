"""The README keeps its promises: two commands, a picture that is there, nothing left to fill in."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_two_single_lines_set_everything_up() -> None:
    lines = re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*)\n```", TEXT)
    assert [name for name, _ in lines] == ["run", "test"]
    for _, line in lines:
        assert line.startswith("python3 -m venv .venv && ")
    assert lines[0][1].endswith("surgekit blast --profile spring-festival")
    assert lines[1][1].endswith("-m pytest -n 2")


def test_ci_runs_the_second_line() -> None:
    assert "command: test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_pictures_and_names_in_it_exist() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (ROOT / picture).is_file(), picture
    for profile in re.findall(r"--profile ([a-z0-9-]+)", TEXT):
        assert (ROOT / "profiles" / f"{profile}.yaml").is_file(), profile
    for target in re.findall(r"--target ([a-z0-9-]+)(?![\w.])", TEXT):
        assert (ROOT / "targets" / f"{target}.yaml").is_file(), target
    assert "@@" not in TEXT


def test_every_profile_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path in (ROOT / "profiles").glob("*.yaml"):
        assert f"`{path.stem}`" in changelog
