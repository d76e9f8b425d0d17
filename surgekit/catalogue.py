"""Where profiles and targets are found: by path, or by name in the catalogue that ships with the package."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

from surgekit.errors import ConfigError

Kind = Literal["profiles", "targets"]
_HERE = Path(__file__).resolve().parent


def folder(kind: Kind) -> Path:
    """The shipped catalogue: inside the installed package, or at the top level of a source tree."""
    inside = _HERE / "data" / kind
    return inside if inside.is_dir() else _HERE.parent / kind


def names(kind: Kind) -> list[str]:
    """The names in the shipped catalogue, sorted."""
    return sorted(path.stem for path in folder(kind).glob("*.yaml"))


def find(kind: Kind, name: str) -> Path:
    """The file for ``name``: a path when it looks like one, else an entry of the catalogue.

    Raises ``ConfigError`` that lists what there is.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        path = Path(name)
        try:
            found = path.is_file()
        except OSError:  # a name that no file system takes
            found = False
        if not found:
            raise ConfigError(f"{name}: no such file; surgekit {kind} list shows the catalogue")
        return path
    known = names(kind)
    if name in known:
        return folder(kind) / f"{name}.yaml"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise ConfigError(f"no {kind[:-1]} named {name!r}; {hint} (a path to a .yaml file works too)")
