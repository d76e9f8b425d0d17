"""A dialect, compiled once for a run."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from surgekit.errors import ConfigError
from surgekit.target import template
from surgekit.target.signing import checks, digest
from surgekit.target.signing.schema import Dialect, place
from surgekit.target.signing.text import Parts, cased, fields_text, found_in, put, without

HIDDEN: Final = b"***"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request with its timestamp, nonce and signature. ``headers`` are those to add."""

    parts: Parts
    headers: Mapping[str, str]


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def _text_template(text: str, where: str) -> template.Template:
    """A template whose values are not escaped: what is hashed has no syntax to break out of."""
    return template.Template(template._pieces(text, _raw, _raw, where))


class Signer:
    """Signs and checks requests. ``where`` names the dialect in messages: ``shop.yaml: signing.epay``.

    ``needs``: the names whose values must be given, such as ``secret.epay_key``. ``body``: the kind of body that is
    written into (form, json, or None). Raises ``ConfigError`` where the dialect contradicts itself.
    """

    __slots__ = (
        "_also", "_dialect", "_key", "_nonce_place", "_prefix", "_sign", "_stamp_place", "_text", "_where", "body", "name", "needs",
    )  # fmt: skip

    def __init__(self, name: str, dialect: Dialect, where: str) -> None:
        self.name = name
        self._dialect = dialect
        self._where = where
        self._text = _text_template(dialect.text, f"{where}.text")
        self._key = None if dialect.key is None else _text_template(dialect.key, f"{where}.key")
        self._prefix = template.header_template(dialect.prefix, f"{where}.prefix")
        self._sign = place(dialect.sign)
        self._stamp_place = None if dialect.timestamp is None else place(dialect.timestamp.into)
        self._nonce_place = None if dialect.nonce is None else place(dialect.nonce.into)
        self._also = {place(into): value for into, value in dialect.also.items()}
        outside = checks.foreign(self._text.names, where)
        self.needs = outside | self._prefix.names | (frozenset() if self._key is None else self._key.names)
        early = [each for each in (self._stamp_place, self._nonce_place) if each is not None]
        self.body = checks.body_kind([self._sign, *early, *(place(into) for into in dialect.also)], where)
        checks.check_use(dialect, self._text.names, where)
        late = [("sign", self._sign), *(("also", each) for each in self._also)]
        checks.check_order(late, self._text.names, where)

    def sign(self, parts: Parts, values: Mapping[str, Any], *, stamp_s: float, nonce: str) -> Signed:
        """Sign a request at UNIX time ``stamp_s``. Of ``nonce`` as much is used as the dialect wants.

        Raises ``ConfigError`` where the request has no place for it, ``KeyError`` for a name of ``needs`` without value.
        """
        stamp, word = self._moment(stamp_s, nonce)
        parts, headers = self.prepared(parts, stamp, word)
        key = self.key(values)
        signature = self.prefix(values) + self.signature(self.canonical(parts, values, key, stamp, word), key)
        for each, value in [(self._sign, signature), *self._also.items()]:
            parts = put(parts, headers, each, value, self._where)
        return Signed(parts, headers)

    def text(
        self, parts: Parts, values: Mapping[str, Any], *, stamp_s: float, nonce: str, hide_key: bool = False
    ) -> str:
        """What ``sign`` hashes, for people to read. ``hide_key`` puts *** for the key."""
        stamp, word = self._moment(stamp_s, nonce)
        parts, _ = self.prepared(parts, stamp, word)
        key = HIDDEN if hide_key else self.key(values)
        return self.canonical(parts, values, key, stamp, word).decode(errors="replace")

    def matches(self, parts: Parts, values: Mapping[str, Any], given_headers: Mapping[str, str]) -> bool:
        """Whether a request that came in is signed rightly, hex in either case. Never raises for what came in.

        Whether its timestamp is recent or its nonce new is not looked at.
        """
        prefix, key = self.prefix(values), self.key(values)
        self._secret(key)  # a key that is no key is our mistake, and is said
        given = found_in(parts, given_headers, self._sign)
        if not isinstance(given, str) or not given.startswith(prefix):
            return False
        given = given[len(prefix) :]
        stamp = None if self._stamp_place is None else found_in(parts, given_headers, self._stamp_place)
        nonce = None if self._nonce_place is None else found_in(parts, given_headers, self._nonce_place)
        try:
            right = self.signature(self.canonical(self._bare(parts), values, key, stamp, nonce), key)
        except (ConfigError, ValueError, RecursionError):
            return False
        if self._dialect.output in ("hex", "HEX"):
            given, right = given.lower(), right.lower()
        return hmac.compare_digest(given.encode(errors="replace"), right.encode())

    def prepared(self, parts: Parts, stamp: str | int | None, nonce: str | None) -> tuple[Parts, dict[str, str]]:
        """The request as it is signed, and the headers so far: with timestamp and nonce, without signature."""
        headers: dict[str, str] = {}
        parts = self._bare(parts)
        for each, value in ((self._stamp_place, stamp), (self._nonce_place, nonce)):
            if each is not None and value is not None:
                parts = put(parts, headers, each, value, self._where)
        return parts, headers

    def canonical(
        self, parts: Parts, values: Mapping[str, Any], key: bytes, stamp: str | int | None, nonce: str | None
    ) -> bytes:
        """What is hashed. Raises ``ConfigError`` where the request lacks what the text uses."""
        own: dict[str, Callable[[], Any]] = {
            "fields": lambda: self._fields(parts),
            "key": lambda: key,
            "method": lambda: parts.method,
            "path": lambda: parts.path,
            "query": parts.query_text,
            "path_query": parts.path_query,
            "body": parts.body_bytes,
            "timestamp": lambda: self._there("timestamp", stamp),
            "nonce": lambda: self._there("nonce", nonce),
            "host": lambda: parts.host,
        }
        holes: dict[str, Any] = {}
        for word in sorted(self._text.names):  # in one order, so that a mistake is always the same one
            base, dot, kind = word.partition(".")
            if base not in own:
                holes[word] = values[word]
            else:
                holes[word] = own[base]()
                if dot:
                    holes[word] = hashlib.new(kind, _raw(holes[word]), usedforsecurity=False).hexdigest()
        text = self._text.render(holes)
        if self._dialect.decode != "none":
            text = unquote_to_bytes(text.replace(b"+", b" ") if self._dialect.decode == "form" else text)
        return cased(text, self._dialect.case)

    def signature(self, text: bytes, key: bytes) -> str:
        """The hash of ``text`` as the dialect writes it, without prefix."""
        return digest.shown(digest.digest(text, self._dialect.hash, self._secret(key)), self._dialect.output)

    def key(self, values: Mapping[str, Any]) -> bytes:
        """The key as it is written."""
        return b"" if self._key is None else self._key.render(values)

    def prefix(self, values: Mapping[str, Any]) -> str:
        return self._prefix.render(values).decode()

    def stamped(self, unix_s: float) -> str | int | None:
        """UNIX time as the dialect writes it, or None."""
        return None if self._dialect.timestamp is None else digest.stamp(self._dialect.timestamp, unix_s)

    def carried(self, parts: Parts) -> tuple[Any, Any]:
        """Timestamp and nonce that stand in form, query or JSON already, each or None."""
        stamp = None if self._stamp_place is None else found_in(parts, {}, self._stamp_place)
        return stamp, None if self._nonce_place is None else found_in(parts, {}, self._nonce_place)

    def _moment(self, stamp_s: float, nonce: str) -> tuple[str | int | None, str | None]:
        wanted = self._dialect.nonce
        return self.stamped(stamp_s), None if wanted is None else nonce[: wanted.length]

    def _bare(self, parts: Parts) -> Parts:
        """Without what is not signed."""
        return without(parts, [self._sign, *self._also])

    def _secret(self, key: bytes) -> bytes:
        try:
            return digest.key_bytes(key, self._dialect.key_as)
        except ValueError:
            raise ConfigError(f"{self._where}.key: is not written in {self._dialect.key_as}") from None

    def _there(self, word: str, value: str | int | None) -> str | int:
        if value is None:
            raise ConfigError(f"{self._where}: text uses {{{word}}}, and the request has none")
        return value

    def _fields(self, parts: Parts) -> bytes:
        assert self._dialect.fields is not None  # or check_use would have said so
        return fields_text(self._dialect.fields, parts, f"{self._where}.fields")
