"""A recorded request with holes in place of its values, so that every order sends its own. What is private is never copied."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from surgekit.target.draft import names, sources
from surgekit.target.draft.operations import GOODS, ORDER
from surgekit.target.draft.private import EMAIL, PHONE
from surgekit.target.draft.recording import Entry, is_header, origin_path, telling
from surgekit.target.draft.stations import logs_in
from surgekit.target.draft.writing import Noted, check, todo

MOST_PROVIDERS = 16
MOST_FIELDS = 200
_HARMLESS = re.compile(r"[A-Za-z][A-Za-z_\-./ ]{0,30}|[一-鿿A-Za-z ]{1,20}|-?[0-9]{1,4}|[0-9]{1,3}(\.[0-9]{1,4}){1,3}|")
_BROWSER = names.several(
    "accept-encoding accept-language connection host content-length content-type cookie user-agent cache-control pragma dnt te priority"
    " upgrade-insecure-requests if-none-match if-modified-since keep-alive range save-data via x-forwarded-for x-real-ip"
)
_OF_LOGINS = names.several(
    "action type logintype usertype granttype scope remember rememberme autologin lang language locale redirect redirecturl returnurl returnto"
    " next from source platform device devicetype client clienttype os version appversion method way mode agree terms region country countrycode"
    " areacode submit operationname query"
)
"""Fields of a login that are the same for everybody. What another holds is nobody's guess, and never copied."""
_SWITCH = re.compile(r"(?i)true|false|on|off|yes|no|.?")
_DIRECT = {"email": "{buyer.email}", "phone": "{buyer.phone}", "ip": "{buyer.ip}"}


@dataclass
class Bought:
    """What the recorded order was for, as far as it is known. ``vars``: the product under the shop's other names."""

    sku: str | None = None
    qty: str | None = None
    vars: dict[str, str] = field(default_factory=dict)


