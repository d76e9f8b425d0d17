"""YAML files whose mistakes are reported by file, line and field."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from surgekit.errors import ConfigError

MOST_BYTES = 1 << 20
"""A profile or target larger than this is a mistake, not a description."""

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[str | int, ...]


def load(path: Path, model: type[Model]) -> Model:
    """Read ``path`` as a ``model``.

    Raises ``ConfigError``, one line a mistake: ``file:line: field: what is wrong (what is allowed)``.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path}: {len(raw):,} bytes; a file of this kind has at most {MOST_BYTES:,}")
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
        said = [_sentence(name, lines, model, mistake) for mistake in error.errors()]
        # A union tries each of its forms; two forms often say the same of the same line.
        raise ConfigError("\n".join(dict.fromkeys(said))) from None


def _data_and_lines(text: str, name: str) -> tuple[Any, dict[Loc, int]]:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}:1: the file is empty")
        lines: dict[Loc, int] = {}
        for loc, line in _walk(node, (), name, 0):
            lines.setdefault(loc, line)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = error.problem or error.context or "cannot be parsed"
        raise ConfigError(f"{name}:{line}: not valid YAML: {what}") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        what = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise ConfigError(f"{name}:1: not valid YAML: {what}") from None
    finally:
        loader.dispose()


def _walk(node: yaml.Node, loc: Loc, name: str, depth: int) -> Iterator[tuple[Loc, int]]:
    if depth > 40:
        raise ConfigError(f"{name}:{node.start_mark.line + 1}: nested more than 40 levels deep")
    yield loc, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            word = str(key.value)
            line = key.start_mark.line + 1
            if word in seen and word != "<<":
                raise ConfigError(f"{name}:{line}: {word}: given twice (first in line {seen[word]})")
            seen[word] = line
            yield (*loc, word), line
            yield from _walk(value, (*loc, word), name, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*loc, index), name, depth + 1)


def _sentence(name: str, lines: dict[Loc, int], model: type[BaseModel], mistake: Any) -> str:
    loc = tuple(part for part in mistake["loc"] if part != "[key]")
    # A union puts the name of the form it tried into the path; what the file has is what counts.
    known: Loc = ()
    for part in loc:
        step = part if (*known, part) in lines else str(part)
        if (*known, step) in lines:
            known = (*known, step)
    line = lines.get(known, 1)
    kind = mistake["type"]
    shown = known
    if kind == "missing":
        shown = (*known, loc[-1])
        said = "is missing"
    elif kind == "extra_forbidden":
        allowed = sorted(_fields_at(model, known[:-1]))
        near = difflib.get_close_matches(str(known[-1]), allowed, n=1)
        said = f"no such field; did you mean {near[0]}?" if near else f"no such field; allowed: {', '.join(allowed)}"
    else:
        said = mistake["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        said = said[:1].lower() + said[1:]
        given = mistake.get("input")
        if isinstance(given, str | int | float | bool):
            said += f" (found {str(given)[:60]!r})" if isinstance(given, str) else f" (found {given})"
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown).lstrip(".")
    return f"{name}:{line}: {field or 'the whole file'}: {said}"


def _fields_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """The field names allowed at ``loc`` (for a union: of all its models)."""
    kinds: list[Any] = [model]
    for part in loc:
        step: list[Any] = []
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for field_name, field in kind.model_fields.items():
                    if part in (field_name, field.alias):
                        step += _unwrapped(field.annotation)
            else:
                step += [inner for arg in get_args(kind) for inner in _unwrapped(arg)]
        kinds = step
    return {
        field.alias or field_name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for field_name, field in kind.model_fields.items()
    }


def _unwrapped(kind: Any) -> list[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        return _unwrapped(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return [inner for arg in get_args(kind) for inner in _unwrapped(arg)]
    return [kind]
