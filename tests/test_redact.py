"""What is shown of a secret: that it was there."""

from __future__ import annotations

import pytest

from surgekit.redact import Redactor

HIDDEN = Redactor({"secret.key": "s3cret/key", "secret.pin": "12"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key=s3cret/key&a=1", "key=<secret.key>&a=1"),
        ("q=s3cret%2Fkey", "q=<secret.key>"),
        ("price 12", "price 12"),
        ('{"password": "hunter22", "a": 1}', '{"password": <hidden>, "a": 1}'),
        ("sign=0011aabb&sku=1", "sign=<hidden>&sku=1"),
        ("call 13800138000 now", "call <phone> now"),
        ("order 113800138000", "order 113800138000"),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert HIDDEN.text(text) == shown


@pytest.mark.parametrize("name", ["Cookie", "set-cookie", "AUTHORIZATION", "X-Api-Key"])
def test_headers_that_carry_a_session_are_hidden_whole(name: str) -> None:
    assert HIDDEN.header(name, "anything") == "<hidden>"


def test_other_headers_are_shown_without_secrets() -> None:
    assert HIDDEN.header("X-Shop", "a s3cret/key b") == "a <secret.key> b"


def test_what_is_learned_later_is_hidden_from_then_on() -> None:
    hidden = Redactor({})
    assert hidden.text("CARD-0001") == "CARD-0001"
    hidden.learn("cards", ["CARD-0001", "CARD-00012"])
    assert hidden.text("CARD-00012 CARD-0001") == "<cards> <cards>"
