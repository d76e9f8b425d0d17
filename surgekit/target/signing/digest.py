"""Hashes, keys and timestamps as text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from datetime import UTC, datetime
from email.utils import formatdate

from surgekit.target.signing.schema import Timestamp, zone


def digest(text: bytes, kind: str, key: bytes) -> bytes:
    """``kind``: md5, sha256 … or hmac-md5, hmac-sha256 …; only the latter use ``key``."""
    plain = kind.removeprefix("hmac-")
    if plain != kind:
        return hmac.new(key, text, plain).digest()
    return hashlib.new(plain, text, usedforsecurity=False).digest()


def shown(raw: bytes, output: str) -> str:
    """The digest as the dialect writes it."""
    if output == "base64":
        return base64.b64encode(raw).decode()
    if output == "base64url":
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if output == "base64_hex":
        return base64.b64encode(raw.hex().encode()).decode()
    return raw.hex().upper() if output == "HEX" else raw.hex()


def key_bytes(text: bytes, written: str) -> bytes:
    """The bytes of a key that is written as text, hex or base64. Raises ``ValueError``."""
    if written == "hex":
        return binascii.unhexlify(text)
    return base64.b64decode(text, validate=True) if written == "base64" else text


def stamp(spec: Timestamp, unix_s: float) -> str | int:
    """UNIX time as the dialect writes it; seconds and milliseconds as numbers, unless text is wanted."""
    if spec.unit in ("s", "ms"):
        number = math.floor(unix_s) if spec.unit == "s" else math.floor(round(unix_s * 1000, 3))
        return str(number) if spec.as_text else number
    if spec.unit == "http":
        return formatdate(math.floor(unix_s), usegmt=True)
    at = datetime.fromtimestamp(math.floor(unix_s * 1000) / 1000, zone(spec.timezone))
    if spec.unit != "iso":
        return at.strftime(spec.unit)
    text = at.isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if at.tzinfo is UTC else text
