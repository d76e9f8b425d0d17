"""Who does not know the run's token does not get in, and is told so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

from surgekit.engine.fleet import keys

RIGHT = keys.keys("a token of the run")


@contextmanager
def master(made: keys.Keys) -> Iterator[tuple[Any, int]]:
    context = zmq.Context.instance()
    router: Any = context.socket(zmq.ROUTER)
    keys._lock(router, True, made)
    router.setsockopt(zmq.LINGER, 0)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    try:
        yield router, port
    finally:
        router.close(0)


def test_the_same_token_makes_the_same_keys_and_another_makes_others() -> None:
    assert keys.keys("a token of the run") == RIGHT
    assert keys.keys("a token of the rum").public != RIGHT.public
    assert RIGHT.public.decode() not in repr(RIGHT)
    assert RIGHT.secret.decode() not in repr(RIGHT)


def test_whoever_has_the_token_gets_in_and_another_is_refused() -> None:
    with master(RIGHT) as (_, port):
        assert keys.knock("127.0.0.1", port, RIGHT, 5.0) is None
        assert keys.knock("127.0.0.1", port, keys.keys("another token of a run"), 5.0) == keys.REFUSED


def test_no_word_of_a_stranger_reaches_the_master_and_it_lives_on() -> None:
    with master(RIGHT) as (router, port):
        plain: Any = zmq.Context.instance().socket(zmq.DEALER)
        plain.setsockopt(zmq.LINGER, 0)
        plain.connect(f"tcp://127.0.0.1:{port}")
        plain.send(b"let me in")
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" + bytes(8) + b"\x7f" + bytes(60), b"\xff\xff" * 50_000):
            with socket.create_connection(("127.0.0.1", port)) as raw:
                raw.sendall(noise)
        assert keys.knock("127.0.0.1", port, RIGHT, 5.0) is None
        assert not router.poll(200)
        plain.close(0)


def test_whoever_is_no_master_is_told_from_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert keys.knock("127.0.0.1", port, RIGHT, 0.3) == keys.SILENT
    assert keys.knock("127.0.0.1", port, RIGHT, 0.3) == keys.NOBODY


def test_a_master_without_a_lock_is_none() -> None:
    router: Any = zmq.Context.instance().socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    try:
        assert keys.knock("127.0.0.1", port, RIGHT, 5.0) == keys.REFUSED
    finally:
        router.close(0)


def test_a_place_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match=r".+"):
        keys.knock("no such host", 1, RIGHT, 0.2)
