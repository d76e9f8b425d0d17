"""What the command line says of a fleet: where, how many, by which token."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from surgekit.cli import cli
from surgekit.errors import ConfigError
from surgekit.fleet import PORT, TOKEN_ENV, Muster, muster, place, token_from
from surgekit.manifest import PLACEHOLDER, manifest

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.7", ("10.0.0.7", PORT)),
        ("10.0.0.7:99", ("10.0.0.7", 99)),
        ("master.example", ("master.example", PORT)),
        ("::1", ("::1", PORT)),
        ("[::1]", ("::1", PORT)),
        ("[::1]:65535", ("::1", 65535)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
    ],
)
def test_a_place_is_a_host_with_a_port_or_locusts_own(text: str, found: tuple[str, int]) -> None:
    assert place(text, "--join") == found


@pytest.mark.parametrize("text", ["", ":5557", "host:", "host:0", "host:65536", "host:x", "host:٣", "a b", "tcp://host:1", "*", "*:5557", "[::1", "[::1]5", "[]:1", "h/x"])
def test_what_is_no_place_is_said_with_the_option(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--join "):
        place(text, "--join")


def test_a_token_comes_from_a_file_or_the_environment_and_is_never_a_short_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert token_from(file, {}) == TOKEN
    assert token_from(file, {TOKEN_ENV: "another token here"}) == TOKEN
    assert token_from(None, {TOKEN_ENV: f" {TOKEN} "}) == TOKEN
    assert token_from(None, {}) is None
    for bad in (lambda: token_from(None, {TOKEN_ENV: TOKEN[:-1]}), lambda: token_from(tmp_path / "none", {}), lambda: token_from(tmp_path, {})):
        with pytest.raises(ConfigError) as told:
            bad()
        assert TOKEN[:-1] not in str(told.value)


def test_a_fleet_listens_on_loopback_unless_told_otherwise() -> None:
    assert muster(1, 0, None, None) == Muster()
    assert muster(2, 3, None, None).listen == ("127.0.0.1", PORT)
    assert muster(0, 3, "10.0.0.7:99", None).listen == ("10.0.0.7", 99)
    assert muster(2, 3, None, None).shards == 5


@pytest.mark.parametrize(("words", "says"), [((0, 0, None), "--workers 0"), ((2, 0, "10.0.0.7"), "--listen"), ((1, 1, "*"), "--listen")])
def test_a_fleet_that_makes_no_sense_is_refused(words: tuple[int, int, str | None], says: str) -> None:
    with pytest.raises(ConfigError, match=f"^{says}"):
        muster(*words, None)


@pytest.mark.parametrize("stay", [False, True])
def test_manifests_are_yaml_that_kubernetes_reads_and_have_no_secret_in_them(stay: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_ENV, TOKEN)
    words = ["worker", "--manifest", "--join", "10.0.0.7:99", "--count", "7", "--image", "load:1", *(["--stay"] if stay else [])]
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0
    assert TOKEN not in told.output
    assert "&id" not in told.output
    secret, work = yaml.safe_load_all(told.output)
    assert (secret["kind"], secret["stringData"]) == ("Secret", {"token": PLACEHOLDER})
    assert work["kind"] == ("Deployment" if stay else "Job")
    assert work["spec"]["replicas" if stay else "parallelism"] == 7
    (worker,) = work["spec"]["template"]["spec"]["containers"]
    assert worker["image"] == "load:1"
    assert worker["args"] == ["worker", "--join", "10.0.0.7:99", *(["--stay"] if stay else [])]
    assert worker["env"] == [{"name": TOKEN_ENV, "valueFrom": {"secretKeyRef": {"name": secret["metadata"]["name"], "key": "token"}}}]
    assert worker["resources"]["limits"] == worker["resources"]["requests"]
    labels = work["spec"]["template"]["metadata"]["labels"]
    assert not stay or work["spec"]["selector"]["matchLabels"] == labels


def test_an_image_of_a_manifest_is_the_users_own() -> None:
    assert "image: YOUR-IMAGE" in CliRunner().invoke(cli, ["worker", "--manifest"]).output
    assert "image: x" in manifest("h:1", image="x", count=1, stay=False)


@pytest.mark.parametrize(("words", "says"), [(["--join", "127.0.0.1"], "no token"), ([], "--join"), (["--join", "127.0.0.1:x"], "a port is a number")])
def test_a_worker_that_cannot_join_says_what_is_missing(words: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_ENV, raising=False)
    told = CliRunner().invoke(cli, ["worker", *words])
    assert isinstance(told.exception, ConfigError)
    assert says in str(told.exception)
