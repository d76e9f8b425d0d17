"""What an owner publishes, and how it is read.

    surgekit-consent v1 host=shop.example.com port=443 until=2026-12-01T00:00:00Z token=sha256:<64 hex> rate=200 orders=50000

Everybody can read it, so it holds the token's SHA-256 and not the token: who has only read it cannot use it. ``rate``
(orders per second) and ``orders`` (of one run) are limits and may be left out. A field that this version does not know
could be one more limit, so it is refused and not passed over.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from surgekit import clock
from surgekit.errors import ConfigError, ConsentError
from surgekit.safety.address import Origin, host_name

WORD = "surgekit-consent"
LONGEST = timedelta(days=90)
LEAST_DIGITS = 32
LEAST_VARIETY = 8
"""Different digits in a token. Thirty-two drawn at random have fewer once in ten million times; 0000… always has."""
_TOKEN = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},128}}")
_VALUES = {
    "host": re.compile(r"\S{1,253}"),
    "port": re.compile(r"[1-9][0-9]{0,4}"),
    "until": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
    "token": re.compile(r"sha256:[0-9a-f]{64}"),
    "rate": re.compile(r"[1-9][0-9]{0,8}"),
    "orders": re.compile(r"[1-9][0-9]{0,11}"),
}
_OPTIONAL = frozenset({"rate", "orders"})


class AbsentError(Exception):
    """There is no statement for this token. The message is why, as a sentence without its end; another place may have one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One line that was published. ``digest`` is SHA-256 of the token, hex."""

    host: str
    port: int
    until: datetime
    digest: str
    rate: int | None = None
    orders: int | None = None


def new_token() -> str:
    """A token for the target file: 64 hex digits. It is a secret; only its digest is published."""
    return secrets.token_hex(32)


def token_from(given: str | Mapping[str, str] | None, environ: Mapping[str, str]) -> str | None:
    """``safety.consent`` of a target file, a token or ``{env: NAME}``, as a token. Raises ``ConfigError``."""
    if given is None or isinstance(given, str):
        return given
    name = given.get("env", "")
    if not environ.get(name):
        raise ConfigError(f"safety.consent: the environment has no {name or 'such variable'}; put the token into it")
    return environ[name].strip()


def checked(token: str) -> str:
    """The token in lower case. Raises ``ConfigError`` when it could be guessed. Never repeats it."""
    token = token.lower()
    if _TOKEN.fullmatch(token) is None:
        raise ConfigError(f"safety.consent: a token has {LEAST_DIGITS} to 128 hexadecimal digits; make a new one")
    if len(set(token)) < LEAST_VARIETY:
        raise ConfigError("safety.consent: this token could be guessed; make a new one at random")
    return token


def digest(token: str) -> str:
    """What is published of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def text_to_publish(
    place: Origin, token: str, until: datetime, rate: int | None = None, orders: int | None = None, *, now: datetime | None = None
) -> str:
    """The line for the owner to publish. ``until`` is aware of its zone. Raises ``ConfigError``."""
    now = clock.utc() if now is None else now
    until = until.astimezone(UTC).replace(microsecond=0)
    if not now < until <= now + LONGEST:
        raise ConfigError(f"consent until {until:%Y-%m-%d %H:%M} UTC: it has to end in the future, and within {LONGEST.days} days")
    line = f"{WORD} v1 host={place.host} port={place.port} until={until:%Y-%m-%dT%H:%M:%SZ} token=sha256:{digest(checked(token))}"
    for name, value in (("rate", rate), ("orders", orders)):
        if value is not None:
            if _VALUES[name].fullmatch(str(value)) is None:
                raise ConfigError(f"consent: {name} is a whole number, 1 or more")
            line += f" {name}={value}"
    return line


def parse(line: str) -> Statement:
    """Read one statement. Raises ``ConsentError`` that says what is wrong with it."""
    word, *fields = line.split(" ")
    if word != WORD or fields[:1] != ["v1"]:
        raise ConsentError(f"a line begins with {line[:30]!r} and not with '{WORD} v1 '")
    found: dict[str, str] = {}
    for field in filter(None, fields[1:]):
        name, _, value = field.partition("=")
        if name not in _VALUES:
            raise ConsentError(f"a statement has a field {name[:30]!r}, which this version does not know")
        if name in found:
            raise ConsentError(f"a statement has {name} twice")
        if _VALUES[name].fullmatch(value) is None:
            wanted = ": what is published is the token's digest, sha256: and 64 hexadecimal digits" if name == "token" else ""
            raise ConsentError(f"a statement's {name} cannot be read{wanted}")
        found[name] = value
    missing = sorted(_VALUES.keys() - found.keys() - _OPTIONAL)
    if missing:
        raise ConsentError(f"a statement has no {missing[0]}")
    try:
        until = datetime.strptime(found["until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        host = host_name(found["host"].removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ConsentError("a statement's until is not a date") from None
    except ConfigError as error:
        raise ConsentError(f"a statement's host: {error}") from None
    rate, orders = found.get("rate"), found.get("orders")
    return Statement(
        host, int(found["port"]), until, found["token"].removeprefix("sha256:"),
        None if rate is None else int(rate), None if orders is None else int(orders),
    )  # fmt: skip


def choose(lines: Iterable[str], place: Origin, token: str, now: datetime) -> Statement:
    """The statement among ``lines`` that is for this place and this token and in force.

    Raises ``AbsentError`` when none has the token, ``ConsentError`` when one has it and does not allow this.
    """
    wanted = digest(token)
    ours = [one for one in map(parse, lines) if hmac.compare_digest(one.digest, wanted)]
    if not ours:
        raise AbsentError("has no statement with the digest of this token")
    here = {one for one in ours if (one.host, one.port) == (place.host, place.port)}
    if not here:
        raise ConsentError(f"this token's statement is for {ours[0].host} port {ours[0].port}, not for {place.host} port {place.port}")
    if len(here) > 1:
        raise ConsentError("two statements for this token contradict each other; its owner has to take one away")
    (one,) = here
    if one.until <= now:
        raise ConsentError(f"the consent ended {one.until:%Y-%m-%d %H:%M} UTC; its owner has to publish a new one")
    if one.until > now + LONGEST:
        raise ConsentError(f"the consent is until {one.until:%Y-%m-%d}, more than {LONGEST.days} days ahead; such a one is not believed")
    return one
