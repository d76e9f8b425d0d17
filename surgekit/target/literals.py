"""Keys and passwords that a target file has as they are, instead of under ``secrets``.

For everything that is written down they become secrets: a hole stands in their place, and their value travels with the secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_plus

from surgekit import secretive
from surgekit.redact import looks_like_a_token
from surgekit.target import template
from surgekit.target.schema import Target

HIDDEN: Final = "(hidden)"
_HOLE = re.compile(r"\{\{|\}\}|\{[a-z][a-z0-9_.|]*\}")
_VAR = re.compile(r"\{vars\.([a-z0-9_]+)")
_URL = re.compile(r"(?s)([a-z0-9+]+://)(.*)@([^@]*)")
_OPTION = re.compile(r"(?i)([?&](?:[a-z_]*pass[a-z_]*|[a-z_]*pwd|[a-z_]*secret|[a-z_]*token)=)([^&#]*)")
_FIELDS = frozenset({"headers", "query", "form", "json", "multipart", "act"})
_SENDING = ("headers", "setup", "steps", "admin", "reads", "edge", "safety")
_RANDOM = re.compile(r"[A-Za-z0-9_\-]{20,}=*")
_PARAMETER = re.compile(r"(?<=[?&])([^=&#?]+)=([^&#]*)")
_NAME = re.compile(
    r"""(?x) (?<![\w.\-%]) (?P<name> [\w.\-%]{1,80}+ (?:\[[\w.\-]{0,40}\]){0,4} )
        (?: \\*["']? \s*[=:]\s* (?P<quote> \\*["'] )? | (?P<tag> (?:\s[^<>]{0,80})? > (?:<!\[CDATA\[)? ) )"""
)
_QUOTED = re.compile(r"""(?:\\[^"']|[^"'\\])+""")
_ELEMENT = re.compile(r"[^<\]]+")
_BARE = re.compile(r"""(?:\{[a-z][a-z0-9_.|]*\}|[^\s&"'\\<>,;{}])+""")
_SCHEME = re.compile(r"\s*[A-Za-z]+\s+")
_WORD = re.compile(r"([^\s,;=]*=(?=[^\s,;=]|$))?([^\s,;]*)")
_LEAST: Final = 4
"""So many letters and figures beside a hole are a part of a key; fewer are a prefix."""


@dataclass(slots=True)
class Lifted:
    """``target`` with holes where its keys were; ``secrets``: name → value of them; ``places``: where in the file each of them stood."""

    target: Target
    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def hole(self, value: str, where: str) -> str:
        """The hole for ``value``."""
        wish = re.sub(r"[^a-z0-9]+", "_", where.lower()).strip("_")[-34:].lstrip("_0123456789") or "key"
        name, number = wish, 2
        while name in self.target.secrets or name in self.secrets:
            name, number = f"{wish}_{number}", number + 1
        self.secrets[name], self.places[name] = value, where
        return f"{{secret.{name}}}"


def lifted(target: Target) -> Lifted:
    """Raises ``ConfigError`` for a key that is no template."""
    made = Lifted(target)
    given = target.model_dump(by_alias=True, exclude_unset=True)
    data = _encodable(given)
    odd = data != given
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
    data = _without_vars(made, data)
    if made.secrets or odd:
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
    for where, value in _as_they_are(target):
        if _is_literal(value) and _tells(where.rpartition(".")[2].rpartition(" ")[2], value):
            yield where, "goes into run.json as it is, for no hole can stand here; write {secret.…} where it is used"


def _as_they_are(target: Target) -> Iterator[tuple[str, object]]:
    """What stands in for a hole, and has none itself."""
    for number, product in enumerate(target.catalogue):
        yield from ((f"catalogue[{number}].vars.{name}", value) for name, value in product.vars.items())
    for way, given in target.ways.items():
        yield from ((f"ways.{way}.{name}", value) for name, value in given.items())
    for dialect, spec in target.signing.items():
        yield from ((f"signing.{dialect}.also.{into}", value) for into, value in spec.also.items())


def _is_literal(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != "" and not template.has_holes(value)


def _without_vars(made: Lifted, data: dict[str, Any]) -> dict[str, Any]:
    """A var that is a key becomes a secret, wherever it is used."""
    target = made.target
    keys = [*(dialect.key for dialect in target.signing.values()), target.edge.supplier.key, target.edge.gateway.key]
    used = {name for key in keys for name in _VAR.findall(key or "")}
    holes = {}
    for name, value in target.vars.items():
        if _is_literal(value) and (name in used or _tells(name, value)):
            hole = made.hole(str(value), f"vars.{name}")[1:-1]
            holes[f"vars.{name}"] = hole + ("|int" if isinstance(value, int) else "")
    if not holes:
        return data
    data["vars"] = {name: value for name, value in data["vars"].items() if f"vars.{name}" not in holes}
    return {name: _renamed(each, holes) for name, each in data.items()}


def _encodable(data: Any) -> Any:
    """Half of a character, which no file can have, is ``?``: as such it is sent too."""
    if isinstance(data, list):
        return [_encodable(each) for each in data]
    if isinstance(data, Mapping):
        return {_encodable(name): _encodable(each) for name, each in data.items()}
    return data.encode(errors="replace").decode() if isinstance(data, str) else data


def _renamed(data: Any, holes: Mapping[str, str]) -> Any:
    if isinstance(data, list):
        return [_renamed(each, holes) for each in data]
    if isinstance(data, Mapping):
        return {name: _renamed(each, holes) for name, each in data.items()}
    return _HOLE.sub(lambda match: _other_hole(match[0], holes), data) if isinstance(data, str) else data


def _other_hole(hole: str, holes: Mapping[str, str]) -> str:
    name, bar, filters = hole[1:-1].partition("|")
    return f"{{{holes[name]}{bar}{filters}}}" if name in holes else hole


def _tells(name: str, value: object) -> bool:
    """Whether a field of this name keeps a key or a password. A number of few figures is a flag, such as ``auth: 1``."""
    return secretive.kind(name) in ("password", "token") and not (isinstance(value, int) and len(str(value)) < _LEAST)


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
    signed = data.get("sign") is not None
    return {name: _field(made, name, value, f"{where}.{name}", place, signed) for name, value in data.items()}


def _field(made: Lifted, name: str, value: Any, where: str, place: str, signed: bool) -> Any:
    if place and secretive.kind(name) in ("password", "token"):
        if isinstance(value, list):
            return [_field(made, name, each, f"{where}[{number}]", place, signed) for number, each in enumerate(value)]
        if isinstance(value, int) and not isinstance(value, bool) and (place != "json" or _tells(name, value)):
            hole = made.hole(str(value), where)
            return f"{hole[:-1]}|int}}" if place == "json" else hole
        if isinstance(value, str) and value:
            return _mixed(made, name, value, where)
    if not place and isinstance(value, str):
        if name == "request":
            return _PARAMETER.sub(lambda match: _parameter(made, match, where, signed), value)
        if name == "body":
            return _body(made, value, where)
    return _sent(made, value, where, place or (name if name in _FIELDS else ""))


def _mixed(made: Lifted, name: str, text: str, where: str) -> str:
    """A key, perhaps beside holes. ``Bearer`` before a hole is no part of it, nor is the name of a cookie."""
    if not template.has_holes(text):
        return made.hole(_plain(text), where) if any(map(str.isalnum, text)) else text

    def lifted(each: str) -> str:
        return made.hole(_plain(each), where) if sum(map(str.isalnum, each)) >= _LEAST else each

    if secretive.kind(name) == "password":
        return "".join(each if hole else lifted(each) for each, hole in _parts(text))
    scheme = _SCHEME.match(text)
    begin = scheme[0] if scheme is not None else ""
    return begin + "".join(each if hole else _WORD.sub(lambda match: (match[1] or "") + lifted(match[2]), each) for each, hole in _parts(text[len(begin) :]))


def _parameter(made: Lifted, match: re.Match[str], where: str, signed: bool) -> str:
    """``name=value`` of an address. What is signed is taken apart first."""
    name, value = unquote_plus(match[1]), match[2]
    if secretive.kind(name) not in ("password", "token"):
        return match[0]

    def lifted(text: str) -> str:
        return made.hole(_plain(unquote_plus(text)), where) if signed else f"{made.hole(_plain(text), where)[:-1]}|raw}}"

    parts = list(_parts(value))
    least = _LEAST if len(parts) > 1 else 1
    return f"{match[1]}=" + "".join(each if hole or sum(map(str.isalnum, each)) < least else lifted(each) for each, hole in parts)


def _body(made: Lifted, text: str, where: str) -> str:
    """A body that is text: what stands behind a name that says so."""

    parts, done, at = [], 0, 0
    while (found := _NAME.search(text, at)) is not None:
        at, name = found.end(), unquote_plus(found["name"])
        if secretive.kind(name) not in ("password", "token"):
            continue
        value = (_QUOTED if found["quote"] else _ELEMENT if found["tag"] else _BARE).match(text, at)
        if value is not None and value[0] not in ("null", "true", "false"):
            parts += [text[done:at], _mixed(made, name, value[0], where)]
            done = at = value.end()
    return "".join([*parts, text[done:]])
