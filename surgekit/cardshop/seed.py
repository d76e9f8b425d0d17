"""What the shop has on its shelves when it opens: the seed file, and the rows made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import text

from surgekit.cardshop.store import Store
from surgekit.errors import ConfigError
from surgekit.seeds import rng

ALPHABET = np.frombuffer(b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ", dtype="S1")  # no 0/O, no 1/I
GROUPS, GROUP = 4, 4  # 16 letters of 5 bits: 80 bits of entropy

_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Sku(Strict):
    """One thing for sale. ``stock``: how many card codes of its own the shop starts with."""

    sku: _Name
    name: _Name
    price_fen: Annotated[int, Field(ge=1, le=10**9)]
    supply: Literal["stock", "supplier"] = "stock"
    stock: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Accounts(Strict):
    """Buyers ``<prefix>0001 … <prefix>NNNN``, each with the same prepaid balance."""

    prefix: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = "buyer-"
    count: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    balance_fen: Annotated[int, Field(ge=0, le=10**15)] = 100_000_000

    def names(self) -> list[str]:
        """Account names in order."""
        return [f"{self.prefix}{number:04d}" for number in range(1, self.count + 1)]


class Seed(Strict):
    """The whole seed file."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 7
    catalogue: Annotated[tuple[Sku, ...], Field(min_length=1, strict=False)]
    accounts: Accounts = Accounts()

    @model_validator(mode="after")
    def _no_sku_twice(self) -> Seed:
        if len({sku.sku for sku in self.catalogue}) < len(self.catalogue):
            raise ValueError("a sku stands in the catalogue twice")
        return self


DEFAULT = Seed(
    catalogue=(
        Sku(sku="game-100", name="Game card 100", price_fen=10_000, supply="stock", stock=400),
        Sku(sku="phone-50", name="Phone top-up 50", price_fen=5_000, supply="supplier"),
    )
)


def load(path: Path | None) -> Seed:
    """The seed in ``path``, or the built-in one. Raises ``ConfigError`` with one sentence."""
    if path is None:
        return DEFAULT
    try:
        return Seed.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise ConfigError(f"seed file {path} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"seed file {path}: {where + ': ' if where else ''}{first['msg']}") from None


def codes(seed: int, sku: str, count: int) -> list[str]:
    """``count`` card codes, the same for the same seed and sku: ``GAME100-7K2M-…``."""
    prefix = "".join(letter for letter in sku.upper() if letter.isascii() and letter.isalnum())[:12] or "CARD"
    letters = ALPHABET[rng(seed, f"cardshop cards {sku}").integers(0, len(ALPHABET), size=(count, GROUPS, GROUP))]
    return ["-".join([prefix, *(b"".join(group).decode() for group in card)]) for card in letters.tolist()]


def fill(store: Store, seed: Seed) -> None:
    """Write the seed's rows into empty tables, in one transaction."""
    skus = [sku.model_dump(exclude={"stock"}) for sku in seed.catalogue]
    accounts = [{"account": name, "balance_fen": seed.accounts.balance_fen} for name in seed.accounts.names()]
    cards = [
        {"sku": sku.sku, "code": code}
        for sku in seed.catalogue
        if sku.supply == "stock"
        for code in codes(seed.seed, sku.sku, sku.stock)
    ]
    insert_sku = "INSERT INTO cardshop_skus (sku, name, price_fen, supply) VALUES (:sku, :name, :price_fen, :supply)"
    insert_account = "INSERT INTO cardshop_accounts (account, balance_fen) VALUES (:account, :balance_fen)"
    insert_card = "INSERT INTO cardshop_cards (sku, code, status) VALUES (:sku, :code, 'unsold')"
    with store.write() as conn:
        for statement, rows in ((insert_sku, skus), (insert_account, accounts), (insert_card, cards)):
            if rows:
                conn.execute(text(statement), rows)
