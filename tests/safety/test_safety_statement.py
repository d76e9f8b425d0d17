"""What an owner publishes is read as it was meant, or not at all."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from consent_world import NOW, TOKEN, line
from hypothesis import given
from hypothesis import strategies as st

from surgekit.errors import ConfigError, ConsentError
from surgekit.safety import new_token, origin, text_to_publish, token_from, txt_name, well_known_url
from surgekit.safety.statement import AbsentError, Statement, choose, digest, parse

PLACE = origin("https://shop.example.com")
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


def test_the_line_to_publish_is_this() -> None:
    assert text_to_publish(PLACE, TOKEN, UNTIL, 200, 50000, now=NOW) == (
        "surgekit-consent v1 host=shop.example.com port=443 until=2026-12-01T00:00:00Z "
        "token=sha256:3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9 rate=200 orders=50000"
    )


def test_where_it_goes_is_this() -> None:
    assert well_known_url(origin("http://shop.example.com:8080")) == "http://shop.example.com:8080/.well-known/surgekit-consent"
    assert txt_name(PLACE) == "_surgekit-consent.shop.example.com"


@pytest.mark.parametrize("url", ["https://shop.example.com", "http://bücher.example:8080", "http://10.1.2.3", "https://[2001:db8::7]:8443"])
@pytest.mark.parametrize("limits", [(None, None), (1, None), (None, 10**9), (200, 50000)])
def test_what_is_published_is_what_is_chosen(url: str, limits: tuple[int | None, int | None]) -> None:
    token, place = new_token(), origin(url)
    text = text_to_publish(place, token, UNTIL, *limits, now=NOW)
    assert token not in text
    assert choose([text], place, token, NOW) == Statement(place.host, place.port, UNTIL, digest(token), *limits)
    with pytest.raises(AbsentError):
        choose([text], place, new_token(), NOW)


def test_a_time_of_another_zone_is_published_in_utc() -> None:
    text = text_to_publish(PLACE, TOKEN, datetime(2026, 12, 1, 8, tzinfo=timezone(timedelta(hours=8))), now=NOW)
    assert "until=2026-12-01T00:00:00Z" in text


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_nobody_is_helped_to_publish_what_is_not_believed(days: int) -> None:
    with pytest.raises(ConfigError, match="within 90 days"):
        text_to_publish(PLACE, TOKEN, NOW + timedelta(days=days), now=NOW)


@pytest.mark.parametrize(("rate", "orders"), [(0, None), (-1, None), (None, 0), (10**12, None)])
def test_a_limit_is_a_whole_number(rate: int | None, orders: int | None) -> None:
    with pytest.raises(ConfigError, match="a whole number"):
        text_to_publish(PLACE, TOKEN, UNTIL, rate, orders, now=NOW)


def test_ninety_days_are_the_most() -> None:
    edge = NOW + timedelta(days=90)
    choose([line(until=f"{edge:%Y-%m-%dT%H:%M:%SZ}")], PLACE, TOKEN, NOW)
    with pytest.raises(ConsentError, match="more than 90 days"):
        choose([line(until=f"{edge + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}")], PLACE, TOKEN, NOW)


def test_the_last_second_is_over_when_it_comes() -> None:
    with pytest.raises(ConsentError, match="ended"):
        choose([line(until=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")], PLACE, TOKEN, NOW)


def test_the_same_line_twice_is_no_contradiction() -> None:
    assert choose([line(), line()], PLACE, TOKEN, NOW).port == 443


def test_one_token_may_be_for_several_ports() -> None:
    assert choose([line(port=8443, rate=1), line()], PLACE, TOKEN, NOW).rate is None


@pytest.mark.parametrize(
    "changes",
    [{"port": 0}, {"port": "0443"}, {"port": "４４３"}, {"rate": "1.5"}, {"rate": "-1"}, {"rate": "1e9"}, {"orders": "inf"}, {"until": "2026-12-01"},
     {"until": "2026-12-01T00:00:00+08:00"}, {"until": "0000-00-00T00:00:00Z"}, {"token": "md5:00"}, {"token": f"sha256:{'AB' * 32}"}, {"host": "a%2eb"},
     {"host": "shop.example.com."}, {"host": "0x7f.1"}, {"port": None}, {"host": None}, {"token": None}, {"": "x"}],
)  # fmt: skip
def test_what_cannot_be_read_is_not_guessed(changes: dict[str, object]) -> None:
    with pytest.raises(ConsentError):
        parse(line(**changes))


@given(st.one_of(st.text(), st.text().map(lambda text: f"surgekit-consent v1 {text}"), st.text().map(lambda text: line(host=text))))
def test_any_text_is_a_statement_or_one_sentence(text: str) -> None:
    with contextlib.suppress(ConsentError):
        assert parse(text).port > 0


def test_tokens_are_long_and_each_another() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {64}


def test_a_token_may_stand_in_the_environment() -> None:
    assert token_from(None, {}) is None
    assert token_from("abc", {}) == "abc"
    assert token_from({"env": "CONSENT"}, {"CONSENT": " abc\n"}) == "abc"
    for missing in ({}, {"CONSENT": ""}):
        with pytest.raises(ConfigError, match=r"safety\.consent: the environment has no CONSENT"):
            token_from({"env": "CONSENT"}, missing)
