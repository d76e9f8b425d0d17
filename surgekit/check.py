"""``surgekit targets check``: one order through every step of a target, told as it was seen.

It runs what a blast would run (the same processes, the same engine) with one order instead of a surge, so that what passes
here is what a blast will do.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from surgekit import clock, target
from surgekit.children import Child
from surgekit.crew import Crew
from surgekit.errors import ConfigError, RunError, TargetError
from surgekit.eventlog import folder
from surgekit.platform import Platform
from surgekit.platform.times import SLACK_S
from surgekit.redact import LEAST, Redactor
from surgekit.run import Options, Plan, plan, record_of
from surgekit.safety import kill, origin, permitted
from surgekit.target import literals, private
from surgekit.target.schema import Target
from surgekit.target.signing import check_vectors
from surgekit.watch import kill_file

PROFILE = "steady"
"""Gives buyers to draw one from."""
LEDGER_S = 5.0
"""So long the ledger may take to know of an order that the buyer has seen end."""
State = Literal["ok", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. ``open``: it could not be told, which is no pass."""

    what: str
    state: State
    told: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen. ``exchanges``: each request with its reply, secrets hidden."""

    findings: tuple[Finding, ...]
    exchanges: tuple[dict[str, Any], ...]

    @property
    def ok(self) -> bool:
        return all(each.state != "bad" for each in self.findings)


def on_paper(name: str) -> list[Finding]:
    """What can be told without sending anything: the file, and its signatures' test vectors. Raises ``ConfigError``."""
    shop = target.load(name)
    found = [Finding("file", "ok", f"{len(shop.catalogue)} products, {_steps(shop)}")]
    for dialect_name, dialect in shop.signing.items():
        vectors = check_vectors(dialect_name, dialect)
        wrong = [each for each in vectors if not each.ok]
        if wrong:
            found += [Finding(f"signing.{dialect_name}", "bad", f"vector {each.number}: {each.wrong}; signed was {each.text!r}") for each in wrong]
        elif vectors:
            found.append(Finding(f"signing.{dialect_name}", "ok", f"{len(vectors)} test vectors agree"))
        else:
            found.append(Finding(f"signing.{dialect_name}", "open", "no test vectors; add one that the platform's own documents give"))
    return found + [Finding(where, "open", what) for where, what in literals.found(shop)]


def check(name: str, *, sku: str | None, pay_by: str | None, exchanged: Callable[[dict[str, Any]], None]) -> Checked:
    """Walk one order through the target ``name``. ``exchanged`` gets each exchange as it happens.

    Raises ``SurgeKitError`` where it cannot even begin.
    """
    found = on_paper(name)
    told = plan(Options(profile=PROFILE, target=name), one_order=True)
    if told.target.locust is not None:
        raise ConfigError(f"target {told.target.name}: the tasks of a Locust user cannot be walked step by step; try a short blast with a low --peak")
    product = _product(told.target, sku)
    way = _way(told.target, pay_by)
    with tempfile.TemporaryDirectory(prefix="surgekit-check-") as place, ExitStack() as stack, kill.heeded(kill_file(told.target)):
        run = folder.create(Path(place) / "run", "check")
        crew = stack.enter_context(
            Crew(run, told.target, told.profile, told.seed, told.salt, {}, run_id=told.run_id, permit=told.permit, secrets=told.secrets)
        )
        crew.start_platform()
        permit = told.permit or permitted(origin(crew.base_url), None)
        platform = stack.enter_context(Platform(told.target, permit.place, told.run_id, secrets=told.secrets))
        found.append(_tried("platform", lambda: _preflight(platform, permit.how)))
        found.append(_tried("stock", lambda: _stock(platform, product, _supplied(told.target, product))))
        folder.write_json(
            run / "run.json", {**record_of(told), "base_url": crew.base_url, "permit": permit.to_json(), "gateway_act": crew.gateway_act}
        )
        began_s = clock.utc().timestamp()
        seen, walked = _walk(run, told, product, way, exchanged)
        found.append(_outcome(walked))
        found += _witnesses(run, told, platform, walked, product, way, began_s)
    return Checked(tuple(without_secrets(found, told.secrets)), tuple(seen))


def without_secrets(found: list[Finding], secrets: Mapping[str, str]) -> list[Finding]:
    """The findings, which may repeat what the platform said, with no secret in them. One of a figure or two would hide all counts."""
    hidden = Redactor({f"secret.{name}": value for name, value in secrets.items() if len(value) >= LEAST})
    return [replace(each, told=hidden.known(each.told)) for each in found]


def _steps(shop: Target) -> str:
    steps = shop.steps
    if steps is None:
        return f"tasks of {shop.locust.user}" if shop.locust is not None else ""
    names = ["setup"] if shop.setup else []
    names += ["quote"] if steps.quote else []
    names += ["prepare"] if steps.prepare else []
    names += ["submit", *(f"pay by {way}" for way in steps.pay)]
    return ", ".join([*names, *(["poll"] if steps.poll else []), *(["deliver"] if shop.admin else [])])


def _product(shop: Target, sku: str | None) -> str:
    if sku is not None and sku not in shop.skus:
        raise ConfigError(f"--product {sku}: target {shop.name} has no such product; there are {', '.join(shop.skus[:20])}")
    return sku or shop.skus[0]


def _supplied(shop: Target, sku: str) -> bool:
    return any(product.sku == sku and product.supply == "supplier" for product in shop.catalogue)


