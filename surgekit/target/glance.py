"""Reading a reply at a glance: an object that has what the first rule asks for, and the values under their names. Most replies are like that.

What a step looks for is known once its target is read, so the code that looks is written for it then, with nothing left to ask about. It is
either a function by itself (``reader``) or a part of a longer one (``lines``). Whatever is not as expected it leaves to the rules and extractors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from surgekit.target.reading import MISSING, MOST_VALUES, Names
from surgekit.target.strict import parsed

Glance = Callable[[int, bytes], dict[str, Any] | None]
Kept = tuple[str, Names, Callable[[Any], Any] | None, Any, bool]
"""(its name, where it stands, what makes of it what is wanted, what there is where it does not stand, whether nothing can go on without it)"""
Firsts = Mapping[int, tuple[Names, Any]]
"""For each status, what has to stand where for the reply to be ok."""
_HANDS: Final = {"load": orjson.loads, "parsed": parsed, "MISSING": MISSING}


def reader(firsts: Firsts, kept: Sequence[Kept]) -> Glance:
    """Status and body → what is kept of a reply that is ok; None where that takes a longer look."""
    if not firsts:
        return _never
    hands: dict[str, Any] = {"names": tuple(name for name, *_ in kept)}
    text = ["def at_once(status, body):", *indented(lines(firsts, kept, ["return None"], hands))]
    text.append(f"    return {{{', '.join(f'names[{at}]: kept_{at}' for at in range(len(kept)))}}}")
    return made(text, hands)  # type: ignore[no-any-return]


def _never(_status: int, _body: bytes) -> None:
    return None


def lines(firsts: Firsts, kept: Sequence[Kept], otherwise: Sequence[str], hands: dict[str, Any]) -> list[str]:
    """Code that reads ``body`` of a reply with ``status``, and has then each of ``kept`` as ``kept_0`` and so on; ``otherwise`` is what it does where it
    takes a longer look, and has to leave the function. It needs what it puts into ``hands``."""
    hands.update(_HANDS)
    text = _ok_status(firsts, otherwise, hands)
    # No text in a body of MOST_VALUES is too long to keep.
    text += [f"if not 0 < len(body) <= {MOST_VALUES}:", *indented(otherwise)]
    deep = any(len(where) > 1 for _, where, *_ in kept) or any(len(where) > 1 for where, _ in firsts.values())
    text += ["data = parsed(body)"] if deep else _FLAT
    text += ["if type(data) is not dict:", *indented(otherwise)]
    different = list(dict.fromkeys(_typed(first) for first in firsts.values()))
    for number, (where, _, value) in enumerate(different):
        hands[f"wanted_{number}"] = value
        unlike = f"value is not wanted_{number}" if isinstance(value, bool) else f"value != wanted_{number} or type(value) is bool"
        check = [*_found("value", where, "None", hands), f"if {unlike}:", *indented(otherwise)]
        text += check if len(different) == 1 else [f"if first == {number}:", *indented(check)]
    if len(different) > 1:
        number_of = {each: number for number, each in enumerate(different)}
        hands["first_of"] = {status: number_of[_typed(first)] for status, first in firsts.items()}.get
    for at, (_, where, shape, default, must) in enumerate(kept):
        hands[f"default_{at}"] = default
        if shape is None:
            text += _found(f"kept_{at}", where, f"default_{at}", hands)
        else:
            hands[f"shape_{at}"] = shape
            text += [*_found("value", where, "MISSING", hands), f"kept_{at} = MISSING if value is MISSING else shape_{at}(value)"]
            text += [f"if kept_{at} is MISSING:", f"    kept_{at} = default_{at}"]
        if must:
            text += [f"if kept_{at} is MISSING or kept_{at} is None or kept_{at} == '':", *indented(otherwise)]
        elif default is MISSING:
            text += [f"if kept_{at} is MISSING:", *indented(otherwise)]
    return text


_FLAT: Final = [
    "try:",
    "    data = load(body)",
    "except ValueError:",
    "    data = parsed(body)",
    "else:",
    # As ``parsed`` does with the commonest body, without the call.
    "    if type(data) is dict and len(data) == body.count(b':'):",
    "        for value in data.values():",
    "            kind = type(value)",
    "            if kind is not str and kind is not int:",
    "                data = parsed(body)",
    "                break",
    "    else:",
    "        data = parsed(body)",
]


def _typed(first: tuple[Names, Any]) -> tuple[Names, type, Any]:
    """1 and true are equal in Python; on the wire they are not."""
    where, value = first
    return where, type(value), value


def _ok_status(firsts: Firsts, otherwise: Sequence[str], hands: dict[str, Any]) -> list[str]:
    if len({_typed(first) for first in firsts.values()}) > 1:
        return ["first = first_of(status)", "if first is None:", *indented(otherwise)]
    if len(firsts) == 1:
        return [f"if status != {next(iter(firsts))}:", *indented(otherwise)]
    hands["statuses"] = frozenset(firsts)
    return ["if status not in statuses:", *indented(otherwise)]


def _found(name: str, where: Names, default: str, hands: dict[str, Any]) -> list[str]:
    """``name`` becomes what stands there, or ``default``."""
    words = [f"word_{len(hands) + number}" for number in range(len(where))]
    hands.update(zip(words, where, strict=True))
    if len(where) == 1:
        return [f"{name} = data.get({words[0]}, {default})"]
    inner = [f"{name} = {name}.get({word}) if type({name}) is dict else None" for word in words[:-1]]
    return [f"{name} = data", *inner, f"{name} = {name}.get({words[-1]}, {default}) if type({name}) is dict else {default}"]


def indented(text: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in text]


def made(text: Sequence[str], hands: dict[str, Any]) -> Any:
    """The function that ``text`` defines. Nothing of a target or of a reply is ever in it, only names for that: those values are in ``hands``."""
    name = text[0].removeprefix("def ").partition("(")[0]
    exec(compile("\n".join(text), f"<{name}>", "exec"), hands)  # noqa: S102 - the text is all our own
    return hands[name]
