"""``surgekit blast``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from surgekit.cli import options
from surgekit.cli.exits import ABORTED, INCONCLUSIVE, gate_code


@click.command("blast", short_help="one surge, audited and reported")
@click.option("--profile", "profile", required=True, metavar="P", help="a profile's name or .yaml file")
@click.option("--target", "target", default="cardshop", show_default=True, metavar="T", help="a target's name or .yaml file, or locustfile.py:UserClass")
@click.option("--fault", "faults", multiple=True, metavar="F[@START[+LENGTH]]", help="add a fault to the profile's, e.g. supplier-slow@30s+20s")
@click.option("--peak", type=click.FloatRange(min=0, min_open=True), metavar="R", help="scale the profile so that it peaks at R orders/s")
@click.option("--duration", "duration", metavar="D", help="squeeze or stretch the profile into D, e.g. 90s")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), metavar="N", help="another draw of the same surge")
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True, metavar="N", help="load engines on this machine")
@click.option("--remote", type=click.IntRange(0, 1000), default=0, metavar="M", help="wait for M more that join from elsewhere (surgekit worker --join)")
@click.option("--listen", metavar="ADDRESS[:PORT]", help="where they join (default: 127.0.0.1:5557, this machine only)")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="the token by which they join (default: SURGEKIT_TOKEN, or a new one)")
@click.option("--gate", is_flag=True, help="exit 10 on a violated invariant, 99 on a broken limit, 3 where it cannot be told")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="run folder (default: runs/<time>-<profile>)")
@click.option("--web", type=click.IntRange(1, 65535), metavar="PORT", help="show Locust's web UI on this port of loopback meanwhile")
@click.option("--dry-run", is_flag=True, help="check the files and print the plan; send nothing, so that what the platform has in stock is not checked")
@options.lang
@options.form
def command(**given: Any) -> None:
    """Send one surge at a platform, break its suppliers on the way, audit every order, and report where it broke down.

    Without --target it starts the reference platform (naive, SQLite) and stops it afterwards.
    """
    import orjson

    from surgekit import fleet, run
    from surgekit.eventlog import folder
    from surgekit.report.show import Silent

    class _Spoken(Silent):
        """Nothing but what somebody has to do."""

        def waiting(self, text: str) -> None:
            click.echo(f"surgekit: {text}", err=True)

    from surgekit.report.terminal import Terminal, verdict

    asked = run.Options(
        profile=given["profile"],
        target=given["target"],
        faults=tuple(options.fault(text) for text in given["faults"]),
        peak=given["peak"],
        duration=options.duration(given["duration"], "--duration"),
        seed=given["seed"],
        workers=fleet.muster(given["workers"], given["remote"], given["listen"], given["token_file"]),
        out=given["out"],
        web=given["web"],
        lang=given["lang"],
        command=tuple(sys.argv[1:]),
    )
    as_json = given["form"] == "json"
    if given["dry_run"]:
        told = run.describe(run.plan(asked))
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else run.in_words(told))
        return
    run.interrupt_as_ctrl_c()
    show = _Spoken() if as_json else Terminal(given["lang"])
    try:
        where = run.blast(asked, show)
    finally:
        if isinstance(show, Terminal):
            show.close()
    result = folder.read_json(where / "result.json")
    if as_json:
        click.echo((where / "result.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(verdict(result, given["lang"]))
        click.echo(f"\n{where / 'report.html'}")
    if result["run"]["aborted"]:
        raise click.exceptions.Exit(ABORTED)
    if result["validity"]["status"] == "void":
        raise click.exceptions.Exit(INCONCLUSIVE)
    if given["gate"]:
        raise click.exceptions.Exit(gate_code(result))
