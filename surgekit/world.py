"""The world around the platform, and the reference platform in it: how their processes are started."""

from __future__ import annotations

import json
import secrets as randomness
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from surgekit.children import Child
from surgekit.errors import ConfigError, TargetError
from surgekit.eventlog import folder
from surgekit.target import literals, template
from surgekit.target.private import plain_vars
from surgekit.target.schema import CardshopStart, Target

QUIET_S = 1.0
"""A run's kill switch works within this time."""


@dataclass(frozen=True, slots=True)
class World:
    """A running edge process. ``addresses``: ``control`` and of what is played ``supplier``, ``supplier_link``, ``gateway``."""

    child: Child
    addresses: Mapping[str, str]
    supplier_key: str
    gateway_key: str
    control: httpx.Client

    def inject(self, name: str, settings: dict[str, Any]) -> None:
        """Put a fault on a live link. Raises ``OSError`` with the edge's reason."""
        self._ask("PUT", f"/faults/{name}", settings)

    def heal(self, name: str) -> None:
        """Take it off again. Raises ``OSError``."""
        self._ask("DELETE", f"/faults/{name}")

    def quiet(self) -> int:
        """End all callbacks, and let no other begin: within a second. How many were dropped. Raises ``OSError``."""
        return int(self._ask("POST", "/quiet", timeout=QUIET_S).json()["dropped"])

    def _ask(self, method: str, path: str, settings: dict[str, Any] | None = None, *, timeout: float = 5.0) -> httpx.Response:
        try:
            reply = self.control.request(method, path, json=settings, timeout=timeout)
        except httpx.HTTPError as error:
            raise OSError(f"the edge process does not answer: {error}") from None
        if reply.status_code != 200:
            raise OSError(reply.text.strip()[:300])
        return reply


def start_edge(
    target: Target, seed: int, salt: str, logs: Path, *, event_log: Path | None, permit_json: Mapping[str, Any] | None = None,
    run_id: str = "", secrets: Mapping[str, str] | None = None,
) -> World:
    """Start what ``target`` says that SurgeKit plays. Raises ``ConfigError`` and ``RunError``.

    ``permit_json``: ``Permit.to_json()`` of the platform; without it the edge calls nobody but this machine. ``secrets``: name →
    value, as the target file names them. Keys and secrets reach the process in its environment: command lines are for everybody to read.
    """
    if target.edge.supplier.upstream is not None:
        _knock(target.edge.supplier.upstream)
    given = {**literals.lifted(target).secrets, **(secrets or {})}
    holes = {**{f"secret.{name}": value for name, value in given.items()}, **{f"vars.{name}": value for name, value in plain_vars(target).items()}}
    supplier, gateway = target.edge.supplier, target.edge.gateway
    supplier_key = _key(supplier.key, holes, f"target {target.name}: edge.supplier.key")
    gateway_key = _key(gateway.key, holes, f"target {target.name}: edge.gateway.key")
    token = randomness.token_hex(16)
    config = logs / "edge.json"
    folder.write_json(config, edge_config(target, permit_json, run_id))
    args = [
        "--seed", str(seed), "--salt", salt, "--config", str(config),
        "--link-port", str(supplier.link_port), "--gateway-port", str(gateway.port),
    ]  # fmt: skip
    if event_log is not None:
        args += ["--log", str(event_log)]
    env = {
        "SURGEKIT_CONTROL_TOKEN": token, "SURGEKIT_SECRETS": json.dumps(dict(given)),
        "SURGEKIT_SUPPLIER_KEY": supplier_key, "SURGEKIT_GATEWAY_KEY": gateway_key,
    }  # fmt: skip
    child = Child("surgekit.edge", args, logs / "edge.log", env=env)
    told = child.ready()
    control = httpx.Client(
        base_url=told["control"], headers={"Authorization": f"Bearer {token}"}, timeout=5.0, trust_env=False
    )
    addresses = {str(name): str(told[name]) for name in ("supplier", "supplier_link", "gateway", "control") if name in told}
    return World(child, addresses, supplier_key, gateway_key, control)


