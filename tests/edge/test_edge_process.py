"""The edge as the process that it is: one ready line, one sentence when it cannot start, gone with its parent."""

from __future__ import annotations

import asyncio
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
from edge_world import SALT, SUPPLIER_KEY, TOKEN, order, read_rows, story

from surgekit.edge.__main__ import main
from surgekit.edge.process import Stopper

KEYS = ["--supplier-key", SUPPLIER_KEY, "--salt", SALT]


@contextmanager
def process(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "SURGEKIT_LIFELINE": "1", "SURGEKIT_CONTROL_TOKEN": TOKEN}
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "surgekit.edge", *map(str, arguments)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def first_line(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    return dict(json.loads(child.stdout.readline()))


def refused(*arguments: str | Path) -> str:
    """Start it, expect that it does not: one line out, one line on stderr, exit 1. Returns the sentence."""
    with process(*arguments) as child:
        out, err = child.communicate(timeout=15)
    line = json.loads(out)
    assert child.returncode == 1
    assert line["ready"] is False
    assert err.count("\n") == 1
    assert line["error"] in err
    return str(line["error"])


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "lifeline"])
def test_it_starts_sells_through_the_link_and_ends_with_its_log_complete(tmp_path: Path, end: str) -> None:
    log = tmp_path / "edge.jsonl"
    with process("--log", log, *KEYS) as child:
        ready = first_line(child)
        assert ready.pop("ready") is True
        assert set(ready) == {"supplier", "supplier_link", "gateway", "control"}
        assert all(address.startswith("http://127.0.0.1:") for address in ready.values())
        reply = httpx.post(ready["supplier_link"] + "/order", data=order("C1")).json()
        assert reply["data"]["status"] == "success"
        faults = httpx.get(ready["control"] + "/faults", headers={"Authorization": f"Bearer {TOKEN}"})
        assert faults.json() == {"faults": []}
        kept = socket.create_connection(("127.0.0.1", int(ready["supplier_link"].rpartition(":")[2])))
        if end == "lifeline":
            assert child.stdin is not None
            child.stdin.close()
        else:
            child.send_signal(signal.Signals[end])
        assert child.wait(timeout=5) == 0
        kept.close()
        assert child.stdout is not None
        assert child.stderr is not None
        assert (child.stdout.read(), child.stderr.read()) == ("", "")
    assert {row["event"] for row in read_rows(log)} == {"purchase", "reply", "forward"}
    assert log.stat().st_mode & 0o077 == 0


def test_the_log_is_written_while_it_runs(tmp_path: Path) -> None:
    log = tmp_path / "edge.jsonl"
    with process("--log", log, *KEYS) as child:
        httpx.post(first_line(child)["supplier"] + "/order", data=order("C1"))
        while log.stat().st_size == 0:
            assert child.poll() is None
        child.kill()
        child.wait(timeout=5)
    assert read_rows(log)[0]["order_no"] == "C1"


def refused_here(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The same without a process of its own."""
    assert main([*map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    line = json.loads(out)
    assert (line["ready"], err) == (False, f"surgekit edge: {line['error']}\n")
    return str(line["error"])


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused("--gateway-port", str(port))


def test_a_log_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    assert "event log" in refused("--log", tmp_path / "nowhere" / "edge.jsonl")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Invalid JSON"),
        ('{"suplier": {}}', "suplier"),
        ('{"supplier": {"slots": 0}}', "supplier.slots"),
        ('{"gateway": {"compress": 0}}', "gateway.compress"),
        ('{"supplier": {"latency_ms": {"median": 1, "sigma": -1}}}', "supplier.latency_ms.sigma"),
    ],
)
def test_a_bad_configuration_names_its_file_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    path = tmp_path / "edge.json"
    path.write_text(text)
    sentence = refused_here(capsys, "--config", path)
    assert str(path) in sentence
    assert says in sentence


@pytest.mark.parametrize("wrong", [["--link-port", "x"], ["--seed", "-1"], ["--nonsense"], ["--link-port", "70000"]])
def test_a_bad_option_is_one_sentence(capsys: pytest.CaptureFixture[str], wrong: list[str]) -> None:
    assert refused_here(capsys, *wrong)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_disk_that_fills_up_ends_the_process_with_one_sentence() -> None:
    with process("--log", "/dev/full", *KEYS) as child:
        httpx.post(first_line(child)["supplier"] + "/order", data=order("C1"))
        child.wait(timeout=10)  # its standard input stays open: nothing but the disk ends it
        assert child.stderr is not None
        err = child.stderr.read()
    assert child.returncode == 1
    assert err.count("\n") == 1
    assert "cannot write the event log /dev/full: No space left" in err


def test_the_thread_that_watches_the_lifeline_stops_the_loop() -> None:
    async def run() -> None:
        stopper = Stopper()
        stopper.listen()
        watcher = asyncio.create_task(asyncio.to_thread(stopper.stop_and_wait))
        await stopper.asked()
        stopper.ended()
        await watcher

    story(run())
