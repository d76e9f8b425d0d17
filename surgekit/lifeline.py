"""A child must never outlive the run it belongs to.

The parent keeps the write end of each child's standard input. When the parent ends, however it ends (SIGKILL
included), the kernel closes that pipe, the child reads end-of-file and exits. Nothing has to be remembered,
and no pid has to be guessed.
"""

from __future__ import annotations

import _thread
import os
import sys
import traceback
from collections.abc import Callable

ENV = "SURGEKIT_LIFELINE"


def hold(on_line: Callable[[str], None] | None = None, on_end: Callable[[], None] | None = None) -> None:
    """Exit this process when its standard input ends, if its parent asked for that (``SURGEKIT_LIFELINE=1``).

    ``on_line`` gets each line that the parent writes (without its newline), ``on_end`` is called before the exit;
    both run in a thread of the operating system. It is made with ``_thread`` before anything can patch
    ``threading``, so that it works under gevent too. What ``on_line`` raises is printed, and the watching goes on.
    """
    if os.environ.get(ENV) != "1":
        return

    def watch() -> None:
        rest = b""
        while True:
            try:
                block = os.read(0, 4096)
            except OSError:
                block = b""
            if not block:
                try:
                    if on_end is not None:
                        on_end()
                finally:
                    os._exit(0)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if on_line is not None:
                    try:
                        on_line(line.decode(errors="replace"))
                    except Exception:  # noqa: BLE001 - without this thread the process would outlive its run
                        traceback.print_exc(file=sys.stderr)

    _thread.start_new_thread(watch, ())
