"""The schedule: every order of a run, before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from surgekit.arrivals.rate import Floats, RateCurve, Segment
from surgekit.errors import ConfigError
from surgekit.model import Order
from surgekit.profile.schema import Profile, Ramp
from surgekit.seeds import rng

Ints = NDArray[np.int64]
BLOCK = 256
_order: Callable[[Iterable[Any]], Order] = partial(tuple.__new__, Order)
"""``Order._make``, which also counts."""
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``index`` of ``of`` equal parts of a schedule."""

    index: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.of:
            raise ValueError(f"shard {self.index} of {self.of}")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The orders of one shard, as columns of equal length in order of arrival.

    ``seq`` is unique over all shards of a run. ``sku`` and ``buyer_class`` index into ``skus`` and ``classes``. Columns are as narrow as what is in
    them: an hour at a thousand a second has to fit beside everything else.
    """

    shard: Shard
    skus: tuple[str, ...]
    classes: tuple[str, ...]
    phases: tuple[str, ...]
    pay_by: tuple[str, ...]
    intended_s: Floats
    sku: NDArray[np.int16]
    qty: NDArray[np.int32]
    buyer: NDArray[np.int32]
    buyer_class: NDArray[np.int16]
    phase: NDArray[np.int16]
    browses: NDArray[np.bool_]
    double_click: NDArray[np.bool_]
    think_quote_s: Floats
    think_pay_s: Floats
    cold: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.intended_s)

    @property
    def seq(self) -> Ints:
        return np.arange(len(self), dtype=np.int64) * self.shard.of + self.shard.index

    def kinds(self, most: int) -> list[tuple[str, str, str]]:
        """(product, way to pay, class of buyers) of all orders; of more than ``most``, the most frequent."""
        of = len(self.classes)
        found, counts = np.unique(self.sku.astype(np.int64) * of + self.buyer_class, return_counts=True)
        often = found[np.argsort(-counts, kind="stable")][:most].tolist()
        return [(self.skus[each // of], self.pay_by[each % of], self.classes[each % of]) for each in often]

    def orders(self) -> Iterator[Order]:
        """One by one, in order of arrival. Made in small blocks: an hour of them at once would not fit, and even a long block takes its time."""
        return chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[Iterator[Order]]:
        shard, first, of = repeat(self.shard.index), self.shard.index, self.shard.of
        skus, classes, phases, pay_by = (names.__getitem__ for names in (self.skus, self.classes, self.phases, self.pay_by))
        for begin in range(0, len(self), BLOCK):
            part = slice(begin, begin + BLOCK)
            kinds = self.buyer_class[part].tolist()
            columns = (
                range(begin * of + first, len(self) * of + first, of), shard, self.intended_s[part].tolist(), map(skus, self.sku[part].tolist()), self.qty[part].tolist(),
                self.buyer[part].tolist(), map(classes, kinds), map(pay_by, kinds), map(phases, self.phase[part].tolist()),
                self.browses[part].tolist(), self.double_click[part].tolist(), self.think_quote_s[part].tolist(), self.think_pay_s[part].tolist(),
                self.cold[part].tolist(),
            )  # fmt: skip
            yield map(_order, zip(*columns, strict=False))  # the first two go on beyond the block


def curve(profile: Profile) -> RateCurve:
    """The profile's offered rate."""
    segments = []
    for phase in profile.phases:
        first, last = phase.ends()
        kind = phase.rate.curve if isinstance(phase.rate, Ramp) else "linear"
        segments.append(Segment(phase.name, phase.duration, first, last, kind))
    return RateCurve(segments)


