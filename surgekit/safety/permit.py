"""What was permitted: addresses, until when, how much. Written into ``run.json``, so that nothing is asked twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from surgekit.errors import ConfigError, ConsentError, RunError
from surgekit.safety.address import Origin, host_name, is_localhost, is_loopback, origin, unfit
from surgekit.safety.resolver import Resolver, System

How = Literal["loopback", "well-known", "dns"]


@dataclass(frozen=True, slots=True)
class Permit:
    """``place`` has the addresses that were checked, the only ones to connect to.

    ``until`` is None on this machine alone. ``rate`` in orders per second and ``orders`` per run are the owner's limits, None
    where there are none. ``left_out``: addresses of the name to which no connection came about, so they are not loaded.
    """

    place: Origin
    how: How
    until: datetime | None = None
    rate: int | None = None
    orders: int | None = None
    left_out: tuple[str, ...] = ()

    def hold(self, *, rate: float, orders: float, ends: datetime) -> None:
        """Raises ``ConsentError`` where a run of ``orders`` orders (second clicks counted), at most ``rate`` per second, until ``ends``, is too much."""
        if self.rate is not None and rate > self.rate:
            raise ConsentError(f"{self.place.host} allows {self.rate:,} orders per second, and this surge has up to {rate:,.0f}")
        if self.orders is not None and orders > self.orders:
            raise ConsentError(f"{self.place.host} allows {self.orders:,} orders in one run, and this surge has {orders:,.0f}")
        if self.until is not None and ends > self.until:
            raise ConsentError(f"the consent of {self.place.host} ends {self.until:%Y-%m-%d %H:%M} UTC, before this surge does")

    def to_json(self) -> dict[str, Any]:
        """For ``run.json``. The token is not in it."""
        return {
            "scheme": self.place.scheme, "host": self.place.host, "port": self.place.port, "addresses": list(self.place.addresses),
            "how": self.how, "until": None if self.until is None else self.until.isoformat(), "rate": self.rate, "orders": self.orders,
            "left_out": list(self.left_out),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Permit:
        """What ``to_json`` wrote. Raises ``RunError`` for anything that no check can have ended in."""
        try:
            until = None if data["until"] is None else datetime.fromisoformat(data["until"])
            place = Origin(data["scheme"], host_name(data["host"]), data["port"], tuple(data["addresses"]))
            permit = cls(place, data["how"], until, data["rate"], data["orders"], tuple(data["left_out"]))
            local = [is_loopback(address) for address in place.addresses]
            sound = (
                place.scheme in ("http", "https")
                and type(place.port) is int
                and permit.how in get_args(How)
                and bool(local)
                and set(local) == {permit.how == "loopback"}
                and not any(map(unfit, place.addresses))
                and (permit.how == "loopback" or (until is not None and until.tzinfo is not None and not is_localhost(place.host)))
                and all(limit is None or (type(limit) is int and limit > 0) for limit in (permit.rate, permit.orders))
            )
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError):
            sound = False
        if not sound:
            raise RunError("run.json: the permit is damaged; start the run again")
        return permit


def allowed(permit: Permit, url: str, *, resolver: Resolver | None = None) -> Origin | None:
    """Where a URL in a reply may lead: back to the platform, or about this machine if the platform is on it. None: nowhere.

    A reply can name any host. No name of its choosing is looked up, apart from localhost, which cannot be chosen.
    """
    try:
        place = origin(url)
    except ConfigError:
        return None
    if (place.scheme, place.host, place.port) == (permit.place.scheme, permit.place.host, permit.place.port):
        return permit.place
    if permit.how != "loopback":
        return None
    addresses: tuple[str, ...] = ()
    if is_loopback(place.host):
        addresses = (place.host,)
    elif is_localhost(place.host):
        try:
            addresses = (resolver or System()).addresses(place.host, place.port)
        except (OSError, UnicodeError):
            return None
    if not addresses or not all(map(is_loopback, addresses)):
        return None
    return Origin(place.scheme, place.host, place.port, addresses)
