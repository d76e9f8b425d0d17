"""The command line. Each command is a module that is imported only when it is called."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

from surgekit import __version__
from surgekit.errors import RunError, SurgeKitError

COMMANDS = {
    "blast": "one surge, audited and reported",
    "report": "recompute and show a run's report",
    "audit": "recompute and show a run's audit",
    "profiles": "the catalogue of surges",
    "targets": "the catalogue of platforms",
    "faults": "the catalogue of faults",
    "cardshop": "run the reference platform on its own",
    "worker": "send a part of another machine's run from here",
    "edge": "run the supplier and gateway stand-ins on their own",
    "doctor": "check this machine",
}


class Lazy(click.Group):
    """Knows its commands by name; the module behind one is loaded when it is needed, so that --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"surgekit.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            raise click.UsageError(f"no command {args[0]!r}; there are {', '.join(COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="surgekit")
def cli() -> None:
    """Load testing and chaos for card platforms: where do confirmation latency, oversell and error rate break down?"""


class Output(io.FileIO):
    """A standard stream whose reader may leave: what nobody reads is dropped, and the command goes on to its own exit code.

    What goes wrong otherwise (a full disk) is said once if ``say`` is set, which it is not where there is no place to say it.
    """

    def __init__(self, fd: int, *, say: bool) -> None:
        super().__init__(fd, "w", closefd=False)
        self._say = say

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self._say = False
        except OSError as error:
            if self._say:
                self._say = False  # the rest is dropped: Python flushes once more at the end
                raise RunError(f"standard output cannot be written: {error.strerror}") from None
        return memoryview(data).nbytes


def _guard_streams() -> None:
    # Below every layer that buffers, so that click, rich and Python's own last flush all write through it.
    for name, fd, say in (("stdout", 1, True), ("stderr", 2, False)):
        now = getattr(sys, name)
        if now is not None and now is getattr(sys, f"__{name}__"):
            raw = Output(fd, say=say)
            stream = io.TextIOWrapper(
                io.BufferedWriter(raw), encoding=now.encoding, errors=now.errors, line_buffering=now.line_buffering
            )
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def main() -> None:
    """The ``surgekit`` command. Errors for users become one sentence and an exit code, never a traceback."""
    _guard_streams()
    try:
        # Outside standalone mode, click returns the code of an Exit instead of leaving with it.
        code = cli.main(standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as error:
        raise SystemExit(error.exit_code) from None
    except click.exceptions.Abort:
        raise SystemExit(105) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except SurgeKitError as error:
        click.echo(f"surgekit: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        click.echo("surgekit: interrupted", err=True)
        raise SystemExit(105) from None
