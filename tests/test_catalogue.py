"""A profile or a target is found by name in the catalogue, or by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgekit import catalogue
from surgekit.errors import ConfigError


def test_a_name_is_found_in_the_catalogue() -> None:
    assert catalogue.find("profiles", "steady") == catalogue.folder("profiles") / "steady.yaml"


@pytest.mark.parametrize("file", ["mine.yaml", "mine.yml", "sub/mine"])
def test_what_looks_like_a_path_is_a_path(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert catalogue.find("targets", str(path)) == path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stedy", "no profile named 'stedy'; did you mean steady? (a path to a .yaml file works too)"),
        ("qqq", "no profile named 'qqq'; known: 618, double-11, "),
        ("", "no profile named ''; known: 618, "),
        ("missing.yaml", "missing.yaml: no such file; surgekit profiles list shows the catalogue"),
        ("../profiles", "../profiles: no such file"),
        ("/" + "x" * 5000, "x: no such file"),
        ("a\0/b", "no such file"),
    ],
    ids=["near", "far", "empty", "no file", "a folder", "too long", "nul"],
)
def test_what_is_not_there_is_said_with_what_is(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        catalogue.find("profiles", name)
    assert said in str(raised.value)


def test_an_installed_package_uses_the_catalogue_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "profiles").mkdir(parents=True)
    (tmp_path / "data" / "profiles" / "inside.yaml").touch()
    monkeypatch.setattr(catalogue, "_HERE", tmp_path)
    assert catalogue.names("profiles") == ["inside"]
