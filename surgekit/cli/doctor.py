"""``surgekit doctor``."""

from __future__ import annotations

import json

import click

from surgekit.cli import options


@click.command("doctor", short_help="check this machine")
@options.form
def command(form: str) -> None:
    """Check what a run needs of this machine: versions, cores, clock, timer, sockets, disk. Exit 1 when something is missing."""
    from tabulate import tabulate

    from surgekit.doctor import examine

    found = examine()
    if form == "json":
        click.echo(json.dumps([each._asdict() for each in found], ensure_ascii=False, indent=2))
    else:
        click.echo(tabulate([[each.state, each.what, each.found, each.advice] for each in found], headers=["", "what", "found", ""], maxcolwidths=[None, None, 50, 50]))
    if any(each.state == "bad" for each in found):
        raise click.exceptions.Exit(1)
