"""Randomness comes from (seed, what it is for), and from nowhere else."""

from __future__ import annotations

import hashlib

import numpy as np


def rng(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """A generator of its own for one purpose.

    Two purposes, or two indices (a shard, an order), never share a stream, and adding a new purpose
    changes no old one. ``seed`` and ``index`` are integers >= 0.
    """
    # All of it goes through one hash: SeedSequence takes [s, w] and [s, w, 0] for the same, since it pads with zeros.
    name = "\0".join([str(seed), *map(str, index), purpose])
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(word)))
