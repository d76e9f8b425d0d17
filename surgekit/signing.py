"""Signatures of the form dialect: MD5 over sorted parameters and a shared key.

Both sides of the reference set-up use it: the platform when it buys from a supplier or sends a buyer to pay, and
the stand-ins when they answer and call back. The payment dialect ("epay") and the suppliers' form dialect differ
only in the words around the key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

UNSIGNED = frozenset({"sign", "sign_type"})


def form_sign(params: Mapping[str, str], key: str, *, join_key: str = "") -> str:
    """Lower-case MD5 (hex) over ``k=v&k=v…`` sorted by name, empty values and the signature itself left out.

    ``join_key`` stands between the parameters and the key: ``""`` for epay, ``"&key="`` for the suppliers' dialect.
    """
    text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name not in UNSIGNED and params[name] != "")
    # JSON can carry half a surrogate pair; such a text gets a signature of its own instead of an exception.
    return hashlib.md5(f"{text}{join_key}{key}".encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


def form_signed(params: Mapping[str, str], key: str, *, join_key: str = "") -> dict[str, str]:
    """``params`` with ``sign`` and ``sign_type`` added."""
    return {**params, "sign": form_sign(params, key, join_key=join_key), "sign_type": "MD5"}


def form_sign_ok(params: Mapping[str, str], key: str, *, join_key: str = "") -> bool:
    """Whether ``params["sign"]`` is the right signature, whatever its case."""
    given = params.get("sign", "").lower()
    return hmac.compare_digest(given.encode(errors="surrogatepass"), form_sign(params, key, join_key=join_key).encode())
