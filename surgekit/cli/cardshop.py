"""``surgekit cardshop``."""

from __future__ import annotations

import click


@click.command("cardshop", short_help="run the reference platform on its own")
@click.option("--target", "target", default="cardshop", show_default=True, metavar="T", help="take catalogue, accounts and strategy from this target")
@click.option("--strategy", type=click.Choice(["naive", "conditional", "reserve"]), help="how stock is sold (default: the target's)")
@click.option("--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="on loopback; 0 takes a free one")
@click.option("--db", metavar="URL", help="sqlite:///FILE or postgresql://… (default: a temporary SQLite file)")
@click.option("--accounts", type=click.IntRange(1, 1_000_000), default=500, show_default=True, help="buyer accounts with a balance")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def command(target: str, strategy: str | None, port: int, db: str | None, accounts: int, seed: int) -> None:
    """Run the reference platform, with its supplier and payment gateway, until Ctrl-C.

    Point a target file's base_url at it, or try the API by hand.
    """
    import tempfile
    import time
    from pathlib import Path

    from surgekit import target as targets
    from surgekit.errors import ConfigError, RunError
    from surgekit.run import interrupt_as_ctrl_c
    from surgekit.target.schema import Start
    from surgekit.world import start_cardshop, start_edge

    shop = targets.load(target)
    if shop.start is None:
        raise ConfigError(f"--target {target}: it describes a platform that runs elsewhere; name one that SurgeKit starts")
    changed = {"port": port, "db": db, **({"strategy": strategy} if strategy else {})}
    shop = shop.model_copy(update={"start": Start(cardshop=shop.start.cardshop.model_copy(update=changed))})
    interrupt_as_ctrl_c()
    with tempfile.TemporaryDirectory(prefix="surgekit-") as folder:
        world = start_edge(shop, seed, "", Path(folder), event_log=None)
        platform = None
        try:
            platform, url = start_cardshop(shop, world, seed, Path(folder), accounts=accounts, stock={})
            click.echo(f"platform  {url}  ({shop.name}, try {url}/api/catalogue)")
            if "supplier" in world.addresses:
                click.echo(f"supplier  {world.addresses['supplier']}  through the link {world.addresses['supplier_link']}")
            if "gateway" in world.addresses:
                click.echo(f"gateway   {world.addresses['gateway']}")
            click.echo("Ctrl-C ends them all")
            while not platform.gone() and not world.child.gone():
                time.sleep(0.2)
            raise RunError(platform.last_words() if platform.gone() else world.child.last_words())
        except KeyboardInterrupt:
            click.echo("ended")
        finally:
            if platform is not None:
                platform.end()
            world.child.end()
