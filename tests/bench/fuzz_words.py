"""Values that break something somewhere, by what they are put in place of."""

from __future__ import annotations

from typing import Any

NUMBERS: list[Any] = [
    0, -1, 1, 2, 0.1, -0.0, 2**31, 2**63 - 1, 2**63, -(2**64), 10**50, 10**299, 10**305, 10**4200, 1e16, 1e300, 1e-320,
    float("inf"), float("-inf"), float("nan"), True, False,
]  # fmt: skip
TEXTS: list[Any] = [
    "", " ", "0", "no", "null", "~", "-", "*", "&", "!", "%", "@", "`", "#", ":", "a: b", "- a", "{", "}", "[", "]", "'", '"', "\\",
    "\0", "\x07", "\x1b[31m", "\r\nX-Evil: 1", "\t", "\x7f", "\x85", "\u2028", "\ud800", "\udfff", "\ufeff", "\ufffe", "\u202e", "\u200b",
    "１２", "𝟙𝟚", "٣", "İ", "ß", "é", "🃏", "Z\u0338" * 30, "卡" * 300, "a" * 10_000, "a" * 200_000, "%s%n", "../../etc/passwd", "/dev/null/x", ".", "/",
]  # fmt: skip
HOLES: list[Any] = [
    "{order.sku}", "{", "}", "{{", "}}", "{}", "{{}", "{order.sku", "order.sku}", "{order.sku|nothing}", "{order.qty|}", "{ order.qty }", "{order.qty!r}",
    "{0}", "{order.__class__}", "{order.sku.x}", "{secret.nothing}", "{vars.nothing}", "{pay.order_no}", "{time.ms}", "{nonce}x{nonce}", "{order.key|md5|md5}",
    "{order.key" + "|upper" * 2000 + "}", "{order.qty}" * 2000, "{" * 3000, "{order.seq|yuan}{order.seq|fen}{order.seq|int}", "{buyer.name|base64}",
    "{account.nothing}", "{captcha}", "{target.base_url}",
]  # fmt: skip
REGEXES: list[Any] = [
    "(", ")", "[", "(.)", "((.))", "(a*)*b", "(a|a)*c", "((((a{30}){30}){30}){30})", "a{1000}", "a{1001}", "(?=a)", "(?<!a)(b)", "(a)\\1", "(?P<n>a)",
    "(?P<", "\\p{Han}+", "\\p{Nothing}", "[[:alpha:]]+", "\\C", "\\z", "\\Q(", "(?i)É", "(?s).*(.)", "x*", "()", "(" * 500 + "a" + ")" * 500,
    "(" * 900 + "a", "a" * 2001, "[a-z]{2,1}", "[z-a]", "\\x{110000}", "\\", "(?#", "(\\d+)|", "^$", "(?m)^(.*)$", "|" * 1000, "(\ud800)", "(?:" + "a?" * 600 + ")",
]  # fmt: skip
SELECTORS: list[Any] = [
    "a[", "a]", "a[b=c", "a[b='c", ":nth-child(", ":nth-child(2n+1)", ":nth-child(99999999999999999999n+1)", ":nth-child(-n+-1)", ":not(:not(a))", ":not(",
    ":has(a)", "a:has(> b)", ":is(a, b)", ":where(a)", ":contains('x')", "ns|a", "*|*", "|a", ":lang(en)", "#1", "#", ".", "a >", "> a", "a ~ + b", "a,,b", ",",
    "''", "\\", "a\\", "::before", "a::text", ":root:empty", ":first-of-type", "*:first-of-type", ":scope a", "[a=b i]", "[a|=b]", "a " * 150 + "b", "*" * 50,
    ":not(" * 60 + "a" + ")" * 60, "a:hover", ":checked", "é", "游", "a/**/b", "/*", "\0", "\ud800", "a" * 401, "[a='\"']", "a[b=\"'\\\"\"]", "//a", "a{",
]  # fmt: skip
PATHS: list[Any] = [
    "", ".", "$", "$$", "$.", "a..b", ".a", "a.", "a[", "a]", "a[]", "a[0", "a[-1]", "a[0]", "a[999999999]", "a[9999999999]", "a[*]", "[*]", "*", "a.*", "a[*][*][*]",
    "a" + "[*]" * 900, "a" + "[0]" * 5000, "a." * 5000 + "b", 'a["b.c"]', 'a["', "a['b']", "a[b]", "a b", "a[0]b", "a[１]", "a[٣]", "data.items[*].code", '[""]', "\ud800",
]  # fmt: skip
REQUESTS: list[Any] = [
    "GET", "GET ", "GET  /", "get /", "GET /", "POST /x", "TRACE /", "GET //evil/x", "GET http://127.0.0.1/", "GET {x}", "POST {order_no}", "POST {order.key}", "GET /{",
    "GET /a b", "GET /a\r\nX: 1", "GET /\0", "GET /#x", "GET /?", "GET /?a={order.sku}&b={nonce}", "GET /{order.sku}/../..", "GET /é卡", "GET /\ud800", "DELETE /x", "PUT {link}",
    "GET /" + "a" * 70_000, "GET /{after}", "GET /{page}", "GET /{after}{page}", "GET /{order.sku}", "GET /{order.key}", "POST {pay.notify_url}", "GET {pay.x}",
]  # fmt: skip
URLS: list[Any] = [
    "http://127.0.0.1:8080", "http://127.0.0.1", "https://127.0.0.1:1", "http://localhost", "http://[::1]:80", "http://[::1", "http://[", "http://", "http:///", "//a",
    "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://127.0.0.1:-1", "http://127.0.0.1:0", "http://a@127.0.0.1", "http://a:b@c", "ftp://a", "http://１27.0.0.1",
    "http://2130706433", "http://0x7f.1", "http://127.1", "http://example.invalid", "http://a..b", "http://" + "a" * 300, "http://\ud800", "http://a%00", "http://[::ffff:127.0.0.1]",
    "http://[fe80::1%25eth0]", "http://127.0.0.1/path", "http://127.0.0.1:8080/", "http://ⓔxample", "http://xn--", "http://xn--a", "http://[v1.a]", "http://127.0.0.1:٣", "HTTP://127.0.0.1",
    "sqlite:////nonexistent/a.db", "sqlite://", "sqlite:////\0", "sqlite:////a?mode=rw&cache=shared", "mysql://127.0.0.1:x/a", "postgresql://[", "postgresql://127.0.0.1/a b?c=%zz", "mysql+py://a:{secret.x}@127.0.0.1/a",
]  # fmt: skip
TIMES: list[Any] = [
    "1s", "0s", "-1s", "1ms", "1.5m", "24h", "25h", "1 parsec", "s", "1e3s", "1s1", "1m 30s", "1m30", "9" * 400 + "s", "0.000000000000000001ms", "1" * 5000 + "ms", "1,5s", "１s", "∞",
    0, -1, 1e-9, 86_400, 86_401, 10**400, float("nan"), float("inf"), "1s" * 20_000, "1h1m1s1ms", "",
]  # fmt: skip
ZONES: list[Any] = [
    "UTC", "utc", "Asia/Shanghai", "asia/shanghai", "Mars/Base", "+08:00", "+99:99", "-14:59", "+14:00", "", ".", "..", "/", "../../etc/passwd", "/etc/passwd", "Asia", "Asia/", "a" * 400,
    "Asia\0", "\ud800", "posixrules", "leapseconds", "tzdata.zi", "CON", "Etc/GMT+12", "é",
]  # fmt: skip
PLACES: list[Any] = [
    "form sign", "query sign", "json sign", "header X-Sign", "header X Sign", "header \r\n", "form", "form ", "body sign", "form  a", "json a.b", "header é", "header Content-Type", "header host",
    "form " + "a" * 5000, "query \ud800", "form a[b]", "query \0",
]  # fmt: skip
UNITS: list[Any] = ["s", "ms", "iso", "http", "us", "%Y", "%", "%%", "%Q", "%Y%m%d%H%M%S%f%j%z", "%-d", "%é", "%Y\ud800", "%Y" * 3000, "%Y\0"]
FILES: list[Any] = ["accounts.csv", "word.txt", "nothing.csv", ".", "..", "", "/", "/dev/null", "/nonexistent/x", "a\0b", "\ud800", "a" * 300, "a/" * 3000, "~", "accounts.csv/x"]
FAULTS: list[Any] = ["supplier-slow", "nothing", "supplier-slow@", "supplier-slow@1s+", "supplier-slow@9h", "supplier-slow@" + "9" * 400, "@1s", "a" * 9000, "supplier-slow@1..2s"]

