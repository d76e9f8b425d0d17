"""An attempt, a control, and the lists of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consent_world import World

from surgekit.errors import ConsentError
from surgekit.safety import Permit, allowed


@dataclass(frozen=True, slots=True)
class Attempt:
    """``play`` raises ``SurgeKitError`` where it is stopped. ``because`` stands in the sentence that stops it.

    ``dials``: addresses that may be connected to on the way; any other one spoils the refusal.
    """

    name: str
    tries: str
    because: str
    play: Callable[[World], Any]
    dials: frozenset[str] = frozenset()


ATTEMPTS: list[Attempt] = []
CONTROLS: list[Attempt] = []
"""``because`` is how each is permitted."""


def attempt(name: str, tries: str, because: str, *dials: str) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    def note(play: Callable[[World], Any]) -> Callable[[World], Any]:
        ATTEMPTS.append(Attempt(name, tries, because, play, frozenset(dials)))
        return play

    return note


def control(name: str, tries: str, how: str) -> Callable[[Callable[[World], Permit]], Callable[[World], Permit]]:
    def note(play: Callable[[World], Permit]) -> Callable[[World], Permit]:
        CONTROLS.append(Attempt(name, tries, how, play))
        return play

    return note


def led(permit: Permit, url: str, world: World) -> None:
    """Follow a URL that a reply names."""
    if allowed(permit, url, resolver=world) is None:
        raise ConsentError("a reply may lead back to the platform, and nowhere else")
