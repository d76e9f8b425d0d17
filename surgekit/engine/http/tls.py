"""TLS over memory buffers: bytes in, bytes out, no I/O. Whoever has the socket waits, for the greeting and for half records too, by rules of its own.

    what came ─▶ fed ─▶ plain bytes        plain bytes ─▶ records ─▶ what goes        what TLS says by itself ─▶ going
"""

from __future__ import annotations

import ssl

BLOCK = 65536


class Tls:
    """One end, of whoever calls; the other has to prove to be ``host``. Every method may raise ``ssl.SSLError``, and is of no use after that but for ``going``: the
    alert that tells the peer why."""

    __slots__ = ("_coming", "_going", "_tls")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._coming, self._going, server_hostname=host)

    def greeted(self, data: bytes | None = None) -> bool:
        """Whether the greeting is over, with ``data`` that came, ``b""`` for its end. Each time there may be something ``going``."""
        if data is not None:
            self._came(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def fed(self, data: bytes) -> tuple[bytes, bool]:
        """What came, ``b""`` for its end → (what was in it, as far as its records are whole; whether the peer has ended). There may be something ``going``."""
        self._came(data)
        plain = []
        ended = not data
        try:
            while block := self._tls.read(BLOCK):
                plain.append(block)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            ended = True
        return b"".join(plain), ended

    def records(self, data: bytes) -> bytes:
        """What is to be said, as it goes."""
        self._tls.write(data)
        return self._going.read()

    def going(self) -> bytes:
        """What TLS has to say by itself: its part of the greeting, an alert, a new key."""
        return self._going.read()

    def _came(self, data: bytes) -> None:
        if data:
            self._coming.write(data)
        else:
            self._coming.write_eof()
