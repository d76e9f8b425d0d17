"""The built wheel, installed into a clean environment, works away from the source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from blast_tools import TINY

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with nothing in it but the wheel and what the wheel asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder, timeout=300)
    (wheel,) = (folder / "dist").glob("surgekit-*.whl")
    venv.create(folder / "env", with_pip=True)
    pip = [str(folder / "env/bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, cwd=folder, timeout=600)
    return folder


def test_the_wheel_blasts_away_from_the_source_tree(installed: Path) -> None:
    (installed / "tiny.yaml").write_text(TINY)
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(installed / "env/bin/surgekit"), "blast", "--profile", "tiny.yaml", "--target", "cardshop-hardened", "--format", "json"],
        cwd=installed, capture_output=True, text=True, timeout=120, check=False, env=clean,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["validity"]["status"] == "valid"
    assert result["orders"]["confirmed"] > 20
    verdicts = {each["invariant"]: each for each in result["audit"]}
    assert verdicts["sold_within_stock"]["verdict"] == "held"
    assert verdicts["sold_within_stock"]["evidence"] > 0
    (report,) = installed.glob("runs/*/report.html")
    assert "uPlot" in report.read_text(encoding="utf-8")


def test_the_wheel_carries_both_catalogues_and_no_tests(installed: Path) -> None:
    listed = subprocess.run(
        [str(installed / "env/bin/surgekit"), "profiles", "list", "--format", "json"],
        cwd=installed, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert {each["name"] for each in json.loads(listed)} == {path.stem for path in (ROOT / "profiles").glob("*.yaml")}
    (site,) = (installed / "env/lib").glob("python*/site-packages")
    assert not (site / "tests").exists()
    assert {path.stem for path in (site / "surgekit/data/targets").glob("*.yaml")} == {path.stem for path in (ROOT / "targets").glob("*.yaml")}