def edge_config(target: Target, permit_json: Mapping[str, Any] | None, run_id: str) -> dict[str, Any]:
    """What the edge process needs of a target file. No secret is in it: a key that stands in the file as it is has become one."""
    target = literals.lifted(target).target
    supplier, gateway = target.edge.supplier, target.edge.gateway
    notify = gateway.notify
    signing = {}
    if notify is not None and notify.sign in target.signing:
        dialect = target.signing[notify.sign]
        # Test vectors have keys in them, and nobody verifies them here.
        signing[notify.sign] = dialect.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"vectors"})
    return {
        "plays": sorted(target.plays),
        "upstream": None if supplier.upstream is None else _place(supplier.upstream),
        "run_id": run_id,
        "permit": None if permit_json is None else dict(permit_json),
        "vars": plain_vars(target) if notify is not None else {},
        "signing": signing,
        "supplier": {
            "latency_ms": {"median": supplier.latency_ms, "sigma": supplier.sigma},
            "slots": supplier.slots,
            "later_share": supplier.later_share,
        },
        "gateway": {
            "notify_delay_ms": {"median": gateway.notify_ms, "sigma": gateway.sigma},
            "notify_retries_s": list(gateway.retries),
            "compress": gateway.compress,
            "duplicates": None if gateway.duplicates is None else gateway.duplicates.model_dump(mode="json"),
            "at_once": gateway.at_once,
            "notify": None if notify is None else notify.model_dump(mode="json", by_alias=True, exclude_unset=True),
        },
    }


def _knock(url: str) -> None:
    """Raises ``TargetError`` where the real supplier behind the link does not listen."""
    try:
        socket.create_connection(_place(url), timeout=2.0).close()
    except OSError as error:
        raise TargetError(f"edge.supplier.upstream: nothing answers at {url} ({error.strerror or error}); is the supplier running?") from None


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _key(text: str | None, holes: Mapping[str, Any], where: str) -> str:
    """The key that a stand-in signs with: as the target file says, or a random one. Raises ``ConfigError``."""
    if text is None:
        return randomness.token_hex(16)
    key = template.text_template(text, where)
    for word in sorted(key.names - holes.keys()):
        raise ConfigError(f"{where}: nothing gives {{{word}}}; known here: {', '.join(sorted(holes)) or 'no names at all'}")
    rendered = key.render(holes).decode()
    if not rendered or "\0" in rendered:
        raise ConfigError(f"{where}: is empty, or no text")
    return rendered


def start_cardshop(
    target: Target, world: World, seed: int, logs: Path, *, accounts: int, stock: Mapping[str, int], scratch: Path | None = None
) -> tuple[Child, str]:
    """Start the reference platform as ``target.start`` says; (its process, its URL). Raises ``RunError``.

    ``stock`` overrides the catalogue's figures: SKU → units. The platform's temporary database goes into ``scratch`` (default:
    ``logs``); it holds card codes, and a killed platform leaves it there, so the caller removes that folder.
    """
    assert target.start is not None
    seed_file = logs / "cardshop.json"
    folder.write_json(
        seed_file,
        {
            "seed": seed,
            "catalogue": [
                {**product.model_dump(exclude={"vars"}), "stock": stock.get(product.sku, product.stock)} for product in target.catalogue
            ],
            "accounts": {
                "prefix": target.accounts.prefix,
                "count": accounts,
                "balance_fen": target.accounts.balance_fen,
            },
        },
    )
    args = [*cardshop_options(target.start.cardshop), "--seed-file", str(seed_file)]
    if "supplier_link" in world.addresses:
        args += ["--supplier-url", world.addresses["supplier_link"]]
    if "gateway" in world.addresses:
        args += ["--gateway-url", world.addresses["gateway"]]
    # The platform removes its temporary files itself, also when this process is killed; the folder is for when it is killed.
    env = {
        "TMPDIR": str((scratch or logs).resolve()),
        "SURGEKIT_SUPPLIER_KEY": world.supplier_key, "SURGEKIT_GATEWAY_KEY": world.gateway_key,
    }  # fmt: skip
    child = Child("surgekit.cardshop", args, logs / "cardshop.log", env=env)
    return child, child.ready()["url"]


def cardshop_options(start: CardshopStart) -> list[str]:
    """The reference platform's command line for a target's ``start``."""
    words = [
        "--port", str(start.port), "--strategy", start.strategy, "--workers", str(start.workers),
        "--pool", str(start.pool), "--pool-timeout", str(start.pool_timeout), "--reserve-s", str(start.reserve),
        "--backlog", str(start.backlog), "--supplier-timeout", str(start.supplier_timeout),
    ]  # fmt: skip
    if start.db is not None:  # else a temporary file of the platform's own: card codes stay out of the run folder
        words += ["--db", start.db]
    if start.fulfil is not None:
        words += ["--fulfil", start.fulfil]
    if start.dedupe is not None:
        words.append("--dedupe" if start.dedupe else "--no-dedupe")
    return words
