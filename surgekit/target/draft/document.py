"""An OpenAPI document: read, its references resolved, its schemas laid flat. Whatever stands in it, it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from surgekit.errors import ConfigError

MOST_YAML = 1 << 20
"""Bytes of YAML; JSON is read a hundred times faster and may be longer."""
MOST_LEVELS = 8
"""Levels of a schema that are looked at. A request to a shop has three."""
MOST_LEAVES = 300
MOST_STEPS = 3000
"""Schemas visited for one request or reply, however they refer to each other."""
MOST_ALTOGETHER = 200_000
"""And for the whole document: what comes later is told by its path alone."""
MOST_NODES = 1_000_000
Json = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """Times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, words) for tag, words in pairs if not tag.endswith((":timestamp", ":value"))]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parsed(text: str, name: str) -> Any:
    """The document, from JSON or YAML. Raises ``ConfigError``."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deep to be read") from None
    except ValueError as error:
        if text.lstrip("\ufeff \r\n\t")[:1] in ("{", "["):
            # JSON is YAML too, but a document of this shape that is no JSON is a broken one.
            raise ConfigError(f"{name}: neither JSON nor YAML: {error}") from None
    if len(text) > MOST_YAML:
        raise ConfigError(f"{name}: more than {MOST_YAML >> 20} MB of YAML; save the document as JSON")
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}: the file is empty")
        if _weight(node, {}, 0) > MOST_NODES:
            raise ConfigError(f"{name}: more than {MOST_NODES:,} values (each use of an alias counts)")
        return loader.construct_document(node)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deep to be read") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{name}:{mark.line + 1 if mark else 1}: neither JSON nor YAML: {error.problem or 'cannot be parsed'}") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        # What PyYAML raises for values that do not fit their tags is of every kind.
        raise ConfigError(f"{name}: neither JSON nor YAML: {str(error).splitlines()[0] if str(error) else 'cannot be parsed'}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _weight(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values the node stands for, aliases counted at each use."""
    if depth > 200:
        raise RecursionError
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MOST_NODES + 1  # a node inside itself has no end
    total = 1
    if isinstance(node, yaml.MappingNode):
        total += sum(_weight(key, known, depth + 1) + _weight(value, known, depth + 1) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        total += sum(_weight(each, known, depth + 1) for each in node.value)
    known[id(node)] = total
    return total


def mapping(value: Any) -> dict[str, Any]:
    """``value`` as a mapping with text for names; what is none is an empty one."""
    return {str(name): each for name, each in value.items()} if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a reply: where it is, and what its schema says of it. In ``path``, -1 is each item of a list."""

    path: tuple[str | int, ...]
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def kind(self) -> str:
        return kind_of(self.schema)

    @property
    def choices(self) -> list[Any]:
        return choices(self.schema)


def kind_of(schema: Json) -> str:
    """The type, the first that is not null where there are several."""
    given = schema.get("type")
    kinds = [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str) and each != "null"]
    if kinds:
        return kinds[0]
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def choices(schema: Json) -> list[Any]:
    """The values that an enum or a const allows: texts, numbers, true and false."""
    given = rows(schema.get("enum"))[:200] or ([schema["const"]] if "const" in schema else [])
    return [each for each in given if isinstance(each, str | int | float | bool)]


class Document:
    """A parsed document; ``seen(schema)`` follows references."""

    def __init__(self, data: Json) -> None:
        self.data = mapping(data)
        self._left = 0
        self._whole = MOST_ALTOGETHER

    def seen(self, given: Any) -> dict[str, Any]:
        """``given`` with its ``$ref`` followed, in this document only; what leads nowhere is empty."""
        for _ in range(20):
            found = mapping(given)
            if not isinstance(found.get("$ref"), str):
                return found
            given = self._at(found["$ref"])
        return {}

    def _at(self, ref: str) -> Any:
        if not ref.startswith("#/"):
            return None  # another file, which nobody handed in
        found: Any = self.data
        for step in ref[2:].split("/")[:40]:
            word = step.replace("~1", "/").replace("~0", "~")
            found = found[int(word)] if isinstance(found, list) and word.isascii() and word.isdigit() and int(word) < len(found) else mapping(found).get(word)
        return found

    def schema(self, given: Any) -> dict[str, Any]:
        """A schema with its parts put together: ``allOf`` merged, of ``oneOf`` and ``anyOf`` the first that says something."""
        self._left = MOST_STEPS
        return self._merged(given, 0)

    def _merged(self, given: Any, depth: int) -> dict[str, Any]:
        found = self.seen(given)
        self._left -= 1
        self._whole -= 1
        if depth > MOST_LEVELS or self._left < 0 or self._whole < 0:
            return found
        for part in rows(found.get("allOf"))[:20]:
            more = self._merged(part, depth + 1)
            both = {**mapping(more.get("properties")), **mapping(found.get("properties"))}
            needed = [*rows(found.get("required")), *rows(more.get("required"))]
            found = {**more, **found, **({"properties": both} if both else {}), **({"required": needed} if needed else {})}
        for word in ("oneOf", "anyOf"):
            parts = [self._merged(part, depth + 1) for part in rows(found.get(word))[:5]] if "properties" not in found else []
            said = next((part for part in parts if part and part.get("type") != "null"), None)
            if said is not None:
                found = {**said, **found}
                break
        return found

    def leaves(self, given: Any) -> list[Leaf]:
        """The values of a schema, outer ones first."""
        found: list[Leaf] = []
        waiting: list[tuple[tuple[str | int, ...], Any]] = [((), given)]
        self._left = MOST_STEPS
        while waiting and len(found) < MOST_LEAVES and self._left > 0 and self._whole > 0:
            following: list[tuple[tuple[str | int, ...], Any]] = []
            for path, each in waiting:
                if self._left < 0:
                    break
                schema = self._merged(each, 0)
                kind = kind_of(schema)
                if kind == "object":
                    following += [((*path, name), inner) for name, inner in list(mapping(schema.get("properties")).items())[:200]]
                elif kind == "array" and "items" in schema:
                    inner = self._merged(schema["items"], 0)
                    if kind_of(inner) in ("object", "array"):
                        following.append(((*path, -1), inner))
                    else:
                        found.append(Leaf(path, {**inner, "type": "array"}))
                elif path:
                    found.append(Leaf(path, schema))
            waiting = [pair for pair in following if len(pair[0]) <= MOST_LEVELS]
        return found[:MOST_LEAVES]


def media(content: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(media type in lower case, what is said of it)."""
    for name, each in list(mapping(content).items())[:20]:
        yield name.partition(";")[0].strip().lower(), mapping(each)
