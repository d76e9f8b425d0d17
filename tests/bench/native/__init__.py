"""What is measured against or with has to be cheap: the server and the bare loop are C, compiled when they are needed."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


@functools.cache
def built(name: str) -> Path | None:
    """The program of ``name.c``, in a folder that is gone when this process ends. None where there is no C compiler, or no
    Linux (they speak epoll)."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not Path("/proc/self/stat").exists():
        return None
    program = _folder() / name
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / f"{name}.c")], check=True, capture_output=True, timeout=120)
    return program


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="surgekit-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
