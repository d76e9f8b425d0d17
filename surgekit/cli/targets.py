"""``surgekit targets``."""

from __future__ import annotations

import json

import click

from surgekit.cli import options, targets_check, targets_new


@click.group("targets", short_help="the catalogue of platforms")
def command() -> None:
    """Platforms: where they are, how an order goes through, and how to read what became of it."""


@command.command("list")
@options.form
def list_(form: str) -> None:
    """All targets of the catalogue."""
    from tabulate import tabulate

    from surgekit import catalogue, target

    loaded = [target.load(name) for name in catalogue.names("targets")]
    rows = [{"name": each.name, "where": each.base_url or "started by SurgeKit", "about": each.about} for each in loaded]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        click.echo(tabulate([list(row.values()) for row in rows], headers=["name", "where", "about"], maxcolwidths=[None, None, 70]))


@command.command()
@click.argument("name")
@options.form
def show(name: str, form: str) -> None:
    """The file of target NAME (a name or a path), checked; --format json: as it is understood."""
    from surgekit import catalogue, target

    told = target.load(name)
    if form == "json" or (told.locust is not None and not name.endswith((".yaml", ".yml"))):  # a locustfile is no file of ours to show
        click.echo(told.model_dump_json(by_alias=True, indent=2))
    else:
        click.echo(catalogue.find("targets", name).read_text("utf-8"), nl=False)


@command.command()
def schema() -> None:
    """The JSON Schema of targets, for editors."""
    from surgekit.target.schema import Target

    click.echo(json.dumps(Target.model_json_schema(by_alias=True), ensure_ascii=False, indent=2))


command.add_command(targets_check.check)
command.add_command(targets_check.consent)
command.add_command(targets_new.command)
