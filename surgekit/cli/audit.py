"""``surgekit audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from surgekit.cli import options


@click.command("audit", short_help="recompute and show a run's audit")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--gate", is_flag=True, help="exit 10 on a violated invariant, 3 where one is undecided")
@click.option("--explain", metavar="INVARIANT", multiple=True, help="what this invariant means, and every row that violates it; may be given again")
@options.lang
@options.form
def command(run: Path, gate: bool, explain: tuple[str, ...], lang: str, form: str) -> None:
    """Check every invariant again over the history in RUN: was a card sold twice, were orders sold beyond the stock, is money lost?"""
    import orjson

    from surgekit.audit.folder import audited
    from surgekit.cli.exits import INCONCLUSIVE, VIOLATED
    from surgekit.errors import ConfigError
    from surgekit.eventlog import folder
    from surgekit.report.terminal import audit_table

    with folder.held(run):
        verdicts = audited(run, every_example=bool(explain))
    if explain:
        names = [each["invariant"] for each in verdicts]
        for word in explain:
            if word not in names:
                raise ConfigError(f"--explain {word}: no such invariant; there are {', '.join(names)}")
        verdicts = [each for each in verdicts if each["invariant"] in explain]
    if form == "json":
        click.echo(orjson.dumps(verdicts, option=orjson.OPT_INDENT_2).decode())
    elif explain:
        click.echo("\n\n".join(map(_explained, verdicts)))
    else:
        click.echo(audit_table(verdicts, "zh" if lang == "zh" else "en"))
    if gate:
        found = {each["verdict"] for each in verdicts}
        if "violated" in found:
            raise click.exceptions.Exit(VIOLATED)
        if found != {"held"}:
            raise click.exceptions.Exit(INCONCLUSIVE)


def _explained(told: dict[str, Any]) -> str:
    """One verdict in full: what the invariant means, how it was decided, and every row that violates it."""
    because = f"; {told['because']}" if told["because"] else ""
    figures = f"{told['verdict']}; {told['evidence']:,} observations, {told['violations']:,} violations{because}"
    rows = [f"  {each['id']}  {each['detail']}" for each in told["examples"]]
    return "\n".join([f"{told['invariant']}: {told['says']}", told["why"], "", figures, *rows])
