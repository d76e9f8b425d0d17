"""Every purpose has a stream of its own."""

from __future__ import annotations

import itertools

from surgekit.seeds import rng


def first(seed: int, purpose: str, *index: int) -> float:
    return float(rng(seed, purpose, *index).random())


def test_the_same_name_gives_the_same_stream() -> None:
    assert first(7, "sku", 1, 2) == first(7, "sku", 1, 2)


def test_no_two_names_share_a_stream() -> None:
    """A missing index and 0 are two names, and a large seed is not a small one with an index."""
    names = [
        (seed, purpose, *index)
        for seed in (0, 1, 2**32, 2**32 + 1, 2**63 - 1)
        for purpose in ("", "a", "ab", "1")
        for index in ((), (0,), (0, 0), (1,), (0, 1), (1, 0), (10,), (1, 1))
    ]
    drawn = {first(*name) for name in names}
    assert len(drawn) == len(names)


def test_a_new_purpose_changes_no_old_one() -> None:
    """Written down once: a change here makes every recorded seed mean another surge."""
    assert [round(first(1, purpose), 12) for purpose in ("arrivals", "sku")] == [0.183334696449, 0.57544190041]


def test_neighbouring_indices_are_not_alike() -> None:
    drawn = [first(1, "order", number) for number in range(400)]
    ups = sum(b > a for a, b in itertools.pairwise(drawn))
    assert 160 < ups < 240  # of 399; a counter would give 399
