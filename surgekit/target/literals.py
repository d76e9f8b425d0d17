"""Keys and passwords that a target file has as they are, instead of under ``secrets``.

For everything that is written down they become secrets: a hole stands in their place, and their value travels with the secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from surgekit import secretive
from surgekit.redact import looks_like_a_token
from surgekit.target import template
from surgekit.target.schema import Target

HIDDEN: Final = "(hidden)"
_HOLE = re.compile(r"\{\{|\}\}|\{[a-z][a-z0-9_.|]*\}")
_VAR = re.compile(r"\{vars\.([a-z0-9_]+)")
_URL = re.compile(r"(?s)([a-z0-9+]+://)(.*)@([^@]*)")
_OPTION = re.compile(r"(?i)([?&](?:[a-z_]*pass[a-z_]*|[a-z_]*pwd|[a-z_]*secret|[a-z_]*token)=)([^&#]*)")
_FIELDS = frozenset({"headers", "query", "form", "json", "multipart"})
_SENDING = ("headers", "setup", "steps", "admin", "reads", "edge")
_RANDOM = re.compile(r"[A-Za-z0-9_\-]{20,}=*")


@dataclass(slots=True)
class Lifted:
    """``target`` with holes where its keys were; ``secrets``: name → value of them; ``places``: where in the file each of them stood."""

    target: Target
    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def hole(self, value: str, where: str) -> str:
        """The hole for ``value``."""
        wish = re.sub(r"[^a-z0-9]+", "_", where.lower()).strip("_")[-36:].lstrip("_0123456789") or "key"
        name, number = wish, 2
        while name in self.target.secrets or name in self.secrets:
            name, number = f"{wish}_{number}", number + 1
        self.secrets[name], self.places[name] = value, where
        return f"{{secret.{name}}}"


def lifted(target: Target) -> Lifted:
    """Raises ``ConfigError`` for a key that is no template."""
    made = Lifted(target)
    data = target.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name in _SENDING:
        if name in data:
            data[name] = _sent(made, data[name], name, name if name == "headers" else "")
    for name, dialect in data.get("signing", {}).items():
        if dialect.get("key") is not None:
            dialect["key"] = _key(made, dialect["key"], f"signing.{name}.key")
        dialect["text"] = _text(made, dialect["text"], f"signing.{name}.text")
    for part in ("supplier", "gateway"):
        stand_in = data.get("edge", {}).get(part, {})
        if stand_in.get("key") is not None:
            stand_in["key"] = _key(made, stand_in["key"], f"edge.{part}.key")
    if made.secrets:
        data["secrets"] = {**data.get("secrets", {}), **{name: {"value": value} for name, value in made.secrets.items()}}
        made.target = Target.model_validate(data)
    return made


def found(target: Target) -> Iterator[tuple[str, str]]:
    """(where, what should be done) for each key or password that stands in the file as it is."""
    hint = "is written into the file as it is; write {secret.…} and say under secrets where it comes from"
    for where in dict.fromkeys(lifted(target).places.values()):
        yield where, hint
    for where, url in _urls(target):
        if url != without_password(url):
            yield where, f"its password {hint}"
    keys = [*(dialect.key for dialect in target.signing.values()), target.edge.supplier.key, target.edge.gateway.key]
    used = {name for key in keys for name in _VAR.findall(key or "")}
    for name, value in target.vars.items():
        if (name in used or secretive.kind(name) == "token") and isinstance(value, str | int) and not isinstance(value, bool) and value != "" and not template.has_holes(value):
            yield f"vars.{name}", "vars go into run.json as they are; what is a key belongs into secrets"


def without_password(url: str) -> str:
    """The address of a database with ``(hidden)`` for what is written into it as it is."""
    parts = _URL.fullmatch(url)
    if parts is not None:
        user, colon, password = parts[2].partition(":")
        if any(each and not hole for each, hole in _parts(password)):
            password = HIDDEN
        url = f"{parts[1]}{user}{colon}{password}@{parts[3]}"
    return _OPTION.sub(lambda match: match[1] + (match[2] if template.has_holes(match[2]) else HIDDEN), url)


def without_passwords(target: Target) -> Target:
    """``target`` with such addresses in its reads."""
    reads: dict[str, object] = {}
    for name in ("stock", "ledger"):
        read = getattr(target.reads, name)
        if read is not None and read.sql is not None:
            reads[name] = read.model_copy(update={"sql": read.sql.model_copy(update={"url": without_password(read.sql.url)})})
    return target.model_copy(update={"reads": target.reads.model_copy(update=reads)}) if reads else target


def _urls(target: Target) -> Iterator[tuple[str, str]]:
    for name in ("stock", "ledger"):
        read = getattr(target.reads, name)
        if read is not None and read.sql is not None:
            yield f"reads.{name}.sql.url", read.sql.url


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a template as written, and whether each is a hole."""
    at = 0
    for match in _HOLE.finditer(text):
        if match[0] not in ("{{", "}}"):
            yield text[at : match.start()], False
            yield match[0], True
            at = match.end()
    yield text[at:], False


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _key(made: Lifted, text: str, where: str) -> str:
    template.text_template(text, f"target {made.target.name}: {where}")  # what is no template is said before it is taken for a key
    return "".join(each if hole or not any(map(str.isalnum, each)) else made.hole(_plain(each), where) for each, hole in _parts(text))


def _text(made: Lifted, text: str, where: str) -> str:
    """What is signed, which may end in a key: it is told from words by its look."""

    def tried(match: re.Match[str]) -> str:
        return made.hole(match[0], where) if looks_like_a_token(match[0]) else match[0]

    return "".join(each if hole else _RANDOM.sub(tried, each) for each, hole in _parts(text))


def _sent(made: Lifted, data: Any, where: str, place: str) -> Any:
    """``place``: the kind of field that ``data`` is within, such as ``form``."""
    if isinstance(data, list):
        return [_sent(made, each, f"{where}[{number}]", place) for number, each in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    return {name: _field(made, name, value, f"{where}.{name}", place) for name, value in data.items()}


def _field(made: Lifted, name: str, value: Any, where: str, place: str) -> Any:
    literal = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and place != "json")
    if place and literal and str(value) and secretive.kind(name) in ("password", "token") and not template.has_holes(value):
        return made.hole(_plain(str(value)), where)
    return _sent(made, value, where, place or (name if name in _FIELDS else ""))
