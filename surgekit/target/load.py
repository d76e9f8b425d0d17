"""Finding and loading targets."""

from __future__ import annotations

from surgekit import catalogue, yamlfile
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target


def load(name: str) -> Target:
    """The target named ``name`` in the catalogue, or in the file of that path. Raises ``ConfigError``."""
    path = catalogue.find("targets", name)
    target = yamlfile.load(path, Target)
    compile_plan(target, where=str(path))  # so that an unknown variable is said before anything starts
    return target
