"""Child processes of a run: started, spoken to, watched and ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surgekit import lifeline
from surgekit.errors import RunError

READY_S = 40.0
"""A child that has not said that it is ready by then never will."""


class Child:
    """``python -m MODULE ARGS``, which says one JSON line when it is ready and lives no longer than this process.

    Its standard error goes to ``log``; its standard output is read line by line into ``said``.
    """

    def __init__(self, module: str, args: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.name = module.rpartition(".")[2]
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                # -P: a locust.py in the directory where the user happens to be is not ours to import.
                [sys.executable, "-P", "-m", module, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, lifeline.ENV: "1", "PYTHONUNBUFFERED": "1", **(env or {})},
                # Ctrl-C is for the controller, which then asks its children to end.
                start_new_session=True,
            )
        self.said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name=f"{self.name}-said", daemon=True).start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def pids(self) -> list[int]:
        """Of all that belongs to it."""
        return [self.pid]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                try:
                    told = json.loads(line)
                except ValueError:
                    continue
                if isinstance(told, dict):
                    self.said.put(told)
        self.said.put(None)

    def ready(self, most_s: float = READY_S) -> dict[str, Any]:
        """Wait for the ready line. Raises ``RunError`` with the child's own reason where it has one."""
        try:
            told = self.said.get(timeout=most_s)
        except queue.Empty:
            self.end()
            raise RunError(f"{self.name}: not ready after {most_s:.0f} s; see {self._log}") from None
        if told is None or not told.get("ready"):
            self.end()
            raise RunError(f"{self.name}: {(told or {}).get('error') or self.last_words()}")
        return told

    def tell(self, line: str) -> None:
        """Write one line to the child; a child that has gone hears nothing."""
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def gone(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        """The last line of its log, and where the rest is."""
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        how = self.process.poll()
        ended = f"ended with signal {-how}" if how is not None and how < 0 else f"ended with status {how}"
        return f"{ended}: {lines[-1][:300]} (more in {self._log})" if lines else f"{ended} without a word"

    def end(self) -> None:
        """Close the lifeline, then ask, then kill. Returns when the process is gone."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
