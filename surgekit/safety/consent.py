"""May this place be loaded? Looked up once, checked address by address, answered with a permit or one sentence."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from surgekit import clock
from surgekit.errors import ConsentError, TargetError
from surgekit.safety import txt, wellknown
from surgekit.safety.address import Origin, is_literal, is_localhost, is_loopback, unfit
from surgekit.safety.permit import Permit
from surgekit.safety.resolver import Resolver, System
from surgekit.safety.statement import AbsentError, Statement, checked, choose

MOST_ADDRESSES = 8
"""Each is waited for; a name with more belongs to a network of machines, whose owner is hard to tell."""


def resolved(place: Origin) -> Origin:
    """``place`` with its addresses, each of which is on this machine.

    Raises ``TargetError`` when the name has no address, ``ConsentError`` when any of them is elsewhere.
    """
    return permitted(place, None).place


def permitted(
    place: Origin,
    token: str | None,
    *,
    resolver: Resolver | None = None,
    dial: wellknown.Dial = wellknown.dial,
    tls: ssl.SSLContext | None = None,
    now: Callable[[], datetime] = clock.utc,
    patience_s: float = wellknown.PATIENCE_S,
) -> Permit:
    """The permit to load ``place``. ``token`` is the target file's; this machine needs none.

    Raises ``ConsentError`` when nothing shows that the owner agrees, ``ConfigError`` for a token that is none, and
    ``TargetError`` when the place has no address or nothing answers there.
    """
    resolver = resolver or System()
    addresses = _addresses(place, resolver)
    if all(map(is_loopback, addresses)):
        return Permit(Origin(place.scheme, place.host, place.port, addresses), "loopback")
    _could_be_loaded(place, addresses)
    if token is None:
        elsewhere = addresses[0]
        raise ConsentError(
            f"{_where(place, elsewhere)} is not on this machine, so it is not loaded: SurgeKit sends a surge to another host only "
            "with the consent of its owner, who publishes a statement at "
            f"{wellknown.well_known_url(place)}{_or_in_dns(place)}; its token goes into safety.consent of the target file"
        )
    token = checked(token)
    pages, left_out = _pages(place, addresses, dial, tls, patience_s)
    pinned = Origin(place.scheme, place.host, place.port, tuple(pages))
    try:
        one = _by_well_known(pinned, pages, token, now())
    except AbsentError as nothing:
        one = _by_dns(pinned, token, resolver, now(), str(nothing))
        return Permit(pinned, "dns", one.until, one.rate, one.orders, left_out)
    return Permit(pinned, "well-known", one.until, one.rate, one.orders, left_out)


def _addresses(place: Origin, resolver: Resolver) -> tuple[str, ...]:
    if is_literal(place.host):
        return (place.host,)
    try:
        addresses = resolver.addresses(place.host, place.port)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{place.host}: the name cannot be resolved ({error}); check base_url") from None
    if not addresses:
        raise TargetError(f"{place.host}: the name has no address; check base_url")
    return addresses


def _could_be_loaded(place: Origin, addresses: tuple[str, ...]) -> None:
    """Raises ``ConsentError`` for what is refused whoever agrees, before anything is connected to."""
    for address in addresses:
        why = unfit(address)
        if why is not None:
            raise ConsentError(f"{_where(place, address)} {why}; it is never loaded")
    elsewhere = next(address for address in addresses if not is_loopback(address))
    if is_localhost(place.host):
        raise ConsentError(f"{_where(place, elsewhere)} is not on this machine, though its name says so; check the hosts file")
    if any(map(is_loopback, addresses)):
        raise ConsentError(
            f"{_where(place, elsewhere)} is not on this machine, while other addresses of the name are; a name that means both is not loaded"
        )
    if len(addresses) > MOST_ADDRESSES:
        raise ConsentError(f"{place.host} has {len(addresses)} addresses; more than {MOST_ADDRESSES} are not checked, so not loaded")


Pages = dict[str, list[str] | AbsentError]


def _pages(
    place: Origin, addresses: tuple[str, ...], dial: wellknown.Dial, tls: ssl.SSLContext | None, patience_s: float
) -> tuple[Pages, tuple[str, ...]]:
    """What each address serves, and the addresses to which no connection came about.

    The latter are not part of the permit: a machine without IPv6 can still load a platform that has both.
    """
    pages: Pages = {}
    failed: dict[str, OSError] = {}
    for address in addresses:
        try:
            pages[address] = wellknown.read(place, address, dial=dial, tls=tls, patience_s=patience_s)
        except AbsentError as nothing:
            pages[address] = nothing
        except OSError as error:
            failed[address] = error
    if not pages:
        address, why = next(iter(failed.items()))
        told = str(why) or type(why).__name__
        raise TargetError(f"{_where(place, address)}: nothing answers on port {place.port} ({told}); is the platform running?")
    return pages, tuple(failed)


def _by_well_known(place: Origin, pages: Pages, token: str, now: datetime) -> Statement:
    """The statement that every address serves. Raises ``AbsentError`` where one does not, ``ConsentError`` where it forbids."""
    found: set[Statement] = set()
    for address, page in pages.items():
        try:
            if isinstance(page, AbsentError):
                raise page
            found.add(choose(page, place, token, now))
        except AbsentError as nothing:
            raise AbsentError(f"{wellknown.well_known_url(place)} at {address} {nothing}") from None
        except ConsentError as error:
            raise ConsentError(f"{wellknown.well_known_url(place)} at {address}: {error}") from None
    if len(found) > 1:
        raise ConsentError(f"{wellknown.well_known_url(place)}: the addresses of {place.host} serve statements that contradict each other")
    (one,) = found
    return one


def _by_dns(place: Origin, token: str, resolver: Resolver, now: datetime, so_far: str) -> Statement:
    """The statement in DNS. Raises ``ConsentError``; ``so_far`` says why the platform itself was not enough."""
    if is_literal(place.host):
        _refuse(place, so_far)
    if not _dns_counts(place):
        _refuse(place, f"{so_far}, and a DNS record speaks only for machines that prove their name over https")
    name = txt.txt_name(place)
    try:
        return choose(txt.read(place, resolver), place, token, now)
    except AbsentError as nothing:
        _refuse(place, f"{so_far}, and {name} {nothing}")
    except ConsentError as error:
        raise ConsentError(f"{name}: {error}") from None


def _refuse(place: Origin, why: str) -> NoReturn:
    raise ConsentError(f"{place.host} is not loaded, since nothing shows its owner's consent: {why}")


def _where(place: Origin, address: str) -> str:
    return place.host if place.host == address else f"{place.host} ({address})"


def _or_in_dns(place: Origin) -> str:
    return f" or as DNS TXT record at {txt.txt_name(place)}" if _dns_counts(place) else ""


def _dns_counts(place: Origin) -> bool:
    """Anybody can let a name of his own lead to somebody else's machine; only a certificate ties the machine to the name."""
    return place.scheme == "https" and not is_literal(place.host)
