"""Cards are known by digests that say nothing about the card."""

from __future__ import annotations

from surgekit.digest import card_digest, card_digests


def test_one_card_has_one_digest_within_a_run() -> None:
    assert card_digest("AAAA-BBBB", "salt") == card_digest(" AAAA-BBBB\n", "salt")


def test_the_digests_of_two_runs_cannot_be_joined() -> None:
    assert card_digest("AAAA-BBBB", "one run") != card_digest("AAAA-BBBB", "another")


def test_digests_keep_the_order_of_the_cards() -> None:
    assert card_digests(["b", "a"], "salt") == [card_digest("b", "salt"), card_digest("a", "salt")]


def test_a_digest_is_32_hex_digits() -> None:
    assert len(bytes.fromhex(card_digest("游戏点卡", "salt"))) == 16


def test_a_card_with_half_a_surrogate_pair_is_counted_like_any_other() -> None:
    """JSON can carry it; a platform that sends such a thing must not stop the engine."""
    assert card_digest("\ud800", "salt") != card_digest("\ud801", "salt")
