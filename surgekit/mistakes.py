"""What is wrong with a file, in sentences: pydantic's findings with the line and the field as the file has them."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

Loc = tuple[str | int, ...]
MOST = 20
"""A file that is wrong everywhere is told so often enough with this many lines."""

_WANTED = {
    "model_type": "fields are wanted here, written name: value",
    "model_attributes_type": "fields are wanted here, written name: value",
    "dict_type": "names and values are wanted here, written name: value",
    "list_type": "a list is wanted, with a dash before each item or [in, brackets]",
    "string_type": "text is wanted; put it into quotes",
    "invalid_key": "a name is wanted here; put it into quotes",
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "int_parsing_size": "a whole number is wanted, and not such a large one",
    "int_from_float": "a whole number is wanted",
    "float_type": "a number is wanted",
    "float_parsing": "a number is wanted",
    "finite_number": "a finite number is wanted",
    "bool_type": "true or false is wanted",
    "bool_parsing": "true or false is wanted",
}


def sentences(name: str, lines: Mapping[Loc, int], model: type[BaseModel], error: ValidationError) -> list[str]:
    """One line a mistake, ``name:line: field: what is wrong (found …)``. ``lines`` has the line of each place of the file."""
    # A union tries each of its forms; two forms often say the same of the same line.
    said: dict[str, None] = {}
    mistakes = error.errors(include_url=False)
    for number, mistake in enumerate(mistakes):
        # A sentence may look for the field that was meant; for thousands of them that takes longer than anybody waits.
        if len(said) == MOST:
            return [*said, f"{name}: and {len(mistakes) - number} more mistakes"]
        said[_sentence(name, lines, model, mistake)] = None
    return list(said)


def _sentence(name: str, lines: Mapping[Loc, int], model: type[BaseModel], mistake: Any) -> str:
    loc = tuple(part for part in mistake["loc"] if part != "[key]")
    # A union puts the name of the form it tried into the path; what the file has is what counts.
    known: Loc = ()
    for part in loc:
        step = part if (*known, part) in lines else str(part)
        if (*known, step) in lines:
            known = (*known, step)
    kind, shown = mistake["type"], known
    if kind == "missing":
        shown = (*known, loc[-1])
        said = "is missing"
    elif kind == "extra_forbidden":
        allowed = sorted(_fields_at(model, known[:-1]))
        near = difflib.get_close_matches(str(known[-1]), allowed, n=1)
        said = f"no such field; did you mean {near[0]}?" if near else f"no such field; allowed: {', '.join(allowed)}"
    else:
        said = _WANTED.get(kind) or in_our_words(mistake["msg"])
        said += _found(mistake.get("input"))
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown).lstrip(".")
    return f"{name}:{lines.get(known, 1)}: {field or 'the whole file'}: {said}"


def in_our_words(message: str) -> str:
    """A finding of pydantic as it stands in a sentence of ours."""
    ours = message.removeprefix("Value error, ")  # a validator of this project wrote it
    if ours != message:
        return ours
    theirs = message.removeprefix("Input ")
    return theirs[:1].lower() + theirs[1:]


def _found(given: Any) -> str:
    if isinstance(given, str):
        return f" (found {given[:60]!r})"
    if isinstance(given, bool):
        return f" (found {str(given).lower()})"
    if isinstance(given, int | float):
        return f" (found {str(given)[:60]})"
    return " (found nothing)" if given is None else ""


def _fields_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """The field names allowed at ``loc`` (for a union: of all its models)."""
    kinds: list[Any] = [model]
    for part in loc:
        step: list[Any] = []
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for field_name, field in kind.model_fields.items():
                    if part == (field.alias or field_name):
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
