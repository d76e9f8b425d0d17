"""The command line as a shell meets it: pipes that close, disks that are full, options that do not exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "surgekit"]


def closed_pipe() -> int:
    """A pipe to write to that nobody reads: what ``| head`` leaves."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(("words", "code"), [(("profiles", "list"), 0), (("profiles", "show", "no-such-profile"), 2)])
def test_output_that_nobody_reads_does_not_change_the_exit_code(words: tuple[str, ...], code: int) -> None:
    pipe = closed_pipe()
    try:
        # Both streams, as with 2>&1: an error message that nobody reads is no other error either.
        assert subprocess.run([*COMMAND, *words], stdout=pipe, stderr=pipe, check=False).returncode == code
        heard = subprocess.run([*COMMAND, *words], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(pipe)
    assert heard.returncode == code
    assert "Traceback" not in heard.stderr
    assert "Exception" not in heard.stderr
    assert code or not heard.stderr


# Without UTF-8 click writes through a stream of its own.
@pytest.mark.parametrize("env", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_output_that_cannot_be_written_is_one_sentence(env: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*COMMAND, "profiles", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, **env}
        )
    assert told.returncode == 1
    assert told.stderr == "surgekit: standard output cannot be written: No space left on device\n"


def test_an_unknown_option_of_edge_is_a_usage_error() -> None:
    told = subprocess.run([*COMMAND, "edge", "--bogus"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert not told.stdout
    assert "--bogus" in told.stderr
