"""Finding and loading targets."""

from __future__ import annotations

import stat
from pathlib import Path

from surgekit import catalogue, yamlfile
from surgekit.errors import ConfigError
from surgekit.target import locustfile, private
from surgekit.target.plan import compile_plan
from surgekit.target.schema import LocustUser, Secret, Target

MOST_NAME = 255
"""Bytes of a file's name, on every file system that matters."""


def load(name: str) -> Target:
    """The target named ``name`` in the catalogue, in the file of that path, or the Locust user of ``file.py:Class``. Raises ``ConfigError``."""
    user = locustfile.written(name)
    if user is not None:
        return locustfile.target_of(user)
    path = catalogue.find("targets", name)
    target = yamlfile.load(path, Target)
    compile_plan(target, where=str(path))  # so that an unknown variable is said before anything starts
    if target.safety.kill_file is not None:
        _can_be_thrown(path.resolve().parent / target.safety.kill_file, f"{path}: safety.kill_file")
    placed = _placed(target, path.resolve().parent)
    rows = private.accounts(placed) if _there(placed.accounts.csv) else None  # a shipped target's file is the user's to write
    if rows is not None:
        compile_plan(placed, where=str(path), columns=frozenset(rows[0]))  # once more, now that the columns are known
    return placed


def _there(csv: str | None) -> bool:
    try:
        return csv is not None and Path(csv).exists()
    except (OSError, ValueError):
        return True  # what is wrong with its name is said where it is read


def _can_be_thrown(kill_file: Path, where: str) -> None:
    """A kill file that can never be there would be missed when it is needed. Raises ``ConfigError``."""
    try:
        if any(len(part.encode()) > MOST_NAME for part in kill_file.parts):
            raise ConfigError(f"{where}: no file can have so long a name; give another one")
        found = kill_file.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{where}: no file can be there: {error.strerror}; give another one") from None
    except ValueError:  # a zero byte, or half of a character
        raise ConfigError(f"{where}: no file can have this name; give another one") from None
    if stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{where}: that is a folder; name a file in it that is not there yet")


def _placed(target: Target, folder: Path) -> Target:
    """Files that the target names are meant beside it, wherever the command was called."""
    changed: dict[str, object] = {}
    if target.accounts.csv is not None:
        changed["accounts"] = target.accounts.model_copy(update={"csv": str(folder / target.accounts.csv)})
    if target.safety.kill_file is not None:
        changed["safety"] = target.safety.model_copy(update={"kill_file": str(folder / target.safety.kill_file)})
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
