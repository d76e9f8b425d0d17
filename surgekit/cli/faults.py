"""``surgekit faults``."""

from __future__ import annotations

import json

import click

from surgekit.cli import options


@click.group("faults", short_help="the catalogue of faults")
def command() -> None:
    """Faults: what can be broken on purpose, and where."""


@command.command("list")
@options.lang
@options.form
def list_(lang: str, form: str) -> None:
    """All faults of the catalogue."""
    from tabulate import tabulate

    from surgekit.chaos.faults import FAULTS

    rows = [{"name": each.name, "edge": each.edge, "about": each.about[lang]} for each in FAULTS.values()]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        click.echo(tabulate([list(row.values()) for row in rows], headers=["name", "edge", "about"], maxcolwidths=[None, None, 70]))


@command.command()
@click.argument("name")
@options.lang
@options.form
def show(name: str, lang: str, form: str) -> None:
    """What fault NAME does, and how to ask for it."""
    from surgekit.chaos import faults

    fault = faults.find(name)
    told = {"name": fault.name, "edge": fault.edge, "kind": fault.kind, "about": fault.about[lang], "settings": dict(fault.settings(1.0))}
    if form == "json":
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{fault.name}: {fault.about[lang]}\nedge: {fault.edge}; told to it: {fault.kind} {json.dumps(told['settings'])}")
        click.echo(f"\n  surgekit blast --profile spring-festival --fault {fault.name}@20s+15s\n")
        click.echo("or in a profile:\n\n  faults:\n" f"    - {{fault: {fault.name}, start: 20s, length: 15s, intensity: 1.0}}")
