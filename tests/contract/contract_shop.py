"""A small shop on loopback that answers each request as a test tells it, and keeps what it heard."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from surgekit import clock


@dataclass(frozen=True)
class Heard:
    """A request as the shop heard it. ``at_s`` is on the host's clock."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    at_s: float

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        return {name: each.value for name, each in SimpleCookie(self.headers.get("cookie", "")).items()}

    @property
    def step(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """``data`` goes out as JSON, a text as an HTML page, bytes as they are. ``headers`` may name one several times."""

    data: Any = b""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)


def goes_to(place: str, status: int = 302, *headers: tuple[str, str]) -> Answer:
    return Answer(b"", status, [("Location", place), *headers])


RESET, SILENCE = object(), object()
"""Instead of an answer: the connection breaks; or nothing comes."""
NOT_FOUND = Answer({"code": 404, "msg": "no such page"}, 404)
Manners = Any | Callable[[Heard], Any]


class CardShop:
    """``manners``: for each ``METHOD /path`` an answer, a list of answers in turn (the last of them again and again), or a
    function of the request."""

    def __init__(self, manners: Mapping[str, Manners]) -> None:
        self.heard: list[Heard] = []
        self.manners = dict(manners)
        self._turn: dict[str, int] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one packet, or each reply waits for an acknowledgement

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                answer = shop._answer(Heard(self.command, parts.path, query, headers, body, clock.now()))
                if answer is RESET:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if answer in (RESET, SILENCE):
                    if answer is SILENCE:
                        shop._over.wait(10)
                    self.close_connection = True
                    return
                self._say(answer if isinstance(answer, Answer) else Answer(answer))

            def _say(self, answer: Answer) -> None:
                data, kind = answer.data, None
                if isinstance(data, str):
                    data, kind = data.encode(), "text/html; charset=utf-8"
                elif not isinstance(data, bytes):
                    data, kind = json.dumps(data, ensure_ascii=False).encode(), "application/json"
                self.send_response(answer.status)
                said = {name.lower() for name, _ in answer.headers}
                for name, value in [*([("Content-Type", kind)] if kind and "content-type" not in said else []), *answer.headers]:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a buyer who hangs up is no news
        self._server.shutdown_request = self._server.close_request  # type: ignore[method-assign]  # a goodbye would hide a reset
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()

    def _answer(self, heard: Heard) -> Any:
        with self._lock:
            self.heard.append(heard)
            manners = self.manners.get(heard.step, NOT_FOUND)
            if isinstance(manners, list):
                turn = self._turn.get(heard.step, 0)
                self._turn[heard.step] = turn + 1
                manners = manners[min(turn, len(manners) - 1)]
        return manners(heard) if callable(manners) else manners

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asked(self, step: str) -> list[Heard]:
        """What was asked of ``METHOD /path``."""
        return [each for each in self.heard if each.step == step]

    def asked_when(self, step: str, count: int) -> list[Heard]:
        """The same, once there are so many."""
        by = clock.now() + 10
        while len(found := self.asked(step)) < count:
            assert clock.now() < by
            time.sleep(0.002)
        return found

    @property
    def steps(self) -> list[str]:
        return [each.step for each in self.heard]
