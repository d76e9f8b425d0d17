"""Importing somebody's locustfile, in the engine and nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from locust import User

from surgekit.errors import RunError
from surgekit.target.schema import LocustUser


def user_class(wanted: LocustUser) -> Any:
    """The class that ``wanted`` names, as Locust would find it. Raises ``RunError`` with one sentence."""
    path = Path(wanted.file)
    where = f"{path}:{wanted.user}"
    if not path.is_file():
        raise RunError(f"{path}: no such file; it was there when the run was planned")
    try:
        module = _imported(path)
    except (Exception, SystemExit) as error:
        raise RunError(f"{path}{_line(error, path)}: cannot be imported: {in_short(error)}") from error
    found: Any = getattr(module, wanted.user, None)
    if found is None:
        raise RunError(f"{where}: no such class")
    is_user = isinstance(found, type) and issubclass(found, User)
    if not is_user:
        raise RunError(f"{where}: not a Locust user; a class derived from locust.User, HttpUser or FastHttpUser is wanted")
    if found.abstract:
        raise RunError(f"{where}: an abstract user, which Locust would not start either; name a class derived from it")
    if not found.tasks:
        raise RunError(f"{where}: has no tasks; mark its methods with @task")
    return found


def _imported(path: Path) -> ModuleType:
    """The file as a module: of its package where it lies in one, so that its relative imports work; its directory is on the path."""
    top, words = path.resolve().parent, [path.stem]
    while (top / "__init__.py").is_file():
        words.insert(0, top.name)
        top = top.parent
    # A file may be called as a module that is there already, Locust's own above all.
    free = path.stem.isidentifier() and path.stem not in sys.modules and importlib.util.find_spec(path.stem) is None
    sys.path.insert(0, str(top))
    if len(words) > 1:
        sys.path.insert(1, str(path.resolve().parent))
        return importlib.import_module(".".join(words))
    spec = importlib.util.spec_from_file_location(path.stem if free else f"locustfile_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _line(error: BaseException, path: Path) -> str:
    """``:12``, the line of the locustfile at which ``error`` came up."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path.resolve()]
    return f":{lines[-1]}" if lines else ""


def in_short(error: BaseException) -> str:
    """The error's kind and its first line."""
    said = str(error).strip().splitlines()
    return type(error).__name__ + (f": {said[0][:300]}" if said else "")
