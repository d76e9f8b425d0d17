"""What waits in a loop, and what it waits for: coroutines on their way, moments, and flags that go up."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from surgekit.engine.loop.loop import Loop

Result = TypeVar("Result")


class Cut(BaseException):
    """Raised in a coroutine that is ended from outside. Like ``GeneratorExit``, nobody is meant to catch it for good."""


class Timer:
    """Something that is due at a moment. ``cancel`` takes it back."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[], None]) -> None:
        self.work: Callable[[], None] | None = work

    def cancel(self) -> None:
        self.work = None

    def fire(self) -> None:
        if self.work is not None:
            self.work()


class Task(Generic[Result]):
    """A coroutine on its way. ``over`` and then one of ``result`` and ``error``."""

    __slots__ = ("_among", "_coro", "_loop", "_on_over", "_waiting", "error", "leave", "over", "result")

    def __init__(self, loop: Loop, coro: Coroutine[Any, Any, Result], among: set[Task[Any]], on_over: Callable[[Task[Result]], None] | None) -> None:
        self._loop = loop
        self._coro = coro
        self._among = among
        self._waiting: list[Task[Any]] | None = None
        self._on_over = on_over
        self.over = False
        self.result: Result
        self.error: BaseException | None = None
        self.leave: Callable[[], None] | None = None
        """What to do where it is cut short while it waits: whatever it waits for must not resume it then."""

    def resume(self, value: Any = None) -> None:
        """Go on, with ``value`` as what was waited for. Not where it was cut meanwhile: then somebody had called for it already."""
        if self.over:
            return
        loop = self._loop
        before, loop.current = loop.current, self
        try:
            self._coro.send(value)
        except StopIteration as stop:
            self.result = stop.value
            self._ended()
        except Cut as cut:
            self.error = cut
            self._ended()
        except Exception as error:  # noqa: BLE001 - told to whoever waits, or to whoever is told of the end
            self.error = error
            self._ended()
        finally:
            loop.current = before

    def cut(self) -> None:
        """End it where it stands. Not for the task that is running just now: that one raises ``Cut`` itself."""
        if self.over:
            return
        if self.leave is not None:
            leave, self.leave = self.leave, None
            leave()
        loop = self._loop
        before, loop.current = loop.current, self
        try:
            self._coro.throw(Cut())
        except (StopIteration, Cut):
            pass
        except Exception as error:  # noqa: BLE001 - as above
            self.error = error
        finally:
            loop.current = before
        self.error = self.error or Cut()
        self._ended()

    def _ended(self) -> None:
        self.over = True
        self._among.discard(self)
        for waiting in self._waiting or ():
            self._loop.soon(waiting.resume)
        if self._on_over is not None:
            self._on_over(self)

    async def wait(self) -> Result:
        """Its result, once there is one. Raises what it raised."""
        if not self.over:
            me = self._loop.running()
            waiting = self._waiting = self._waiting or []
            waiting.append(me)
            me.leave = lambda: waiting.remove(me)
            await suspended()
            me.leave = None
        if self.error is not None:
            raise self.error
        return self.result


class Flag:
    """Off, and at some time on."""

    __slots__ = ("_loop", "_waiting", "on")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[Task[Any], Timer | None] = {}
        self.on = False

    def set(self) -> None:
        """On, for good."""
        self.on = True
        while self._waiting:
            task, timer = self._waiting.popitem()
            if timer is not None:
                timer.cancel()
            self._loop.soon(task.resume)

    async def wait(self, until: float | None = None) -> None:
        """Until it is on, or until that moment on the loop's clock."""
        loop = self._loop
        if self.on or (until is not None and until <= loop.now()):
            return
        me = loop.running()

        def leave() -> None:
            timer = self._waiting.pop(me, None)
            if timer is not None:
                timer.cancel()

        def late() -> None:
            self._waiting.pop(me, None)
            me.resume()

        self._waiting[me] = None if until is None else loop.at(until, late)
        me.leave = leave
        await suspended()
        me.leave = None


@coroutine
def suspended() -> Generator[None, Any, Any]:
    """Wait until somebody calls ``resume`` of the running task; what they gave."""
    return (yield)