def _way(shop: Target, pay_by: str | None) -> str:
    ways = list(shop.steps.pay) if shop.steps is not None else []
    if pay_by is not None and ways and pay_by not in ways:
        raise ConfigError(f"--pay {pay_by}: target {shop.name} has no such way to pay; there are {', '.join(ways)}")
    return pay_by or (ways[0] if ways else "balance")


def _tried(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except TargetError as error:
        return Finding(what, "bad", str(error))


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


def _walk(
    run: Path, told: Plan, sku: str, way: str, exchanged: Callable[[dict[str, Any]], None]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    engine = Child("surgekit.engine", [str(run), "--walk", f"{sku},{way}"], run / "logs" / "engine-0.log", env=private.to_env(told.secrets))
    try:
        engine.ready()
        while (line := engine.said.get(timeout=told.profile.buyers.patience + 120)) is not None:
            if line.get("walked"):
                return seen, line
            seen.append(line)
            exchanged(line)
        raise RunError(f"the engine gave up: {engine.last_words()}")
    finally:
        engine.end()


def _outcome(walked: Mapping[str, Any]) -> Finding:
    words = [word for word in ("accepted", "paid", "confirmed") if walked[word]] or ["not accepted"]
    number = f"order {walked['order_no']}: " if walked["order_no"] else ""
    cards = f", {walked['cards']} cards" if walked["cards"] else ""
    if walked["outcome"] == "confirmed":
        return Finding("order", "ok", f"{number}{', '.join(words)}{cards} after {walked['seconds']} s")
    why = f"{walked['outcome']}" + (f" ({walked['reason']})" if walked["reason"] else "")
    status = f"; its last status was {walked['status']!r}" if walked["status"] else ""
    return Finding("order", "bad", f"{number}{', '.join(words)}, and then {why}{status}")


def _witnesses(run: Path, told: Plan, platform: Platform, walked: Mapping[str, Any], sku: str, way: str, began_s: float) -> list[Finding]:
    found = []
    if told.target.reads.ledger is not None:
        found.append(_tried("ledger", lambda: _ledger(platform, told, walked, began_s)))
    else:
        found.append(Finding("ledger", "open", "the file describes no ledger; unknown orders and oversell beyond the cards stay undecided"))
    rows = _edge_rows(run)
    if "gateway" in told.target.plays:
        found.append(_gateway(told.target, rows, walked, way))
    if told.target.links:
        at = "stand-in" if "supplier" in told.target.plays else "link"
        asked = [row for row in rows if row["actor"] in ("supplier", "link")]
        where = told.target.edge.supplier.configured_in
        hint = f"; the supplier's address is set in {where}" if where else ""
        if asked:
            found.append(Finding("supplier", "ok", f"{len(asked)} events passed through the {at}"))
        elif _supplied(told.target, sku):
            found.append(Finding("supplier", "bad", f"{sku} is bought from the supplier, and nothing passed through the {at}{hint}"))
        else:
            found.append(Finding("supplier", "open", f"not asked: {sku} comes from stock; try --product with one that is bought"))
    return found


def _gateway(shop: Target, rows: list[dict[str, Any]], walked: Mapping[str, Any], way: str) -> Finding:
    paid = [row for row in rows if row["actor"] == "gateway" and row["event"] == "payment"]
    told = [row for row in rows if row["actor"] == "gateway" and row["event"] == "callback"]
    where = shop.edge.gateway.configured_in
    if not paid and way != "gateway":
        return Finding("gateway", "open", "not asked: paid by balance; try --pay gateway")
    if not paid:
        state: State = "bad" if walked["accepted"] else "open"
        return Finding("gateway", state, "no payment passed through the stand-in" + (f"; its address is set in {where}" if where else ""))
    if not any(row["acked"] for row in told):
        return Finding("gateway", "bad", f"paid, and none of {len(told)} notices was acknowledged; the last answer: {told[-1]['status'] if told else 'none yet'}")
    return Finding("gateway", "ok", f"paid, and notified: acknowledged at attempt {next(row['attempt'] for row in told if row['acked'])}")


def _ledger(platform: Platform, told: Plan, walked: Mapping[str, Any], began_s: float) -> Finding:
    """Whether the ledger knows of the order, read as a blast would read it. ``began_s``: UNIX time from which on it may have been made."""
    key = f"{told.run_id}-0000000"
    until = clock.now() + LEDGER_S
    while True:
        rows = list(platform.ledger(told.salt, start_s=began_s))
        own = [row for row in rows if row["order_key"] == key]
        if own or clock.now() > until or not walked["accepted"]:
            break
        time.sleep(0.5)
    if not own:
        state: State = "bad" if walked["accepted"] else "open"
        return Finding("ledger", state, f"{len(rows):,} orders, and none has the key of this one; does reads.ledger.columns.order_key find it?")
    words = told.target.statuses
    known = (*words.unpaid, *words.paid, *words.delivered, *words.refunded, *words.failed)
    status = own[0]["status"]
    unknown = "" if status in known else "; statuses does not say what that means"
    at, late_s = own[0].get("created_s"), clock.utc().timestamp() - began_s
    if at is not None and not -SLACK_S <= at <= late_s + SLACK_S:
        by = f"{-at:,.0f} s before it was sent" if at < 0 else f"{at - late_s:,.0f} s after now"
        return Finding("ledger", "bad", f"this order was made {by}; does reads.ledger.columns.created_s say when, and is the platform's clock right?")
    return Finding("ledger", "bad" if unknown else "ok", f"{len(rows):,} orders; this one is {status!r}{unknown}")


def _edge_rows(run: Path) -> list[dict[str, Any]]:
    try:
        lines = (run / "spool" / "edge.jsonl").read_bytes().splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue  # the last line may be under way
    return rows
