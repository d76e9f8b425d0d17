"""What can be told of a target without sending anything."""

from __future__ import annotations

from surgekit import target
from surgekit.check.finding import Finding
from surgekit.target import literals
from surgekit.target.schema import Target
from surgekit.target.signing import check_vectors


def on_paper(name: str) -> list[Finding]:
    """The file, and its signatures' test vectors. Raises ``ConfigError``."""
    shop = target.load(name)
    found = [Finding("file", "ok", f"{len(shop.catalogue)} products, {_steps(shop)}")]
    for dialect_name, dialect in shop.signing.items():
        vectors = check_vectors(dialect_name, dialect)
        wrong = [each for each in vectors if not each.ok]
        if wrong:
            found += [Finding(f"signing.{dialect_name}", "bad", f"vector {each.number}: {each.wrong}; signed was {each.text!r}") for each in wrong]
        elif vectors:
            found.append(Finding(f"signing.{dialect_name}", "ok", f"{len(vectors)} test vectors agree"))
        else:
            found.append(Finding(f"signing.{dialect_name}", "open", "no test vectors; add one that the platform's own documents give"))
    return found + [Finding(where, "open", what) for where, what in literals.found(shop)]


def _steps(shop: Target) -> str:
    steps = shop.steps
    if steps is None:
        return f"tasks of {shop.locust.user}" if shop.locust is not None else ""
    names = ["setup"] if shop.setup else []
    names += ["quote"] if steps.quote else []
    names += ["prepare"] if steps.prepare else []
    names += ["submit", *(f"pay by {way}" for way in steps.pay)]
    return ", ".join([*names, *(["poll"] if steps.poll else []), *(["deliver"] if shop.admin else [])])
