"""Bodies of replies: sound ones, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fuzz_dice import Dice

SOUND_JSON: dict[str, Any] = {
    "code": 0, "msg": "ok", "token": "t-1", "data": {"order_no": "N17", "amount": "12.34", "status": "done", "left": 12, "items": [{"id": 1, "code": "C-1"}, {"id": 2, "code": "C-2"}]},
}  # fmt: skip
SOUND_HTML = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Order</title></head><body><form action="/pay"><input type="hidden" name="_token" value="t-1">
<textarea name="note">a
b</textarea><select name="way"><option value="a">A<option value="b" selected>B</select></form><p class="stock">库存: 12</p><ul><li class="code">C-1</li><li class="code">C-2</li></ul>
<a class="pay" href="http://127.0.0.1/till?no=N17">pay</a></body></html>"""

_ODD_VALUES = (
    None, True, False, 0, -1, 1.5, 2**63, 10**400, 10**4200, 1e308, "", " ", "0", "-0", "1e5", "１２", "\ud800", "\udc00\ud800", "\0", "\r\nSet-Cookie: a=b", "a" * 100_000, "9" * 5000, "9" * 100_000,
    "NaN", "¥1,234.50", "-", "12.34.56", [], {}, [[]], [{}], [None] * 100, ["a"] * 5000, {"": 1}, {"id": {"id": {}}}, "{order.sku}", "\u2028", "🃏" * 1000, "http://[", "//", "1" * 4299, "-" * 9000,
)  # fmt: skip


def _json(dice: Dice) -> bytes:
    made = json.loads(json.dumps(SOUND_JSON))
    for _ in range(1 + dice.below(3)):
        where = dice.pick([made, made["data"] if isinstance(made.get("data"), dict) else made])
        where[dice.pick(["code", "msg", "token", "data", "order_no", "amount", "status", "left", "items"])] = dice.pick(_ODD_VALUES)
    return json.dumps(made, ensure_ascii=dice.chance(0.7)).encode(errors="surrogatepass")


@cache
def _raw_pieces() -> tuple[bytes, ...]:
    return (
            b"1" * 4300, b"1" * 4301, b"-" + b"9" * 1_000_000, b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"-Infinity", b"0x10", b"01", b"1.", b".5", b"+1", b'"\\ud800"', b'"\\u12"', b'"\\q"', b'"\x00"', b'"\xff\xfe"',
            b"'a'", b"[1,]", b"{}", b'{"a":1,"a":2}', b'{"a"}', b"[", b"", b"null", b"true1", b'"' + b"\\u4e00" * 200_000 + b'"', b"[" * 900 + b"]" * 900, b"[" * 970 + b"]" * 970, b"[" * 985 + b"]" * 985, b"[" * 100_000, b'{"a":' * 950 + b"1" + b"}" * 950,
            b'{"a":' * 60_000, b"[" + b"[]," * 600_000 + b"1]", b"[" + b"{}," * 900_000 + b"1]", b"[" + b'{"a":1},' * 400_000 + b"1]", b"[" + b"0," * 3_000_000 + b"1]", b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
            b"[" + b",".join(b'"%d"' % n for n in range(500_000)) + b"]", b"[" + b"1.5," * 1_500_000 + b"1]", b'[{"id":[' * 300 + b"]}]" * 300, b'"' + b"a" * 5_000_000 + b'"'
    )  # fmt: skip


def _raw_json(dice: Dice) -> bytes:
    inner = dice.pick(_raw_pieces())  # fmt: skip
    around = dice.pick([b"%s", b'{"code":0,"data":%s}', b'{"code":%s}', b'{"code":0,"data":{"order_no":%s,"amount":1,"status":"done"}}', b'{"code":0,"data":{"order_no":"1","items":%s}}', b'{"code":0,"msg":%s}'])
    made = around.replace(b"%s", inner)
    how = dice.below(12)
    if how == 0:
        return made.decode("utf-8", "replace").encode(dice.pick(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "gb18030"]))
    return made + dice.pick([b"", b"", b"", b" ", b"\0", b"}", b"//", b"\n\n{}"])


