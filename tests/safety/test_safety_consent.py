"""Nobody is loaded who did not agree, and whoever agreed is."""

from __future__ import annotations

import socket
import threading
import urllib.request

import pytest
from consent_attempts import ATTEMPTS, CONTROLS, Attempt
from consent_world import HOST, NOW, SECOND, SHOP, TOKEN, URL, VICTIM, World, line, reply

from surgekit.errors import ConfigError, ConsentError, SurgeKitError, TargetError
from surgekit.safety import dial, origin, permitted


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda it: it.name)
def test_an_evasion_is_refused_for_its_own_reason(attempt: Attempt) -> None:
    world = World()
    with pytest.raises(SurgeKitError) as raised:
        attempt.play(world)
    assert attempt.because in str(raised.value)
    assert attempt.dials >= set(world.dialled)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.name)
def test_what_is_agreed_to_is_permitted(control: Attempt) -> None:
    assert control.play(World()).how == control.because


def test_no_two_attempts_are_the_same() -> None:
    assert len({it.name for it in ATTEMPTS}) == len(ATTEMPTS) >= 24


def test_no_sentence_repeats_the_token() -> None:
    for attempt in ATTEMPTS:
        with pytest.raises(SurgeKitError) as raised:
            attempt.play(World())
        assert TOKEN not in str(raised.value), attempt.name


@pytest.mark.parametrize("away", ["connect", "look-up", "library"])
def test_the_guard_of_these_tests_is_awake(away: str, left: list[str]) -> None:
    """Were it asleep, all the others could reach out unseen."""
    with pytest.raises(OSError, match="tried to reach"):  # noqa: PT012 - three ways out
        if away == "connect":
            dial(SHOP, 443, 0.1)
        elif away == "look-up":
            socket.getaddrinfo(HOST, 443)
        else:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{SHOP}/", timeout=0.1)
    assert left
    left.clear()


def test_the_real_resolver_and_dialler_are_the_usual_ones(left: list[str]) -> None:
    with pytest.raises(TargetError, match="cannot be resolved"):
        permitted(origin(URL), TOKEN)
    with pytest.raises(TargetError, match="nothing answers on port 80"):
        permitted(origin(f"http://{SHOP}"), TOKEN)
    assert left == [HOST, SHOP]
    left.clear()


def test_the_permit_is_what_the_statement_says() -> None:
    permit = World().shop(line(rate=200, orders=50000), addresses=(SHOP, SECOND)).ask()
    assert (permit.place.addresses, permit.rate, permit.orders, str(permit.until)) == ((SHOP, SECOND), 200, 50000, "2026-12-01 00:00:00+00:00")


def test_an_address_that_is_down_is_not_in_the_permit_and_is_named() -> None:
    permit = World().shop().lives(HOST, (SECOND, SHOP)).ask()
    assert (permit.place.addresses, permit.left_out) == ((SHOP,), (SECOND,))


def test_nothing_that_answers_is_an_error_of_the_target_and_not_of_consent() -> None:
    with pytest.raises(TargetError, match=r"shop\.example\.com \(203\.0\.113\.7\): nothing answers on port 443 .*; is the platform running\?"):
        World().lives(HOST, (SHOP,)).ask()


def test_a_name_without_addresses_is_an_error_of_the_target() -> None:
    with pytest.raises(TargetError, match="the name has no address"):
        World().lives(HOST, ()).ask()


def test_the_request_is_what_it_should_be_byte_for_byte() -> None:
    world = World().lives(HOST, (SHOP,)).serves(SHOP, reply(line(port=8443)), 8443)
    world.ask(f"{URL}:8443")
    assert world.heard == [
        b"GET /.well-known/surgekit-consent HTTP/1.1\r\nHost: shop.example.com:8443\r\nUser-Agent: surgekit\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    ]


def test_each_address_is_asked_and_only_once() -> None:
    world = World().shop(addresses=(SHOP, SECOND))
    world.ask()
    assert (world.dialled, world.asked) == ([SHOP, SECOND], [HOST])


def test_what_no_consent_can_help_is_refused_before_a_connection_is_made() -> None:
    world = World().lives(HOST, (SHOP, "169.254.169.254")).serves(SHOP, reply(line()))
    with pytest.raises(ConsentError, match="never loaded"):
        world.ask()
    assert not world.dialled


def test_a_bad_token_is_told_before_a_connection_is_made() -> None:
    world = World().shop()
    with pytest.raises(ConfigError, match=r"safety\.consent"):
        world.ask(token="short")
    assert not world.dialled


def test_this_machine_is_asked_for_nothing_at_all() -> None:
    world = World()
    assert world.ask("http://127.0.0.1:8080", "not even a token").place.addresses == ("127.0.0.1",)
    assert not world.dialled + world.asked


def test_a_record_does_not_speak_for_the_address_that_has_not_proved_the_name() -> None:
    """The shop answers over TLS, the victim's port refuses connections: only the shop is in the permit."""
    permit = World().bare().lives(HOST, (VICTIM, SHOP)).says(line()).ask()
    assert (permit.how, permit.place.addresses) == ("dns", (SHOP,))


def test_an_address_is_not_told_of_records_that_could_not_help_it() -> None:
    with pytest.raises(ConsentError, match=r"answers HTTP 404$"):
        World().serves(SHOP, reply("", "404 Not Found"), 80, None).ask(f"http://{SHOP}")


def test_the_sibling_that_shows_a_wildcard_cannot_be_foreseen() -> None:
    labels = set()
    for _ in range(3):
        world = World().bare().says(line())
        world.ask()
        labels.add(world.asked[-1])
    assert len(labels) == 3
    assert all(label.endswith(f".{HOST}") for label in labels)


def test_an_unrelated_wildcard_does_no_harm() -> None:
    world = World().bare().says(line()).says("v=spf1 -all", name="unused")
    world.below[HOST] = world.records["unused"]
    assert world.ask().how == "dns"


def test_it_works_over_real_sockets() -> None:
    """The dialler leads an address to a port of this machine; the rest is as in earnest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            conn, _ = listener.accept()
            with conn:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += conn.recv(4096)
                conn.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + line(port=80).encode())  # no length: the end is the end

        served = threading.Thread(target=serve)
        served.start()
        port = listener.getsockname()[1]
        permit = permitted(
            origin(f"http://{HOST}"), TOKEN, resolver=World().lives(HOST, (SHOP,)), now=lambda: NOW, dial=lambda *_: dial("127.0.0.1", port, 5)
        )
        served.join()
    assert permit.how == "well-known"
