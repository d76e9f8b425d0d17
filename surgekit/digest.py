"""Card codes never reach a run folder: only keyed digests of them do."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def card_digest(code: str, salt: str) -> str:
    """32 hex digits of HMAC-SHA256. ``salt`` belongs to one run, so digests of two runs cannot be joined."""
    # Half a surrogate pair, which JSON can carry, is no reason to lose the card.
    return hmac.new(salt.encode(), code.strip().encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]


def card_digests(codes: Iterable[str], salt: str) -> list[str]:
    """The digests of ``codes``, in their order."""
    return [card_digest(code, salt) for code in codes]
