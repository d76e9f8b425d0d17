"""Can anybody's machine be loaded who did not agree?

Every attempt is played against resolvers and machines that exist in this process only. It counts as refused when it is
stopped by the very sentence that it has to be stopped by, and when no address was connected to on the way but those whose
business it is to answer. The controls have to be admitted, so that refusing everything does not do.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

from tabulate import tabulate

from surgekit.errors import SurgeKitError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "safety"))

import consent_attempts
from consent_world import World, nothing_leaves


def run(quick: bool) -> dict[str, Any]:
    """``left_this_machine`` lists what was connected to or looked up for real and is not on loopback: nothing."""
    with nothing_leaves() as left:
        rows = [_attempted(attempt) for attempt in consent_attempts.ATTEMPTS]
        controls = [_controlled(control) for control in consent_attempts.CONTROLS]
    return {
        "attempts": len(rows),
        "refused": sum(row["refused"] for row in rows),
        "controls": len(controls),
        "admitted_controls": sum(row["admitted"] for row in controls),
        "left_this_machine": left,
        "rows": rows,
        "control_rows": controls,
    }


def _attempted(attempt: consent_attempts.Attempt) -> dict[str, Any]:
    world = World()
    try:
        attempt.play(world)
        sentence, refused = "", False
    except SurgeKitError as error:
        sentence = str(error)
        refused = attempt.because in sentence and attempt.dials >= set(world.dialled)
    return {"name": attempt.name, "tries": attempt.tries, "refused": refused, "sentence": sentence, "connected_to": sorted(set(world.dialled))}


def _controlled(control: consent_attempts.Attempt) -> dict[str, Any]:
    world = World()
    try:
        permit = control.play(world)
        sentence, admitted = f"{permit.how}: {', '.join(permit.place.addresses)}", permit.how == control.because
    except SurgeKitError as error:
        sentence, admitted = str(error), False
    return {"name": control.name, "tries": control.tries, "admitted": admitted, "sentence": sentence}


def table(result: dict[str, Any]) -> str:
    def rows(given: list[dict[str, Any]], verdict: str) -> list[list[str]]:
        return [
            [row["name"], textwrap.fill(ascii(row["tries"])[1:-1], 44), "yes" if row[verdict] else "NO", textwrap.fill(row["sentence"], 84)] for row in given
        ]

    return "\n".join(
        [
            tabulate(rows(result["rows"], "refused"), headers=["attempt", "what it tries", "refused", "by which sentence"], disable_numparse=True),
            "",
            tabulate(rows(result["control_rows"], "admitted"), headers=["control", "what it is", "admitted", "how"], disable_numparse=True),
            "",
            f"{result['refused']} of {result['attempts']} attempts refused, {result['admitted_controls']} of {result['controls']} controls admitted, "
            f"{len(result['left_this_machine'])} connections or look-ups beyond this machine",
        ]
    )
