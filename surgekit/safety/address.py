"""Where a URL leads, in one spelling, and what kind of address that is.

Whoever wants to slip past a check writes the same place in another way: 2130706433 or 0x7f.1 for 127.0.0.1, full-width
digits, percent signs, a dot at the end. Such spellings are refused here, so that every later comparison is one of texts.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from surgekit.errors import ConfigError

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNWRITTEN = re.compile(r"[\x00-\x20\x7f\\]")
"""What URL parsers drop, or take for a slash, each in its own way."""

_SECRETS = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
)
"""The metadata services of the usual clouds."""
_WRAPPED = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")))
"""IPv6 that is IPv4 inside: compatible, mapped, NAT64, Teredo, 6to4."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a platform is: scheme, host name in lower-case ASCII, port, and the addresses it was resolved to."""

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
    if _UNWRITTEN.search(url):
        raise ConfigError(f"{url!r} is not a URL: it has a space, a backslash or a character that cannot be seen")
    if port == 0:
        raise ConfigError(f"{url!r}: nothing can listen on port 0")
    return Origin(parts.scheme, host_name(parts.hostname), port or (443 if parts.scheme == "https" else 80))


def host_name(written: str) -> str:
    """A host name or IP address in the one spelling that is compared: lower case, ASCII. Raises ``ConfigError``."""
    if "%" in written:
        raise ConfigError(f"{written!r} is not a host: a percent sign (an escape, a zone) has no place in it")
    if ":" in written:
        try:
            return ipaddress.IPv6Address(written).compressed
        except ValueError:
            raise ConfigError(f"{written!r} is not an IPv6 address") from None
    name = _ascii(written)
    if name.endswith("."):
        raise ConfigError(f"{written!r}: write the host without the dot at its end")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # no name ends so: every resolver takes it for a number, and each for its own
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise ConfigError(f"{written!r} is an odd spelling of an IPv4 address; write it as in 127.0.0.1, four decimal numbers") from None
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ConfigError(f"{written!r} is not a host name")
    return name


def _ascii(written: str) -> str:
    if written.isascii():
        return written.lower()
    try:
        name = written.lower().encode("idna").decode("ascii")
        same = name.encode("ascii").decode("idna") == written.lower()
    except UnicodeError:
        same = False
    if not same:  # full-width digits, other dots, invisible joiners: it would be read as a name that is not written there
        raise ConfigError(f"{written!r} has characters that stand for others; write the host in ASCII (xn--… where it must be)")
    return name


def is_loopback(address: str) -> bool:
    """Whether an address literal means this machine: 127.0.0.0/8 and ::1, and nothing that merely maps to them."""
    try:
        found = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    mapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
    return found.is_loopback and not mapped


def is_literal(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_localhost(host: str) -> bool:
    """Whether a name is reserved for this machine (RFC 6761)."""
    return host == "localhost" or host.endswith(".localhost")


def unfit(address: str) -> str | None:
    """Why an address is never loaded, whoever agrees, as the end of a sentence; None where it can be."""
    try:
        found = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "is not an IP address"
    if found.is_unspecified or (found.version == 4 and found in ipaddress.IPv4Network("0.0.0.0/8")):
        return "means no machine in particular"
    if is_loopback(address):
        return None
    if isinstance(found, ipaddress.IPv6Address) and any(found in wrapped for wrapped in _WRAPPED):
        return "is an IPv4 address inside an IPv6 address; name the IPv4 address itself"
    if found in _SECRETS:
        return "is where a cloud keeps the secrets of its machines"
    if found.is_link_local or "%" in address:
        return "is a link-local address, which means another machine on every network"
    if found.is_multicast:
        return "is a multicast address, so many machines at once"
    if str(found) == "255.255.255.255":
        return "is the broadcast address, so every machine of the network"
    return "is a reserved address" if found.is_reserved else None
