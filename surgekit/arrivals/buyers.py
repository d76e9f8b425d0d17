"""Who the buyers are: names, phones and addresses that look real and belong to nobody."""

from __future__ import annotations

from dataclasses import dataclass

from faker import Faker

from surgekit.seeds import rng


@dataclass(frozen=True, slots=True)
class Buyer:
    """One buyer account."""

    account: str
    name: str
    phone: str
    email: str


def buyers(count: int, seed: int, *, locale: str, prefix: str) -> list[Buyer]:
    """``count`` buyers, the same for the same arguments. Mail addresses end in a domain that can receive nothing."""
    fake = Faker(locale)
    fake.seed_instance(int(rng(seed, "buyers").integers(2**32)))
    # Beyond some thousands, identities repeat behind different accounts; inventing a million takes minutes.
    people = [(fake.name(), fake.phone_number()) for _ in range(min(count, 2000))]
    made = []
    for number in range(count):
        name, phone = people[number % len(people)]
        account = f"{prefix}{number + 1:04d}"
        made.append(Buyer(account, name, phone, f"{account}@example.invalid"))
    return made
