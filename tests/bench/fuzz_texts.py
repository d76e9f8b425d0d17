"""Mutations of a file's text: what editors, disks and bad tempers do to YAML."""

from __future__ import annotations

import re
from collections.abc import Callable

from fuzz_dice import Dice

_ODD = (
    "\t", "  ", "'", '"', ":", "- ", "? ", "| ", "> ", "#", "&a ", "*a", "!x ", "!!binary ", "!!python/object:os.system ", "<<: ", "---\n", "...\n", "%YAML 9.9\n",
    "[", "]", "{", "}", ",", "@", "`", "\u2028", "\ufeff", "\u0085", "🃏", "\x07", "\x7f", "\\", "~", "null", "0x", "1_000", "190:20:30", "2001-01-01", ".inf", "=",
)  # fmt: skip


def _flipped(dice: Dice, text: str) -> bytes:
    raw = bytearray(text.encode())
    for _ in range(1 + dice.below(6)):
        raw[dice.below(len(raw))] ^= 1 << dice.below(8)
    return bytes(raw)


def _inserted(dice: Dice, text: str) -> bytes:
    for _ in range(1 + dice.below(3)):
        at = dice.below(len(text))
        text = text[:at] + dice.pick(_ODD) + text[at:]
    return text.encode()


def _cut(dice: Dice, text: str) -> bytes:
    raw = text.encode()
    at, length = dice.below(len(raw)), 1 + dice.below(dice.pick([4, 40, 4000]))
    return raw[:at] + raw[at + length :] if dice.chance(0.7) else raw[:at]


def _lines(dice: Dice, text: str) -> bytes:
    lines = text.splitlines()
    for _ in range(1 + dice.below(3)):
        at = dice.below(len(lines))
        what = dice.below(6)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(dice.below(len(lines)), lines[at])
        elif what == 2:
            lines.insert(dice.below(len(lines)), lines.pop(at))
        elif what == 3:
            lines[at] = " " * dice.below(9) + lines[at].lstrip()
        elif what == 4:
            lines[at] = lines[at] + dice.pick([" ", " x", ":", ": x", " #", " |", ",", "\t"])
        else:
            lines[at] = lines[at] + "\n" + lines[at]
    return "\n".join(lines).encode()


def _quotes(dice: Dice, text: str) -> bytes:
    places = [match.start() for match in re.finditer(r"[\"'{}\[\]:]", text)]
    at = dice.pick(places)
    return (text[:at] + dice.pick(["", text[at] * 2, "'", '"', "{", "[", "\\"]) + text[at + 1 :]).encode()


def _value(dice: Dice, text: str, put: str) -> bytes:
    """``put`` in the place of a value that stands behind a colon."""
    places = list(re.finditer(r"(?m)(?<=: )[^\s{\[&*#|>][^\n,}\]]*", text))
    match = dice.pick(places)
    return (text[: match.start()] + put + text[match.end() :]).encode(errors="surrogatepass")


def _alias(dice: Dice, text: str) -> bytes:
    width, levels = dice.pick([2, 10, 40]), dice.pick([3, 9, 30])
    bomb = "boom:\n  - &b0 [x, x]\n" + "".join(f"  - &b{n + 1} [{', '.join([f'*b{n}'] * width)}]\n" for n in range(levels))
    recursive = ["&a [*a]", "&a {a: *a}", "&a {<<: *a}", "&a [[*a], *a]", "*nothing", "&a", "&a &b x", "{<<: 1}", "{<<: [1]}", "{<<: [[]]}", "{<<: {a: 1}, <<: {b: 2}}", "{<<: null}", "{<<: }"]
    how = dice.below(4)
    if how == 0:
        return (bomb + text).encode()
    if how == 1:
        return text.encode() + b"\n" + bomb.replace("boom", "about").encode()
    if how == 2:
        chain = "&c0 {k: v}" if dice.chance(0.5) else "&c0 [1]"
        return _value(dice, text, "[" + chain + "".join(f", &c{n + 1} {{<<: [*c{n}, *c{n}]}}" for n in range(levels)) + "]")
    return _value(dice, text, dice.pick(recursive))


