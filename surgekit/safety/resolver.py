"""Asking for names. The one place that does, and a protocol, so that a test can be asked instead."""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

LOOKUP_S = 5.0


class Texts(NamedTuple):
    """TXT records of a name; ``alias`` is the other name that a CNAME led to, if one did."""

    values: tuple[str, ...] = ()
    alias: str | None = None


class Resolver(Protocol):
    """What is asked of the name service."""

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Address literals, each once. Raises ``OSError`` or ``UnicodeError`` where there is none."""

    def txt(self, name: str) -> Texts:
        """Empty where the name or the record does not exist. Raises ``OSError`` where that cannot be told."""


class System:
    """The machine's own resolver: hosts file and all for addresses, DNS alone for TXT."""

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def txt(self, name: str) -> Texts:
        # Imported here: the engine's processes ask for no records, and they load enough as it is.
        import dns.exception
        import dns.name
        import dns.rdatatype
        import dns.resolver
        from dns.rdtypes.ANY.TXT import TXT

        try:
            asked = dns.name.from_text(name)  # which makes it absolute, so that no search list is tried
            answer = dns.resolver.Resolver().resolve(
                asked, dns.rdatatype.TXT, lifetime=LOOKUP_S, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return Texts()
        except dns.exception.DNSException as error:
            raise OSError(f"{type(error).__name__}: {error}") from None
        alias = None if answer.canonical_name == asked else answer.canonical_name.to_text(omit_final_dot=True)
        records = [record for record in answer.rrset or () if isinstance(record, TXT)]
        return Texts(tuple(b"".join(record.strings).decode("utf-8", "replace") for record in records), alias)
