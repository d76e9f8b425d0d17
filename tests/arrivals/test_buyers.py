"""Buyers look real, belong to nobody, and are the same in every process."""

from __future__ import annotations

import re

import pytest

from surgekit.arrivals.buyers import buyers


@pytest.mark.parametrize("locale", ["zh_CN", "en_US"])
def test_the_same_seed_gives_the_same_people(locale: str) -> None:
    assert buyers(20, 1, locale=locale, prefix="b-") == buyers(20, 1, locale=locale, prefix="b-")


def test_another_seed_gives_other_people_behind_the_same_accounts() -> None:
    one, other = buyers(20, 1, locale="zh_CN", prefix="b-"), buyers(20, 2, locale="zh_CN", prefix="b-")
    assert [each.account for each in one] == [each.account for each in other]
    assert [each.name for each in one] != [each.name for each in other]


def test_accounts_are_those_of_the_platform() -> None:
    made = buyers(3, 1, locale="zh_CN", prefix="buyer-")
    assert [each.account for each in made] == ["buyer-0001", "buyer-0002", "buyer-0003"]


def test_mail_can_reach_nobody() -> None:
    assert all(each.email.endswith("@example.invalid") for each in buyers(50, 1, locale="en_US", prefix="b"))


def test_names_and_phones_are_of_the_country() -> None:
    for each in buyers(50, 1, locale="zh_CN", prefix="b"):
        assert re.fullmatch(r"[\u4e00-\u9fff]{2,4}", each.name)
        assert re.fullmatch(r"1\d{10}", each.phone)


def test_a_crowd_shares_identities_but_no_account() -> None:
    made = buyers(5000, 1, locale="zh_CN", prefix="b")
    assert len({each.account for each in made}) == 5000
    assert (made[0].name, made[0].phone) == (made[2000].name, made[2000].phone)
