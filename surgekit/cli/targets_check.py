"""``surgekit targets check`` and ``surgekit targets consent``."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from surgekit.cli import options


@click.command("check", short_help="walk one order through every step of a target")
@click.argument("name")
@click.option("--product", metavar="SKU", help="what to buy (default: the first of the catalogue)")
@click.option("--pay", type=click.Choice(["balance", "gateway"]), help="how to pay (default: the first way that the file has)")
@click.option("--static", "static", is_flag=True, help="check the file and its test vectors; send nothing")
@options.form
def check(name: str, product: str | None, pay: str | None, static: bool, form: str) -> None:
    """Check the target NAME (a name or a path): its test vectors, then one real order through every step.

    Prints what was sent and what came back, secrets hidden; then whether stock and ledger know of the order and say the same of it,
    and whether the platform's traffic passes through the stand-ins. Exit 1 when something is wrong.
    """
    import orjson
    from tabulate import tabulate

    from surgekit import check as checking

    if static:
        told = checking.Checked(tuple(checking.on_paper(name)), ())
    else:
        quiet = form == "json"
        told = checking.check(
            name, sku=product, pay_by=pay, going=(lambda _: None) if quiet else _going, walked=(lambda _: None) if quiet else _show_all
        )
    if form == "json":
        found: dict[str, Any] = {
            "target": name, "ok": told.ok, "findings": [{"what": each.what, "state": each.state, "told": each.told} for each in told.findings],
            "exchanges": list(told.exchanges),
        }  # fmt: skip
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        rows = [[each.state, each.what, each.told] for each in told.findings]
        click.echo(tabulate(rows, headers=["", "what", "found"], maxcolwidths=[None, None, 90], tablefmt="simple", disable_numparse=True))
    if not told.ok:
        raise click.exceptions.Exit(1)


def _going(told: dict[str, Any]) -> None:
    """For the impatient, where somebody looks: what is shown for good comes when all is known that has to be hidden in it."""
    if sys.stderr.isatty():
        click.echo(f"{told['step']}: {told['class']}", err=True)


def _show_all(seen: Sequence[dict[str, Any]]) -> None:
    """The exchanges, for people; of those that follow each other and say the same, such as polls, the first."""
    from itertools import groupby

    for _, each in groupby(seen, key=_gist):
        same = list(each)
        _show(same[0])
        if len(same) > 1:
            click.echo(f"  ({len(same) - 1} more like this)")
        click.echo()


_MOMENT = re.compile(r"[0-9]{10,}|[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?|[0-9a-fA-F]{32,}")


def _gist(told: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two exchanges different ones: not the moment, and nothing that is new with every request."""
    texts = [_MOMENT.sub("#", str(told[name])) for name in ("url", "body", "reply", "kept")]
    return (told["step"], told["method"], told["status"], told["error"], told["class"], told["reason"], *texts)


def _show(told: dict[str, Any]) -> None:
    """One exchange, for people."""
    from surgekit.check import course

    click.echo(click.style(f"{told['step']}: {told['method']} {told['url']}", bold=True))
    for name, value in told["headers"].items():
        click.echo(f"    {name}: {value}")
    if told["body"]:
        click.echo(f"    {told['body']}")
    if told["error"]:
        click.echo(f"  ← no reply: {told['error']}")
    else:
        kind = told["reply_headers"].get("content-type", "no content type")
        click.echo(f"  ← {told['status']}, {kind}, {told['reply_bytes']:,} bytes, {told['ms']} ms")
        if told["reply_headers"].get("location"):
            click.echo(f"    Location: {told['reply_headers']['location']}")
        if told["reply"]:
            click.echo(f"    {told['reply']}")
    why = course.meaning(told)
    click.echo(f"  = {told['class']}" + (f" ({told['reason']})" if told["reason"] else "") + (f": {why}" if why else ""))
    for name, value in told["kept"].items():
        click.echo(f"    {name} = {'nothing found' if value is None else value}")


@click.command("consent", short_help="what the owner of a platform publishes so that it may be loaded")
@click.argument("url")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="how long it holds")
@click.option("--rate", type=click.IntRange(1), metavar="R", help="at most R orders/s")
@click.option("--orders", type=click.IntRange(1), metavar="N", help="at most N orders in one run")
def consent(url: str, days: int, rate: int | None, orders: int | None) -> None:
    """Make a new token for the platform at URL, and print the statement that its owner publishes. Nothing is sent."""
    from datetime import timedelta

    from surgekit import clock
    from surgekit.safety import new_token, origin, text_to_publish, txt_name, well_known_url

    place, token = origin(url), new_token()
    text = text_to_publish(place, token, clock.utc() + timedelta(days=days), rate, orders)
    click.echo(f"The owner of {place.host} publishes this line at {well_known_url(place)}\nor, where the platform speaks https, as a TXT record of {txt_name(place)}:\n")
    click.echo(f"  {text}\n")
    click.echo("The target file has the token, which is a secret (only its digest is published):\n")
    click.echo("  secrets:\n    consent: {env: SURGEKIT_CONSENT}\n  safety:\n    consent: \"{secret.consent}\"\n    budget: {rate: …, orders: …}\n")
    click.echo(f"  export SURGEKIT_CONSENT={token}")
