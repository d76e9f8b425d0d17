"""Names, records and machines that do not exist: what consent is tested against. Every connection is a pair of sockets
within this process."""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from surgekit.safety import Permit, Texts, is_loopback, origin, permitted
from surgekit.safety.statement import digest

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TOKEN = "0123456789abcdef0123456789abcdef"
SHOP, SECOND, EVIL, VICTIM = "203.0.113.7", "203.0.113.8", "198.51.100.66", "192.0.2.99"
HOST = "shop.example.com"
URL = f"https://{HOST}"
PATIENCE_S = 0.25

Page = Callable[[bytes], Iterable[bytes]]
"""The request → the bytes of the reply, block by block."""


def line(**changes: Any) -> str:
    """A statement that is in order but for ``changes``; None leaves a field out."""
    fields: dict[str, Any] = {"host": HOST, "port": 443, "until": "2026-12-01T00:00:00Z", "token": f"sha256:{digest(TOKEN)}"}
    return " ".join(["surgekit-consent v1", *(f"{name}={value}" for name, value in (fields | changes).items() if value is not None)])


def reply(body: str = "", status: str = "200 OK", *headers: str) -> Page:
    """A page that always says the same."""
    data = body.encode()
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers, "", ""]).encode()
    return lambda _: [head + data]


@functools.cache
def _certificates() -> dict[str, Path]:
    folder = Path(tempfile.mkdtemp(prefix="consent-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = {}
    for name in (HOST, "evil.example", "untrusted"):
        made[name] = folder / f"{name}.pem"
        names = "IP:203.0.113.7" if name == "untrusted" else f"DNS:{name}"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", str(made[name]), "-out", str(folder / "one.pem")],
            check=True, capture_output=True,
        )  # fmt: skip
        made[name].write_bytes(made[name].read_bytes() + (folder / "one.pem").read_bytes())
    return made


@functools.cache
def trusting() -> ssl.SSLContext:
    """A client's context, as strict as the usual one, that knows the certificates of the shop and of evil.example."""
    context = ssl.create_default_context()
    for name in (HOST, "evil.example"):
        context.load_verify_locations(_certificates()[name])
    return context


@functools.cache
def _showing(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificates()[certificate])
    return context


class World:
    """A resolver and a dialler at once. ``asked`` and ``dialled`` is what they were asked for."""

    def __init__(self) -> None:
        self.names: dict[str, list[tuple[str, ...]]] = {}
        self.records: dict[str, Texts] = {}
        self.below: dict[str, Texts] = {}
        """Wildcards: what every name below that one answers which has no record of its own."""
        self.dns_down = False
        self.asked: list[str] = []
        self.dialled: list[str] = []
        self.heard: list[bytes] = []
        self._machines: dict[tuple[str, int], tuple[Page, str | None]] = {}

    def lives(self, host: str, *answers: tuple[str, ...]) -> World:
        """``host`` has these addresses; with several answers, each time the next, and the last one for ever."""
        self.names[host] = list(answers)
        return self

    def serves(self, address: str, page: Page, port: int = 443, certificate: str | None = HOST) -> World:
        """A machine. ``certificate`` None: plain HTTP."""
        self._machines[address, port] = (page, certificate)
        return self

    def shop(self, *lines: str, addresses: tuple[str, ...] = (SHOP,)) -> World:
        """The shop whose owner agrees, unless ``lines`` says otherwise."""
        for address in addresses:
            self.serves(address, reply("\n".join(lines or (line(),))))
        return self.lives(HOST, addresses)

    def bare(self) -> World:
        """The shop without anything at the well-known path."""
        return self.lives(HOST, (SHOP,)).serves(SHOP, reply("nothing here", "404 Not Found"))

    def says(self, *values: str, name: str = f"_surgekit-consent.{HOST}", alias: str | None = None) -> World:
        self.records[name] = Texts(values, alias)
        return self

    def ask(self, url: str = URL, token: str | None = TOKEN, patience_s: float = 5.0) -> Permit:
        return permitted(origin(url), token, resolver=self, dial=self.dial, tls=trusting(), now=lambda: NOW, patience_s=patience_s)

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(-2, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def txt(self, name: str) -> Texts:
        self.asked.append(name)
        if self.dns_down:
            raise OSError("all name servers failed")
        if name in self.records:
            return self.records[name]
        return next((texts for parent, texts in self.below.items() if name.endswith(f".{parent}")), Texts())

    def dial(self, address: str, port: int, timeout_s: float) -> socket.socket:
        self.dialled.append(address)
        if (address, port) not in self._machines:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)
        threading.Thread(target=self._serve, args=(theirs, *self._machines[address, port]), daemon=True).start()
        return ours

    def _serve(self, conn: socket.socket, page: Page, certificate: str | None) -> None:
        conn.settimeout(5)
        with contextlib.suppress(OSError):
            if certificate is not None:
                conn = _showing(certificate).wrap_socket(conn, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request and not request.startswith(b"\x16\x03") and (block := conn.recv(4096)):
                request += block
            self.heard.append(request)
            for block in page(request):
                conn.sendall(block)
        conn.close()


@contextmanager
def nothing_leaves() -> Iterator[list[str]]:
    """Refuses every connection and every look-up that is not of this machine, and lists what was tried."""
    tried: list[str] = []

    def guarded(usual: Callable[..., Any], where: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            place = where(*given)
            host = place if isinstance(place, str) else str(place[0])
            if host != "localhost" and not is_loopback(host):
                tried.append(host)
                raise PermissionError(f"a test tried to reach {host}")
            return usual(*given, **options)

        return call

    with contextlib.ExitStack() as stack:
        for name in ("connect", "connect_ex"):
            call = guarded(getattr(socket.socket, name), lambda _, place: place)
            stack.enter_context(mock.patch.object(socket.socket, name, call))
        stack.enter_context(mock.patch.object(socket.socket, "sendto", guarded(socket.socket.sendto, lambda *given: given[-1])))
        stack.enter_context(mock.patch.object(socket, "getaddrinfo", guarded(socket.getaddrinfo, lambda host, *_: str(host))))
        yield tried
