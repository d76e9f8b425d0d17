"""What is tried once a permit is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from consent_play import attempt, led
from consent_world import HOST, NOW, SHOP, VICTIM, World, line

from surgekit.safety import Permit

# --- What replies name, once a permit is there. ---

for _name, _url in (
    ("another host", "https://evil.example/pay"),
    ("this machine", "http://127.0.0.1:8080/admin"),
    ("this machine by name", "http://localhost/"),
    ("the same host without TLS", f"http://{HOST}/"),
    ("the same port without TLS", f"http://{HOST}:443/"),
    ("another port", f"https://{HOST}:8443/"),
    ("a host in front of an @", f"https://{HOST}@evil.example/"),
    ("a longer host", f"https://{HOST}.evil.example/"),
    ("metadata service", "http://169.254.169.254/latest"),
):
    attempt(f"reply: {_name}", _url, "and nowhere else", SHOP)(lambda world, url=_url: led(world.shop().ask(), url, world))


@attempt("reply of this machine: a name", "a public name that leads here, for now", "and nowhere else")
def _(world: World) -> None:
    permit = world.lives("localhost", ("127.0.0.1",)).ask("http://localhost:8080", None)
    led(permit, "http://rebind.evil.example:8080/", world.lives("rebind.evil.example", ("127.0.0.1",), (VICTIM,)))


@attempt("reply of this machine: localhost elsewhere", "localhost with a second address", "and nowhere else")
def _(world: World) -> None:
    permit = world.ask("http://127.0.0.1:8080", None)
    led(permit, "http://localhost/", world.lives("localhost", ("127.0.0.1", VICTIM)))


# --- Beyond what was agreed to. ---


@attempt("more per second than allowed", "rate=200, a surge of 300", "allows 200 orders per second", SHOP)
def _(world: World) -> None:
    world.shop(line(rate=200)).ask().hold(rate=300, orders=1, ends=NOW)


@attempt("more orders than allowed", "orders=50000, a surge of 60000", "allows 50,000 orders", SHOP)
def _(world: World) -> None:
    world.shop(line(orders=50000)).ask().hold(rate=1, orders=60000, ends=NOW)


@attempt("longer than allowed", "a surge that ends after the consent", "before this surge does", SHOP)
def _(world: World) -> None:
    world.shop().ask().hold(rate=1, orders=1, ends=NOW + timedelta(days=30))


@attempt("forged permit", "run.json calls a victim this machine", "the permit is damaged")
def _(world: World) -> None:
    permit = world.ask("http://127.0.0.1:8080", None)
    Permit.from_json(replace(permit, place=replace(permit.place, addresses=(VICTIM,))).to_json())
