"""Mutated profile and target files. ``mutant(number)`` is a pure function of its number."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import fuzz_rich
import yaml
from fuzz_dice import Dice
from fuzz_words import BUILT, BY_NAME, EVERYTHING, HOLES, NUMBERS, TEXTS, TIMES, built

from surgekit import catalogue, yamlfile


@dataclass(frozen=True, slots=True)
class Base:
    """A sound file. ``kind``: ``profiles`` or ``targets``."""

    kind: catalogue.Kind
    name: str
    text: str
    tree: Any


@dataclass(frozen=True, slots=True)
class Mutant:
    """What the file ``base`` has become by ``kind``."""

    kind: str
    base: Base
    raw: bytes


@cache
def bases() -> list[Base]:
    """Every shipped file, and one of each sort that uses everything. The comments are gone: to change one changes nothing."""
    found: list[tuple[catalogue.Kind, str, str]] = [
        (kind, name, (catalogue.folder(kind) / f"{name}.yaml").read_text(encoding="utf-8"))
        for kind in ("targets", "profiles") for name in catalogue.names(kind)
    ]  # fmt: skip
    found += [("targets", "rich", fuzz_rich.TARGET)] * 4 + [("profiles", "rich", fuzz_rich.PROFILE)] * 2
    bare = [(kind, name, re.sub(r"(?m)^\s*#.*\n|\s+# .*$", "", text)) for kind, name, text in found]
    return [Base(kind, name, text, yaml.load(text, yamlfile._Loader)) for kind, name, text in bare]


def mutant(number: int) -> Mutant:
    """File ``number``."""
    dice = Dice(number)
    base = dice.pick(bases())
    kind = dice.pick(KINDS)
    if kind in _TREE:
        tree = copy.deepcopy(base.tree)
        for _ in range(1 if dice.chance(0.7) else 1 + dice.below(4)):
            tree = _TREE[kind](dice, tree, base)
        return Mutant(kind, base, _written(dice, tree))
    return Mutant(kind, base, _TEXT[kind](dice, base.text))


def _written(dice: Dice, tree: Any) -> bytes:
    """As YAML in blocks, or as JSON, which is YAML too and carries characters that YAML has to escape."""
    if dice.chance(0.5):
        return json.dumps(tree, indent=1 if dice.chance(0.5) else None).replace("NaN", ".nan").replace("Infinity", ".inf").encode()
    return bytes(yaml.safe_dump(tree, allow_unicode=dice.chance(0.5), encoding="utf-8", sort_keys=False))


# --- what is done to the tree ---------------------------------------------------------------------------------------------


def _places(tree: Any, above: Any = None, key: Any = None, field: str = "") -> Iterator[tuple[Any, Any, str]]:
    """(container, key or index, name of the field) of every value below the top."""
    if above is not None:
        yield above, key, field
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for each, value in list(items):
        yield from _places(value, tree, each, str(each) if isinstance(tree, dict) else field)


def _somewhere(dice: Dice, tree: Any, fits: Callable[[Any, str], bool] = lambda _value, _field: True) -> tuple[Any, Any, str] | None:
    if not isinstance(tree, dict | list):
        return None
    found = [place for place in _places(tree) if fits(place[0][place[1]], place[2])]
    return dice.pick(found) if found else None


def _set(fits: Callable[[Any, str], bool], value: Callable[[Dice, Any, str], Any]) -> Callable[[Dice, Any, Base], Any]:
    def change(dice: Dice, tree: Any, base: Base) -> Any:
        place = _somewhere(dice, tree, fits)
        if place is not None:
            above, key, field = place
            above[key] = value(dice, above[key], field)
        return tree

    return change


def _is_leaf(value: Any, _field: str) -> bool:
    return not isinstance(value, dict | list)


def _is_text(value: Any, _field: str) -> bool:
    return isinstance(value, str)


def _spliced(dice: Dice, old: str, new: str) -> str:
    at = dice.below(len(old) + 1)
    return old[:at] + new + old[at + dice.below(4) :]


def _other_type(dice: Dice, old: Any, _field: str) -> Any:
    wrapped = [[old], {"a": old}, [old] * 30, str(old), None, True, 0, "", [], {}, {str(old)[:40]: old}]
    inner = list(old.values()) if isinstance(old, dict) else old if isinstance(old, list) else []
    return dice.pick([*wrapped, *inner[:3]])


def _number(dice: Dice, old: Any, _field: str) -> Any:
    if isinstance(old, bool) or not abs(old) < 1e300 or dice.chance(0.4):
        return dice.pick(NUMBERS)
    return dice.pick([old + 1, old - 1, -old, old * 10, old * 1000, old / 3, str(old), f"0{old}", f"+{old}", f"{old}x", old * 2])


def _renamed(dice: Dice, tree: Any, base: Base) -> Any:
    place = _somewhere(dice, tree, lambda value, _field: isinstance(value, dict) and bool(value))
    within = tree if place is None or dice.chance(0.1) else place[0][place[1]]
    if isinstance(within, dict) and within:
        key = dice.pick(list(within))
        new = dice.pick([f"{key}s", str(key)[:-1], str(key).upper(), dice.pick(TEXTS), dice.pick(list(within)), f"{key}.x", "x"])
        within[str(new)] = within.pop(key)
    return tree


def _gone(dice: Dice, tree: Any, base: Base) -> Any:
    place = _somewhere(dice, tree)
    if place is not None:
        del place[0][place[1]]
    return tree


def _moved(dice: Dice, tree: Any, base: Base) -> Any:
    one, other = _somewhere(dice, tree), _somewhere(dice, tree)
    if one and other:
        first, second = copy.deepcopy(one[0][one[1]]), copy.deepcopy(other[0][other[1]])
        other[0][other[1]] = first
        if dice.chance(0.5):
            one[0][one[1]] = second
    return tree


def _crossed(dice: Dice, tree: Any, base: Base) -> Any:
    """A part of another file, under the same name where there is one."""
    other = dice.pick([each for each in bases() if each.kind == base.kind])
    theirs = _somewhere(dice, other.tree, lambda _value, field: bool(field))
    if theirs is not None:
        part = copy.deepcopy(theirs[0][theirs[1]])
        ours = _somewhere(dice, tree, lambda _value, field: field == theirs[2]) or _somewhere(dice, tree)
        if ours is not None:
            ours[0][ours[1]] = part
    return tree


def _repeated(dice: Dice, tree: Any, base: Base) -> Any:
    place = _somewhere(dice, tree, lambda value, _field: isinstance(value, list) and bool(value))
    if place is not None:
        above, key, _ = place
        above[key] = above[key] * dice.pick([2, 3, 10, 60])
    return tree


def _likely(dice: Dice, old: Any, field: str) -> Any:
    return dice.pick(BY_NAME[field])


_TREE: dict[str, Callable[[Dice, Any, Base], Any]] = {
    "number": _set(lambda value, _field: isinstance(value, int | float), _number),
    "leaf": _set(_is_leaf, lambda dice, _old, _field: dice.pick(dice.pick(EVERYTHING))),
    "likely": _set(lambda value, field: field in BY_NAME and not isinstance(value, dict | list), _likely),
    "type": _set(lambda _value, _field: True, _other_type),
    "hole": _set(_is_text, lambda dice, old, _field: _spliced(dice, old, dice.pick(HOLES))),
    "character": _set(_is_text, lambda dice, old, _field: _spliced(dice, old, dice.pick(TEXTS))),
    "time": _set(lambda _value, field: BY_NAME.get(field) is TIMES, lambda dice, _old, _field: dice.pick(TIMES)),
    "structure": _set(lambda _value, _field: True, lambda dice, _old, _field: built(dice.pick(BUILT))),
    "renamed": _renamed, "gone": _gone, "moved": _moved, "crossed": _crossed, "repeated": _repeated,
}  # fmt: skip


# --- what is done to the text: see fuzz_texts ------------------------------------------------------------------------------

from fuzz_texts import TEXT as _TEXT  # noqa: E402

KINDS = (*_TREE, *_TEXT)
