"""``surgekit worker``."""

from __future__ import annotations

from pathlib import Path

import click

from surgekit.cli.exits import ABORTED
from surgekit.errors import ConfigError


@click.command("worker", short_help="send a part of another machine's run from here")
@click.option("--join", "where", metavar="HOST[:PORT]", help="where the run is; its blast --remote says it")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="the token of the run (default: SURGEKIT_TOKEN)")
@click.option("--stay", is_flag=True, help="when a run is over, wait for the next one")
@click.option("--manifest", "as_manifest", is_flag=True, help="print workers for Kubernetes that would join so, and do nothing")
@click.option("--image", default="YOUR-IMAGE", show_default=True, metavar="IMAGE", help="with --manifest: an image that has surgekit in it")
@click.option("--count", type=click.IntRange(1, 1000), default=2, show_default=True, metavar="N", help="with --manifest: so many workers")
def command(where: str | None, token_file: Path | None, stay: bool, as_manifest: bool, image: str, count: int) -> None:
    """Join the run of another machine, and send one shard of its schedule from here.

    The run is started there with --remote and --listen. The two speak with each other only if they have the same token, and everything they say is
    encrypted. The history of what was sent from here goes to that machine; it stays here only where that machine has given this worker up.
    """
    from surgekit import fleet, join, manifest

    if as_manifest:
        host, port = fleet.place(where or "MASTER-ADDRESS", "--join")
        click.echo(manifest.manifest(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", image=image, count=count, stay=stay), nl=False)
        return
    if where is None:
        raise ConfigError("--join HOST[:PORT] says where the run is; or print Kubernetes manifests with --manifest")
    host, port = fleet.place(where, "--join")
    token = fleet.token_from(token_file)
    if token is None:
        raise ConfigError(f"no token: set {fleet.TOKEN_ENV}, or give --token-file, to what the run's own machine has")
    try:
        join.join(host, port, token, stay=stay, tell=lambda text: click.echo(f"surgekit: {text}", err=True))
    except join.StoppedError:
        click.echo("surgekit: stopped", err=True)
        raise click.exceptions.Exit(ABORTED) from None
