"""The loop: whoever waits goes on when it is time, in order, once; and whoever is ended leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_story import POLLERS, looped, open_fds

from surgekit import clock
from surgekit.engine.loop import Cut, Flag, Loop, Task


@pytest.fixture(params=POLLERS)
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    with looped(POLLERS[request.param]) as made:
        yield made


def nothing_waits(loop: Loop) -> bool:
    return not loop.tasks and not loop._soon and all(timer.work is None for _, _, timer in loop._timers)


async def ends_with(word: str | Exception) -> str:
    if isinstance(word, Exception):
        raise word
    return word


# Timers.


def test_who_sleeps_wakes_in_the_order_of_the_moments_and_not_before(loop: Loop) -> None:
    woken: list[tuple[float, float]] = []
    start = loop.now()

    async def sleeper(at: float) -> None:
        await loop.sleep_until(start + at)
        woken.append((at, loop.now() - start))

    async def all_of_them() -> None:
        for task in [loop.spawn(sleeper(at)) for at in (0.03, 0.01, 0.02, 0.01, -1.0, 0.0)]:
            await task.wait()

    loop.run_until(all_of_them())
    assert [at for at, _ in woken] == [-1.0, 0.0, 0.01, 0.01, 0.02, 0.03]
    assert all(now >= at for at, now in woken)


def test_who_sleeps_for_the_same_moment_wakes_in_the_order_of_going_to_sleep(loop: Loop) -> None:
    woken: list[int] = []
    at = loop.now() + 0.01
    for number in range(200):
        loop.at(at, lambda number=number: woken.append(number))  # type: ignore[misc]
    loop.run_until(loop.sleep_until(at + 0.001))
    assert woken == list(range(200))


def test_a_sleep_is_over_in_time() -> None:
    """The best of some: a busy machine may be late, but not by the whole milliseconds of a coarse poll, and not each time."""
    with looped() as loop:
        late = []
        for _ in range(30):
            at = loop.now() + 0.0023
            loop.run_until(loop.sleep_until(at))
            late.append(loop.now() - at)
        assert min(late) >= 0.0
        assert min(late) < 0.0003 if loop.poller.exact else 0.005


def test_a_timer_that_was_taken_back_is_never_heard_of(loop: Loop) -> None:
    fired: list[str] = []
    soon = loop.now() + 0.005
    loop.at(soon, lambda: fired.append("a")).cancel()
    second = loop.at(soon, lambda: fired.append("b"))
    loop.at(soon - 0.001, second.cancel)
    loop.run_until(loop.sleep_until(soon + 0.005))
    assert fired == []


@settings(max_examples=60, deadline=None)
@given(delays=st.lists(st.sampled_from([-0.001, 0.0, 0.0005, 0.001, 0.002]), min_size=1, max_size=30))
def test_whatever_the_delays_nobody_is_forgotten_and_the_order_is_kept(delays: list[float]) -> None:
    with looped() as loop:
        start, woken = loop.now(), []
        for number, delay in enumerate(delays):
            loop.at(start + delay, lambda number=number: woken.append(number))  # type: ignore[misc]
        loop.run_until(loop.sleep_until(start + 0.003))
        assert woken == sorted(range(len(delays)), key=lambda number: (delays[number], number))


def test_how_late_the_loop_was_is_seen(loop: Loop) -> None:
    async def stalls() -> None:
        until = clock.now() + 0.03
        while clock.now() < until:
            pass
        await loop.pause()

    at = loop.now() + 0.001
    loop.at(at, lambda: None)
    loop.run_until(stalls())
    loop.run_until(loop.sleep_until(loop.now() + 0.001))
    assert loop.late_s >= 0.028


# Ends.


@pytest.mark.parametrize("pauses", [0, 1, 2])
def test_whoever_runs_until_something_is_over_does_not_wait_for_anything_else(loop: Loop, pauses: int) -> None:
    """Neither for a timer of much later nor for a socket."""

    async def short() -> str:
        for _ in range(pauses):
            await loop.pause()
        return "over"

    later = loop.at(loop.now() + 60, lambda: None)
    before = clock.now()
    assert loop.run_until(short()) == "over"
    loop.run_until(loop.sleep_until(loop.now() + 0.005))
    assert clock.now() - before < 10
    later.cancel()


def test_run_goes_on_until_end_is_called(loop: Loop) -> None:
    turns: list[int] = []

    def again() -> None:
        turns.append(1)
        if len(turns) == 3:
            loop.end()
        else:
            loop.at(loop.now(), again)

    again()
    loop.run()
    assert len(turns) == 3


def test_a_task_gives_its_result_to_all_who_wait_and_to_who_asks_later(loop: Loop) -> None:
    async def slow() -> str:
        await loop.pause()
        return "result"

    async def asks(task: Task[str]) -> str:
        return await task.wait()

    async def all_of_them() -> list[str]:
        task = loop.spawn(slow())
        asking = [loop.spawn(asks(task)) for _ in range(3)]
        return [*[await each.wait() for each in asking], await task.wait()]

    assert loop.run_until(all_of_them()) == ["result"] * 4
    assert nothing_waits(loop)


def test_a_task_raises_what_went_wrong_in_whoever_waits(loop: Loop) -> None:
    ended: list[BaseException | None] = []

    async def waits() -> None:
        await loop.spawn(ends_with(KeyError("x")), on_over=lambda task: ended.append(task.error)).wait()

    with pytest.raises(KeyError, match="x"):
        loop.run_until(waits())
    assert [type(each) for each in ended] == [KeyError]


def test_a_task_that_waits_for_one_that_was_cut_is_cut_too(loop: Loop) -> None:
    async def waits(task: Task[None]) -> None:
        await task.wait()

    slow = loop.spawn(loop.sleep_until(loop.now() + 60))
    waiting = loop.spawn(waits(slow))
    slow.cut()
    with pytest.raises(Cut):
        loop.run_until(waiting.wait())
    assert nothing_waits(loop)


def test_spawn_runs_to_the_first_wait_at_once(loop: Loop) -> None:
    assert loop.spawn(ends_with("now")).result == "now"


# Flags.


def test_all_who_wait_for_a_flag_go_on_and_whoever_comes_later_does_not_wait(loop: Loop) -> None:
    flag, seen = Flag(loop), []

    async def waits(number: int, until: float | None) -> None:
        await flag.wait(until)
        seen.append((number, flag.on))

    async def all_of_them() -> None:
        far = loop.now() + 60
        tasks = [loop.spawn(waits(number, [None, far][number % 2])) for number in range(4)]
        assert seen == []
        flag.set()
        flag.set()
        for task in tasks:
            await task.wait()
        await waits(9, None)

    loop.run_until(all_of_them())
    assert sorted(seen) == [(0, True), (1, True), (2, True), (3, True), (9, True)]
    assert nothing_waits(loop)


def test_a_flag_is_waited_for_no_longer_than_that(loop: Loop) -> None:
    flag = Flag(loop)
    until = loop.now() + 0.01
    loop.run_until(flag.wait(until))
    assert loop.now() >= until
    assert not flag.on
    assert not flag._waiting
    loop.run_until(flag.wait(until))  # which has passed
    flag.set()
    assert nothing_waits(loop)


# Being cut.


def waits_of(loop: Loop) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
    far = loop.now() + 60
    return {
        "sleep": lambda: loop.sleep_until(far),
        "flag": Flag(loop).wait,
        "flag until": lambda: Flag(loop).wait(far),
        "pause": lambda: loop.pause(),  # noqa: PLW0108
    }


@pytest.mark.parametrize("kind", ["sleep", "flag", "flag until", "pause"])
def test_whoever_is_cut_is_cleaned_up_after_and_heard_of_once(loop: Loop, kind: str) -> None:
    told: list[str] = []

    async def waits() -> None:
        try:
            await waits_of(loop)[kind]()
        finally:
            told.append("cleaned up")

    task = loop.spawn(waits(), on_over=lambda task: told.append(type(task.error).__name__))
    task.cut()
    task.cut()
    assert told == ["cleaned up", "Cut"]
    loop.run_until(loop.pause())
    assert told == ["cleaned up", "Cut"]
    assert nothing_waits(loop)


def test_who_was_to_go_on_and_is_cut_before_its_turn_has_ended_once(loop: Loop) -> None:
    """The flag is on and the other task is over, so that both have been called for."""
    flag, told = Flag(loop), []

    async def waits(task: Task[str]) -> None:
        await task.wait()

    async def slow() -> str:
        await flag.wait()
        return "x"

    first = loop.spawn(slow(), on_over=lambda task: told.append(task.error))
    flag.set()
    first.cut()
    second = loop.spawn(loop.pause())
    third = loop.spawn(waits(second), on_over=lambda task: told.append(task.error))  # type: ignore[arg-type]
    second.resume()
    third.cut()
    loop.run_until(loop.pause())
    assert [type(each) for each in told] == [Cut, Cut]
    assert nothing_waits(loop)


def test_a_task_that_catches_its_cut_has_ended_all_the_same(loop: Loop) -> None:
    async def stubborn() -> str:
        try:
            await loop.sleep_until(loop.now() + 60)
        except Cut:
            return "as I like"
        return "not cut"

    task = loop.spawn(stubborn())
    task.cut()
    assert task.over
    assert isinstance(task.error, Cut)


def test_closing_cuts_what_is_still_there() -> None:
    before, told = open_fds(), []
    loop = Loop()
    for wait in waits_of(loop).values():
        loop.spawn(wait(), on_over=lambda task: told.append(type(task.error)))
    loop.close()
    assert told == [Cut] * 4
    assert open_fds() == before
