"""The walk itself: an engine that sends the one order, and what it says of it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from surgekit.check.finding import Exchange, Walked
from surgekit.children import Child
from surgekit.run import Plan
from surgekit.target import private
from surgekit.target.schema import Target

MARGIN_S = 60.0
STEPS_AT_ONCE = 2
"""Requests that may be sent without a word of any of them."""


@dataclass(slots=True)
class Story:
    """``walked``: what became of the order; None where the engine did not live to say it, for the reason ``why``."""

    exchanges: dict[int, Exchange] = field(default_factory=dict)
    walked: Walked | None = None
    why: str = ""

    @property
    def seen(self) -> list[Exchange]:
        """In the order in which they happened, each as it was said last: with everything hidden that was learned later."""
        return [self.exchanges[number] for number in sorted(self.exchanges)]


def silence_s(shop: Target, patience_s: float) -> float:
    """So long an engine that is well may say nothing: a buyer that waits, and then the person who delivers."""
    delivers = shop.admin.after if shop.admin is not None else 0.0
    return patience_s + delivers + STEPS_AT_ONCE * (shop.timeouts.connect + shop.timeouts.reply) + MARGIN_S


def walk(run: Path, told: Plan, sku: str, way: str, story: Story, going: Callable[[Exchange], None]) -> None:
    """Send the order and fill ``story``. ``going`` gets each exchange when it happens, for the impatient: secrets may be in it that are
    not known yet, so that none of its texts is for printing. Raises ``RunError`` where the engine cannot even begin."""
    engine = Child("surgekit.engine", [str(run), "--walk", f"{sku},{way}"], run / "logs" / "engine-0.log", env=private.to_env(told.secrets))
    most_s = silence_s(told.target, told.profile.buyers.patience)
    try:
        engine.ready()
        while (line := engine.said.get(timeout=most_s)) is not None:
            if line.get("walked"):
                story.walked = line
                return
            number = line.pop("number")
            new = number not in story.exchanges
            story.exchanges[number] = line
            if new:
                going(line)
        engine.end()
        story.why = f"the engine gave up: {engine.last_words().partition(' (more in ')[0]}"
    except queue.Empty:
        story.why = f"the engine has said nothing for {most_s:,.0f} s, longer than a buyer waits"
    finally:
        engine.end()

