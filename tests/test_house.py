"""Lint, types and import contracts are tests like the others, so that one command passes judgement on everything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_ruff_finds_nothing() -> None:
    done = run(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_strict_finds_nothing() -> None:
    done = run(sys.executable, "-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_point_one_way() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_imports_nothing_heavy() -> None:
    """`surgekit --help` answers at once because heavy imports stay inside the commands."""
    done = run(sys.executable, "-X", "importtime", "-m", "surgekit", "--help")
    assert done.returncode == 0
    loaded = set(re.findall(r"\|\s+([\w.]+)$", done.stderr, re.MULTILINE))
    heavy = {"numpy", "duckdb", "locust", "gevent", "pydantic", "httpx", "rich", "faker", "sqlalchemy", "starlette", "yaml", "tabulate"}
    assert "click" in loaded
    assert not heavy & loaded


def commands() -> list[list[str]]:
    """Every command and subcommand."""
    import click

    from surgekit.cli import cli

    found: list[list[str]] = []

    def walk(group: click.Group, words: list[str]) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found.append([*words, name])
            if isinstance(command, click.Group):
                walk(command, [*words, name])

    walk(cli, [])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_explains_itself_and_stands_in_the_readme(words: list[str]) -> None:
    from click.testing import CliRunner

    from surgekit.cli import cli

    told = CliRunner().invoke(cli, [*words, "--help"])
    assert told.exit_code == 0
    assert len(told.output.splitlines()) > 4
    assert f"surgekit {' '.join(words)}" in (ROOT / "README.md").read_text(encoding="utf-8")
