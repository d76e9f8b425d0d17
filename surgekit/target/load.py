"""Finding and loading targets."""

from __future__ import annotations

from pathlib import Path

from surgekit import catalogue, yamlfile
from surgekit.target import locustfile
from surgekit.target.plan import compile_plan
from surgekit.target.schema import LocustUser, Secret, Target


def load(name: str) -> Target:
    """The target named ``name`` in the catalogue, in the file of that path, or the Locust user of ``file.py:Class``. Raises ``ConfigError``."""
    user = locustfile.written(name)
    if user is not None:
        return locustfile.target_of(user)
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
    if target.locust is not None:
        user = LocustUser(file=str(folder / target.locust.file), user=target.locust.user)
        changed["locust"] = user
        if target.base_url is None and target.start is None:
            changed["base_url"] = locustfile.base_url(user)
        else:
            locustfile.check(user)
    return target.model_copy(update=changed) if changed else target