_TAGS = (
    "!!python/object/apply:os.system [x]", "!!binary aGVsbG8=", "!!set {a, b}", "!!omap [a: 1]", "!!timestamp 2001-01-01", "!!int x", "!!float x", "!!bool x", "!!null x", "!!str [a]",
    "!!map [a]", "!!seq {a: b}", "!local x", "!<tag:yaml.org,2002:int> 1", "!", "!!merge x", "!!int 0x", "!!int ''", "!!float ''", "!!str", "!!value x", "!!int 1_0", "!!float .inf", "!!int 0o7", "!!pairs [a: 1]",
)  # fmt: skip
_SCALARS = (
    "0x" + "f" * 250, "0x" + "f" * 400, "1" * 299, "1" * 301, "1" * 5000, "-" + "9" * 4000, "1e999", "-1e999", ".inf", "-.INF", ".nan", "0b1", "0o17", "017", "1_000", "190:20:30", "+.5", "5.", "1e", "1e+",
    "2001-01-01", "2001-13-45", '"\\ud800"', '"\\uDFFF\\uD800"', '"\\U00110000"', '"\\x00"', '"\\0"', '"\\e[31m"', '"\\q"', '"\\', "'", "''''", '"a\n\n b"', "|\n  a\n  b", ">-\n  a", "|9\n a", "|0\n a", "? a", "- - - a",
    "[" * 200, "[" * 5000 + "]" * 5000, "{a: " * 300 + "}" * 300, "[" * 38 + "]" * 38, "[" * 200_000, "{" * 3000, "- " * 3000 + "a", "? " * 2000, "a: b: c", "[a, b]: c", "{[a]: b}", "{? [a] : b}", "{1: a, true: b, null: c, 1.5: d, ~: e}",
    "[a, b", "{a: b", "{a, b}", "[a: b, c]", "{a: b,, c}", "[,]", "&", "*", "%x", "@x", "`x`", "x" * 300_000, "\u202e", "\ud800", "a #b", "a: #", "<<",
)  # fmt: skip


def _whole(dice: Dice, text: str) -> bytes:
    raw = text.encode()
    return dice.pick(
        [
            lambda: b"", lambda: b" \n\n", lambda: b"# nothing\n", lambda: b"\0" * 50, lambda: b"\xff\xfe" + text.encode("utf-16-le"), lambda: text.encode("utf-16"), lambda: b"\xef\xbb\xbf" + raw,
            lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + raw, lambda: text.encode("gb18030", "replace"), lambda: raw.replace(b"\n", b"\r\n"), lambda: raw.replace(b"\n", b"\r"), lambda: raw.replace(b"  ", b"\t"),
            lambda: raw + b"---\n" + raw, lambda: b"---\n" + raw + b"...\n", lambda: b"%YAML 1.1\n---\n" + raw, lambda: b"%YAML 3.0\n---\n" + raw, lambda: b"%TAG ! tag:x,2000:\n---\n" + raw, lambda: b"%FOO\n---\n" + raw,
            lambda: raw + raw, lambda: raw * 200, lambda: b"#" * (1 << 20) + raw, lambda: raw + b"\n" * 500_000, lambda: b"- " + raw, lambda: b"x", lambda: b"[]", lambda: b"{}", lambda: b"1", lambda: b"null", lambda: b"~",
            lambda: b"a: " + b"b" * 900_000, lambda: b"".join(b"k%d: 1\n" % n for n in range(8_000)), lambda: raw + b"".join(b"k%d: 1\n" % n for n in range(4_000)), lambda: b"[" + b"1," * 9_000 + b"]",
            lambda: dice.data(2000), lambda: raw[:200] + dice.data(200), lambda: b"k" * 900_000 + b": 1\n" + raw, lambda: raw + b"k" * 100_000 + b": 1\n", lambda: raw + b"? " + b"k" * 2000 + b"\n: 1\n",
        ]
    )()  # fmt: skip


TEXT: dict[str, Callable[[Dice, str], bytes]] = {
    "flipped": _flipped, "inserted": _inserted, "cut": _cut, "lines": _lines, "quotes": _quotes, "alias": _alias,
    "tag": lambda dice, text: _value(dice, text, dice.pick(_TAGS)), "scalar": lambda dice, text: _value(dice, text, dice.pick(_SCALARS)), "whole": _whole,
}  # fmt: skip
