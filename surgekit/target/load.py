"""Finding and loading targets."""

from __future__ import annotations

from pathlib import Path

from surgekit import catalogue, yamlfile
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Secret, Target


def load(name: str) -> Target:
    """The target named ``name`` in the catalogue, or in the file of that path. Raises ``ConfigError``."""
    path = catalogue.find("targets", name)
    target = yamlfile.load(path, Target)
    compile_plan(target, where=str(path))  # so that an unknown variable is said before anything starts
    return _placed(target, path.resolve().parent)


def _placed(target: Target, folder: Path) -> Target:
    """Files that the target names are meant beside it, wherever the command was called."""
    changed: dict[str, object] = {}
    if target.accounts.csv is not None:
        changed["accounts"] = target.accounts.model_copy(update={"csv": str(folder / target.accounts.csv)})
    if any(each.file is not None for each in target.secrets.values()):
        changed["secrets"] = {
            name: each if each.file is None else Secret(file=str(folder / each.file)) for name, each in target.secrets.items()
        }
    return target.model_copy(update=changed) if changed else target
