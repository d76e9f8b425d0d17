"""A known value in every way in which it may stand in a text: as it is, in JSON, in a URL, in HTML, as base64 or hexadecimal."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import unescape
from html.entities import codepoint2name
from typing import Final
from urllib.parse import unquote_to_bytes

MOST: Final = 4096
"""Characters of a value that are compared one by one; whatever stands behind so many of them belongs to it."""
HEAD: Final = 200
"""A value that begins with so many of them is the value, cut off."""
BEGIN: Final = 4
"""Characters by which ``Many`` finds a value; it knows none that is shorter."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=\-]+")
_BLANK = r"(?:\s|\\{1,16}[nrtfv]|\\{1,16}u00(?:20|a0|0[9ad])|%(?:25)*(?:20|0[9AD])|\+|&nbsp;|&(?:amp;)*\#x?(?:32|20|9|10|13|[ad]);)+"
_ALONE = (r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))", r"(?![0-9A-Za-z])")
_ESCAPE = re.compile(
    r"(?i)(?:\\{1,16}u[0-9a-f]{4})+|(?:%(?:25)*[0-9a-f]{2})+|&(?:amp;)*(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z]{2,8});|(?:\\{1,16}[nrtfv]|[\s+])+|\\+"
)
_BESIDE = {"+": r"(?:\+|-|%2B|\\u002b)", "/": r"(?:\\{0,16}/|_|%2F|\\u002f)"}


def anyhow(value: str, *, alone: bool) -> str:
    """A regular expression without groups that finds ``value``, which is not empty. ``alone``: with no letter or digit beside it."""
    if alone:
        return f"(?i:{_ALONE[0]}{_each(value)}{_ALONE[1]})"
    rest = r"""[^\s"'<>&,;]*"""
    parts = [_each(value[:HEAD]) + rest] if len(value) > HEAD else []
    if not parts or _TOKEN.fullmatch(value) is None:  # of a token, what is behind its head has no other characters than that
        parts.insert(0, _each(value[:MOST]) + (rest if len(value) > MOST else ""))
    return "|".join([f"(?i:{'|'.join(parts)})", *_encoded(value[:HEAD].encode(errors="replace"))])


def _each(value: str) -> str:
    return "".join(_BLANK if part.isspace() else "".join(map(_character, part)) for part in re.findall(r"\s+|\S+", value))


def _character(each: str) -> str:
    """One character, escaped as it may be: by JSON (twice over too), by a URL, by HTML."""
    code = ord(each)
    units = each.encode("utf-16-be", "surrogatepass")
    json_ = "".join(rf"\\{{1,16}}u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    url = "".join(f"%(?:25)*{byte:02x}" for byte in each.encode(errors="replace"))
    named = f"{codepoint2name[code]};|" if code in codepoint2name else "apos;|" if each == "'" else ""
    html = rf"&(?:amp;)*(?:{named}\#0*{code};|\#x0*{code:x};)"
    before = r"\\{0,16}" if each in "\"'/" else ""
    plain = r"\\{1,16}" if each == "\\" else before + re.escape(each)
    return f"(?:{plain}|{json_}|{url}|{before}{html})"


def _encoded(raw: bytes) -> list[str]:
    """Within base64, at each of its three places, and in hexadecimal."""
    found = [f"(?i:{raw.hex()}[0-9a-f]*)"]
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode()
        core = coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        if len(core) >= 5:
            found.append("".join(_BESIDE.get(each, each) for each in core) + r"[A-Za-z0-9+/_\-]*(?:=|%3D)*")
    return found


class Many:
    """Many values at once. Each is found as it is, or escaped by JSON, a URL or HTML, in a time that hardly depends on how many they are."""

    __slots__ = ("_by_begin",)

    def __init__(self) -> None:
        self._by_begin: dict[str, tuple[dict[str, str], set[int]]] = {}

    def add(self, value: str, name: str) -> None:
        """What begins with ``HEAD`` characters of ``value`` is taken for it."""
        plain = "".join(each for each, _, _ in _unescaped(value[:MOST])).strip()[:HEAD]
        if len(plain) >= BEGIN:
            names, lengths = self._by_begin.setdefault(plain[:BEGIN], ({}, set()))
            names.setdefault(plain, name)
            lengths.add(len(plain))

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(its first character, the one behind it, its name) for each place where one stands."""
        parts = list(_unescaped(text)) if self._by_begin else []
        plain = "".join(each for each, _, _ in parts)
        at = 0
        while at <= len(plain) - BEGIN:
            names, lengths = self._by_begin.get(plain[at : at + BEGIN], ({}, set()))
            length = next((each for each in sorted(lengths, reverse=True) if plain[at : at + each] in names), 0)
            if length:
                end = parts[at + length - 1][2]
                yield parts[at][1], end if length < HEAD else _rest(text, end), names[plain[at : at + length]]
            at += length or 1


def _rest(text: str, at: int) -> int:
    """Where a value ends of which the beginning ends ``at``."""
    found = re.compile(r"""[\s"'<>&,;]""").search(text, at)
    return len(text) if found is None else found.start()


def _unescaped(text: str) -> Iterator[tuple[str, int, int]]:
    """Each character, small, with the place where it stands in ``text``: of escapes in a row, the place of all of them."""
    at = 0
    for match in _ESCAPE.finditer(text):
        yield from _small(text, at, match.start())
        yield from ((each, match.start(), match.end()) for each in _meant(match[0]))
        at = match.end()
    yield from _small(text, at, len(text))


def _small(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    for at in range(start, end):
        small = text[at].lower()
        yield small if len(small) == 1 else text[at], at, at + 1


def _meant(escape: str) -> str:
    """What an escape stands for. A run of blanks is one, and a backslash before anything else is nothing."""
    if escape[0] == "%":
        meant = unquote_to_bytes(re.sub(r"%(?:25)*(?=[0-9A-Fa-f]{2})", "%", escape)).decode(errors="replace")
    elif escape[0] == "&":
        meant = unescape("&" + re.sub(r"(?i)^&(?:amp;)*", "", escape))
    elif re.match(r"(?i)\\+u[0-9a-f]", escape):
        meant = bytes.fromhex("".join(re.findall(r"(?i)u([0-9a-f]{4})", escape))).decode("utf-16-be", "replace")
    else:
        meant = escape
    small = "".join(each if len(each.lower()) > 1 else each.lower() for each in meant)
    return re.sub(r"(?:\\+[nrtfv]|[\s+])+", " ", small).replace("\\", "")
