"""Only machines whose owner agreed are loaded. Without consent that is this machine, and no other."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from surgekit.errors import ConfigError, ConsentError, TargetError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a platform is: scheme, host name as written, port, and the addresses it was resolved to."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...] = ()

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


def origin(url: str) -> Origin:
    """The origin of an absolute URL, not resolved yet. Raises ``ConfigError``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{url!r} is not an absolute http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{parts.scheme}://…@{parts.hostname}: credentials do not belong into a URL; put them into a header")
    if port == 0:
        raise ConfigError(f"{url!r}: nothing can listen on port 0")
    return Origin(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))


def resolved(place: Origin) -> Origin:
    """``place`` with its addresses, each of which is on this machine.

    Raises ``TargetError`` when the name has no address, ``ConsentError`` when any of them is elsewhere.
    """
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{place.host}: the name cannot be resolved ({error}); check base_url") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_loopback(address):
            where = place.host if place.host == address else f"{place.host} ({address})"
            raise ConsentError(
                f"{where} is not on this machine, so it is not loaded: SurgeKit sends a surge to another host only with "
                "the consent of its owner, a token that the platform itself serves at /.well-known/surgekit-consent or in a "
                "DNS TXT record. This version cannot check such a token yet; run it on the platform's own host"
            )
    return Origin(place.scheme, place.host, place.port, addresses)


def is_loopback(address: str) -> bool:
    """Whether an address literal means this machine: 127.0.0.0/8 and ::1, and nothing that merely maps to them."""
    try:
        found = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    mapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
    return found.is_loopback and not mapped
