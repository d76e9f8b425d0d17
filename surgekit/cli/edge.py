"""``surgekit edge``."""

from __future__ import annotations

import click


@click.command("edge", short_help="run the supplier and gateway stand-ins on their own", context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def command(args: tuple[str, ...]) -> None:
    """Run the supplier and payment gateway stand-ins until Ctrl-C; the first line printed tells where they listen.

    ARGS are those of python -m surgekit.edge (see -- --help): ports, keys, latencies, event log.
    """
    import os
    import sys

    from surgekit.edge.__main__ import options

    options(args)  # a wrong one is said here, as of any other command
    # The same process with the same output: nothing to watch over, and Ctrl-C reaches it directly.
    # -P: what lies in the current directory is not ours to import.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "surgekit.edge", *args])  # noqa: S606
