"""Locust's sockets have no lock. With this, a master and its workers speak by CURVE, and the master's key comes out of the run's token.

Who does not know the token does not know the master's public key, which never travels, and so cannot even ask for a connection; what goes
by is encrypted with keys that each connection makes for itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from surgekit import clock

MOST_BYTES = 256 << 20
"""A message beyond is no message of ours. The longest is the plan, with the rows of all accounts."""
HANDSHAKE_MS = 5_000
ALIVE_MS = 1_000
DEAD_MS = 10_000
"""A connection on which nothing comes for so long is made anew."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The master's, by the token."""

    public: bytes
    secret: bytes


def keys(token: str) -> Keys:
    """Takes a fifth of a second, so that it takes as long for whoever tries out tokens."""
    secret = z85.encode(hashlib.scrypt(token.encode(), salt=b"surgekit.fleet/1", n=1 << 14, r=8, p=1, dklen=32))
    return Keys(zmq.curve_public(secret), secret)


def lock(made: Keys) -> None:
    """From now on every socket of Locust's is locked with these keys: a master answers who knows them, a worker speaks with nobody else."""
    from locust.rpc import zmqrpc  # it patches the interpreter, which only a process of Locust's wants

    plain = getattr(zmqrpc.BaseSocket, "unlocked", zmqrpc.BaseSocket.__init__)

    def locked(self: Any, kind: int, ipv4_only: bool) -> None:
        plain(self, kind, ipv4_only)
        _lock(self.socket, kind == zmq.ROUTER, made)

    zmqrpc.BaseSocket.unlocked, zmqrpc.BaseSocket.__init__ = plain, locked


def _lock(socket: Any, is_master: bool, made: Keys) -> None:
    socket.setsockopt(zmq.LINGER, 1_000)
    socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.HEARTBEAT_IVL, ALIVE_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
    if is_master:
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a worker whose connection broke comes back by another
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, made.secret)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, made.public)
    else:
        public, secret = zmq.curve_keypair()
        socket.setsockopt(zmq.CURVE_SERVERKEY, made.public)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


NOBODY = "nobody"
REFUSED = "refused"
SILENT = "silent"


def knock(host: str, port: int, made: Keys, most_s: float) -> str | None:
    """None once the master at ``host`` has taken the keys. ``NOBODY``: nothing listens there, however often one asks until ``most_s`` are over.
    ``REFUSED``: what listens is no master, or one of another token. ``SILENT``: it says nothing. ``OSError`` for a name that is none."""
    context: Any = zmq.Context.instance()
    socket = context.socket(zmq.DEALER)
    try:
        _lock(socket, False, made)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, int(":" in host))
        monitor = socket.get_monitor_socket()
        try:
            socket.connect(f"tcp://{host}:{port}")
            return _heard(monitor, clock.now() + most_s)
        finally:
            socket.disable_monitor()
            monitor.close(0)
    except zmq.ZMQError as error:
        raise OSError(error.errno, str(error)) from None
    finally:
        socket.close(0)


_SHUT = (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_AUTH)


def _heard(monitor: Any, until: float) -> str | None:
    connected = False
    shut = 0
    while (left := until - clock.now()) > 0:
        if not monitor.poll(left * 1000):
            break
        event = recv_monitor_message(monitor)["event"]
        connected |= event == zmq.EVENT_CONNECTED
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return None
        shut += event in _SHUT
        if shut > 1 or event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:  # to be shut out once may be a master that was just ending
            return REFUSED
    return (REFUSED if shut else SILENT) if connected else NOBODY
