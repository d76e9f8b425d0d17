"""``surgekit profiles``."""

from __future__ import annotations

import json

import click

from surgekit.cli import options


@click.group("profiles", short_help="the catalogue of surges")
def command() -> None:
    """Surges: who arrives when, buys what, and behaves how."""


@command.command("list")
@options.form
def list_(form: str) -> None:
    """All profiles of the catalogue."""
    from tabulate import tabulate

    from surgekit import catalogue, profile
    from surgekit.arrivals.schedule import curve

    rows = []
    for name in catalogue.names("profiles"):
        each = profile.load(name)
        orders = each.orders or round(curve(each).total)
        rows.append({"name": name, "orders": orders, "seconds": each.duration, "peak": each.peak, "about": each.about})
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        click.echo(tabulate([list(row.values()) for row in rows], headers=["name", "orders", "seconds", "peak/s", "about"], maxcolwidths=[None, None, None, None, 70]))


@command.command()
@click.argument("name")
@options.form
def show(name: str, form: str) -> None:
    """The file of profile NAME (a name or a path), checked; --format json: as it is understood."""
    from surgekit import catalogue, profile

    told = profile.load(name)
    if form == "json":
        click.echo(told.model_dump_json(by_alias=True, indent=2))
    else:
        click.echo(catalogue.find("profiles", name).read_text("utf-8"), nl=False)


@command.command()
@click.argument("name")
def check(name: str) -> None:
    """Check the profile NAME; every mistake is named with file, line and field."""
    from surgekit import profile

    told = profile.load(name)
    click.echo(f"{told.name}: ok")


@command.command()
def schema() -> None:
    """The JSON Schema of profiles, for editors."""
    from surgekit.profile.schema import Profile

    click.echo(json.dumps(Profile.model_json_schema(by_alias=True), ensure_ascii=False, indent=2))
