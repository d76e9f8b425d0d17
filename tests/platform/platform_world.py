"""Small real servers on loopback, and a target that reads them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from run_story import TARGET

from surgekit.platform import Platform
from surgekit.safety import Origin
from surgekit.target.schema import Target


@dataclass(frozen=True)
class Heard:
    """A request as the shop heard it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body).items()}


@dataclass
class Answer:
    """``data`` is sent as JSON, a text as HTML; ``headers`` may name one several times."""

    data: Any
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)


class Shop:
    """Answers each request as ``manners`` says; what it heard is in ``heard``."""

    def __init__(self, manners: Callable[[Heard], Any]) -> None:
        self.heard: list[Heard] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one packet, or each reply waits for an acknowledgement

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                heard = Heard(self.command, parts.path, query, {name.lower(): value for name, value in self.headers.items()}, body)
                shop.heard.append(heard)
                told = manners(heard)
                answer = told if isinstance(told, Answer) else Answer(told)
                data = answer.data
                sent = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def place(self) -> Origin:
        return here(self.port)

    def asked(self, path: str) -> list[Heard]:
        return [each for each in self.heard if each.path == path]


def here(port: int, host: str = "127.0.0.1") -> Origin:
    return Origin("http", host, port, ("127.0.0.1",))


@contextmanager
def wild(manners: Callable[[socket.socket], None]) -> Iterator[Origin]:
    """A server that does to each connection what it is told, once a request has come; it is closed after it."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError):
            conn.recv(65536)
            manners(conn)

    def accept() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                conn, _ = listener.accept()
                threading.Thread(target=serve, args=(conn,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield here(listener.getsockname()[1])
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def target(reads: Mapping[str, Any] | None = None, **more: Any) -> Target:
    """The story's target with these reads."""
    return Target.model_validate(TARGET | {"reads": reads or {}} | more)


def platform(place: Origin, reads: Mapping[str, Any] | None = None, told: Mapping[str, str] | None = None, **more: Any) -> Platform:
    return Platform(target(reads, **more), place, "run1", secrets=told or {})
