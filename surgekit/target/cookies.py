"""A visitor's cookies: kept for the host that set them, and for no other. No I/O in here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MOST_COOKIES: Final = 100
MOST_BYTES: Final = 8192
"""Of one name and value, as browsers have it or a little more."""
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")
_GONE: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Cookie:
    """One cookie of one host. ``path``: sent below that only; ``secure``: over TLS only."""

    name: str
    value: str
    path: str
    secure: bool


class Jar:
    """The cookies of one visitor, by host. A ``Domain`` is not widened to: a cookie goes back to the very host it came from.

    Expiry matters where it deletes; a surge is shorter than any session.
    """

    __slots__ = ("_hosts", "empty")

    def __init__(self) -> None:
        self._hosts: dict[str, dict[tuple[str, str], Cookie]] = {}
        self.empty = True
        """Nothing was ever stored. A look at it is quicker than a call."""

    def store(self, host: str, path: str, lines: Iterable[str]) -> None:
        """Take in ``Set-Cookie`` lines of a reply to ``path`` (without its query). An odd line is passed over, as browsers do."""
        for line in lines:
            cookie, gone = _parsed(line, path)
            if cookie is None:
                continue
            kept = self._hosts.setdefault(host, {})
            kept.pop((cookie.name, cookie.path), None)
            if not gone and len(kept) < MOST_COOKIES:
                kept[cookie.name, cookie.path] = cookie
                self.empty = False

    def header(self, host: str, path: str, *, secure: bool) -> str | None:
        """What goes into ``Cookie``; None: nothing. Longer paths first (RFC 6265, 5.4)."""
        kept = self._hosts.get(host)
        if not kept:
            return None
        fitting = [each for each in kept.values() if (secure or not each.secure) and _below(path, each.path)]
        if len(fitting) > 1:
            fitting.sort(key=_depth, reverse=True)  # which keeps the order of equals
        return "; ".join([f"{each.name}={each.value}" for each in fitting]) or None

    def view(self, host: str) -> Mapping[str, str]:
        """Name → value of what ``host`` has set."""
        return {each.name: each.value for each in self._hosts.get(host, {}).values()}

    def copy(self) -> Jar:
        """A jar of its own with the same cookies."""
        made = Jar()
        made.empty = self.empty
        made._hosts = {host: dict(kept) for host, kept in self._hosts.items()}
        return made


def _depth(cookie: Cookie) -> int:
    return len(cookie.path)


def _below(path: str, cookie_path: str) -> bool:
    return path == cookie_path or (path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/"))


def _parsed(line: str, path: str) -> tuple[Cookie | None, bool]:
    """(the cookie, whether it is to be deleted)."""
    pair, *attributes = line.split(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not name or len(pair) > MOST_BYTES or _CONTROL.search(pair):
        return None, False
    told = {key.strip().lower(): each.strip() for key, _, each in (attribute.partition("=") for attribute in attributes)}
    where = told.get("path", "")
    if not where.startswith("/"):
        where = path.rpartition("/")[0] or "/"
    return Cookie(name, value, where, "secure" in told), _expired(told)


def _expired(told: Mapping[str, str]) -> bool:
    if "max-age" in told:
        return told["max-age"].startswith("-") or told["max-age"] == "0"
    if "expires" not in told:
        return False
    try:
        # Shops delete with a date of long ago; a date that is merely over by minutes may be the clock of another host.
        when = parsedate_to_datetime(told["expires"].replace("-", " "))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)) < _GONE
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return False
