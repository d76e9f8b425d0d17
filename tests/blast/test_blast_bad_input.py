"""Whatever is wrong is said in one sentence before anything starts, and nothing is left behind."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from blast_tools import TINY, no_traceback, surgekit, tiny

HARDENED = """\
schema: surgekit.target/1
name: elsewhere
base_url: {url}
catalogue: [{{sku: game-100, price_fen: 100, supply: stock, stock: 30}}]
steps:
  submit:
    request: POST /api/orders
    json: {{order_key: "{{order.key}}"}}
    replies: [{{class: ok, path: status_code, equals: 0}}]
"""
NO_STOCK = TINY.replace(", stock: {1: 30}", "")


def elsewhere(folder: Path, url: str) -> Path:
    path = folder / "elsewhere.yaml"
    path.write_text(HARDENED.format(url=url), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "spring-festval"], "did you mean spring-festival?"),
        (["--profile", "spring-festival", "--target", "cardshp"], "did you mean cardshop?"),
        (["--profile", "nowhere/p.yaml"], "no such file"),
        (["--profile", "spring-festival", "--fault", "supplier-slo"], "did you mean supplier-slow?"),
        (["--profile", "spring-festival", "--fault", "supplier-slow@soon"], "--fault supplier-slow@soon"),
        (["--profile", "spring-festival", "--duration", "-5"], "--duration -5"),
        (["--profile", "spring-festival", "--duration", "0s"], "--duration"),
        (["--profile", "spring-festival", "--peak", "-3"], "--peak"),
        (["--profile", "spring-festival", "--workers", "0"], "--workers"),
        (["--profile", "spring-festival", "--format", "xml"], "--format"),
        ([], "--profile"),
    ],
)
def test_wrong_words_on_the_command_line(tmp_path: Path, words: list[str], said: str) -> None:
    done = surgekit("blast", *words, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    no_traceback(done.stderr)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (TINY.replace("rate: 25", "rate: -25"), 6, "phases[1].rate"),
        (TINY.replace("rate: 25", "rate: fast"), 6, "phases[1].rate"),
        (TINY.replace("settle: 1s", "setle: 1s"), 19, "did you mean settle?"),
        (TINY.replace("seed: 7", "seed: [7"), 4, "not valid YAML"),
        (TINY.replace("products: {zipf: 1.0, stock: {1: 30}}\n", ""), 1, "products: is missing"),
    ],
)
def test_mistakes_in_a_profile_are_named_by_file_line_and_field(tmp_path: Path, text: str, line: int, said: str) -> None:
    done = surgekit("blast", "--profile", tiny(tmp_path, text), cwd=tmp_path)
    assert done.returncode == 2
    assert f"tiny.yaml:{line}: " in done.stderr, done.stderr
    assert said in done.stderr
    no_traceback(done.stderr)


def test_a_platform_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = elsewhere(tmp_path, f"http://127.0.0.1:{port}")
    done = surgekit("blast", "--profile", tiny(tmp_path, NO_STOCK), "--target", target, cwd=tmp_path)
    assert done.returncode == 1
    assert "nothing answers there" in done.stderr
    assert not list((tmp_path / "runs").glob("*"))
    no_traceback(done.stderr)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.1.2.3", "consent of its owner"), ("http://192.0.2.7:8080", "consent of its owner"), ("http://[2001:db8::1]", "consent of its owner"),
        ("http://0.0.0.0:80", "never loaded"), ("http://[::ffff:127.0.0.1]", "never loaded"),
    ],
)  # fmt: skip
def test_another_host_needs_consent(tmp_path: Path, url: str, said: str) -> None:
    done = surgekit("blast", "--profile", tiny(tmp_path, NO_STOCK), "--target", elsewhere(tmp_path, url), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()
    no_traceback(done.stderr)


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    """A server on loopback whose certificate names somebody else, signed by nobody."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=shop.invalid",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            try:
                with context.wrap_socket(plain.accept()[0], server_side=True) as peer:
                    peer.recv(1000)
            except OSError:
                pass  # the client hangs up; that is the point

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://localhost:{plain.getsockname()[1]}"
        done = surgekit("blast", "--profile", tiny(tmp_path, NO_STOCK), "--target", elsewhere(tmp_path, url), cwd=tmp_path)
        thread.join(timeout=5)
    assert done.returncode == 1
    assert "TLS certificate is not accepted" in done.stderr
    no_traceback(done.stderr)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = surgekit("cardshop", "--port", str(port), cwd=tmp_path, timeout=60)
        web = surgekit("blast", "--profile", tiny(tmp_path), "--web", str(port), cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert web.returncode == 1
    assert f"port {port}" in web.stderr
    no_traceback(done.stderr, web.stderr)


def test_a_folder_that_cannot_be_written_or_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file" / "run", tmp_path):
        done = surgekit("blast", "--profile", tiny(tmp_path), "--out", out, cwd=tmp_path)
        assert done.returncode == 2
        assert "--out" in done.stderr
        no_traceback(done.stderr)


@pytest.mark.parametrize("kib", [8, 60])
def test_a_full_disk(tmp_path: Path, kib: int) -> None:
    """No file may grow beyond a few KiB: the surge or the sealing fails, and says so."""
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({kib} * 1024, {kib} * 1024))
sys.argv = ["surgekit", "blast", "--profile", {str(tiny(tmp_path))!r}, "--out", {str(tmp_path / "run")!r}]
from surgekit.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("surgekit: ")
    assert len(last) < 600
    no_traceback(done.stderr)
    assert not (tmp_path / "run" / "result.json").exists()
    assert not list((tmp_path / "run").glob("*.part"))


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    for name, said in (("nowhere", "no such folder"), ("empty", "not a run folder"), ("broken", "not JSON")):
        for command in ("report", "audit"):
            done = surgekit(command, tmp_path / name, cwd=tmp_path)
            assert done.returncode == 1
            assert said in done.stderr
            no_traceback(done.stderr)
