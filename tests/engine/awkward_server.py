"""A server that does to each connection what a test tells it to, byte by byte if need be."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from surgekit.engine.http.client import Client, Pool
from surgekit.engine.loop import Loop
from surgekit.engine.loop.poll import Poller
from surgekit.safety import origin, permitted
from surgekit.target.cookies import Jar
from surgekit.target.reading import Reply
from surgekit.target.step import Request, StepPlan

OK = b"HTTP/1.1 200 OK\r\n"


class Talk:
    """One connection, from the server's side."""

    def __init__(self, server: Awkward, conn: socket.socket, number: int) -> None:
        self.server, self.conn, self.number = server, conn, number

    def hear(self) -> bytes:
        """The next request, whole; ``b""`` when the client has gone. It is written down."""
        data = b""
        while b"\r\n\r\n" not in data:
            block = self.conn.recv(65536)
            if not block:
                return b""
            data += block
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += self.conn.recv(65536)
        self.server.heard.append(head + b"\r\n\r\n" + body)
        return self.server.heard[-1]

    def say(self, data: bytes) -> None:
        self.conn.sendall(data)

    def answer(self, body: bytes = b"hello", *headers: bytes) -> None:
        lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", b""]
        self.say(b"\r\n".join(lines) + body)

    def reset(self) -> None:
        """Close so that the client sees a reset and not an end."""
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.conn.close()


class Awkward:
    """Listens on loopback; ``manners(talk)`` is called for each connection, which is closed after it."""

    def __init__(self, manners: Callable[[Talk], None], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._manners, self._tls = manners, tls
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.bind((host, port))
        self._listener.listen(16)
        self.port = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.connections = 0
        self.ending = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Awkward:
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(conn)
            thread = threading.Thread(target=self._talk, args=(conn, self.connections))
            self._threads.append(thread)
            thread.start()

    def _talk(self, conn: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                conn = self._tls.wrap_socket(conn, server_side=True)
                self._open.append(conn)
            self._manners(Talk(self, conn, number))
        conn.close()


def polite(talk: Talk) -> None:
    """Answers for as long as it is asked."""
    while talk.hear():
        talk.answer()


class Caller:
    """A client on a loop of its own, which runs while somebody waits for a reply."""

    def __init__(self, loop: Loop, client: Client) -> None:
        self.loop, self.client = loop, client

    def send(self, request: Request, jar: Jar | None = None) -> Reply:
        return self.loop.run_until(self.client.send(request, jar))

    def ask(self, step: StepPlan, values: Mapping[str, Any], jar: Jar | None = None, pool: Pool | None = None) -> Reply:
        return self.loop.run_until(self.client.ask(step, values, jar, pool))

    def together(self, *works: Coroutine[Any, Any, Reply]) -> list[Reply]:
        """All of them at the same time."""

        async def all_of_them() -> list[Reply]:
            tasks = [self.loop.spawn(work) for work in works]
            return [await task.wait() for task in tasks]

        return self.loop.run_until(all_of_them())

    def look(self, seconds: float = 0.0) -> None:
        """Let the loop hear what has come meanwhile, or comes for so long."""

        async def waits() -> None:
            await self.loop.sleep_until(self.loop.now() + seconds)
            for _ in range(2):
                await self.loop.pause()

        self.loop.run_until(waits())

    @property
    def idle(self) -> int:
        """Connections that are kept."""
        return sum(len(each) for each in self.client._pool.idle.values())


@contextmanager
def client_of(url: str, *, addresses: tuple[str, ...] = (), poller: Poller | None = None, **told: object) -> Iterator[Caller]:
    """A client of the platform at ``url``; time-outs are short, but not so short that a busy machine meets them."""
    given = {"connect_s": 5.0, "reply_s": 5.0, "keep_alive_s": 60.0, "run_id": "abc123"}
    permit, loop = permitted(origin(url), None), Loop(poller)
    if addresses:
        permit = replace(permit, place=replace(permit.place, addresses=addresses))
    client = Client(loop, permit, **(given | told))  # type: ignore[arg-type]
    try:
        yield Caller(loop, client)
    finally:
        client.close()
        loop.close()


def get(client: Caller, url: bytes = b"/", *, once: bool = False) -> Reply:
    return client.send(Request("GET", url, (), b"", once=once))


def post(client: Caller, url: bytes = b"/orders", body: bytes = b"{}") -> Reply:
    return client.send(Request("POST", url, (), body))


def told(reply: Reply) -> tuple[int, bytes, str | None, bool]:
    return reply.status, reply.body, reply.error, reply.effect_free


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for ``name``, and its key, in one file."""
    path = folder / f"{name}.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", "-", "-out", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    path.write_bytes(made.stdout)
    return path


def pair(manners: Callable[[Talk], None], pem: Path | None, **more: Any) -> tuple[Awkward, AbstractContextManager[Caller]]:
    """A server of ``manners`` and a client of it, plain or, with a certificate for localhost, under TLS."""
    if pem is None:
        server = Awkward(manners)
        return server, client_of(url(server), **more)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = Awkward(manners, tls=context)
    return server, client_of(f"https://localhost:{server.port}", tls=ssl.create_default_context(cafile=str(pem)), **more)


def url(server: Awkward) -> str:
    return f"http://127.0.0.1:{server.port}"


def says(*blocks: bytes) -> Awkward:
    """Answers each request with these blocks, then closes."""

    def manners(talk: Talk) -> None:
        talk.hear()
        for block in blocks:
            talk.say(block)

    return Awkward(manners)
