"""What must not be shown: secrets, passwords, cookies, phone numbers and card codes become words for what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

LEAST = 4
"""A secret of fewer characters would hide half of every text; it is hidden where it stands alone."""
_HEADERS = re.compile(r"(?i)^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-auth-token|x-csrf-token)$")
_PAIRS = re.compile(
    r"""(?ix)( ["']? \b (?:password|passwd|pwd|secret|token|api_?key|access_?key|sign|signature|csrfmiddlewaretoken|_token) \b ["']? \s* [=:] \s* )
        ( "[^"]*" | '[^']*' | [^\s&"',;}]+ )"""
)
_PHONE = re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9A-Za-z])")


class Redactor:
    """Hides values that are known, and what looks like one that should not be shown."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._words: dict[str, str] = {}
        for name, value in known.items():
            self.learn(name, [value])

    def learn(self, name: str, values: Iterable[object]) -> None:
        """From here on, each of ``values`` is shown as ``<name>``."""
        for value in values:
            text = str(value)
            if len(text) >= LEAST:
                for form in {text, quote(text, safe=""), quote_plus(text)}:
                    self._words[form] = f"<{name}>"

    def text(self, text: str) -> str:
        """``text`` without them."""
        for value in sorted(self._words, key=len, reverse=True):
            text = text.replace(value, self._words[value])
        return _PHONE.sub("<phone>", _PAIRS.sub(lambda match: f"{match[1]}<hidden>", text))

    def header(self, name: str, value: str) -> str:
        """A header's value without them."""
        return "<hidden>" if _HEADERS.match(name) else self.text(value)
