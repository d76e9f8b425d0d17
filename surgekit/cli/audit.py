"""``surgekit audit``."""

from __future__ import annotations

from pathlib import Path

import click

from surgekit.cli import options


@click.command("audit", short_help="recompute and show a run's audit")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--gate", is_flag=True, help="exit 10 on a violated invariant, 3 where one is undecided")
@click.option("--explain", metavar="INVARIANT", help="what this invariant means, and every row that violates it")
@options.lang
@options.form
def command(run: Path, gate: bool, explain: str | None, lang: str, form: str) -> None:
    """Check every invariant again over the history in RUN: was a card sold twice, were orders sold beyond the stock, is money lost?"""
    import orjson

    from surgekit.audit.folder import audited
    from surgekit.cli.exits import INCONCLUSIVE, VIOLATED
    from surgekit.errors import ConfigError
    from surgekit.eventlog import folder
    from surgekit.report.terminal import audit_table

    with folder.held(run):
        verdicts = audited(run, every_example=explain is not None)
    if explain is not None:
        names = [each["invariant"] for each in verdicts]
        if explain not in names:
            raise ConfigError(f"--explain {explain}: no such invariant; there are {', '.join(names)}")
        verdicts = [each for each in verdicts if each["invariant"] == explain]
    if form == "json":
        click.echo(orjson.dumps(verdicts, option=orjson.OPT_INDENT_2).decode())
    elif explain is not None:
        told = verdicts[0]
        click.echo(f"{told['invariant']}: {told['says']}\n{told['why']}\n")
        click.echo(f"{told['verdict']}; {told['evidence']:,} observations, {told['violations']:,} violations" + (f"; {told['because']}" if told["because"] else ""))
        for each in told["examples"]:
            click.echo(f"  {each['id']}  {each['detail']}")
    else:
        click.echo(audit_table(verdicts, "zh" if lang == "zh" else "en"))
    if gate:
        found = {each["verdict"] for each in verdicts}
        if "violated" in found:
            raise click.exceptions.Exit(VIOLATED)
        if found != {"held"}:
            raise click.exceptions.Exit(INCONCLUSIVE)
