"""Connections to addresses that were checked, and no byte waited for beyond a deadline."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from surgekit import clock


class Pinned(httpcore.NetworkBackend):
    """Connects to ``address``, whatever name a URL has. ``deadline`` holds for every wait until it is set anew.

    A time-out for each read alone would let a platform that sends a byte a second go on for ever.
    """

    def __init__(self, address: str, connect_s: float) -> None:
        self.address = address
        self.deadline = 0.0
        self._connect_s = connect_s
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str,  # noqa: ARG002  (what was checked is what is connected to)
        port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        wait = min(self._connect_s, self.left(timeout, httpcore.ConnectTimeout))
        return _Bounded(self._inner.connect_tcp(self.address, port, wait, local_address, socket_options), self)

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """Seconds that a wait may still take; raises ``error`` where that is none."""
        left = self.deadline - clock.now()
        if left <= 0:
            raise error("the reply took too long as a whole")
        return left if timeout is None else min(timeout, left)


class _Bounded(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, pinned: Pinned) -> None:
        self._inner, self._pinned = inner, pinned

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._pinned.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._pinned.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> httpcore.NetworkStream:
        left = self._pinned.left(timeout, httpcore.ConnectTimeout)
        return _Bounded(self._inner.start_tls(ssl_context, server_hostname, left), self._pinned)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
