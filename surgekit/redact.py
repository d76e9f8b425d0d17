"""What must not be shown: secrets, passwords, tokens, cookies, phone numbers and card codes become words for what they are.

Three things give a value away, and each is enough: it is known (in whatever way it is escaped), its field or header has a name
that says so, or it looks like a token. Shown are statuses, messages, amounts and numbers of orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from surgekit import secretive
from surgekit.escapes import BEGIN, Many, anyhow

LEAST: Final = 4
"""A secret of fewer characters would hide half of every text; it is hidden where it stands alone, no letter or digit beside it."""
TELLING: Final = 8
"""A value of so many characters that was hidden by its field's name is hidden elsewhere too; fewer may be an ordinary word."""
ANYHOW: Final = 1000
"""Characters of learned values, all together, that are looked for in base64 and hexadecimal too: a reply may have thousands of cards."""
HIDDEN: Final = "<hidden>"
MOST_OF_COUNT: Final = 4
"""Figures of a number of cards; a number that has more, in a field of cards, is a card."""
_DEEPEST: Final = 40

_NAME = re.compile(
    r"""(?ix)(?<![\w.$\-]) (?P<name> [\w.$\-]{1,200}+ (?:(?:\[|%5B)[\w.$\-]{0,80}(?:\]|%5D)){0,8} )
        (?:\\*["']|&(?:quot|apos|\#0*3[49]|\#x0*2[27]);)? \s* (?:=>|[=:：＝]) \s*"""
)
_VALUE = re.compile(
    r"""(?sx) "(?:[^"\\]|\\.)*(?:"|$) | '(?:[^'\\]|\\.)*(?:'|$) | \\+"[^"]*(?:"|$) | (?i:&(?:quot|\#0*34);.*?(?:&(?:quot|\#0*34);|$))
        | \[[^\]]*(?:\]|$) | \{[^}]*(?:\}|$) | (?:(?i:bearer|basic|digest|token)\s+)? (?:<[\w.\-\ ]{1,60}>|[^\s&"',;}\])<>])+"""
)
_TAG = re.compile(r"(?i)<(?:input|meta|textarea|button|option)\b[^<>]*>")
_CALLED = re.compile(r"""(?i)\b(?:name|id|property)\s*=\s*["']?([^"'\s<>]+)""")
_GIVEN = re.compile(r"""(?i)(\b(?:value|content)\s*=\s*)("[^"]*"|'[^']*'|[^\s<>"']+)""")
_ELEMENT = re.compile(r"<([\w:.\-]{1,80})(\s[^<>]*)?>([^<>]+)</\1>")
_SCHEME = re.compile(r"\b(?i:(bearer|basic))\s+(?=\S*[0-9A-Z=])[A-Za-z0-9+/_.~\-]{6,}=*")
_JWT = re.compile(r"eyJ[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*){1,4}")
_LOGIN = re.compile(r"(://)[^/@\s\"'<>]{1,200}@")
_TOKEN = re.compile(r"(?<![A-Za-z0-9_\-])[A-Za-z0-9_\-]{20,}={0,2}")
_PHONE = re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9A-Za-z])")
_NUMBER_OF = re.compile(r"(?i)(?:(?:order|trade|bill)[\w\-]*(?:no|id|sn|num|number|code|uuid|hash)|\b(?:id|no|sn|uuid))[\\\"']*\s*[=:]\s*[\\\"']*$|\b(?:orders?|trades?|o)/$")
_TRACES = re.compile(r"(?i)request-?id|trace|etag|^cf-ray$|^content-type$")
_MARK = re.compile(r"[\\\"'\s]*<[\w.\- ]+>[\\\"'\s]*|null|true|false|[\\\"'\s]*")


