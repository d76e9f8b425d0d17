"""One blast, from top to bottom. Read this first.

A profile says who arrives when; a target says how to order there. The platform and the world around it (supplier,
payment gateway) run as processes of their own, and so does the engine that sends the orders. Everything that happens is
written down while it happens; afterwards the platform is asked what it thinks has happened, and the history is sealed.
What it means is worked out from the folder alone, by ``surgekit.report``.
"""

from __future__ import annotations

import secrets
import shlex
import signal
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tabulate import tabulate

from surgekit import __version__, clock, profile, target
from surgekit.arrivals.schedule import by_name, curve, product_weights
from surgekit.chaos import faults
from surgekit.chaos.timeline import Timeline
from surgekit.crew import Crew
from surgekit.errors import ConfigError, RunError, TargetError
from surgekit.eventlog import folder
from surgekit.eventlog.seal import seal
from surgekit.eventlog.writer import SpoolWriter
from surgekit.fleet import Muster
from surgekit.platform import Platform
from surgekit.profile.schema import FaultPlan, Profile
from surgekit.report import finish
from surgekit.report.show import Show
from surgekit.report.words import Lang
from surgekit.safety import Permit, allowance, kill, origin, permitted
from surgekit.settle import settle_and_read
from surgekit.target import locustfile, private
from surgekit.target.schema import Target
from surgekit.watch import Tempo, Watch, kill_file, limit_s

