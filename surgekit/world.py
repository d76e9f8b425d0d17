"""The world around the platform, and the reference platform in it: how their processes are started."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from surgekit.children import Child
from surgekit.eventlog import folder
from surgekit.target.schema import CardshopStart, Target


@dataclass(frozen=True, slots=True)
class World:
    """A running edge process. ``addresses``: ``supplier``, ``supplier_link``, ``gateway``, ``control``."""

    child: Child
    addresses: Mapping[str, str]
    supplier_key: str
    gateway_key: str
    control: httpx.Client

    def inject(self, name: str, settings: dict[str, Any]) -> None:
        """Put a fault on a live link. Raises ``OSError`` with the edge's reason."""
        self._ask("PUT", name, settings)

    def heal(self, name: str) -> None:
        """Take it off again. Raises ``OSError``."""
        self._ask("DELETE", name, None)

    def _ask(self, method: str, name: str, settings: dict[str, Any] | None) -> None:
        try:
            reply = self.control.request(method, f"/faults/{name}", json=settings)
        except httpx.HTTPError as error:
            raise OSError(f"the edge process does not answer: {error}") from None
        if reply.status_code != 200:
            raise OSError(reply.text.strip()[:300])


def start_edge(target: Target, seed: int, salt: str, logs: Path, *, event_log: Path | None) -> World:
    """Start the supplier and gateway stand-ins that ``target`` describes. Raises ``RunError``."""
    supplier_key, gateway_key, token = (secrets.token_hex(16) for _ in range(3))
    config = logs / "edge.json"
    supplier, gateway = target.edge.supplier, target.edge.gateway
    folder.write_json(
        config,
        {
            "supplier": {
                "latency_ms": {"median": supplier.latency_ms, "sigma": supplier.sigma},
                "slots": supplier.slots,
                "later_share": supplier.later_share,
            },
            "gateway": {"notify_delay_ms": {"median": gateway.notify_ms, "sigma": gateway.sigma}},
        },
    )
    args = [
        "--seed", str(seed), "--salt", salt, "--supplier-key", supplier_key, "--gateway-key", gateway_key,
        "--config", str(config),
    ]  # fmt: skip
    if event_log is not None:
        args += ["--log", str(event_log)]
    child = Child("surgekit.edge", args, logs / "edge.log", env={"SURGEKIT_CONTROL_TOKEN": token})
    told = child.ready()
    control = httpx.Client(
        base_url=told["control"], headers={"Authorization": f"Bearer {token}"}, timeout=5.0, trust_env=False
    )
    return World(child, told, supplier_key, gateway_key, control)


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
                {**product.model_dump(), "stock": stock.get(product.sku, product.stock)} for product in target.catalogue
            ],
            "accounts": {
                "prefix": target.accounts.prefix,
                "count": accounts,
                "balance_fen": target.accounts.balance_fen,
            },
        },
    )
    args = [
        *cardshop_options(target.start.cardshop), "--seed-file", str(seed_file),
        "--supplier-url", world.addresses["supplier_link"], "--supplier-key", world.supplier_key,
        "--gateway-url", world.addresses["gateway"], "--gateway-key", world.gateway_key,
    ]  # fmt: skip
    # The platform removes its temporary files itself, also when this process is killed; the folder is for when it is killed.
    child = Child("surgekit.cardshop", args, logs / "cardshop.log", env={"TMPDIR": str((scratch or logs).resolve())})
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
