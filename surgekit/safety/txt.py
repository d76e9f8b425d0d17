"""Consent in DNS: TXT records at ``_surgekit-consent.<host>``."""

from __future__ import annotations

import secrets

from surgekit.errors import ConsentError
from surgekit.safety.address import Origin
from surgekit.safety.resolver import Resolver, Texts
from surgekit.safety.statement import WORD, AbsentError


def txt_name(place: Origin) -> str:
    """Where the owner of ``place`` publishes."""
    return f"_{WORD}.{place.host}"


def read(place: Origin, resolver: Resolver) -> list[str]:
    """The statements in DNS for ``place.host``.

    Raises ``AbsentError`` where there is none, ``ConsentError`` where they are there for more than this name: through an
    alias, whose owner may be somebody else, or through a wildcard, which answers for names that nobody thought of.
    """
    name = txt_name(place)
    found = _ask(resolver, name)
    lines = _statements(found)
    if found.alias is not None:
        raise ConsentError(f"{name} is an alias of {found.alias}; a consent stands at the name itself")
    if not lines:
        raise AbsentError("has no TXT record with a statement")
    # A label that nobody can have made a record for.
    if _statements(_ask(resolver, f"_{secrets.token_hex(8)}.{place.host}")):
        raise ConsentError(f"a wildcard record answers for every name below {place.host}; a consent stands at {name} alone")
    return lines


def _ask(resolver: Resolver, name: str) -> Texts:
    try:
        return resolver.txt(name)
    except OSError as error:
        raise AbsentError(f"cannot be looked up ({error})") from None


def _statements(found: Texts) -> list[str]:
    return [value.strip() for value in found.values if value.strip().startswith(WORD)]