class Redactor:
    """Hides values that are known, and what looks like one that should not be shown."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._words: dict[str, str] = {}
        self._kept: set[str] = set()
        self._made: list[tuple[re.Pattern[str], str]] = []
        self._many = Many()
        self._left = sum(map(len, known.values())) + ANYHOW
        for name, value in known.items():
            self.learn(name, [value])

    def learn(self, name: str, values: Iterable[object]) -> None:
        """From here on, each of ``values`` is shown as ``<name>``."""
        for value in values:
            text = str(value).strip()
            if text and text not in self._words and text not in self._kept:
                self._words[text] = name
                if len(text) <= self._left or len(text) < BEGIN:
                    self._left -= len(text)
                    self._made.append((re.compile(anyhow(text, alone=len(text) < LEAST)), name))
                else:
                    self._many.add(text, name)

    def keep(self, values: Iterable[object]) -> None:
        """Each of ``values``, such as an order's number, is shown whatever it looks like and whatever its field is called."""
        self._kept |= {str(value) for value in values if value}

    def text(self, text: str) -> str:
        """``text`` without them. JSON is read as JSON, and written again as it is read."""
        return self._read(text, 0)

    def header(self, name: str, value: str) -> str:
        """A header's value without them; of those that carry a session or a key, none of it."""
        if value and secretive.kind(name) is not None:
            for part in re.split(r"[\s;,]+", value):
                self._noticed(name, part.partition("=")[2] if "cookie" in name.lower() else part)
            return HIDDEN
        return self.known(value) if _TRACES.search(name) else self.text(value)

    def value(self, name: str, value: object) -> str:
        """A value of that name, such as one that a step keeps."""
        return str(self._field(name, value if isinstance(value, list) else str(value), 0))

    def known(self, text: str) -> str:
        """``text`` without the values that are known, and otherwise as it is."""
        found = [(*match.span(), name) for pattern, name in self._made for match in pattern.finditer(text)] if text else []
        shown, done = [], 0
        for start, end, name in _apart([*found, *self._many.found(text)]):
            shown += [text[done:start], f"<{name}>"]
            done = end
        return "".join([*shown, text[done:]])

    def _read(self, text: str, depth: int) -> str:
        if text.lstrip()[:1] in ("{", "[") and depth < _DEEPEST:
            try:
                return self.known(json.dumps(self._walk(json.loads(text), depth + 1), ensure_ascii=False))
            except (ValueError, RecursionError):
                pass  # cut off, or no JSON
        return self._loose(text)

    def _walk(self, data: Any, depth: int) -> Any:
        if isinstance(data, dict):
            return {self._loose(str(name)): self._field(str(name), inner, depth) for name, inner in data.items()}
        if isinstance(data, list):
            return [self._walk(inner, depth + 1) for inner in data]
        if isinstance(data, str):
            return self._read(data, depth + 1)
        return self._number(data)

    def _field(self, name: str, value: Any, depth: int) -> Any:
        kind = secretive.kind(name)
        text = str(value) if isinstance(value, str | int | float) else ""
        if text in self._kept and text:
            return value
        counts = (kind == "captcha" or (kind == "cards" and len(text) <= MOST_OF_COUNT)) and not isinstance(value, str | list | dict)
        if kind is None or kind == "captcha" or counts or value is None or isinstance(value, bool) or value in ("", [], {}):
            looks = isinstance(value, str) and _NUMBER_OF.search(f"{name}:") is not None and value.lstrip()[:1] not in ("{", "[")
            return self.known(value) if looks else self._walk(value, depth + 1)
        if isinstance(value, list):
            return [self._field(name, each, depth + 1) for each in value] if depth < _DEEPEST else HIDDEN
        shown = self.known(text)
        if text:
            self._noticed(name, text)
        return shown if _MARK.fullmatch(shown) and shown else HIDDEN

    def _number(self, value: Any) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        shown = _PHONE.sub("<phone>", self.known(str(value)))
        return value if shown == str(value) else shown

    def _noticed(self, name: str, value: str) -> None:
        """It was hidden by its name; a reply's token goes out again in the next request, perhaps under another."""
        value = value.strip("\"' ")
        if len(value) >= TELLING and (len(value) >= 2 * TELLING or any(each.isdigit() for each in value)) and self.known(value) == value:
            self.learn(name, [value])

    def _loose(self, text: str) -> str:
        """Forms, pages, sentences, and JSON that is cut off or stands in something else."""
        text = _TAG.sub(self._tag, self.known(text))
        text = self._pairs(_ELEMENT.sub(self._element, text))
        text = _LOGIN.sub(r"\1<hidden>@", _SCHEME.sub(r"\1 <hidden>", text))
        text = _TOKEN.sub(self._token, _JWT.sub("<jwt>", text))
        return _PHONE.sub("<phone>", text)

    def _tag(self, match: re.Match[str]) -> str:
        called = [each for each in _CALLED.findall(match[0]) if _hides(each)]
        return _GIVEN.sub(lambda given: given[1] + f'"{self._hidden(called[0], given[2].strip(chr(34) + chr(39)))}"', match[0]) if called else match[0]

    def _element(self, match: re.Match[str]) -> str:
        return f"<{match[1]}{match[2] or ''}>{self._hidden(match[1], match[3])}</{match[1]}>" if _hides(match[1]) else match[0]

    def _pairs(self, text: str) -> str:
        """``name=value``, ``"name": value`` and the like."""
        shown, done, at = [], 0, 0
        while (found := _NAME.search(text, at)) is not None:
            at = found.end()
            name = unquote(found["name"])
            value = _VALUE.match(text, at) if _hides(name) else None
            if value is not None and not (secretive.kind(name) == "cards" and re.fullmatch(rf"[0-9]{{1,{MOST_OF_COUNT}}}", value[0])):
                shown += [text[done:at], self._hidden(name, value[0])]
                done = at = value.end()
        return "".join([*shown, text[done:]])

    def _hidden(self, name: str, value: str) -> str:
        bare = value.strip("\\\"' ")
        if bare in self._kept or _MARK.fullmatch(value):
            return value
        self._noticed(name, bare.rpartition(" ")[2])
        return HIDDEN

    def _token(self, match: re.Match[str]) -> str:
        word = match[0]
        if any(each in word for each in self._kept if len(each) >= TELLING) or not looks_like_a_token(word):
            return word
        return word if _NUMBER_OF.search(match.string[max(0, match.start() - 60) : match.start()]) else "<token>"


def _apart(found: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """(start, end, name) of places in a text, in order; those that overlap as one, under the name of the longest."""
    found.sort(key=lambda each: (each[0], -each[1]))
    at = 0
    while at < len(found):
        start, end, name = found[at]
        longest = end - start
        while (at := at + 1) < len(found) and found[at][0] < end:
            end = max(end, found[at][1])
            if found[at][1] - found[at][0] > longest:
                longest, name = found[at][1] - found[at][0], found[at][2]
        yield start, end, name


def _hides(name: str) -> bool:
    return secretive.kind(name) not in (None, "captcha")


def looks_like_a_token(word: str) -> bool:
    """Whether a run of letters, digits, ``-`` and ``_`` is too random for a name or a number: long hexadecimal, base64."""
    word = word.rstrip("=")
    if re.fullmatch(r"[0-9a-fA-F]{32,}", word):
        return not word.isdigit()
    digits, upper, lower = (sum(map(test, word)) for test in (str.isdigit, str.isupper, str.islower))
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", word):
        return False  # a UUID is a number like others
    if len(word) >= 32 and digits >= 5 and upper + lower >= 8:
        return True
    return digits >= (2 if len(word) >= 26 else 3) and upper >= 3 and lower >= 3
