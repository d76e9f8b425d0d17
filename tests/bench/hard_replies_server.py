"""A server that speaks every awkward form by its path, and every mutated reply by its number.

``python -m tests.bench.hard_replies_server FOLDER`` makes certificates in FOLDER, prints the ports of its listeners (below) as
JSON, and serves on loopback until its standard input ends. ``/form/NAME`` is answered as ``FORMS`` has it, ``/fuzz/N`` as
``hard_replies_fuzz.case`` has it, ``/control/NAME`` with what came of NAME: over which connections it was heard.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections import defaultdict
from itertools import count
from pathlib import Path

from tests.bench.hard_replies_forms import FORMS, SELF, WHOLE, Drip, End, Hear, Say, Step, Wait
from tests.bench.hard_replies_fuzz import case

PLAIN = tuple(f"plain_{number}" for number in range(4))
"""More than one, because a connection that was closed leaves its pair of ports used for a minute."""
LISTENERS = ("plain", *PLAIN, "tls", "wrong_name", "expired", "unknown", "alert", "hangs_up", "silent", "answers_400", "nobody", "full")
TRUSTED = "trusted.pem"
"""In FOLDER: whoever trusts it trusts ``tls``, ``wrong_name`` and ``expired``, so that nothing but that is wrong with them."""
_BY_FORM = {form.name: form for form in FORMS}
_PATIENCE_S = 15.0
"""A client that neither reads nor closes is left."""
_ASKED = re.compile(rb"[A-Z]+ /(form|fuzz|control|hop|echo|kept)/?([^ ?]*)[^ ]* HTTP/1\.1\r\n")
_GREETINGS = {
    "alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "hangs_up": b"",
    "answers_400": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}

_numbers = count(1)
_heard: dict[str, list[int]] = defaultdict(list)


class _Talk:
    """One connection."""

    def __init__(self, conn: socket.socket, port: int) -> None:
        self._conn, self._port, self._number = conn, port, next(_numbers)
        self._data = b""
        self._left = 0

    def serve(self) -> None:
        while head := self._hear_head():
            found = _ASKED.match(head)
            kind, name = (found[1].decode(), found[2].decode()) if found else ("", "")
            if kind == "form":
                form = _BY_FORM[name]
                _heard[name].append(self._number)
                if not form.early:
                    self._hear_body()
                second = form.at_first and len(_heard[name]) % 2 == 0
                steps, end = ((Say(WHOLE),), "keep") if second else (form.steps, form.end)
            else:
                body = self._hear_body()
                steps, end = self._other(kind, name, head, body)
            for step in steps:
                self._do(step)
            if not self._goes_on(end):
                return

    def _other(self, kind: str, name: str, head: bytes, body: bytes) -> tuple[tuple[Step, ...], End]:
        if kind == "fuzz":
            made = case(int(name))
            return made.steps, made.end
        if kind == "control":
            told = json.dumps({"connection": self._number, "heard": _heard[name]}).encode()
            return (Say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told)),), "close"
        if kind == "hop" and int(name):
            return (Say(b"HTTP/1.1 307 On\r\nLocation: /hop/%d\r\nContent-Length: 0\r\n\r\n" % (int(name) - 1)),), "keep"
        if kind in ("echo", "hop"):
            said = head.split(b" ", 1)[0] + b" " + body
            return (Say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)),), "keep"
        return (Say(WHOLE),), "keep"

    def _hear_head(self) -> bytes:
        while b"\r\n\r\n" not in self._data:
            block = self._conn.recv(65536)
            if not block or len(self._data) > 1 << 20:
                return b""
            self._data += block
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
        self._left = int(length[1]) if length else 0
        return head + b"\r\n\r\n"

    def _hear_body(self) -> bytes:
        while len(self._data) < self._left:
            block = self._conn.recv(1 << 20)
            if not block:
                raise ConnectionError
            self._data += block
        body, self._data = self._data[: self._left], self._data[self._left :]
        self._left = 0
        return body

    def _do(self, step: Step) -> None:
        if isinstance(step, Say):
            data = step.data.replace(SELF, b"127.0.0.1:%d" % self._port) if len(step.data) < 1000 else step.data
            for _ in range(step.times):
                self._conn.sendall(data)
        elif isinstance(step, Drip):
            for at in range(0, len(step.data), step.size):
                self._conn.sendall(step.data[at : at + step.size])
                time.sleep(step.pause_s)
        elif isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, Hear):
            self._hear_body()

    def _goes_on(self, end: End) -> bool:
        if end == "reset":
            self._conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif end in ("close", "hold"):
            if end == "close":
                self._conn.shutdown(socket.SHUT_WR)
            while self._conn.recv(65536):  # what is closed with bytes unread is reset, and the reply may be lost with it
                pass
        return end == "keep"


def _talk(conn: socket.socket, port: int, role: str, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as open_:
        open_.enter_context(conn)
        conn.settimeout(_PATIENCE_S)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if role in _GREETINGS:
            conn.recv(65536)
            conn.sendall(_GREETINGS[role])
        elif role == "silent":
            while conn.recv(65536):
                pass
        else:
            if tls is not None:
                conn = open_.enter_context(tls.wrap_socket(conn, server_side=True))
            _Talk(conn, port).serve()


def _accept(listener: socket.socket, role: str, tls: ssl.SSLContext | None) -> None:
    port = listener.getsockname()[1]
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=_talk, args=(conn, port, role, tls), daemon=True).start()


def _certificate(folder: Path, name: str, host: str, *dates: str) -> Path:
    """Self-signed, for ``host``, with its key in one file; ``dates``: from, and to."""
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nnew_certs_dir = .\ndefault_md = sha256\npolicy = p\nrand_serial = yes\n"
        f"x509_extensions = x\nunique_subject = no\n[p]\ncommonName = supplied\n[x]\nsubjectAltName = DNS:{host}\nbasicConstraints = critical,CA:TRUE\n"
    )
    (folder / "index.txt").write_text("")
    for words in (
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", "-keyout", f"{name}.key", "-out", f"{name}.csr"],
        ["ca", "-batch", "-config", "ca.cnf", "-selfsign", "-keyfile", f"{name}.key", "-in", f"{name}.csr", "-out", f"{name}.crt", "-notext",
         *(["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", "2"])],
    ):  # fmt: skip
        subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)
    path = folder / f"{name}.pem"
    path.write_bytes((folder / f"{name}.crt").read_bytes() + (folder / f"{name}.key").read_bytes())
    return path


def _contexts(folder: Path) -> dict[str, ssl.SSLContext]:
    made = {
        "tls": _certificate(folder, "tls", "localhost"),
        "wrong_name": _certificate(folder, "wrong_name", "elsewhere.example"),
        "expired": _certificate(folder, "expired", "localhost", "20200101000000Z", "20200102000000Z"),
        "unknown": _certificate(folder, "unknown", "localhost"),
    }
    (folder / TRUSTED).write_bytes(b"".join((folder / f"{name}.crt").read_bytes() for name in ("tls", "wrong_name", "expired")))
    contexts = {}
    for role, path in made.items():
        contexts[role] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[role].load_cert_chain(path)
    return contexts


def main() -> None:
    contexts = _contexts(Path(sys.argv[1]))
    ports, kept = {}, []
    for role in LISTENERS:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        ports[role] = listener.getsockname()[1]
        kept.append(listener)
        if role == "full":
            listener.listen(0)
            for _ in range(4):  # the queue of an overloaded server
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
                kept.append(waiting)
        elif role != "nobody":
            listener.listen(256)
            threading.Thread(target=_accept, args=(listener, role, contexts.get(role)), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os._exit(0)  # whoever is still being talked to


if __name__ == "__main__":
    main()
