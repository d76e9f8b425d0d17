"""The loop and the world outside: each socket has its turn, what is closed is not heard of any more, and other threads may call."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from loop_story import POLLERS, looped

from surgekit import clock
from surgekit.engine.loop import Flag, Loop
from surgekit.engine.loop.poll import MOST_AT_ONCE, READ


@pytest.fixture(params=POLLERS)
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    with looped(POLLERS[request.param]) as made:
        yield made


def test_sockets_have_their_turn_between_pauses(loop: Loop) -> None:
    here, there = socket.socketpair()
    heard: list[bytes] = []
    loop.listen(here.fileno(), lambda _: heard.append(here.recv(10)))

    async def busy() -> int:
        there.send(b"x")
        turns = 0
        while not heard:
            turns += 1
            await loop.pause()
        return turns

    assert loop.run_until(busy()) <= 3
    loop.forget(here.fileno())
    here.close()
    there.close()


def test_a_timer_that_is_due_again_at_once_keeps_no_socket_from_its_turn(loop: Loop) -> None:
    """As the schedule is where the engine is behind it."""
    here, there = socket.socketpair()
    seen: list[str] = []

    def again() -> None:
        seen.append("")
        if len(seen) < 200:
            loop.at(loop.now(), again)

    loop.listen(here.fileno(), lambda _: seen.append(here.recv(10).decode()))
    there.send(b"heard")
    loop.at(0.0, again)
    loop.run_until(loop.sleep_until(loop.now() + 0.01))
    assert seen.index("heard") <= 2
    loop.forget(here.fileno())
    here.close()
    there.close()


def test_no_socket_starves_where_many_are_ready_all_the_time(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(3 * MOST_AT_ONCE)]
    served = dict.fromkeys(range(len(pairs)), 0)

    def count(number: int) -> None:  # and not read, so it stays ready
        served[number] += 1

    for number, (here, there) in enumerate(pairs):
        loop.listen(here.fileno(), lambda _, number=number: count(number))  # type: ignore[misc]
        there.send(b"x")
    loop.run_until(loop.sleep_until(loop.now() + 0.05))
    assert min(served.values()) > 0
    for here, there in pairs:
        loop.forget(here.fileno())
        here.close()
        there.close()


def test_what_is_closed_by_an_earlier_event_of_the_same_moment_is_not_heard_of_any_more(loop: Loop) -> None:
    """Nor is a new socket that got the old one's number taken for it."""
    pairs = [socket.socketpair() for _ in range(2)]
    heard: list[int] = []

    def first(number: int) -> None:
        heard.append(number)
        here, _ = pairs[1 - number]
        loop.forget(here.fileno())
        here.close()
        loop.forget(pairs[number][0].fileno())

    for number, (here, _) in enumerate(pairs):
        loop.listen(here.fileno(), lambda _, number=number: first(number))  # type: ignore[misc]
    for _, there in pairs:
        there.send(b"x")
    loop.run_until(loop.sleep_until(loop.now() + 0.02))
    assert len(heard) == 1
    for pair in pairs:
        for each in pair:
            each.close()


def test_writing_is_told_of_only_while_it_is_asked_for(loop: Loop) -> None:
    here, there = socket.socketpair()
    events: list[int] = []
    loop.listen(here.fileno(), events.append)
    loop.run_until(loop.sleep_until(loop.now() + 0.005))
    assert events == []
    loop.want(here.fileno(), writing=True)
    loop.run_until(loop.pause())
    loop.run_until(loop.sleep_until(loop.now() + 0.005))
    assert events
    assert set(events) == {4}
    loop.want(here.fileno(), writing=False)
    there.send(b"x")
    events.clear()
    loop.run_until(loop.sleep_until(loop.now() + 0.005))
    assert set(events) == {READ}
    loop.forget(here.fileno())
    here.close()
    there.close()


def test_a_call_from_another_thread_wakes_the_loop_and_runs_in_it(loop: Loop) -> None:
    ran: list[int] = []
    flag = Flag(loop)

    def called() -> None:
        ran.append(threading.get_ident())
        flag.set()

    async def sleeps() -> None:
        await flag.wait(loop.now() + 30)

    thread = threading.Thread(target=lambda: loop.call(called))
    began = clock.now()
    thread.start()
    loop.run_until(sleeps())
    thread.join()
    assert ran == [threading.get_ident()]
    assert clock.now() - began < 20


def test_calls_of_many_threads_are_all_made_and_those_of_one_in_order(loop: Loop) -> None:
    made: list[tuple[int, int]] = []
    flag = Flag(loop)

    def many(who: int) -> None:
        for number in range(2000):
            loop.call(lambda number=number: note(who, number))  # type: ignore[misc]

    def note(who: int, number: int) -> None:
        made.append((who, number))
        if len(made) == 6000:
            flag.set()

    threads = [threading.Thread(target=many, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    loop.run_until(flag.wait(loop.now() + 30))
    for thread in threads:
        thread.join()
    assert len(made) == 6000
    for who in range(3):
        assert all(one < other for one, other in pairwise(number for whose, number in made if whose == who))


def test_a_call_after_the_end_does_nothing() -> None:
    with looped() as loop:
        pass
    pipes = [os.pipe() for _ in range(4)]  # some have the numbers that the loop's own had
    loop.call(lambda: None)
    for here, there in pipes:
        os.set_blocking(here, False)
        with pytest.raises(BlockingIOError):
            os.read(here, 1)
        os.close(here)
        os.close(there)
