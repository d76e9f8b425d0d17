"""``surgekit targets check``: one order through every step of a target, told as it was seen.

It runs what a blast would run (the same processes, the same engine) with one order instead of a surge, so that what passes
here is what a blast will do.

    paper        what can be told without sending anything
    walk         the order, sent by an engine
    course       which step went wrong, and why; price and cards
    ledger       what the platform's own books say of the order
    witnesses    whether gateway and supplier were asked, and what they were answered
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from surgekit import clock
from surgekit.check import course, ledger, walk, witnesses
from surgekit.check.finding import Checked, Exchange, Finding, Walked, without_secrets
from surgekit.check.paper import on_paper
from surgekit.crew import Crew
from surgekit.errors import ConfigError, TargetError
from surgekit.eventlog import folder
from surgekit.platform import Platform
from surgekit.run import Options, Plan, plan, record_of
from surgekit.safety import kill, origin, permitted
from surgekit.target.schema import Target
from surgekit.watch import kill_file

__all__ = ["Checked", "Exchange", "Finding", "check", "on_paper", "without_secrets"]

PROFILE = "steady"
"""Gives buyers to draw one from."""
LOGGED_S = 2.0
"""So long the edge may take to write down an acknowledgement that has led to the delivery already."""


def check(
    name: str, *, sku: str | None, pay_by: str | None, going: Callable[[Exchange], None], walked: Callable[[Sequence[Exchange]], None]
) -> Checked:
    """Walk one order through the target ``name``.

    ``going`` gets each exchange as it happens, of which only step and class may be shown; ``walked`` all of them once nothing more can be
    learned that has to be hidden in them, also where it ends in the middle. Raises ``SurgeKitError`` where it cannot even begin.
    """
    found = on_paper(name)
    told = plan(Options(profile=PROFILE, target=name), one_order=True)
    if told.target.locust is not None:
        raise ConfigError(f"target {told.target.name}: the tasks of a Locust user cannot be walked step by step; try a short blast with a low --peak")
    product = _product(told.target, sku)
    way = _way(told.target, pay_by)
    story = walk.Story()
    with tempfile.TemporaryDirectory(prefix="surgekit-check-") as place, ExitStack() as stack, kill.heeded(kill_file(told.target)):
        run = folder.create(Path(place) / "run", "check")
        crew = stack.enter_context(
            Crew(run, told.target, told.profile, told.seed, told.salt, {}, run_id=told.run_id, permit=told.permit, secrets=told.secrets)
        )
        crew.start_platform()
        permit = told.permit or permitted(origin(crew.base_url), None)
        platform = stack.enter_context(Platform(told.target, permit.place, told.run_id, secrets=told.secrets))
        found += _tried("platform", lambda: [_preflight(platform, permit.how)])
        found += _tried("stock", lambda: [_stock(platform, product, witnesses.supplied(told.target, product))])
        folder.write_json(
            run / "run.json", {**record_of(told), "base_url": crew.base_url, "permit": permit.to_json(), "gateway_act": crew.gateway_act}
        )
        began_s = clock.utc().timestamp()
        try:
            walk.walk(run, told, product, way, story, going)
        finally:
            walked(story.seen)
        if story.walked is None:
            found.append(Finding("order", "bad", _gave_up(story)))
        else:
            found += _judged(run, told, platform, story.walked, story.seen, way, began_s)
    return Checked(tuple(without_secrets(found, told.secrets)), tuple(story.seen))


def _gave_up(story: walk.Story) -> str:
    wrong = course.wrong_step(story.seen)
    return story.why + (f"; {course.in_words(wrong)}" if wrong is not None else "")


def _judged(run: Path, told: Plan, platform: Platform, walked: Walked, seen: list[Exchange], way: str, began_s: float) -> list[Finding]:
    """What is found of an order that came to its end."""
    shop = told.target
    found = [course.outcome(walked, seen, shop, told.profile.buyers.patience), *course.price(walked, seen, shop), *course.cards(walked)]
    if shop.reads.ledger is not None:
        found += _tried("ledger", lambda: ledger.ledger(platform, told, walked, began_s))
    elif shop.reads.order is not None:
        found += _tried("reads.order", lambda: [ledger.single(platform, told, walked, began_s)])
        found.append(Finding("ledger", "open", "the file describes no ledger; oversell beyond the cards stays undecided, and so do unknown orders that reads.order cannot find"))
    else:
        found.append(Finding("ledger", "open", "the file describes no ledger; unknown orders and oversell beyond the cards stay undecided"))
    rows = _edge_rows(run)
    if "gateway" in shop.plays:
        found.append(witnesses.gateway(shop, rows, walked, seen, way))
    if shop.links:
        found.append(witnesses.supplier(shop, rows, walked, walked["sku"]))
    return found


def _edge_rows(run: Path) -> list[dict[str, Any]]:
    """What the edge has written, once it is known whether a payment was acknowledged, or patience is over."""
    until = clock.now() + LOGGED_S
    while True:
        rows = witnesses.edge_rows(run)
        open_ = any(row["event"] == "payment" for row in rows) and not any(row["acked"] for row in rows)
        if not open_ or clock.now() > until:
            return rows
        time.sleep(0.2)


def _product(shop: Target, sku: str | None) -> str:
    if sku is not None and sku not in shop.skus:
        raise ConfigError(f"--product {sku}: target {shop.name} has no such product; there are {', '.join(shop.skus[:20])}")
    return sku or shop.skus[0]


def _way(shop: Target, pay_by: str | None) -> str:
    ways = list(shop.steps.pay) if shop.steps is not None else []
    if pay_by is not None and ways and pay_by not in ways:
        raise ConfigError(f"--pay {pay_by}: target {shop.name} has no such way to pay; there are {', '.join(ways)}")
    return pay_by or (ways[0] if ways else "balance")


def _tried(what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except TargetError as error:
        told = str(error)
        # The preflight tries the ledger's query too; what is wrong with that is no fault of the platform's.
        return [Finding("ledger" if what == "platform" and told.startswith("reads.ledger") else what, "bad", told)]


def _preflight(platform: Platform, how: str) -> Finding:
    platform.preflight()
    return Finding("platform", "ok", "answers, on this machine" if how == "loopback" else f"answers; its owner's consent: {how}")


def _stock(platform: Platform, sku: str, supplied: bool) -> Finding:
    found = platform.stock()
    if found is None:
        return Finding("stock", "open", "the file describes no stock read; oversell can only be told from the cards")
    figures = found.get(sku)
    if figures is None and supplied:
        return Finding("stock", "ok", f"{len(found)} products; {sku} is bought from the supplier")
    if figures is None:
        return Finding("stock", "bad", f"the reply has nothing of {sku}; reads.stock finds {', '.join(list(found)[:10]) or 'nothing'}")
    return Finding("stock", "ok", f"{sku}: " + ", ".join(f"{name} {value}" for name, value in figures.items() if value is not None))
