"""A dialect that contradicts itself is said before anything starts, with the field or the line."""

from __future__ import annotations

from typing import Any

import pytest

from surgekit import yamlfile
from surgekit.errors import ConfigError
from surgekit.target.signing import Dialect, Signer
from surgekit.units import Strict


class File(Strict):
    """The part of a target file that is tried here."""

    signing: dict[str, Dialect]


EPAY: dict[str, Any] = {
    "key": "{secret.key}",
    "fields": {"drop_empty": True},
    "text": "{fields}{key}",
    "hash": "md5",
    "sign": "form sign",
    "also": {"form sign_type": "MD5"},
}


def signer(base: dict[str, Any], **change: Any) -> Signer:
    return Signer("shop", Dialect.model_validate({**base, **change}), "shop.yaml: signing.shop")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "{feilds}{key}"}, r"text: nothing gives \{feilds\}; known here: body, fields, host"),
        ({"text": "{fields}{key}{body.crc}"}, r"text: nothing gives \{body.crc\}"),
        ({"text": "{fields}{key"}, r"text: a lone \{"),
        ({"text": "{fields}{key}{timestamp}"}, r"text: \{timestamp\} is used; describe timestamp too"),
        ({"text": "{fields}{key}{nonce}"}, r"text: \{nonce\} is used"),
        ({"fields": None}, r"text: \{fields\} is used; describe fields too"),
        ({"text": "{key}"}, r"fields: text does not use \{fields\}"),
        ({"key": None}, "key: is missing"),
        ({"text": "{fields}"}, "key: neither text nor an HMAC uses it"),
        ({"key_as": "hex"}, "key_as: concerns the key of an HMAC; md5 has none"),
        ({"text": "{fields}{body}{key}"}, "sign: text signs the body, so sign cannot go into it; use a header"),
        ({"text": "{fields}{body.md5}{key}", "sign": "query sign"}, "also: text signs the body, so sign_type"),
        ({"text": "{fields}{path_query}{key}", "sign": "query s"}, "sign: text signs the query, so s cannot"),
        ({"timestamp": {"into": "json ts"}}, "form and json are two bodies"),
        ({"timestamp": {"into": "form sign"}}, "two values go into form sign"),
        ({"sign": "header X-A", "also": {"header x-a": "1"}}, "two values go into header x-a"),
        ({"vectors": [{"key": "k"}]}, r"vectors\[0\]: says nothing to compare with"),
        ({"vectors": [{"sign": "0"}]}, r"vectors\[0\].key: is missing"),
        ({"vectors": [{"key": "k", "at": 1, "sign": "0"}]}, r"vectors\[0\].at: the dialect has none"),
        ({"vectors": [{"key": "k", "at": 1, "timestamp": 1, "sign": "0"}]}, r"vectors\[0\]: give timestamp .* or at"),
        ({"fields": None, "text": "{key}", "vectors": [{"key": "k", "fields": {"a": 1}, "sign": "0"}]}, "signs no fields"),
    ],
)  # fmt: skip
def test_a_dialect_that_contradicts_itself_is_said_before_anything_starts(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^shop\.yaml: signing\.shop.*{message}"):
        signer(EPAY, **change)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("sign: body sign", "sign: a place is written form NAME"),
        ('sign: "header X Sign"', "sign: a place is written form NAME"),
        ("sign: header X:Sign", "sign: X:Sign: not the name of an HTTP header"),
        ("timestamp: {into: form ts, unit: minutes}", "unit: s, ms, iso, http, or a pattern"),
        ('timestamp: {into: form ts, unit: "%Y%q"}', "unit: s, ms, iso, http, or a pattern"),
        ('timestamp: {into: form ts, unit: "%Y\\ud800"}', "unit: s, ms, iso, http, or a pattern"),
        ("timestamp: {into: form ts, timezone: Asia/Atlantis}", "timezone: 'Asia/Atlantis' is no time zone here"),
        ("timestamp: {into: form ts, timezone: ../../etc/passwd}", "is no time zone here"),
        ('timestamp: {into: form ts, timezone: "+25:00"}', "is no time zone here"),
        ("fields: {only: [a], exclude: [b]}", "give only"),
        ("nonce: {into: form n, length: 0}", "length"),
        ("hash: crc32", "hash"),
        ("salt: x", "salt: no such field"),
    ],
)
def test_a_mistake_in_the_file_has_its_line(lines: str, message: str) -> None:
    field = lines.partition(":")[0]
    rest = {
        "text": "text: '{fields}{key}'",
        "hash": "hash: md5",
        "sign": "sign: form sign",
        "fields": "fields: {}",
        "key": "key: k",
    }
    body = [lines, *(line for name, line in rest.items() if name != field)]
    text = "signing:\n  shop:\n" + "".join(f"    {line}\n" for line in body)
    with pytest.raises(ConfigError, match=r"^shop\.yaml:3: ") as caught:
        yamlfile.parse(text, File, name="shop.yaml")
    assert message in str(caught.value)
