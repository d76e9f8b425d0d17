"""A worker that joins a run of another machine: an engine process, started for each run and watched until its end."""

from __future__ import annotations

import queue
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from surgekit.children import Child
from surgekit.errors import RunError
from surgekit.fleet import TOKEN_ENV

WAIT_S = 60.0
"""So long may the run take to be there."""
LOOK_S = 2.0
"""A worker that stays looks so often whether there is a run."""
END_S = 20.0
"""So long may a shard take to end once it was stopped."""


class StoppedError(Exception):
    """Somebody stopped the worker."""


def join(host: str, port: int, token: str, *, stay: bool, tell: Callable[[str], None]) -> None:
    """Work for one run; where ``stay``, for one after the other until somebody stops it. Raises ``RunError``, ``StoppedError``."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    before = signal.signal(signal.SIGTERM, _as_ctrl_c)
    said: str | None = None
    try:
        while True:
            why = _once(where, token, LOOK_S if stay else WAIT_S, tell)
            if not stay:
                if why is not None:
                    raise RunError(why)
                return
            if why != said and why is not None:
                tell(why)
            said = why
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        raise StoppedError from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _once(where: str, token: str, wait_s: float, tell: Callable[[str], None]) -> str | None:
    """Why there was no run, or it came to no end; None where it did."""
    folder = Path(tempfile.mkdtemp(prefix="surgekit-worker-"))
    child = Child("surgekit.engine.fleet.worker", ["--join", where, "--wait", str(wait_s)], folder / "worker.log", env={TOKEN_ENV: token, "TMPDIR": str(folder)})
    kept = False  # the log of a worker that fell without a word
    history: str | None = None  # of one that the run went on without: what it sent is told of nowhere else
    try:
        while (told := child.said.get()) is not None:
            if "joined" in told:
                tell(f"joined the run at {where}")
            elif "started" in told:
                tell(f"the surge begins: shard {told['started']} is sent from here")
            elif "done" in told:
                if told["done"]:
                    tell("the surge is over, and its history is with the master")
                history = told.get("kept")
                return _why(told)
        with suppress(subprocess.TimeoutExpired):  # its pipe is closed a moment before it has ended
            child.process.wait(timeout=5)
        kept = (folder / "worker.log").stat().st_size > 0
        return f"the worker {child.last_words()}"
    except KeyboardInterrupt:
        told = _stop(child)
        if told is not None and told.get("kept") is not None:
            history = told["kept"]
            tell(str(_why(told)))
        raise
    finally:
        child.end()
        for each in folder.iterdir():
            if each.is_dir() and str(each) != history:
                shutil.rmtree(each, ignore_errors=True)
        if not kept and history is None:
            shutil.rmtree(folder, ignore_errors=True)


def _why(told: dict[str, Any]) -> str | None:
    """Why a worker that says that it is done is not; None where it is."""
    if told["done"]:
        return None
    where = told.get("kept")
    return str(told["error"]) + ("" if where is None else f"; the history of what was sent from here stays in {where}")


def _stop(child: Child) -> dict[str, Any] | None:
    """The shard ends as after any stop: what is under way may arrive, and what happened goes to the master. The worker's last word."""
    child.tell("stop")
    until = time.monotonic() + END_S
    while (left := until - time.monotonic()) > 0:
        try:
            told = child.said.get(timeout=left)
        except queue.Empty:
            break
        if told is None or "done" in told:
            return told
    return None
