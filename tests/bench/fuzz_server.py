"""A server that says what it is told to, byte by byte, for as long as somebody listens. Loopback only."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import threading
import time

from fuzz_replies import Script, addressed, script

SOUND = b'{"code":0,"msg":"sound"}'
_PATH = re.compile(rb"[A-Z]+ /fuzz/([0-9]{1,9})[ ?/]")
_PATIENCE_S = 10.0
"""A client that neither reads nor closes is left; a test that goes wrong must not leave threads behind."""


def serve(listener: socket.socket) -> None:
    """Answer on ``listener`` until the process is ended: ``/fuzz/N`` with script N, everything else soundly."""
    port, parent = listener.getsockname()[1], os.getppid()
    listener.settimeout(1.0)
    while os.getppid() == parent:
        try:
            conn, _ = listener.accept()
        except TimeoutError:
            continue
        threading.Thread(target=_talk, args=(conn, port), daemon=True).start()


def _talk(conn: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError), conn:
        conn.settimeout(_PATIENCE_S)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := _heard(conn):
            found = _PATH.match(head)
            if found is None:
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(SOUND), SOUND))
            elif not _said(conn, port, script(int(found[1]))):
                return


def _heard(conn: socket.socket) -> bytes:
    """The next request's head; its body is read and forgotten."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = conn.recv(65536)
        if not block or len(data) > 1 << 20:
            return b""
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        left -= len(conn.recv(65536)) or left
    return head


def _said(conn: socket.socket, port: int, told: Script) -> bool:
    """Whether the connection goes on after it."""
    for piece in told.pieces:
        conn.sendall(addressed(piece, port))
        if told.pause_s:
            time.sleep(told.pause_s)
    if told.end == "silence":
        conn.recv(1)  # until the client has had enough
    elif told.end == "reset":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif told.end == "close":
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(65536):  # what is closed with bytes unread is reset, and the reply may be lost with it
            pass
    return told.end == "keep"