BY_NAME: dict[str, list[Any]] = {
    "regex": REGEXES, "matches": REGEXES, "ack": REGEXES, "in_stock": REGEXES, "sold_out": REGEXES, "order_no": REGEXES, "location": REGEXES,
    "css": SELECTORS, "json": PATHS, "path": PATHS, "rows": PATHS, "items": PATHS, "next": PATHS, "status": PATHS, "cards": PATHS, "request": REQUESTS,
    "solver": URLS, "base_url": URLS, "url": URLS, "timezone": ZONES, "into": PLACES, "sign": PLACES, "unit": UNITS, "csv": FILES, "file": FILES, "kill_file": FILES,
    **dict.fromkeys(("duration", "every", "deadline", "after", "connect", "reply", "keep_alive", "patience", "poll_every", "confirm", "window", "settle", "start", "length", "quote", "pay"), TIMES),
    "faults": FAULTS, "fault": FAULTS, "retries": TIMES,
}  # fmt: skip
"""Field → what is likely to matter there."""
EVERYTHING: list[list[Any]] = [NUMBERS, TEXTS, HOLES, REGEXES, SELECTORS, PATHS, REQUESTS, URLS, TIMES, ZONES, PLACES, UNITS, FILES]


def built(name: str) -> Any:
    """Structures that are not written down here, by name."""
    return {
        "deep list": lambda: _deep(45, list), "deep mapping": lambda: _deep(45, dict), "nearly too deep": lambda: _deep(28, dict),
        "very deep": lambda: _deep(120, list), "wide list": lambda: list(range(3000)), "wide mapping": lambda: {f"k{n}": n for n in range(3000)},
        "odd names": lambda: {"": 1, " ": 2, "\0": 3, "a\r\nb": 4, "\ud800": 5, "{x}": 6, "a[b]": 7, "é": 8, "A" * 5000: 9},
        "list of nothing": lambda: [None] * 30, "empty list": list, "empty mapping": dict, "mixed": lambda: [1, "a", None, {"a": [True, {}]}, []],
        "headers": lambda: {"X": "1", "x": "2", "X Y": "3", "Z": "a\r\nb", "é": "1", "Content-Length": "9", "A": "\ud800", "B": "卡", "": ""},
    }[name]()  # fmt: skip


BUILT = (
    "deep list", "deep mapping", "nearly too deep", "very deep", "wide list", "wide mapping", "odd names", "list of nothing", "empty list", "empty mapping", "mixed", "headers",
)  # fmt: skip


def _deep(levels: int, kind: type) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = [made] if kind is list else {"a": made}
    return made
