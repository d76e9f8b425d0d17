"""The shop as its parent starts it: one line on standard output, and an end that can be relied on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from surgekit.cardshop.seed import codes, load
from surgekit.errors import ConfigError


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "surgekit.cardshop", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SURGEKIT_LIFELINE": "1"},
    )
    assert child.stdout is not None
    try:
        yield child, json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()


def refuses(*options: str) -> str:
    """Start a shop that cannot start: the sentence it says instead."""
    done = subprocess.run([sys.executable, "-m", "surgekit.cardshop", *options], capture_output=True, check=False)
    line = json.loads(done.stdout)
    assert done.returncode == 1
    assert line["ready"] is False
    assert b"Traceback" not in done.stderr
    assert "\n" not in line["error"]
    sentence: str = line["error"]
    return sentence


def test_a_buyer_is_served_and_closing_stdin_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    catalogue = [{"sku": "g-1", "name": "G", "price_fen": 100, "supply": "stock", "stock": 3}]
    accounts = {"prefix": "vip-", "count": 2, "balance_fen": 1000}
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"seed": 7, "catalogue": catalogue, "accounts": accounts}))
    with started("--seed-file", str(seed), "--strategy", "reserve") as (child, ready):
        assert ready["ready"] is True
        with httpx.Client(base_url=ready["url"]) as client:
            body = {"order_key": "k", "sku": "g-1", "qty": 1, "account": "vip-0002"}
            number = client.post("/api/orders", json=body).json()["data"]["order_no"]
            client.post("/api/pay", json={"order_no": number, "account": "vip-0002", "method": "balance"})
            assert client.get("/healthz").json()["status_code"] == 0
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(10) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["seed.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_a_connection_open(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with started() as (child, ready), httpx.Client(base_url=ready["url"]) as client:
        client.get("/api/stock")
        child.send_signal(number)
        out, err = child.communicate(timeout=10)
        assert (child.returncode, out, err) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refuses("--port", str(port))


def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    assert "cannot be used" in refuses("--db", f"sqlite:///{tmp_path}/no/such/shop.db")
    told = refuses("--db", "postgresql://me:secret@127.0.0.1:9/shop")
    assert "cannot be used" in told
    assert "secret" not in told
    assert "sqlite:///FILE or postgresql://" in refuses("--db", "mysql://x/y")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "Invalid JSON"),
        ('{"catalogue": []}', "catalogue"),
        ('{"catalogue": [{"sku": "a", "name": "A", "price_fen": -5}]}', "catalogue.0.price_fen"),
        ('{"catalogue": [{"sku": "a", "name": "A", "price_fen": 5, "colour": "red"}]}', "catalogue.0.colour"),
    ],
)
def test_a_bad_seed_file_is_told_with_the_field(tmp_path: Path, content: str, told: str) -> None:

    seed = tmp_path / "seed.json"
    seed.write_text(content)
    with pytest.raises(ConfigError, match=told) as problem:
        load(seed)
    assert str(seed) in str(problem.value)


def test_a_missing_seed_file_and_bad_options_are_told(tmp_path: Path) -> None:
    assert "cannot be read" in refuses("--seed-file", str(tmp_path / "none.json"))
    assert "--workers" in refuses("--workers", "0")
    assert "--supplier-url" in refuses("--supplier-url", "ftp://nowhere")


def test_card_codes_come_from_the_seed_and_no_two_are_alike() -> None:

    made = codes(7, "game-100", 2000)
    assert made == codes(7, "game-100", 2000)
    assert len({*made, *codes(8, "game-100", 2000), *codes(7, "game-200", 2000)}) == 6000
    assert made[0].startswith("GAME100-")
    assert len(made[0]) == len("GAME100-7K2M-7K2M-7K2M-7K2M")