def schedule(profile: Profile, catalogue: Sequence[str], seed: int, shard: Shard | None = None) -> Schedule:
    """All orders of one shard; a pure function, and no shard needs another.

    Each shard is a Poisson process of rate λ(t)/N from a stream of its own; independent Poisson processes add up to
    one with the summed rate, so the union has the law of the unsharded schedule. With ``profile.orders`` the count is
    fixed, and the times are what a Poisson process conditioned on its count is: independent draws from λ(t)/Λ.

    ``catalogue`` lists the target's SKUs, hottest first. Raises ``ConfigError`` for a product it does not have.
    """
    shard = shard or Shard()
    line = curve(profile)
    times = _times(profile, line, seed, shard)
    n = len(times)

    def draws(purpose: str) -> Floats:
        return rng(seed, purpose, shard.index, shard.of).random(n)

    weights = product_weights(profile, catalogue)
    names = tuple(profile.buyers.classes)
    kinds = [profile.buyers.classes[name] for name in names]
    kind = _pick(draws("buyer-class"), [each.share for each in kinds])
    qty = np.ones(n, dtype=np.int32)
    qty_draw = draws("qty")
    for number, each in enumerate(kinds):
        table = each.qty or profile.products.qty
        here = kind == number
        qty[here] = np.asarray(list(table), dtype=np.int32)[_pick(qty_draw[here], list(table.values()))]
    twice_share = np.asarray(
        [profile.buyers.double_click if each.double_click is None else each.double_click for each in kinds]
    )
    return Schedule(
        shard=shard,
        skus=tuple(catalogue),
        classes=names,
        phases=tuple(phase.name for phase in profile.phases),
        pay_by=tuple(each.pay for each in kinds),
        intended_s=times,
        sku=_pick(draws("sku"), weights),
        qty=qty,
        buyer=(draws("buyer") * profile.buyers.accounts).astype(np.int32),
        buyer_class=kind,
        phase=line.index(times).astype(np.int16),
        browses=draws("browse") < profile.buyers.browse,
        double_click=draws("double-click") < twice_share[kind],
        think_quote_s=_pauses(profile.buyers.think.quote, seed, "think-quote", shard, n),
        think_pay_s=_pauses(profile.buyers.think.pay, seed, "think-pay", shard, n),
        cold=draws("connection") < profile.buyers.new_connection if profile.buyers.new_connection else np.broadcast_to(np.False_, n),
    )


def _times(profile: Profile, line: RateCurve, seed: int, shard: Shard) -> Floats:
    stream = rng(seed, "arrivals", shard.index, shard.of)
    if profile.orders is not None:
        mine = profile.orders // shard.of + (shard.index < profile.orders % shard.of)
        return np.sort(line.when(stream.random(mine) * line.total))
    share = line.total / shard.of
    gaps: list[Floats] = []
    reached = 0.0
    while reached <= share:
        # Enough in one go nearly always; a whole number of draws at a time keeps the stream reproducible.
        block = stream.exponential(1.0, int(share - reached + 6 * np.sqrt(share + 1)) + 16)
        gaps.append(block)
        reached += float(block.sum())
    unit = np.cumsum(np.concatenate(gaps))
    return line.when(unit[unit <= share] * shard.of)


def _pick(draws: Floats, weights: Sequence[float]) -> NDArray[np.int16]:
    """Which of the weighted choices each uniform draw falls on."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(edges / edges[-1], draws, side="right"), len(edges) - 1).astype(np.int16)


def _pauses(median: float, seed: int, purpose: str, shard: Shard, n: int) -> Floats:
    if median == 0:
        return np.broadcast_to(np.float64(0), n)
    return median * np.exp(0.5 * rng(seed, purpose, shard.index, shard.of).standard_normal(n))


_RANK = re.compile(r"[1-9][0-9]{0,8}")


def product_weights(profile: Profile, catalogue: Sequence[str]) -> list[float]:
    """The share of each SKU of the catalogue; a rank beyond it means its last product, so that a profile fits a small shop too.

    Raises ``ConfigError`` for an SKU that the catalogue does not have.
    """
    if profile.products.zipf is not None:
        return [1 / rank**profile.products.zipf for rank in range(1, len(catalogue) + 1)]
    beyond = 0.0
    shares = dict(profile.products.shares or {})
    for name in [name for name in shares if isinstance(name, int) and name > len(catalogue)]:
        beyond += shares.pop(name)
    by_sku = by_name(shares, catalogue, f"profile {profile.name}: products.shares")
    if beyond:
        by_sku[catalogue[-1]] = by_sku.get(catalogue[-1], 0.0) + beyond
    return [by_sku.get(sku, 0.0) for sku in catalogue]


def _rank(name: int | str) -> int | None:
    if isinstance(name, int):
        return name
    return int(name) if _RANK.fullmatch(name) else None


def by_name(given: Mapping[int, Number] | Mapping[str, Number] | Mapping[int | str, Number], catalogue: Sequence[str], where: str) -> dict[str, Number]:
    """Names or ranks → SKUs. Raises ``ConfigError`` that says what the catalogue has."""
    found: dict[str, Number] = {}
    known = set(catalogue)
    for name, value in given.items():
        rank = _rank(name)
        if isinstance(name, str) and name in known:
            sku = name
        elif rank is not None and 1 <= rank <= len(catalogue):
            sku = catalogue[rank - 1]
        else:
            some = ", ".join(catalogue[:12]) + (", …" if len(catalogue) > 12 else "")
            raise ConfigError(f"{where}.{name}: the target sells {some} (or name a rank, 1 to {len(catalogue)})")
        if sku in found:
            raise ConfigError(f"{where}.{name}: {sku} is given twice, by name and by rank")
        found[sku] = value
    return found
