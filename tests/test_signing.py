"""Signatures of the form dialect, against values worked out by hand, and what must not change them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgekit.signing import form_sign, form_sign_ok, form_signed

PARAMS = {"pid": "1001", "type": "alipay", "money": "99.00", "name": "游戏点卡", "param": "", "sign_type": "MD5", "sign": "old"}
SIGNED_TEXT = "money=99.00&name=游戏点卡&pid=1001&type=alipay"
fields = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6)


@pytest.mark.parametrize("join_key", ["", "&key="])
def test_the_signature_is_md5_of_sorted_fields_and_the_key(join_key: str) -> None:
    expected = hashlib.md5(f"{SIGNED_TEXT}{join_key}secret".encode()).hexdigest()
    assert form_sign(PARAMS, "secret", join_key=join_key) == expected


@given(fields)
def test_what_is_signed_is_accepted_in_either_case(params: dict[str, str]) -> None:
    signed = form_signed(params, "secret")
    assert form_sign_ok(signed, "secret")
    assert form_sign_ok({**signed, "sign": signed["sign"].upper()}, "secret")


@pytest.mark.parametrize("change", [{"money": "0.01"}, {"extra": "1"}, {"sign": ""}, {"sign": "游"}, {"sign": "\ud800"}])
def test_what_was_changed_is_refused(change: dict[str, str]) -> None:
    assert not form_sign_ok({**form_signed(PARAMS, "secret"), **change}, "secret")


def test_another_key_is_refused() -> None:
    assert not form_sign_ok(form_signed(PARAMS, "secret"), "other")


def test_no_signature_at_all_is_refused() -> None:
    assert not form_sign_ok({"pid": "1001"}, "secret")


def test_half_a_surrogate_pair_has_a_signature_too() -> None:
    assert form_sign({"name": "\ud800"}, "secret") != form_sign({"name": "\ud801"}, "secret")
