"""Does SurgeKit know each order that a shop has which was not written here?

Every shop is surged from its YAML file alone, as a user does it, and its orders are counted in its own database afterwards: in a calm
run, with five cards for a crowd, while its process stands still in the middle of a crowd, and beyond what it carries.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.thirdparty import blasts

FLASH = {"card-flash": 5}
MEASURES = (("confirm_latency", "confirmation latency"), ("error_rate", "error rate"))


def run(quick: bool) -> dict[str, Any]:
    """``orders_equal``: platforms on which both sides have the same orders in every run. ``quick``: only the five cards.

    Of a row: ``unknown`` is how many orders had no end that their buyer saw, ``unknown_left`` how many are so after reading, and
    ``resolved`` how many nobody saw accepted and reading found. ``broke_at`` and ``peak_rate`` are orders/s.

    Ends with a sentence and exit 1 where a platform is not set up.
    """
    missing = blasts.missing()
    if missing:
        sys.exit(f"{' and '.join(missing)}: not set up here; run: python -m tests.thirdparty.setup {' '.join(missing)}")
    profiles = ("flash",) if quick else ("even", "flash", "freeze", "climb")
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(name, profile, Path(folder)) for name in blasts.PLATFORMS for profile in profiles]
    unequal = {row["platform"] for row in rows if not row["equal"]}
    return {"platforms": len(blasts.PLATFORMS), "orders_equal": len({row["platform"] for row in rows} - unequal), "rows": rows}


def _row(name: str, profile: str, folder: Path) -> dict[str, Any]:
    told = blasts.blast(
        name, profile, folder / f"{name}-{profile}", stock=FLASH if profile == "flash" else None,
        meanwhile=blasts.frozen_in_the_crowd if profile == "freeze" else None,
    )  # fmt: skip
    within = told.verdict("sold_within_stock")
    broke = {key: told.result["breakdown"][key] for key, _ in MEASURES}
    return {
        "platform": told.platform.title,
        "run": profile,
        "peak_rate": told.result["run"]["peak_rate"],
        "valid": told.result["validity"]["status"] == "valid",
        "scheduled": told.result["orders"]["scheduled"],
        "accepted": told.accepted,
        "unknown": told.unknown,
        "unknown_left": told.result["orders"]["unknown"],
        "resolved": told.resolved,
        "in_database": sum(map(len, told.theirs.values())),
        "keys_in_common": len(told.theirs.keys() & told.ours.keys()),
        "equal": told.equal,
        "broke_at": {key: each["at_rate"] if each["status"] == "broke" else None for key, each in broke.items()},
        "oversell": {"verdict": within["verdict"], "orders": within["violations"]},
        "flash_units_sold": told.units["card-flash"] if profile == "flash" else None,
    }


def table(result: dict[str, Any]) -> str:
    """A row for each run."""
    rows = [
        [
            row["platform"], row["run"], f"{row['peak_rate']:g}", _broke(row),
            {"violated": f"{row['oversell']['orders']} orders beyond 5", "held": "none"}.get(row["oversell"]["verdict"], "undecided"),
            f"{row['unknown']} ({row['unknown_left']})", f"{row['accepted']} + {row['resolved']}", row["in_database"], "yes" if row["equal"] else "NO",
        ]
        for row in result["rows"]
    ]  # fmt: skip
    head = ["platform", "run", "peak/s", "what broke", "oversell", "unknown (after reading)", "accepted + found", "in its database", "equal"]
    last = f"{result['orders_equal']} of {result['platforms']} platforms have exactly the orders that SurgeKit knows"
    return f"{tabulate(rows, headers=head, disable_numparse=True)}\n\n{last}"


def _broke(row: dict[str, Any]) -> str:
    told = [f"{name} at {row['broke_at'][key]:.3g}/s" for key, name in MEASURES if row["broke_at"][key] is not None]
    return ", ".join(told) or "nothing"
