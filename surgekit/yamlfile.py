"""YAML files whose mistakes are reported by file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from surgekit.errors import ConfigError
from surgekit.mistakes import Loc, sentences

MOST_BYTES = 1 << 20
"""A profile or target larger than this is a mistake, not a description."""
MOST_NODES = 200_000
"""Values in a file, aliases counted each time they are used: nine lines of aliases can stand for a billion."""
MOST_LEVELS = 40
MOST_NAME = 200
MOST_TEXT = 20_000
"""Characters of one name and one value: what is wrong with it is told with the words of the file, and that has to fit a screen."""

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model]) -> Model:
    """Read ``path`` as a ``model``.

    Raises ``ConfigError``, one line a mistake: ``file:line: field: what is wrong (what is allowed)``.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path}: too large; a file of this kind has at most {MOST_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    return parse(text, model, name=str(path))


def parse(text: str, model: type[Model], *, name: str) -> Model:
    """As ``load``, for a text that is at hand; ``name`` stands for the file in messages."""
    data, lines = _data_and_lines(text, name)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(name, lines, model, error))) from None


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain words. In YAML 1.1, ``on`` and ``no`` are booleans, ``010`` is 8 and ``1e5`` is text.

    What is too deep or too much is told while it is read: a megabyte of brackets takes a quarter of a minute otherwise.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._count += 1
        line = self.line + 1
        if self._depth > MOST_LEVELS + 1:
            raise _TooMuch(f"{line}: nested more than {MOST_LEVELS} levels deep")
        if self._count > MOST_NODES:
            raise _TooMuch(f"{line}: more than {MOST_NODES:,} values; write a shorter file")
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _TooMuch(Exception):
    """``line: what``; the file's name comes before it."""


_Loader.yaml_implicit_resolvers = {}

for _tag, _words, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", list("-+.")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_words})\\Z"), _first)
_PLAIN = frozenset(f"tag:yaml.org,2002:{word}" for word in ("null", "bool", "int", "float", "str", "seq", "map"))


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    word = str(loader.construct_scalar(node))
    return int(word, 16 if word.lower().startswith("0x") else 10)


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    word = str(loader.construct_scalar(node)).lower()
    return float(word.replace(".inf", "inf").replace(".nan", "nan"))


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    word = str(loader.construct_scalar(node)).lower()
    if word not in ("true", "false"):
        raise ValueError(f"{word[:40]!r} is neither true nor false")
    return word == "true"


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def _data_and_lines(text: str, name: str) -> tuple[Any, dict[Loc, int]]:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}:1: the file is empty")
        lines: dict[Loc, int] = {}
        for count, (loc, line) in enumerate(_walk(node, (), name, 0)):
            if count > MOST_NODES:
                raise ConfigError(f"{name}:{line}: more than {MOST_NODES:,} values (each use of an alias counts); write a shorter file")
            lines.setdefault(loc, line)
        return loader.construct_document(node), lines
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{name}:{line}: not valid YAML: the character U+{_code(error.character):04X} is not allowed") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = error.problem or error.context or "cannot be parsed"
        raise ConfigError(f"{name}:{line}: not valid YAML: {what}") from None
    except _TooMuch as much:
        raise ConfigError(f"{name}:{much}") from None
    except RecursionError:
        raise ConfigError(f"{name}:1: nested more than {MOST_LEVELS} levels deep") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{name}:1: not valid YAML: {str(error).splitlines()[0]}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def _walk(node: yaml.Node, loc: Loc, name: str, depth: int) -> Iterator[tuple[Loc, int]]:
    line = node.start_mark.line + 1
    if depth > MOST_LEVELS:
        raise ConfigError(f"{name}:{line}: nested more than {MOST_LEVELS} levels deep")
    yield loc, line
    if isinstance(node, yaml.MappingNode):
        yield from _walk_mapping(node, loc, name, depth)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*loc, index), name, depth + 1)
    elif node.tag == "tag:yaml.org,2002:int" and len(node.value) > 300:
        raise ConfigError(f"{name}:{line}: {'.'.join(map(str, loc))}: a number of {len(node.value)} digits")
    elif len(node.value) > MOST_TEXT:
        raise ConfigError(f"{name}:{line}: {'.'.join(map(str, loc)) or 'the whole file'}: a text of {len(node.value):,} characters; {MOST_TEXT:,} are allowed")
    if node.tag not in _PLAIN:
        raise ConfigError(f"{name}:{line}: {node.tag.rpartition(':')[2]!r}: tags (!) are not used in this file; write plain values")


def _walk_mapping(node: yaml.MappingNode, loc: Loc, name: str, depth: int) -> Iterator[tuple[Loc, int]]:
    seen: dict[str, int] = {}
    merged: list[yaml.Node] = []
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{name}:{line}: a list or a mapping cannot be the name of a field")
        if key.tag.endswith(":merge"):
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            continue
        if key.tag not in _PLAIN:
            raise ConfigError(f"{name}:{line}: {key.tag.rpartition(':')[2][:40]!r}: tags (!) are not used in this file; write plain values")
        word = str(key.value)
        if len(word) > MOST_NAME:
            raise ConfigError(f"{name}:{line}: {word[:40]}…: a field's name of {len(word):,} characters; {MOST_NAME} are allowed")
        if word in seen:
            raise ConfigError(f"{name}:{line}: {word}: given twice (first in line {seen[word]})")
        seen[word] = line
        yield (*loc, word), line
        yield from _walk(value, (*loc, word), name, depth + 1)
    for each in merged:  # last, since what the mapping says itself counts
        yield from _walk(each, loc, name, depth + 1)
