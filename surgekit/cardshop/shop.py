"""The shop put together: what it was told, what it knows by heart, and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from surgekit.cardshop import seed as seeding
from surgekit.cardshop.fulfil import Fulfilment
from surgekit.cardshop.schema import tables
from surgekit.cardshop.seed import Seed, Sku
from surgekit.cardshop.stock import STRATEGIES, Strategy
from surgekit.cardshop.store import Store
from surgekit.cardshop.supplier import Supplier


@dataclass(frozen=True)
class Settings:
    """Every option of the shop. Times are seconds."""

    db: str
    strategy: Literal["naive", "conditional", "reserve"] = "naive"
    background: bool = False
    dedupe: bool = False
    workers: int = 16
    pool: int = 8
    pool_timeout: float = 3.0
    reserve_s: float = 30.0
    backlog: int = 0
    supplier_url: str | None = None
    supplier_key: str = ""
    supplier_timeout: float = 5.0
    gateway_url: str | None = None
    gateway_key: str = ""


@dataclass(frozen=True)
class Shop:
    """An open shop. Catalogue and account names never change while it is open, so they are kept in memory."""

    settings: Settings
    url: str
    store: Store
    skus: dict[str, Sku]
    accounts: frozenset[str]
    strategy: Strategy
    supplier: Supplier | None
    fulfilment: Fulfilment

    @property
    def reserve_s(self) -> float | None:
        """How long an unpaid order keeps its cards; ``None`` where unpaid orders keep none."""
        return self.settings.reserve_s if self.settings.strategy == "reserve" else None

    def close(self) -> None:
        """Stop the background work and leave the database."""
        self.fulfilment.stop()
        if self.supplier is not None:
            self.supplier.close()
        self.store.close()


def open_shop(settings: Settings, seed: Seed, url: str) -> Shop:
    """Make the tables, fill the shelves, start the background work. ``url`` is the shop's own address.

    Raises ``ConfigError`` or ``RunError`` with one sentence.
    """
    supplier = None
    if settings.supplier_url:
        supplier = Supplier(
            settings.supplier_url,
            settings.supplier_key,
            timeout_s=settings.supplier_timeout,
            notify_url=f"{url}/callback/supplier",
        )
    store = Store(settings.db, pool=settings.pool, pool_timeout=settings.pool_timeout)
    store.rebuild(tables(dedupe=settings.dedupe))
    seeding.fill(store, seed)
    strategy = STRATEGIES[settings.strategy]()
    own = frozenset(sku.sku for sku in seed.catalogue if sku.supply == "stock")
    return Shop(
        settings=settings,
        url=url,
        store=store,
        skus={sku.sku: sku for sku in seed.catalogue},
        accounts=frozenset(seed.accounts.names()),
        strategy=strategy,
        supplier=supplier,
        fulfilment=Fulfilment(store, strategy, supplier, own, background=settings.background),
    )
