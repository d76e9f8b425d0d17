"""A known value in every way in which it may stand in a text: as it is, in JSON, in a URL, in HTML, as base64 or hexadecimal."""

from __future__ import annotations

import base64
import re
from html.entities import codepoint2name
from typing import Final

MOST: Final = 4096
"""Characters of a value that are compared one by one; whatever stands behind so many of them belongs to it."""
HEAD: Final = 200
"""A value that begins with so many of them is the value, cut off."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=\-]+")
_BLANK = r"(?:\s|\\{1,16}[nrtfv]|\\{1,16}u00(?:20|a0|0[9ad])|%(?:25)*(?:20|0[9AD])|\+|&nbsp;|&(?:amp;)*\#x?(?:32|20|9|10|13|[ad]);)+"
_ALONE = (r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))", r"(?![0-9A-Za-z])")
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
