"""What a master and a worker say to each other, beside what Locust has them say. Each is a message of Locust's with a dictionary.

    worker ─▶ HELLO {protocol, version, host, machine, cores, pid, shard: its own, or None for any}
    master ─▶ REFUSED {why}, or PLAN {plan: run.json as text, shard, secrets, rows, spool: a folder, or None for one of its own}
    worker ─▶ READY {error: None, or why it never will be}
    master ─▶ PING {t0}                          worker ─▶ PONG {t0, t1, t2}
    master ─▶ REFUSED {why}, where its clock turns out to be too far away
    master ─▶ START {t0: on the worker's clock}, STOP {}, BYE {why: None, or why the run went on without it}
    worker ─▶ FIGURES {figures, recent, left}, twice a second
    worker ─▶ ROWS {name, at, data}              master ─▶ HAVE {name, size, again}
    worker ─▶ DONE {stopped, why, troubles, over_budget, health, error, files}

Whatever may be lost with a connection is said again until it is heard: HELLO, READY and DONE by the worker, START, STOP and BYE by the master.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import uuid
from pathlib import Path
from typing import Any, Final

from surgekit import __version__

PROTOCOL: Final = 1
HELLO: Final = "surge-hello"
REFUSED: Final = "surge-refused"
PLAN: Final = "surge-plan"
READY: Final = "surge-ready"
PING: Final = "surge-ping"
PONG: Final = "surge-pong"
START: Final = "surge-start"
STOP: Final = "surge-stop"
BYE: Final = "surge-bye"
FIGURES: Final = "surge-figures"
ROWS: Final = "surge-rows"
HAVE: Final = "surge-have"
DONE: Final = "surge-done"

AGAIN_S: Final = 1.0
"""What was not answered is said again."""
MASTER_SILENT_S: Final = 5.0
"""A worker that hears nothing for so long stops: whoever could stop it otherwise is gone."""
WORKER_SILENT_S: Final = 6.0
"""A worker of another machine that says nothing for so long is lost."""
CHILD_SILENT_S: Final = 15.0
"""One of this machine, whose end would be noticed at once, has stopped working."""


def machine() -> str:
    """The same for two processes if 127.0.0.1 is the same for both."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/net').st_ino}"  # noqa: PTH116 - it is no file whose name matters
    except OSError:
        number = uuid.getnode()
        return f"{platform.node()}/{0 if number >> 40 & 1 else number}"  # where no card has one, each process makes up its own, and marks it so


def hello(shard: int | None) -> dict[str, Any]:
    return {
        "protocol": PROTOCOL, "version": __version__, "python": sys.version.split()[0], "host": socket.gethostname(), "machine": machine(),
        "cores": os.cpu_count() or 1, "pid": os.getpid(), "shard": shard,
    }  # fmt: skip


def other_version(told: dict[str, Any]) -> str | None:
    """Why the two do not fit together; None where they do."""
    if told.get("protocol") == PROTOCOL and told.get("version") == __version__:
        return None
    return f"this run is one of SurgeKit {__version__}, and {told.get('host')} has {told.get('version')}; install the same there"
