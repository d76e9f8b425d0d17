"""``locustfile.py:UserClass``: a target out of somebody's Locust tasks. The file is read here, never run."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from surgekit.errors import ConfigError
from surgekit.target.schema import LocustUser, Product, Target

_WRITTEN = re.compile(r"(?P<file>.+\.py):(?P<user>[A-Za-z_]\w*)")
_ORIGIN = re.compile(r"(https?://[^/?#\s]+)(?:[/?#]\S*)?")
MOST_BYTES = 4 << 20
ONE = Product(sku="order", name="an order, as the locustfile makes it", price_fen=1)
"""What is sold where only a locustfile is given: it alone knows what it buys, and for how much."""


def written(name: str) -> LocustUser | None:
    """``path.py:Class`` as its two parts; None where ``name`` is not written so. Raises ``ConfigError`` for a file without a class."""
    if name.endswith(".py"):
        raise ConfigError(f"{name}: name the user class too, as in {name}:WebsiteUser")
    found = _WRITTEN.fullmatch(name)
    return None if found is None else LocustUser(file=found["file"], user=found["user"])


def target_of(user: LocustUser, environ: Mapping[str, str] = os.environ) -> Target:
    """A target that is nothing but a locustfile. Raises ``ConfigError``."""
    path = Path(user.file)
    name = re.sub(r"[^\w.\-]", "-", f"{path.stem}.{user.user}")[:60]
    user = LocustUser(file=str(path.absolute()), user=user.user)
    return Target.model_validate(
        {
            "schema": "surgekit.target/1", "name": name, "about": "the tasks of a Locust user", "base_url": base_url(user, environ),
            "catalogue": [ONE], "locust": user,
        }
    )  # fmt: skip


def base_url(user: LocustUser, environ: Mapping[str, str] = os.environ) -> str:
    """The origin that ``user`` loads: of LOCUST_HOST, as Locust has it, else of the class's ``host``. Raises ``ConfigError``."""
    tree = check(user)
    said = environ.get("LOCUST_HOST") or _host(tree, user.user, set())
    if said is None:
        raise ConfigError(
            f"{user.file}: the host of {user.user} is not written in it as plain text; set LOCUST_HOST, or base_url in a target file with locust:"
        )
    found = _ORIGIN.fullmatch(said)
    if found is None:
        raise ConfigError(f"{user.file}: the host of {user.user} is {said!r}; it is written http://host:port or https://host")
    return found[1]


def check(user: LocustUser) -> ast.Module:
    """That the file is there, is Python and has the name. Raises ``ConfigError``. What the name is shows when the file runs."""
    path = Path(user.file)
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; a locustfile is wanted") from None
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{path}: too large for a locustfile")
    try:
        tree = ast.parse(text, str(path))
    except SyntaxError as error:
        raise ConfigError(f"{path}:{error.lineno or 1}: not valid Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ConfigError(f"{path}: not valid Python") from None
    names = set(_names(tree.body))
    if user.user not in names and "*" not in names:
        classes = sorted(each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef))
        raise ConfigError(f"{path}: no class {user.user} in it; there are {', '.join(classes) or 'none'}")
    return tree


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """What a module's statements give names to, also behind ``if`` and ``try``."""
    for each in body:
        match each:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.For() | ast.While():
                yield from _names([*each.body, *each.orelse])
            case ast.Try():
                yield from _names([*each.body, *(line for handler in each.handlers for line in handler.body), *each.orelse, *each.finalbody])
            case ast.With():
                yield from _names(each.body)
            case _:
                pass


def _host(tree: ast.Module, name: str, seen: set[str]) -> str | None:
    """The text that the class or one of its bases in the same file gives to ``host``."""
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    if name in seen or name not in classes:
        return None
    found = None
    for line in classes[name].body:
        match line:
            case ast.Assign(targets=[ast.Name(id="host")], value=value) | ast.AnnAssign(target=ast.Name(id="host"), value=value):
                found = value
            case _:
                pass
    if found is not None:
        return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and (told := _host(tree, base.id, {*seen, name})) is not None:
            return told
    return None


def evidence(target: Target) -> list[str]:
    """What a run of a locustfile can show, a sentence a line; nothing for other targets."""
    if target.locust is None:
        return []
    who = f"{Path(target.locust.file).name}:{target.locust.user}"
    told = [
        f"orders are tasks of {who}: latency and errors are those of its tasks and requests",
        "its own clients sent them, which takes several times the processor of a target file; how the generator was stands under validity",
    ]
    if target.reads.ledger is None:
        told.append(
            "no ledger was read, so no invariant can be called held; card_sold_once is seen violated where the locustfile tells the cards "
            "that its buyers got (surgekit.adapter)"
        )
    if target.reads.stock is None:
        told.append("no stock was read, so sold_within_stock is undecided and the profile's products.stock was not looked at")
    return told
