"""The event loop of an engine: tasks, timers and sockets in one thread."""

from surgekit.engine.loop.loop import Loop
from surgekit.engine.loop.tasks import Cut, Flag, Task, Timer, suspended

__all__ = ["Cut", "Flag", "Loop", "Task", "Timer", "suspended"]