MOST_ORDERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a blast was asked for."""

    profile: str
    target: str = "cardshop"
    faults: tuple[FaultPlan, ...] = ()
    peak: float | None = None
    duration: float | None = None
    seed: int | None = None
    workers: Muster = field(default_factory=Muster)
    out: Path | None = None
    web: int | None = None
    lang: Lang = "en"
    command: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """Everything that is fixed before the first process starts; ``run.json`` is made of it."""

    options: Options
    profile: Profile
    target: Target
    seed: int
    stock: dict[str, int]
    secrets: dict[str, str]
    permit: Permit | None
    """To load the platform; None where SurgeKit starts it, so that it is not there yet."""
    submissions: list[int] | None = None
    """How many each engine may send, where budget or consent bound them."""
    run_id: str = field(default_factory=lambda: secrets.token_hex(3))
    salt: str = field(default_factory=lambda: secrets.token_hex(16))


def plan(options: Options, *, one_order: bool = False) -> Plan:
    """Load and check everything that can be known beforehand. Raises ``ConfigError``, ``TargetError`` or ``KilledError``.

    Where the platform is not on this machine, its owner's consent is asked for, and nothing else is sent to it. ``one_order``: no
    surge is meant, but a single order of it.
    """
    shape = profile.scaled(profile.load(options.profile), peak=options.peak, duration=options.duration)
    shape = shape.model_copy(update={"faults": [*shape.faults, *options.faults]})
    shop = target.load(options.target)
    kill.refuse(kill_file(shop))
    for number, each in enumerate(shape.faults):
        faults.find(each.fault)
        if each.start >= shape.duration:
            raise ConfigError(
                f"faults[{number}] ({each.fault}) starts at {each.start:g} s, and profile {shape.name} ends at {shape.duration:g} s"
            )
        if not shop.links:
            raise ConfigError(
                f"faults[{number}] ({each.fault}): no link of SurgeKit's leads to the supplier of {shop.name}, so it cannot be broken; "
                "give edge.supplier.upstream, use a target that SurgeKit starts, or leave the fault out"
            )
    if shop.locust is not None and options.workers.remote:
        raise ConfigError(f"target {shop.name}: a locustfile stays on this machine, so no worker elsewhere can run it; use --workers instead of --remote")
    shape = _paying(shape, shop)
    product_weights(shape, shop.skus)
    for name in {kind.pay for kind in shape.buyers.classes.values()}:
        if shop.steps is not None and shop.steps.pay and name not in shop.steps.pay:
            raise ConfigError(f"target {shop.name}: steps.pay has no {name}, and profile {shape.name} has buyers who pay so")
    expected = shape.orders or curve(shape).total
    if expected > MOST_ORDERS:
        raise ConfigError(f"profile {shape.name}: about {expected:,.0f} orders; more than {MOST_ORDERS:,} in one run are refused")
    secrets = private.secrets(shop)
    private.accounts(shop)
    seed, budget, need = shape.seed if options.seed is None else options.seed, shop.safety.budget, None
    if not one_order:
        allowance.within_rate(shop, shape)
        if budget.orders is not None:
            need = allowance.demand(shape, shop, seed, options.workers.shards, budget.orders)
            allowance.within_orders(shop, shape, need, seed)
    permit = None
    if shop.base_url is not None:
        token = private.filled(shop.safety.consent, private.names(shop, secrets), f"target {shop.name}: safety.consent")
        with kill.heeded(kill_file(shop)):
            permit = permitted(origin(shop.base_url), token)
        if permit.orders is not None and not one_order:
            need = allowance.demand(shape, shop, seed, options.workers.shards, permit.orders)
        lasts_s = limit_s(shape, _after_s(shop)) - (shape.duration if one_order else 0)
        permit.hold(
            rate=1 if one_order else shape.peak, orders=1 if one_order else expected if need is None else need.submissions,
            ends=clock.utc() + timedelta(seconds=lasts_s),
        )  # fmt: skip
        if permit.how != "loopback" and (budget.rate is None or budget.orders is None):
            raise ConfigError(f"target {shop.name}: safety.budget: rate and orders must be given, since the platform is not on this machine")
    most = allowance.most_orders(budget.orders, None if permit is None else permit.orders)
    submissions = None if most is None else [most] if need is None else allowance.allotted(most, need)
    stock = by_name(shape.products.stock, shop.skus, f"profile {shape.name}: products.stock")
    if shop.locust is not None and shop.reads.stock is None:
        stock = {}  # nobody could look at it; the run's notes say so
    return Plan(options, shape, shop, seed, stock, secrets, permit, submissions)


def _paying(shape: Profile, shop: Target) -> Profile:
    """``shape`` with buyers who pay by the one way that the platform has; where it has several, each profile has to fit."""
    if shop.steps is None or len(shop.steps.pay) != 1:
        return shape
    only = next(iter(shop.steps.pay))
    classes = {name: kind.model_copy(update={"pay": only}) for name, kind in shape.buyers.classes.items()}
    return shape.model_copy(update={"buyers": shape.buyers.model_copy(update={"classes": classes})})


def blast(options: Options, show: Show) -> Path:
    """Run one surge, audited and reported. Returns the run folder; ``result.json`` in it holds what was found.

    Raises ``SurgeKitError``. What the platform does wrong is a result and never raises.
    """
    # 1. Everything that can be wrong on paper is said before anything starts.
    told = plan(options)
    run = folder.create(options.out, told.profile.name)
    record = record_of(told)
    folder.write_json(run / "run.json", record)
    show.planned(told.profile, told.target, run, told.seed)

    with folder.held(run):
        try:
            _surge(told, run, record, show)
        except kill.KilledError:
            folder.discard(run)  # no order was sent, so there is nothing to look up
            raise

        # 6. The history becomes final, and what it means is worked out from it.
        seal(run)
        finish.finish(run, options.lang)
    show.finished(run)
    return run


def _surge(told: Plan, run: Path, record: dict[str, Any], show: Show) -> None:
    """Steps 2 to 5: everything for which processes run."""
    with ExitStack() as stack:
        with kill.heeded(kill_file(told.target)):
            # 2. The world around the platform, then the platform: it is told where its supplier and gateway are.
            crew = stack.enter_context(
                Crew(run, told.target, told.profile, told.seed, told.salt, told.stock, run_id=told.run_id, permit=told.permit, secrets=told.secrets)
            )
            crew.start_platform()
            permit = told.permit or permitted(origin(crew.base_url), None)
            platform = stack.enter_context(Platform(told.target, permit.place, told.run_id, secrets=told.secrets))
            stock = SpoolWriter(run / "spool" / "stock.jsonl")
            try:
                platform.preflight()
                _check_stock(_read_stock(platform, stock, "start", 0.0), told)
            except TargetError:
                if told.target.start is None:
                    folder.discard(run)  # nothing ran, so there is nothing to look up
                raise

            # 3. The engines load, compile the target and draw their shard of the schedule; then all start at one moment.
            record |= {"base_url": crew.base_url, "permit": permit.to_json(), "gateway_act": crew.gateway_act, "processes": crew.pids()}
            folder.write_json(run / "run.json", record)
            crew.start_engines(told.options.workers, web=told.options.web, waiting=show.waiting)
            t0 = clock.now() + crew.head_start_s
            record |= {"t0": t0, "processes": crew.pids()}
            folder.write_json(run / "run.json", record)
            crew.go(t0)

        # 4. The surge: load and faults on one clock, a sample each second, until the last order has ended.
        tempo = Tempo(t0)
        timeline = Timeline(told.profile.faults, told.profile.duration, crew.world, tempo.now)
        timeline.start()
        try:
            ended = Watch(run, crew, tempo, timeline, show, limit_s=limit_s(told.profile, _after_s(told.target)), kill_file=kill_file(told.target)).until_over()
        finally:
            timeline.stop()
            _write_rows(run, "faults", timeline.rows())

        # 5. Everything settles; then the platform is asked what became of each order.
        show.settling()
        record |= {"engine_ended": ended.how, "notes": [*ended.notes, *locustfile.evidence(told.target)], "aborted": ended.aborted, "ended_s": tempo.now(), "engines": ended.engines}
        record |= {"lost": ended.lost, "clocks": ended.clocks, "gone_s": ended.gone_s}
        folder.write_json(run / "run.json", record)
        record["witnesses"] = settle_and_read(
            run, told.target, crew.edge, platform, stock, tempo.now, salt=told.salt, settle_s=told.profile.settle,
            by_hand=ended.by_hand, kill_file=kill_file(told.target),
        )  # fmt: skip
        folder.write_json(run / "run.json", record)


def _after_s(shop: Target) -> float:
    """So long after its payment a person delivers an order."""
    return 0.0 if shop.admin is None else shop.admin.after


def record_of(told: Plan) -> dict[str, Any]:
    options = told.options
    return {
        "schema": folder.SCHEMA,
        "version": __version__,
        "run_id": told.run_id,
        "started": f"{clock.utc():%Y-%m-%dT%H:%M:%SZ}",
        "command": shlex.join(["surgekit", *options.command]),
        "profile": told.profile.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "target": private.hidden(told.target).model_dump(mode="json", by_alias=True, exclude_unset=True),
        "seed": told.seed,
        "shards": options.workers.shards,
        "fleet": {"local": options.workers.local, "remote": options.workers.remote, "listen": options.workers.listen[0] if options.workers.remote else None},
        "submissions": told.submissions,
        "salt": told.salt,
        "lang": options.lang,
        "t0": None,
        "engine_ended": None,
        "witnesses": {},
    }


def _read_stock(platform: Platform, log: SpoolWriter, moment: str, t_s: float) -> dict[str, dict[str, int]] | None:
    found = platform.stock()
    for sku, figures in (found or {}).items():
        log.row({"moment": moment, "sku": sku, "t_s": t_s, **figures})
    log.flush()
    return found


def _check_stock(found: dict[str, dict[str, int]] | None, told: Plan) -> None:
    """A profile that wants 2,000 in stock says nothing about a platform that has 5,000."""
    for sku, wanted in told.stock.items():
        has = (found or {}).get(sku, {}).get("unsold")
        if has is None:
            raise TargetError(f"profile {told.profile.name} wants {wanted} of {sku} in stock, and {told.target.name} does not say what it has")
        if has != wanted:
            raise TargetError(f"profile {told.profile.name} wants {wanted} of {sku} in stock, and the platform has {has}; stock it first")


def _write_rows(run: Path, table: str, rows: list[dict[str, Any]]) -> None:
    log = SpoolWriter(run / "spool" / f"{table}.jsonl")
    try:
        for row in rows:
            log.row(row)
        log.close()
    except OSError as error:
        raise RunError(f"{run}: cannot be written: {error.strerror}") from None


def interrupt_as_ctrl_c() -> None:
    """SIGTERM ends a blast as Ctrl-C does: nothing more is sent, and what there is gets reported."""

    def raise_it(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, raise_it)


def describe(told: Plan) -> dict[str, Any]:
    """What a blast would do, for ``--dry-run``."""
    line = curve(told.profile)
    shares = product_weights(told.profile, told.target.skus)
    return {
        "profile": told.profile.name,
        "target": told.target.name,
        "starts_platform": told.target.start is not None,
        "seed": told.seed,
        "workers": told.options.workers.shards,
        "orders_expected": told.profile.orders or round(line.total),
        "duration_s": told.profile.duration,
        "peak_rate": told.profile.peak,
        "phases": [
            {"name": each.name, "duration_s": each.duration, "from": each.ends()[0], "to": each.ends()[1]}
            for each in told.profile.phases
        ],
        "products": {sku: round(share / sum(shares), 4) for sku, share in zip(told.target.skus, shares, strict=True)},
        "stock": told.stock,
        "faults": [each.model_dump() for each in told.profile.faults],
    }


def in_words(told: dict[str, Any]) -> str:
    """``describe`` as a table."""
    rows = [
        [each["name"], f"{each['duration_s']:g} s", f"{each['from']:g}" + (f" → {each['to']:g}" if each["to"] != each["from"] else "")]
        for each in told["phases"]
    ]
    faults_ = [f"{each['fault']} @ {each['start']:g} s" + (f" + {each['length']:g} s" if each["length"] else "") for each in told["faults"]]
    return "\n".join(
        [
            f"{told['profile']} → {told['target']}" + (" (started by SurgeKit)" if told["starts_platform"] else ""),
            f"about {told['orders_expected']:,} orders in {told['duration_s']:g} s, peak {told['peak_rate']:g}/s, seed {told['seed']}",
            "",
            tabulate(rows, headers=["phase", "lasts", "orders/s"], tablefmt="simple", disable_numparse=True),
            "",
            "products: " + ", ".join(f"{sku} {share:.0%}" for sku, share in told["products"].items()),
            f"faults: {', '.join(faults_) or 'none'}",
            "nothing was sent (--dry-run)",
        ]
    )
