"""A draft as YAML: plain words, comments beside the guesses, and nothing that a reader of YAML would take for something else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surgekit import yamlfile
from surgekit.errors import ConfigError
from surgekit.target.plan import compile_plan
from surgekit.target.schema import Target

MOST_NOTE = 180
"""Characters of a comment; what others wrote into a document is cut there."""
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MOST_WHOLE = 2**63


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with a comment ``note`` behind it, and lines ``above`` it. In a list or a mapping, both stand at its place."""

    value: Any
    note: str = ""
    above: tuple[str, ...] = ()


def check(value: Any, why: str) -> Noted:
    """A guess, and what it was guessed from."""
    return Noted(value, f"CHECK: {why}")


def todo(value: Any, what: str) -> Noted:
    """A placeholder, and what belongs in its place."""
    return Noted(value, f"TODO: {what}")


def bare(value: Any) -> Any:
    """The same without comments."""
    if isinstance(value, Noted):
        return bare(value.value)
    if isinstance(value, Mapping):
        return {name: bare(each) for name, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value


def note(text: str) -> str:
    """``text`` on one line, of characters that a YAML comment may have, cut at a sensible length."""
    line = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(line.split())
    return line if len(line) <= MOST_NOTE else line[: MOST_NOTE - 1] + "…"


def written(draft: Mapping[str, Any], *, head: Sequence[str] = (), foot: Sequence[str] = (), name: str) -> str:
    """The draft as a file, which is known to load. Raises ``ConfigError`` where ``name`` asks for what no target can say."""
    lines = [f"# {note(line)}".rstrip() for line in head]
    for key, value in draft.items():
        lines += _entry(f"{_name(key)}:", value, "")
    lines += ["", *(f"# {note(line)}".rstrip() for line in foot)] if foot else []
    text = "\n".join(lines) + "\n"
    try:
        compile_plan(yamlfile.parse(text, Target, name="draft"), where="draft")
    except ConfigError as error:
        told = str(error).splitlines()[0]
        raise ConfigError(f"{name}: no target can be made of it as it is ({note(told)})") from None
    return text


def _entry(head: str, given: Any, indent: str) -> Iterator[str]:
    """``head`` is ``key:`` or ``-``."""
    value, comment, above = _opened(given)
    for line in above:
        yield f"{indent}# {note(line)}".rstrip()
    behind = f"   # {note(comment)}" if comment else ""
    flow = _flow(value)
    if flow is not None:
        yield f"{indent}{head} {flow}{behind}"
        return
    if head == "-":
        if comment:
            yield f"{indent}# {note(comment)}"
        inner = list(_block(value, indent + "  "))
        beside = not inner[0].lstrip().startswith("#")
        yield f"{indent}- {inner[0][len(indent) + 2 :]}" if beside else f"{indent}-"
        yield from inner[1:] if beside else inner
        return
    yield f"{indent}{head}{behind}"
    yield from _block(value, indent + "  ")


def _block(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _entry(f"{_name(key)}:", each, indent)
    else:
        for each in value:
            yield from _entry("-", each, indent)


def _opened(given: Any) -> tuple[Any, str, tuple[str, ...]]:
    if not isinstance(given, Noted):
        return given, "", ()
    value, comment, above = _opened(given.value)
    return value, "; ".join(each for each in (given.note, comment) if each), given.above + above


def _flow(value: Any) -> str | None:
    """On one line, where it is short and has no comments in it; None: it needs a block."""
    if isinstance(value, Mapping):
        parts = [(_name(key), _flow(each)) for key, each in value.items() if not isinstance(each, Noted)]
        made = "{" + ", ".join(f"{key}: {each}" for key, each in parts) + "}"
        fits = len(parts) == len(value) and all(each is not None for _, each in parts) and len(made) <= 100
        return made if fits else None
    if isinstance(value, list):
        items = [_flow(each) for each in value if not isinstance(each, Noted)]
        fits = len(items) == len(value) and None not in items
        made = "[" + ", ".join(each or "" for each in items) + "]"
        return made if fits and len(made) <= 100 and not any(isinstance(each, Mapping) and each for each in value) else None
    return scalar(value)


def _name(key: object) -> str:
    word = str(key)
    return word if _KEY.fullmatch(word) and word.lower() not in _WORDS else _quoted(word)


def scalar(value: Any) -> str:
    """One value. Numbers that YAML or JSON could not carry become text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < _MOST_WHOLE:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    word = value if isinstance(value, str) else "TODO" if isinstance(value, int) else str(value)
    return word if _PLAIN.fullmatch(word) and word.lower() not in _WORDS else _quoted(word)


def _quoted(word: str) -> str:
    return '"' + "".join(_ESCAPES.get(each) or (each if each.isprintable() else _code(each)) for each in word) + '"'


def _code(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return "?"  # half a surrogate pair: no file can carry it
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
