"""The run folder: made for one run, readable by its owner only, and never left half-written."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from surgekit import clock
from surgekit.errors import ConfigError, RunError
from surgekit.profile import Profile
from surgekit.target import Target

SCHEMA = "surgekit.run/1"
_REQUIRED: dict[str, tuple[type, str]] = {
    "run_id": (str, "text"), "started": (str, "text"), "command": (str, "text"), "version": (str, "text"), "salt": (str, "text"),
    "seed": (int, "a whole number"), "shards": (int, "a whole number"), "profile": (dict, "an object"), "target": (dict, "an object"),
}  # fmt: skip
"""What ``run.json`` has from its first writing on. Later keys may be missing: a run may have died before them."""


def create(out: Path | None, profile: str) -> Path:
    """A new folder, mode 0700, with ``spool/`` and ``logs/``. Raises ``ConfigError`` when it cannot be made."""
    name = f"{clock.utc():%Y%m%dT%H%M%SZ}-{profile}"
    folder = out if out is not None else Path("runs") / name
    if out is None and folder.exists():
        folder = folder.with_name(f"{name}-{secrets.token_hex(2)}")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: not empty; give --out a folder that does not exist yet")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for part in ("spool", "logs"):
            (folder / part).mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose a folder with --out") from None
    return folder


def discard(run: Path) -> None:
    """Remove what ``create`` made in ``run``; the folder itself only where nothing else is in it."""
    for part in ("spool", "logs"):
        shutil.rmtree(run / part, ignore_errors=True)
    (run / "run.json").unlink(missing_ok=True)
    for empty in (run, run.parent):
        if empty.name and (empty is run or empty.name == "runs"):
            with suppress(OSError):
                empty.rmdir()


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Have ``run`` for this process alone. The kernel lets go of it when the process ends, however that happens.

    Without this, a report of a run that is still going on would seal its spool under the engine's hands.
    Raises ``RunError`` where another process has it, or where it cannot be opened.
    """
    try:
        handle = os.open(run, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{run}: no such folder; a run folder is named runs/<time>-<profile>") from None
    except OSError as error:
        raise RunError(f"{run}: cannot be opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{run}: this run is still going on, or is being reported by another process; wait for its end") from None
        except OSError as error:
            raise RunError(f"{run}: cannot be locked: {error.strerror}") from None
        yield
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises ``RunError``."""
    half = path.with_name(f".{path.name}.part")
    try:
        with half.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write ``data`` as indented JSON, whole or not at all. Raises ``RunError``."""
    write(path, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS) + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises ``RunError`` with what is wrong."""
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(f"{path.parent}: not a run folder ({path.name} is missing)") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise RunError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    if not isinstance(data, dict):
        raise RunError(f"{path}: not a JSON object")
    return data


def plan(run: Path) -> dict[str, Any]:
    """The run's ``run.json``. Raises ``RunError`` where ``run`` is no run folder of this version, or a required key is wrong."""
    if not run.is_dir():
        raise RunError(f"{run}: no such folder; a run folder is named runs/<time>-<profile>")
    found = read_json(run / "run.json")
    if found.get("schema") != SCHEMA:
        raise RunError(f"{run}/run.json: schema {found.get('schema')!r} is not {SCHEMA}; it belongs to another version")
    for key, (kind, words) in _REQUIRED.items():
        if key not in found:
            raise RunError(f"{run}/run.json: {key} is missing; put back what the run wrote there")
        if not isinstance(found[key], kind) or isinstance(found[key], bool):
            raise RunError(f"{run}/run.json: {key} is not {words}; put back what the run wrote there")
    return found


def shape(plan: Mapping[str, Any]) -> tuple[Profile, Target]:
    """The profile and the target that the run was made with. Raises ``RunError`` where this version cannot read them."""
    try:
        return Profile.model_validate(plan["profile"]), Target.model_validate(plan["target"])
    except KeyError as error:
        raise RunError(f"run.json: no {error}; it belongs to another version") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"run.json: {error.title.lower()}.{where}: {first['msg']}; it belongs to another version") from None