@cache
def _html_pieces() -> tuple[str, ...]:
    return (
            "<div>" * 300, "<div>" * 100_000, "<b>" * 5000 + "x" + "</b>" * 5000, "<table><tr><td>" * 3000, "<p>" * 300_000, "<li class=code>" * 100_000, "<p>a" * 250_000, "<b a=1>" * 140_000, "<i a=1 b=2 c=3>" * 60_000,
            "<form>" * 500, "<select name=way>" * 2000, "<option selected>" * 50_000, "<textarea name=note>" * 500, "<input name=_token value=" + "v" * 900_000 + ">", "<input name=_token>", "<input name='_token' value='\ud800'>", "<input name=_token checked=1 value=x>" * 2000,
            "<svg><math><template><script><style>" * 500, "<script>" + "<" * 100_000, "<!--" * 50_000, "<!-- " + "-" * 500_000, "<![CDATA[" * 1000, "<?php echo 1; ?>" * 1000, "<!DOCTYPE html [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>&b;", "&#0;&#xD800;&#x110000;&#99999999999999;&nothing;&lt" * 1000, "&" * 500_000,
            "<meta charset=utf-16>", "<meta charset=utf-7>+ADw-p+AD4-", "<meta charset='x'>", "<meta http-equiv=refresh content='0;url=//x'>", "<base href=//x>", "<a " + "b " * 200_000 + ">", "<" + "a" * 500_000 + ">", "<a" + ":a" * 50_000 + ">", "<a b='" + "c" * 500_000, "<\0a>", "</" * 100_000, "<p class='" + "stock " * 100_000 + "'>", "</p>" * 200_000,
            "<html>" * 3000, "<body>" * 3000, "<p class=stock>", "\0" * 1000, "\x08\x0b\x1f", "<p class=stock>" + "９" * 100_000 + "</p>", "<li class=code>" + "a\n" * 200_000, "<frameset><frame>" * 500, "<x:y xmlns:x='" + "u" * 100_000 + "'>", "<li class=code>\u2028\x85a" * 3000
    )  # fmt: skip


def _html(dice: Dice) -> bytes:
    piece = dice.pick(_html_pieces())  # fmt: skip
    text = SOUND_HTML
    at = dice.below(len(text))
    made = dice.pick([piece, piece + text, text + piece, text[:at] + piece + text[at:]])
    return made.encode(dice.pick(["utf-8", "utf-8", "utf-8", "utf-16", "gb18030"]), "replace" if dice.chance(0.5) else "ignore")


def _flips(dice: Dice) -> bytes:
    raw = bytearray(dice.pick([SOUND_HTML.encode(), json.dumps(SOUND_JSON).encode()]))
    for _ in range(1 + dice.below(12)):
        how, at = dice.below(3), dice.below(len(raw))
        if how == 0:
            raw[at] ^= 1 << dice.below(8)
        elif how == 1:
            del raw[at : at + 1 + dice.below(20)]
        else:
            raw[at:at] = dice.data(1 + dice.below(8))
    return bytes(raw)


def _text(dice: Dice) -> bytes:
    return dice.pick(
        [b"", b"\0", b" ", b"success", b"a=1&b=2", b"code=abc&code=def " * 40_000, b"card:x\n" * 150_000, b"\n" * 1_000_000, b"\xff" * 1000, b"\xe4\xb8" * 1000, b"a" * 1_100_000, b"aab" * 700_000, dice.data(3000), dice.data(300_000), b"\r" * 70_000, "库存: 7\n".encode() * 80_000]
    )


def _sound(dice: Dice) -> bytes:
    return dice.pick([SOUND_HTML.encode(), json.dumps(SOUND_JSON).encode()])


BODIES: dict[str, Callable[[Dice], bytes]] = {"json": _json, "raw json": _raw_json, "html": _html, "flips": _flips, "text": _text, "sound": _sound}


def endless(dice: Dice) -> Iterator[bytes]:
    """Blocks without an end, of one of the bodies' sorts."""
    block = dice.pick([b"a" * 65536, b"[" * 65536, b"<p>" * 20_000, b"\0" * 65536, b"0," * 30_000, dice.data(65536)])
    while True:
        yield block
