"""The cheap shop of ``native/server.c`` where there is no C compiler: same words, same files, slower.

``python -m tests.bench.order_server COUNTERS CAPACITY``. What is measured against it is limited by it sooner.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import selectors
import socket
import struct
import sys
import time
from pathlib import Path

from tests.bench.freeze_server import whole

ORDERS, LOOKS, REFUSED, FIRST, LAST, CONNECTIONS, RECORDS = range(7)
RECORD = struct.Struct("=qI28s")
_KEY = re.compile(rb'"order":\s*"?([^",}]{1,27})')
_LOOK = re.compile(rb"GET /orders/([0-9]{1,18})")


class Shop:
    def __init__(self, counters: Path, capacity: int) -> None:
        counters.write_bytes(bytes(64))
        with counters.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 64)
        self._counts = memoryview(self._map).cast("q")
        self._capacity, self._records = capacity, bytearray()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]

    def serve(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(0, selectors.EVENT_READ, None)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._welcome()
                elif key.fileobj == 0:
                    if not self._obey():
                        return
                else:
                    self._heard(key.fileobj, key.data)  # type: ignore[arg-type]

    def _welcome(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                conn, _ = self._listener.accept()
                conn.setblocking(False)
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(conn, selectors.EVENT_READ, [bytearray(), self._counts[CONNECTIONS]])
                self._counts[CONNECTIONS] += 1

    def _heard(self, conn: socket.socket, state: list) -> None:  # type: ignore[type-arg]
        try:
            data = conn.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(conn)
            conn.close()
            return
        now, counts = time.monotonic_ns(), self._counts
        counts[FIRST] = counts[FIRST] or now
        counts[LAST] = now
        buffer, number = state
        buffer += data
        replies = []
        while (end := whole(bytes(buffer))) is not None:
            replies.append(self._answer(bytes(buffer[:end]), now, number))
            del buffer[:end]
        with contextlib.suppress(OSError):
            conn.sendall(b"".join(replies))

    def _answer(self, request: bytes, now: int, connection: int) -> bytes:
        counts = self._counts
        if request.startswith(b"POST /orders"):
            if counts[RECORDS] < self._capacity:
                key = _KEY.search(request)
                self._records += RECORD.pack(now, connection, key[1] if key else b"")
                counts[RECORDS] += 1
            counts[ORDERS] += 1
            return _reply(b"201 Created", b'{"ok":1,"order_no":"%d","status":"created"}' % counts[ORDERS])
        look = _LOOK.match(request)
        if look and 0 < int(look[1]) <= counts[ORDERS]:
            counts[LOOKS] += 1
            return _reply(b"200 OK", b'{"ok":1,"order_no":"%s","status":"delivered"}' % look[1])
        counts[REFUSED] += 1
        return _reply(b"404 Not Found", b'{"ok":0}')

    def _obey(self) -> bool:
        line = os.read(0, 4096).decode()
        word, _, rest = line.strip().partition(" ")
        if word == "reset":
            self._records.clear()
            for at in (ORDERS, LOOKS, REFUSED, FIRST, LAST, RECORDS):
                self._counts[at] = 0
        elif word == "dump":
            Path(rest).write_bytes(self._records)
        if line:
            print("done", flush=True)
        return bool(line)


def _reply(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def main() -> None:
    shop = Shop(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"port": shop.port}), flush=True)
    shop.serve()


if __name__ == "__main__":
    main()
