"""A browser's recording (HAR 1.2), read: the requests that matter, in their order, and what came back."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from surgekit.errors import ConfigError
from surgekit.target import page
from surgekit.target.draft import names
from surgekit.target.draft.document import mapping, rows, text
from surgekit.target.reading import MISSING

MOST_ENTRIES = 5000
MOST_BODY = 2 << 20
MOST_VALUES = 3000
MOST_DEPTH = 12
_STATIC = re.compile(r"(?i)\.(js|mjs|css|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp4|webm|mp3|wasm)$")
_STATIC_KIND = re.compile(r"(?i)^(image|font|audio|video)/|javascript|^text/css|wasm")
_WATCHING = re.compile(
    r"(?i)google-analytics|googletagmanager|doubleclick|hm\.baidu|cnzz|umeng|umami|matomo|piwik|sentry|hotjar|clarity\.ms|mixpanel|segment\.io"
    r"|facebook\.(com|net)/tr|/cdn-cgi/|/collect\b|/beacon|/analytics|/track(ing|er)?\b|/heartbeat|/log(s|ger)?\b(?!in)|/telemetry|/metrics"
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class Entry:
    """One request and its reply. ``form``: json, form, multipart, body, or empty; ``data`` fits it: JSON, pairs or text."""

    number: int
    method: str
    origin: str
    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    form: str
    data: Any
    status: int
    answered: list[tuple[str, str]]
    kind: str
    said: str
    cookies_sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """For comments, without anything that could be a value."""
        return f"{self.method} {'/'.join('…' if telling(unquote(part)) else part for part in self.path.split('/'))}"

    @cached_property
    def location(self) -> str:
        return next((value for name, value in self.answered if name == "location"), "")

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies that the reply sets."""
        pairs = (value.partition(";")[0].partition("=") for name, value in self.answered if name == "set-cookie")
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip() and value.strip()}

    @cached_property
    def json(self) -> Any:
        if self.said.lstrip()[:1] not in ("{", "["):
            return MISSING
        try:
            return json.loads(self.said)
        except (ValueError, RecursionError):
            return MISSING

    @cached_property
    def values(self) -> list[tuple[tuple[str | int, ...], Any]]:
        """The values of a JSON reply, with their paths."""
        return [] if self.json is MISSING else list(leaves(self.json))

    @cached_property
    def by_value(self) -> dict[str, list[tuple[str | int, ...]]]:
        """Where each value of a JSON reply stands."""
        found: dict[str, list[tuple[str | int, ...]]] = {}
        for path, value in self.values:
            found.setdefault(str(value), []).append(path)
        return found

    @cached_property
    def page(self) -> page.Page | None:
        return page.parsed(self.said) if "html" in self.kind or self.said.lstrip()[:1] == "<" else None

    @cached_property
    def fields(self) -> list[tuple[str, Any]]:
        """(name, value) of everything that is sent in query and body."""
        found: list[tuple[str, Any]] = list(self.query)
        if self.form == "json":
            found += [(next((step for step in reversed(path) if isinstance(step, str)), ""), value) for path, value in leaves(self.data)]
        elif self.form in ("form", "multipart"):
            found += self.data
        return found

    @property
    def roles(self) -> set[str]:
        return {kind for kind in (names.role(name) for name, _ in self.fields) if kind is not None}

    @property
    def shape(self) -> tuple[str, ...]:
        """What repeated requests have in common."""
        called = next((str(value) for name, value in self.fields if name == "operationName"), "")
        return (self.method, *("…" if telling(unquote(part)) else part for part in self.path.split("/")), called)


