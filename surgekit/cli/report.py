"""``surgekit report``."""

from __future__ import annotations

from pathlib import Path

import click

from surgekit.cli import options


@click.command("report", short_help="recompute and show a run's report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "to", default="", metavar="html,md,json", help="write these files into the run folder instead of showing the verdict")
@options.lang
@options.form
def command(run: Path, to: str, lang: str, form: str) -> None:
    """Work out again, from the run folder alone, what the run RUN means; show the verdict and write result.json and report.html.

    What a run left behind that was killed on the way can be reported too; it is void, and says so.
    """
    from surgekit.errors import ConfigError
    from surgekit.eventlog import folder
    from surgekit.report import finish
    from surgekit.report.terminal import verdict

    kinds = [each.strip() for each in to.split(",") if each.strip()]
    for each in kinds:
        if each not in finish.KINDS:
            raise ConfigError(f"--to {each}: not a kind of report; there are {', '.join(finish.KINDS)}")
    with folder.held(run):
        result = finish.finish(run, "zh" if lang == "zh" else "en", kinds or ("json", "html"))
    if form == "json":
        click.echo((run / "result.json").read_text(encoding="utf-8") if "json" in (kinds or ("json",)) else finish.as_json(result), nl=False)
    elif kinds:
        for each in kinds:
            click.echo(str(run / finish.KINDS[each]))
    else:
        click.echo(verdict(result, "zh" if lang == "zh" else "en"))
        click.echo(f"\n{run / 'report.html'}")
