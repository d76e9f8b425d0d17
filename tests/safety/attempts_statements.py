"""Statements and records that are there, and are not this owner's consent to this."""

from __future__ import annotations

from consent_play import attempt
from consent_world import HOST, SHOP, TOKEN, VICTIM, World, line, reply

from surgekit.safety import Texts
from surgekit.safety.statement import digest

# --- The statement. ---

for _name, _lines, _because in (
    ("expired", [line(until="2026-11-25T11:59:59Z")], "the consent ended 2026-11-25"),
    ("too long", [line(until="2027-11-25T00:00:00Z")], "more than 90 days ahead"),
    ("without an end", [line(until=None)], "has no until"),
    ("an end that is no date", [line(until="2026-13-01T00:00:00Z")], "not a date"),
    ("another host", [line(host="other.example.com")], "is for other.example.com"),
    ("the parent domain", [line(host="example.com")], "is for example.com"),
    ("a wildcard host", [line(host="*.example.com")], "is not a host name"),
    ("another port", [line(port=8443)], "port 8443, not for"),
    ("another token", [line(token=f"sha256:{'ab' * 32}")], "no statement with the digest"),
    ("the token itself", [line(token=TOKEN)], "what is published is the token's digest"),
    ("two that contradict", [line(orders=10), line(orders=10**9)], "contradict each other"),
    ("an old one and a new one", [line(until="2026-11-01T00:00:00Z"), line()], "contradict each other"),
    ("a limit that is not understood", [line(stock=5)], "which this version does not know"),
    ("a field twice", [f"{line()} port=443"], "has port twice"),
    ("another version", [line().replace("v1", "v2")], "not with 'surgekit-consent v1 '"),
):
    attempt(f"statement: {_name}", _lines[0] if len(_lines) == 1 else f"{len(_lines)} lines for one token", _because, SHOP)(
        lambda world, lines=_lines: world.shop(*lines).ask()
    )

for _name, _token, _because in (
    ("short", "0123456789abcdef", "32 to 128 hexadecimal digits"),
    ("guessable", "0" * 32, "could be guessed"),
    ("no hexadecimal digits", "open-sesame-open-sesame-open-sesame", "32 to 128 hexadecimal digits"),
):
    attempt(f"token: {_name}", f"{len(_token)} characters", _because)(
        lambda world, token=_token: world.shop(line(token=f"sha256:{digest(token)}")).ask(token=token)
    )


@attempt("token: copied", "a stranger copies what the owner published", "no statement with the digest", SHOP)
def _(world: World) -> None:
    world.shop().ask(token=digest(TOKEN))


# --- DNS. ---


@attempt("TXT: wildcard", "*.shop.example.com answers for every name", "a wildcard record answers", SHOP)
def _(world: World) -> None:
    world.bare().below[HOST] = Texts((line(),))
    world.ask()


@attempt("TXT: alias", "the record is a CNAME to the attacker's", "is an alias of evil.example", SHOP)
def _(world: World) -> None:
    world.bare().says(line(), alias="evil.example").ask()


@attempt("TXT: somebody else's machine", "a name of one's own that leads to a victim, over http", "only for machines that prove their name", VICTIM)
def _(world: World) -> None:
    world.lives(HOST, (VICTIM,)).serves(VICTIM, reply("", "404 Not Found"), 80, None).says(line(port=80)).ask(f"http://{HOST}")


@attempt("TXT: for an address", "a record for an IP literal", "answers HTTP 404", VICTIM)
def _(world: World) -> None:
    world.serves(VICTIM, reply("", "404 Not Found"), 80, None)
    world.says(line(host=VICTIM, port=80), name=f"_surgekit-consent.{VICTIM}").ask(f"http://{VICTIM}")


@attempt("TXT: expired", "a record that was right last week", "the consent ended", SHOP)
def _(world: World) -> None:
    world.bare().says(line(until="2026-11-18T00:00:00Z")).ask()


@attempt("TXT: at the host itself", "the record one label too high", "has no TXT record", SHOP)
def _(world: World) -> None:
    world.bare().says(line(), name=HOST).ask()


@attempt("TXT: name servers fail", "what cannot be looked up is not there", "cannot be looked up", SHOP)
def _(world: World) -> None:
    world.bare().says(line()).dns_down = True
    world.ask()