class Weaver:
    """Turns entries into steps. ``keeps`` has, for each entry's number, what it must extract for later ones."""

    def __init__(self, entries: list[Entry], base: str, bought: Bought, login: int, stations: set[int]) -> None:
        self._entries, self._base, self._bought, self._login, self._stations = entries, base, bought, login, stations
        self.keeps: dict[int, dict[str, dict[str, Any]]] = {}
        self.told: dict[int, dict[str, str]] = {}
        self.secrets: dict[str, str] = {}
        self.providers: set[int] = set()
        self._called: dict[tuple[int, str], str] = {}
        self._logins = {each.number for each in entries if logs_in(each)} | {login}
        # A password is sent twice under two names, or goes with a later request.
        self._told = {str(value) for each in entries for name, value in each.fields if names.role(name) in ("password", "token", "card_number")}

    def secret(self, name: str, what: str) -> str:
        word = names.slug(name, "secret")
        self.secrets.setdefault(word, what)
        return f"{{secret.{word}}}"

    def keep(self, source: sources.Source, called: str | None = None) -> str:
        """Have ``source`` extracted; the hole for it."""
        key = (source.entry.number, str(source.extract))
        if key not in self._called:
            kind = names.role(source.called)
            wish = called or ("order_no" if kind == "order_no" else names.slug(source.called))
            word = names.unique(wish, {*self._called.values(), "status", "cards", "amount_fen", "captcha", "nonce", "solver", "gateway_act"})
            self._called[key] = word
            self.keeps.setdefault(source.entry.number, {})[word] = source.extract
            self.told.setdefault(source.entry.number, {})[word] = source.told
            self.providers.add(source.entry.number)
        return f"{{{self._called[key]}}}"

    def step(self, entry: Entry) -> dict[str, Any]:
        """request, headers, query and body."""
        step: dict[str, Any] = {"request": f"{entry.method} {self._place(entry)}"}
        headers = self._headers(entry)
        if headers:
            step["headers"] = headers
        if entry.query:
            step["query"] = self._named(entry, entry.query)
        if entry.form == "json":
            step["json"] = self._data(entry, entry.data, "", 0)
        elif entry.form == "form":
            step["form"] = self._named(entry, entry.data)
        elif entry.form == "multipart":
            step["multipart"] = {name: _one_text(value) for name, value in self._named(entry, entry.data).items()}
        elif entry.form == "body":
            step["body"] = todo("TODO", "the recorded body is neither JSON nor a form")
        return step

    def _place(self, entry: Entry) -> str:
        parts = entry.path.split("/")
        done = []
        for number, part in enumerate(parts):
            word, before = unquote(part), parts[number - 1] if number else ""
            done.append(self._segment(entry, word, before) or names.literal(part))
        return "/".join(done)

    def _segment(self, entry: Entry, word: str, before: str) -> str | None:
        said = names.words(before)
        if word and word == self._bought.sku and self._in_order(entry) and (said & GOODS or telling(word)):
            return "{order.sku}"
        if not telling(word) and not (word.isdigit() and said & (ORDER | {"pay", "payment"})):
            return None
        source = self._source(entry, word, "order_no" if said & ORDER else names.slug(before, "part"))
        if source is not None:
            return self.keep(source)
        if said & GOODS and self._in_order(entry):
            return f"{{product.{self._product(names.slug(before, 'product'), word)}}}"
        return self.secret(names.slug(before, "part"), "stood in a path of the recording; where does it come from?") if telling(word) else None

    def _product(self, name: str, value: str) -> str:
        self._bought.vars.setdefault(name, value)
        return name

    def _in_order(self, entry: Entry) -> bool:
        return entry.number > self._login

    def _source(self, entry: Entry, value: str, name: str) -> sources.Source | None:
        before = [each for each in self._entries if each.number < entry.number]
        # A request that is made anyway rather than one more that only fetches the value.
        source = sources.found(value, name, [each for each in before if each.number in self._stations]) or sources.found(value, name, before)
        if source is None or (source.entry.number not in self.providers and len(self.providers) >= MOST_PROVIDERS):
            return None
        return source

    def _headers(self, entry: Entry) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in entry.headers[:60]:
            low = name.lower()
            if low in _BROWSER or low.startswith(("sec-", "x-surge", ":")) or not is_header(name) or telling(low) or low in {each.lower() for each in found}:
                continue
            if low == "origin":
                if entry.method != "GET" and value == self._base:
                    found[name] = "{target.base_url}"
            elif low == "referer":
                if entry.method != "GET" and origin_path(value, self._base) is not None:
                    found[name] = check("{target.base_url}" + self._referer(value), "the page the buyer came from")
            elif low == "accept":
                if value.startswith("application/json"):
                    found[name] = "application/json" if len(value) > 60 or not value.isprintable() else names.literal(value)
            elif low in ("authorization", "proxy-authorization"):
                found[name] = self._authorization(entry, name, value)
            elif value.isprintable():
                found[name] = self._value(entry, name, value, header=True)
        return found

    def _referer(self, value: str) -> str:
        try:
            path = urlsplit(value).path
        except ValueError:
            return "/"
        plain = path.isascii() and path.isprintable() and "{" not in path and "}" not in path and " " not in path
        return path if plain and all(_HARMLESS.fullmatch(part) and not part.isdigit() for part in path.split("/")) else "/"

    def _authorization(self, entry: Entry, name: str, value: str) -> Any:
        scheme, _, token = value.partition(" ")
        source = self._source(entry, token, "token") if token and scheme.isalpha() else None
        if source is not None:
            return f"{scheme} {self.keep(source)}"
        return todo(self.secret(name, f"the whole header {name}"), "the recorded value was left out; or log in with setup")

    def _named(self, entry: Entry, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs[:MOST_FIELDS]:
            if telling(name) or EMAIL.fullmatch(name):
                continue  # a value that stands where a name should
            made, bare = self._value(entry, name.removesuffix("[]"), value), name.removesuffix("[]")
            if name.endswith("[]") and bare:
                found[bare] = [*found[bare], made] if isinstance(found.get(bare), list) else [made]
            else:
                found[name] = made
        return found

    def _data(self, entry: Entry, data: Any, name: str, depth: int) -> Any:
        if isinstance(data, Mapping):
            kept = [(str(key), each) for key, each in list(data.items())[:MOST_FIELDS] if depth < 12]
            return {key: self._data(entry, each, key, depth + 1) for key, each in kept if not telling(key) and not EMAIL.fullmatch(key)}
        if isinstance(data, list):
            return [self._data(entry, each, name, depth + 1) for each in data[:50]] if depth < 12 else []
        if data is None or isinstance(data, bool):
            return data
        if isinstance(data, float) and not math.isfinite(data):
            return 0
        return self._value(entry, name, data)

    def _value(self, entry: Entry, name: str, given: Any, *, header: bool = False) -> Any:
        """A value with its type kept: in JSON, a number stays one."""
        value, kind, inside = str(given), names.role(name), self._in_order(entry)
        number = not isinstance(given, str) and entry.form == "json"
        direct = self._direct(kind, value, inside, number, name)
        if direct is not None:
            return direct
        source = self._source(entry, value, name)
        if source is not None:
            hole = self.keep(source)
            return f"{hole[:-1]}|text}}" if not number and source.extract.get("json") and _is_number(source.entry, value) else hole
        if kind == "sign":
            return todo("TODO", "describe how it is signed in signing, and leave this field out")
        if kind in names.PRIVATE:
            return self._private(kind, name)
        if kind == "key" and inside:
            return "{order.key}"
        if kind == "order_no" and inside and telling(value):
            return check("{order.key}", "a number that the buyer's side chose")
        if kind == "time" and re.fullmatch(r"[0-9]{10}|[0-9]{13}", value):
            hole = "{time.s" if len(value) == 10 else "{time.ms"
            return hole + ("}" if number or entry.form != "json" else "|text}")
        if kind == "nonce" and len(value) >= 6:
            return "{nonce}"
        if kind == "amount" and inside and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", value):
            return check("{order.total_fen|yuan}" if "." in value or not number else "{order.total_fen}", "the price of one, or of all? fen or yuan?")
        open_login = entry.number in self._logins and not header and names.squeezed(name) not in _OF_LOGINS and not _SWITCH.fullmatch(value)
        if open_login or (len(value) >= 3 and value in self._told):
            hole = self.secret(name, "the recorded value was left out")
            return todo(f"{hole[:-1]}|int}}" if number and value.isdigit() else hole, "sent with a login, so it was not copied: what belongs here?")
        return self._literal(name, given, kind)

    def _direct(self, kind: str | None, value: str, inside: bool, number: bool, name: str) -> Any:
        if kind == "sku" and inside and value:
            if value == self._bought.sku:
                return "{order.sku|int}" if number else "{order.sku}"
            return f"{{product.{self._product(names.slug(name, 'product'), value)}{'|int' if number and value.isdigit() else ''}}}" if len(value) <= 80 else None
        if kind == "qty" and inside and re.fullmatch(r"[0-9]{1,4}", value):
            return "{order.qty}"
        if kind in ("password", "captcha", "card_number"):
            return self._private(kind, name)
        if EMAIL.fullmatch(value):
            return check("{buyer.account}", "the recorded login was an e-mail address") if kind == "account" and not inside else "{buyer.email}"
        if PHONE.fullmatch(value):
            return "{buyer.phone}"
        return _DIRECT.get(kind or "")

    def _private(self, kind: str | None, name: str) -> Any:
        if kind == "captcha":
            return todo("TODO", "see captcha in surgekit targets schema")
        if kind == "card_number":
            return todo("TODO", "no real number belongs here")
        if kind == "account":
            return check("{buyer.account}", "accounts: {csv: …} has the names that exist")
        if kind == "name":
            return check("{buyer.name}", f"by its name, {name}")
        if kind == "contact":
            return check("{order.key}", "a contact of the buyer's own choice finds the order again")
        return check(self.secret(name, "the recorded value was left out"), "where does it come from?")

    def _literal(self, name: str, given: Any, kind: str | None) -> Any:
        value = str(given)
        if name == "query" and re.match(r"\s*(query|mutation|\{|fragment)\b", value):
            return names.literal(value)
        if _HARMLESS.fullmatch(value) and not telling(value):
            made = names.literal(value) if isinstance(given, str) else given
            return check(made, "as recorded; is it how the buyer pays?") if kind == "pay_by" else made
        if isinstance(given, int | float):
            return todo(0, "a number that was left out: whose is it?")
        return check(self.secret(name, "the recorded value was left out"), "the same for every order?")


def _is_number(entry: Entry, value: str) -> bool:
    return any(str(each) == value and not isinstance(each, str) for _, each in entry.values)


def _one_text(given: Any) -> Any:
    if isinstance(given, Noted):
        return Noted(_one_text(given.value), given.note, given.above)
    return _one_text(given[0]) if isinstance(given, list) and given else str(given)