def leaves(data: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(path, value) of the scalars in ``data``, so many and so deep."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), data)]
    given = 0
    while waiting and given < MOST_VALUES:
        path, each = waiting.pop()
        if isinstance(each, Mapping) and len(path) < MOST_DEPTH:
            waiting += [((*path, str(name)), inner) for name, inner in reversed(list(each.items())[:MOST_VALUES])]
        elif isinstance(each, list) and len(path) < MOST_DEPTH:
            waiting += [((*path, number), inner) for number, inner in reversed(list(enumerate(each[:100])))]
        elif isinstance(each, str | int | float) and not isinstance(each, bool):
            given += 1
            yield path, each


def telling(word: str) -> bool:
    """Whether a text looks like a value of its own: a number of an order, a token. Ordinary words and small numbers do not."""
    if not 5 <= len(word) <= 4000 or re.search(r"\s", word):
        return False
    digits = sum(each.isdigit() for each in word)
    mixed = any(each.islower() for each in word) and any(each.isupper() for each in word)
    return digits >= 5 or (digits >= 2 and len(word) >= 8) or (mixed and len(word) >= 16) or len(word) >= 32


@dataclass(frozen=True, slots=True)
class Recording:
    """What is left of a recording. ``left_out``: how many requests were static files, analytics and the like."""

    entries: list[Entry]
    left_out: int


def recorded(source: str, name: str) -> Recording:
    """Raises ``ConfigError``: no recording, or an empty one."""
    try:
        data = json.loads(source)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deep to be read") from None
    except ValueError as error:
        raise ConfigError(f"{name}: not a HAR recording: not JSON ({error})") from None
    given = mapping(mapping(data).get("log")).get("entries")
    if not isinstance(given, list):
        raise ConfigError(f"{name}: not a HAR recording; it has no log.entries")
    if not given:
        raise ConfigError(f"{name}: the recording is empty; open the browser's network tools, buy one product, then save all as HAR with content")
    if len(given) > MOST_ENTRIES:
        raise ConfigError(f"{name}: more than {MOST_ENTRIES:,} requests; record one order only")
    begun = [text(mapping(each).get("startedDateTime")) for each in given]
    order = sorted(range(len(given)), key=lambda number: (begun[number], number)) if all(begun) else range(len(given))
    read = [_entry(mapping(given[number]), place) for place, number in enumerate(order)]
    kept = [each for each in read if each is not None]
    return Recording(kept, len(given) - len(kept))


def _entry(data: dict[str, Any], number: int) -> Entry | None:
    request, reply = mapping(data.get("request")), mapping(data.get("response"))
    method, url = text(request.get("method")).upper(), text(request.get("url"))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    content = mapping(reply.get("content"))
    kind = text(content.get("mimeType")).partition(";")[0].strip().lower()
    static = _STATIC.search(parts.path) or _STATIC_KIND.search(kind) or _WATCHING.search(f"{parts.hostname or ''}{parts.path}")
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE") or parts.scheme not in ("http", "https") or not parts.hostname or static:
        return None
    if re.fullmatch(r"[A-Za-z0-9._\-]+|[0-9a-f:.]+", parts.hostname) is None or not parts.path.isprintable() or " " in parts.path:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    headers = _pairs(request.get("headers"))
    answered = [(key.lower(), value) for key, value in _pairs(reply.get("headers"))]
    # A reply with several cookies may come as one header with a line each.
    answered = [(key, line) for key, value in answered for line in (value.split("\n") if key == "set-cookie" else [value])]
    if text(reply.get("redirectURL")) and not any(key == "location" for key, _ in answered):
        answered.append(("location", text(reply.get("redirectURL"))))
    form, sent = _sent(mapping(request.get("postData"))) if method != "GET" else ("", None)
    status = reply.get("status")
    return Entry(
        number, method, f"{parts.scheme}://{host}" + (f":{port}" if port is not None else ""), parts.path or "/",
        parse_qsl(parts.query, keep_blank_values=True)[:200], [(key, value) for key, value in headers if not key.startswith(":")], form, sent,
        status if isinstance(status, int) and not isinstance(status, bool) else 0, answered, kind, _said(content), _pairs(request.get("cookies")),
    )  # fmt: skip


def _pairs(given: Any) -> list[tuple[str, str]]:
    found = [(text(mapping(each).get("name")), text(mapping(each).get("value"))) for each in rows(given)[:500]]
    return [(name, value) for name, value in found if name]


def _said(content: dict[str, Any]) -> str:
    said = text(content.get("text"))[: 2 * MOST_BODY]
    if content.get("encoding") == "base64":
        try:
            said = base64.b64decode(said[: len(said) // 4 * 4]).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
    return said[:MOST_BODY]


def _sent(given: dict[str, Any]) -> tuple[str, Any]:
    kind, body = text(given.get("mimeType")).partition(";")[0].strip().lower(), text(given.get("text"))[:MOST_BODY]
    params = _pairs(given.get("params"))
    if "multipart" in kind:
        return "multipart", params or _parts(body)
    if "urlencoded" in kind:
        return "form", parse_qsl(body, keep_blank_values=True)[:500] if body else params
    if "json" in kind or body.lstrip()[:1] in ("{", "["):
        try:
            return "json", json.loads(body)
        except (ValueError, RecursionError):
            return ("body", body) if body else ("", None)
    return ("body", body) if body else ("form", params) if params else ("", None)


def _parts(body: str) -> list[tuple[str, str]]:
    """The text fields of a multipart body."""
    found = re.findall(r'(?s)Content-Disposition: form-data; name="([^"\r\n]{1,200})"\r?\n\r?\n(.{0,10000}?)\r?\n--', body)
    return [(name, value) for name, value in found][:200]


def origin_path(url: str, base: str) -> str | None:
    """The path and query of ``url`` where it is on ``base`` (or names no host); else None."""
    if url.startswith("/") and not url.startswith("//"):
        return url
    return url[len(base) :] or "/" if url.startswith((f"{base}/", f"{base}?")) or url == base else None


def is_header(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None
