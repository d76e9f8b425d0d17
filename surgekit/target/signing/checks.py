"""Mistakes of a dialect that can be told without a request."""

from __future__ import annotations

from collections.abc import Iterable

from surgekit.errors import ConfigError
from surgekit.target.signing.schema import Dialect, Place, Vector

OWN = frozenset({"fields", "key", "method", "path", "query", "path_query", "body", "timestamp", "nonce", "host"})
"""What ``text`` can use without anyone giving it."""
DIGESTS = frozenset({"md5", "sha1", "sha256", "sha512"})


def foreign(names: Iterable[str], where: str) -> frozenset[str]:
    """Those names of ``text`` that come from outside, such as ``account.id``. Raises ``ConfigError`` for unknown ones."""
    found = set()
    for name in sorted(names):
        base, dot, digest = name.partition(".")
        if base in OWN and (not dot or digest in DIGESTS):
            continue
        if base in OWN or not dot:
            raise ConfigError(
                f"{where}.text: nothing gives {{{name}}}; known here: {', '.join(sorted(OWN))}, their digests such as"
                " {body.md5}, and names with a dot such as {secret.key}"
            )
        found.add(name)
    return frozenset(found)


def body_kind(places: Iterable[Place], where: str) -> str | None:
    """The kind of body that is written into: form, json, or None. Raises ``ConfigError`` where values collide."""
    seen: set[Place] = set()
    for each in places:
        same = Place(each.part, each.name.lower()) if each.part == "header" else each
        if same in seen:
            raise ConfigError(f"{where}: two values go into {each.part} {each.name}")
        seen.add(same)
    kinds = {each.part for each in seen} & {"form", "json"}
    if len(kinds) > 1:
        raise ConfigError(f"{where}: form and json are two bodies; a request has one")
    return kinds.pop() if kinds else None


def check_use(dialect: Dialect, names: Iterable[str], where: str) -> None:
    """What is described is used, and what is used is described. ``names``: those of ``text``."""
    used = {name.partition(".")[0] for name in names}
    keyed = dialect.hash.startswith("hmac-")
    for word, given in (("fields", dialect.fields), ("timestamp", dialect.timestamp), ("nonce", dialect.nonce)):
        if word in used and given is None:
            raise ConfigError(f"{where}.text: {{{word}}} is used; describe {word} too")
    if dialect.fields is not None and "fields" not in used:
        raise ConfigError(f"{where}.fields: text does not use {{fields}}, so none of them would be signed")
    if dialect.key is None and (keyed or "key" in used):
        raise ConfigError(f"{where}.key: is missing; give a template such as {{secret.shop_key}}")
    if dialect.key is not None and not keyed and "key" not in used:
        raise ConfigError(f"{where}.key: neither text nor an HMAC uses it; write {{key}} into text")
    if dialect.key_as != "text" and not keyed:
        raise ConfigError(f"{where}.key_as: concerns the key of an HMAC; {dialect.hash} has none")
    for number, vector in enumerate(dialect.vectors):
        _check_vector(vector, dialect, f"{where}.vectors[{number}]")


def check_order(late: Iterable[tuple[str, Place]], names: Iterable[str], where: str) -> None:
    """Nothing goes where the text has been taken from already. ``late``: fields of the file and where they go."""
    used = {name.partition(".")[0] for name in names}
    for field, each in late:
        for part, words in (("body", {"body"}), ("query", {"query", "path_query"})):
            if (each.part == part or (part == "body" and each.part in ("form", "json"))) and words & used:
                raise ConfigError(
                    f"{where}.{field}: text signs the {part}, so {each.name} cannot go into it; use a header"
                )


def _check_vector(vector: Vector, dialect: Dialect, where: str) -> None:
    if vector.text is None and vector.sign is None:
        raise ConfigError(f"{where}: says nothing to compare with; give sign, or text, or both")
    if dialect.key is not None and vector.key is None and not vector.values:
        raise ConfigError(f"{where}.key: is missing; a vector brings the key that it was signed with")
    if vector.fields and dialect.fields is None:
        raise ConfigError(f"{where}.fields: the dialect signs no fields; give method, path, query or body")
    if vector.at is not None and vector.timestamp is not None:
        raise ConfigError(f"{where}: give timestamp (as it is sent) or at (UNIX time), one of the two")
    for word, given, described in (
        ("timestamp", vector.timestamp, dialect.timestamp),
        ("at", vector.at, dialect.timestamp),
        ("nonce", vector.nonce, dialect.nonce),
    ):
        if given is not None and described is None:
            raise ConfigError(f"{where}.{word}: the dialect has none")
